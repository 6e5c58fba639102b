import type { Cohort } from "../model/measurement.ts";
import { counterValue, exact, NoData } from "./counts.ts";
import { parseValue } from "./exposition.ts";

/** Classic histograms: cumulative counters, one for each upper bound, that belong together. */

/** How many values were at most each bound; the one at ∞ has counted all. */
export type Cumulative = ReadonlyMap<number, number>;

/** One histogram at one instant; its series is written without the label `le`. */
export interface HistogramReading {
  cohort: Cohort;
  series: string;
  /** The page that it is on, where there are several. */
  where?: string;
  cumulative: Cumulative;
}

/** The labels of a bucket without its bound, and the bound as a number: `0.1` is `1e-1`. Throws `NoData` for what is no bucket. */
export function splitBound(name: string, labels: ReadonlyMap<string, string>): { rest: ReadonlyMap<string, string>; bound: number } {
  const le = labels.get("le");
  if (le === undefined) throw new NoData(`${name} has series without the label le: they are not the buckets of a histogram`);
  const bound = parseValue(le);
  if (bound === undefined || Number.isNaN(bound) || bound === -Infinity)
    throw new NoData(`le="${le}" of ${name} is not the bound of a bucket`);
  const rest = new Map(labels);
  rest.delete("le");
  return { rest, bound };
}

/** Puts a bucket where it belongs. Throws `NoData` for a value that no counter can have. */
export function addBucket(cumulative: Map<number, number>, bound: number, value: number, series: string, where = ""): void {
  cumulative.set(bound, counterValue(`${series} at le="${shown(bound)}"`, value, where));
}

/**
 * The bounds that all histograms of a metric have, ascending, the last being ∞; nothing when there is no histogram. Counts
 * of different buckets can be neither added nor compared: throws `NoData` that says which two differ, or which one has no
 * bucket at ∞.
 */
export function commonBounds(histograms: readonly HistogramReading[]): number[] | undefined {
  const [first] = histograms;
  if (!first) return undefined;
  const bounds = [...first.cumulative.keys()].sort((a, b) => a - b);
  for (const each of histograms) {
    if (!each.cumulative.has(Infinity)) throw new NoData(`${each.series} has no bucket le="+Inf": how many values there were is not known`);
    if (!hasBounds(each.cumulative, bounds)) throw new NoData(differs(first, each));
  }
  return bounds;
}

/** Throws `NoData` when the bounds are others than those of the look before. */
export function refuseChange(former: readonly number[], bounds: readonly number[]): void {
  if (former.length === bounds.length && bounds.every((bound, index) => bound === former[index])) return;
  throw new NoData(`the bounds of the buckets changed since the last look: ${difference(former, "before", bounds, "now")}`);
}

function hasBounds(cumulative: Cumulative, bounds: readonly number[]): boolean {
  return cumulative.size === bounds.length && bounds.every((bound) => cumulative.has(bound));
}

function differs(one: HistogramReading, other: HistogramReading): string {
  const between = (first: string, second: string) => difference([...one.cumulative.keys()], first, [...other.cumulative.keys()], second);
  if (one.cohort !== other.cohort) {
    return `the buckets of ${one.cohort} and ${other.cohort} have different bounds: ${between(one.cohort, other.cohort)}`;
  }
  const [first, second] = [one, other].map(({ series, where }) => (where === undefined ? series : `${series} (${where})`));
  if (first === second) return `the bounds of the buckets of ${first} changed: ${between("before", "after")}`;
  return `the buckets of ${first} and ${second} have different bounds: ${between("the first", "the second")}`;
}

/** Which bounds are on one side alone: `0.25 is only before, 0.3 only after`. */
function difference(one: readonly number[], first: string, other: readonly number[], second: string): string {
  const only = (all: readonly number[], others: readonly number[], where: string) => {
    const own = all.filter((bound) => !others.includes(bound)).sort((a, b) => a - b);
    const named = own.slice(0, 5).map(shown).join(", ");
    return own.length === 0 ? [] : [`${named}${own.length > 5 ? ` and ${own.length - 5} more` : ""} only ${where}`];
  };
  return [...only(one, other, preposition(first)), ...only(other, one, preposition(second))].join("; ");
}

function preposition(where: string): string {
  return where === "before" || where === "after" || where === "now" ? where : `in ${where}`;
}

function shown(bound: number): string {
  return bound === Infinity ? "+Inf" : String(bound);
}

/**
 * Adds to `sums` how much one histogram rose, bucket by bucket. When one of its counters fell all of them began again at
 * 0, and so did those of a histogram that is new. Throws `NoData` when a bucket was not there before: its bounds changed.
 */
export function addRise(
  sums: number[],
  bounds: readonly number[],
  before: Cumulative | undefined,
  { series, cumulative }: Pick<HistogramReading, "series" | "cumulative">,
): void {
  const born = before && bounds.find((bound) => !before.has(bound));
  if (born !== undefined) throw new NoData(`the bounds of the buckets of ${series} changed: ${shown(born)} was not there before`);
  const fell = before !== undefined && bounds.some((bound) => cumulative.get(bound)! < before.get(bound)!);
  for (const [index, bound] of bounds.entries()) sums[index]! += cumulative.get(bound)! - (before && !fell ? before.get(bound)! : 0);
}

/**
 * How many values fell into each bucket. Counters that a page wrote one after the other may be lower at a higher bound;
 * each then counts as many as the highest below it, so that no bucket is negative.
 */
export function perBucket(sums: readonly number[]): number[] {
  let below = 0;
  return sums.map((sum) => {
    const inside = Math.max(0, exact(sum - below));
    below = Math.max(below, sum);
    return inside;
  });
}
