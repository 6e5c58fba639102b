import { count } from "../core/words.ts";
import type { Sums, Value } from "../model/measurement.ts";
import { amountText, convert, unitsLike } from "../model/units.ts";

/** What a metric measured, in words. */

interface Measure {
  unit?: string | undefined;
  /** Of a histogram. */
  bounds?: readonly number[] | undefined;
}

/** One cohort's value: `4 of 1,000, 0.4%`, `12.5ms on average …`, `1,000 values, half of them …`, `512MiB`. */
export function valueText(value: Value, { unit, bounds = [] }: Measure): string {
  if ("level" in value) return rounded(value.level, unit);
  if ("buckets" in value) return distributionText(value.buckets, bounds, unit);
  if ("sum" in value) return meanText(value, unit);
  const { events, total } = value;
  const rate = total > 0 ? `, ${Number(((100 * events) / total).toPrecision(3))}%` : "";
  return `${count(events)} of ${count(total)}${rate}`;
}

/** How many users there were, to stand behind a value; nothing where that is not known. */
export function usersText(users: number | undefined): string {
  return users === undefined ? "" : `, ${count(users)} ${users === 1 ? "user" : "users"}`;
}

function meanText({ count: values, sum, sumSquares }: Sums, unit: string | undefined): string {
  if (values === 0) return "no values";
  const mean = `${rounded(sum / values, unit)} on average`;
  if (values === 1) return `${mean} of one value`;
  // Rounding may leave less than nothing of equal values.
  const deviation = Math.sqrt(Math.max(0, sumSquares - (sum * sum) / values) / (values - 1));
  return `${mean} of ${count(values)} values, standard deviation ${rounded(deviation, unit)}`;
}

function distributionText(buckets: readonly number[], bounds: readonly number[], unit: string | undefined): string {
  const values = buckets.reduce((sum, each) => sum + each, 0);
  if (values === 0) return "no values";
  const quantile = (share: number) => bucketText(bucketOf(buckets, share * values), bounds, unit);
  return `${count(values)} ${values === 1 ? "value" : "values"}, median ${quantile(0.5)}, 95th percentile ${quantile(0.95)}`;
}

/** The index of the bucket in which the value with this rank lies. */
function bucketOf(buckets: readonly number[], rank: number): number {
  let below = 0;
  const index = buckets.findIndex((each) => (below += each) >= rank);
  return index === -1 ? buckets.length - 1 : index;
}

function bucketText(index: number, bounds: readonly number[], unit: string | undefined): string {
  const [from, to] = [bounds[index - 1], bounds[index]];
  if (to === undefined) return from === undefined ? "in the only bucket" : `above ${amountText(from, unit)}`;
  return from === undefined ? `up to ${amountText(to, unit)}` : `in ${amountText(from, unit)} to ${amountText(to, unit)}`;
}

/** Four digits of it, in the unit of its kind in which it is neither small nor large. */
function rounded(amount: number, unit: string | undefined): string {
  const digits = (value: number) => Number(value.toPrecision(4));
  const texts = (unit === undefined ? [] : unitsLike(unit))
    .map((candidate) => ({ candidate, value: digits(convert(amount, unit!, candidate)!) }))
    .filter(({ value }) => Math.abs(value) >= 1 && Math.abs(value) < 1000)
    .map(({ candidate, value }) => `${value}${candidate}`);
  return texts.reduce((best, text) => (best === "" || text.length <= best.length ? text : best), "") || `${digits(amount)}${unit ?? ""}`;
}
