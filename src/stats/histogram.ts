import type { Groups } from "./ratio.ts";

/** Values by bucket: `counts[i]` of them are above `bounds[i − 1]` and at most `bounds[i]`, the last count is above all bounds. */
export interface Histogram {
  /** Ascending and finite, in the unit of the values. */
  readonly bounds: readonly number[];
  /** One more than there are bounds. */
  readonly counts: readonly number[];
}

/** What two groups had, in the same buckets: groups whose bounds differ cannot be compared, and have no such form. */
export interface HistogramGroups {
  readonly bounds: readonly number[];
  readonly treatment: readonly number[];
  readonly control: readonly number[];
}

/** One counter of a cumulative histogram: how many values were at most `bound`; the one at ∞ has counted all. */
export interface Bucket {
  readonly bound: number;
  readonly count: number;
}

/**
 * The histogram of cumulative counters' increments, in any order. Counters that are read one after the other, or
 * extrapolated, can be lower at a higher bound; each then counts as many as the highest below it, so that no bucket is
 * negative. Nothing where the buckets are not a histogram: none at ∞, a bound twice, a negative or missing count.
 */
export function histogramOf(buckets: readonly Bucket[]): Histogram | undefined {
  const sorted = [...buckets].sort((a, b) => a.bound - b.bound);
  const bounds = sorted.map(({ bound }) => bound);
  const isHistogram = sorted.at(-1)?.bound === Infinity && bounds.every((bound, index) => index === 0 || bound > bounds[index - 1]!);
  if (!isHistogram || bounds[0] === -Infinity || !sorted.every(({ count }) => count >= 0 && count < Infinity)) return undefined;
  let below = 0;
  const counts = sorted.map(({ count }) => {
    const inside = Math.max(0, count - below);
    below += inside;
    return inside;
  });
  return { bounds: bounds.slice(0, -1), counts };
}

/**
 * What cumulative counters have counted between two readings. Nothing where one of them went backwards (a restart: how
 * much was lost is not known) or the bounds are no longer the same.
 */
export function bucketIncrements(before: readonly Bucket[], after: readonly Bucket[]): Bucket[] | undefined {
  const earlier = new Map(before.map(({ bound, count }) => [bound, count]));
  if (earlier.size !== after.length || before.length !== after.length) return undefined;
  const increments = after.map(({ bound, count }) => ({ bound, count: count - (earlier.get(bound) ?? NaN) }));
  return increments.every(({ count }) => count >= 0) ? increments : undefined;
}

/** Both groups of an interval; nothing where their bounds differ. */
export function histogramGroups(treatment: Histogram, control: Histogram): HistogramGroups | undefined {
  if (!hasBounds(treatment, control.bounds)) return undefined;
  return { bounds: control.bounds, treatment: treatment.counts, control: control.counts };
}

/** The sum of two histograms of one group; nothing where their bounds differ. */
export function addHistograms(one: Histogram, other: Histogram): Histogram | undefined {
  if (!hasBounds(one, other.bounds)) return undefined;
  return { bounds: one.bounds, counts: one.counts.map((count, index) => count + other.counts[index]!) };
}

function hasBounds(histogram: Histogram, bounds: readonly number[]): boolean {
  return histogram.bounds.length === bounds.length && histogram.bounds.every((bound, index) => bound === bounds[index]);
}

/** How many values were at most each bound, and last how many there were. */
export function cumulative(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((count) => (sum += count));
}

/** For each bound the counts "slower than this bound", out of all values, as a rate. */
export function slowerThanBounds({ bounds, treatment, control }: HistogramGroups): Groups[] {
  const [first, second] = [cumulative(treatment), cumulative(control)];
  const above = (sums: readonly number[], index: number) => ({ events: sums.at(-1)! - sums[index]!, total: sums.at(-1)! });
  return bounds.map((_, index) => ({ treatment: above(first, index), control: above(second, index) }));
}
