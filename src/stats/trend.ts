import type { Interval } from "./intervals.ts";
import { medianOf } from "./robust.ts";
import { normalQuantile } from "./special.ts";

/** A reading at a time. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** The slope, in units of the values by unit of time, and its interval. */
export interface Trend {
  readonly slope: number;
  readonly interval: Interval;
}

/**
 * Theil and Sen's slope, the median of the slopes of all pairs of readings, with the interval of Sen (1968, "Estimates of
 * the regression coefficient based on Kendall's tau"): the slopes at ranks (N ∓ z σ)/2 of N, σ² being the variance of
 * Mann and Kendall's S, [n(n − 1)(2n + 5) − Σ t(t − 1)(2t + 5)]/18, t the sizes of the groups of equal values and times.
 *
 * Null hypothesis of an interval without 0: no trend, the readings independent of each other and of one distribution.
 * Up to 29 % of them may be wild. Readings that remember the ones before (memory, queues) make the interval too narrow:
 * it advises. Nothing of fewer than three readings, or of one time only. It compares all pairs: a thousand readings take
 * some tenths of a second, of more take every other one.
 */
export function trendOf(points: readonly Point[], confidence = 0.95): Trend | undefined {
  const slopes = points
    .flatMap((one, index) => points.slice(index + 1).map((other) => ({ run: other.at - one.at, rise: other.value - one.value })))
    .filter(({ run }) => run !== 0)
    .map(({ run, rise }) => rise / run)
    .sort((a, b) => a - b);
  if (points.length < 3 || slopes.length === 0) return undefined;
  const n = points.length;
  const tied = tiesOf(points.map(({ at }) => at)) + tiesOf(points.map(({ value }) => value));
  const reach = normalQuantile((1 + confidence) / 2) * Math.sqrt(Math.max(0, n * (n - 1) * (2 * n + 5) - tied) / 18);
  const low = Math.max(Math.round((slopes.length - reach) / 2) - 1, 0);
  const high = Math.min(Math.round((slopes.length + reach) / 2), slopes.length - 1);
  return { slope: medianOf(slopes), interval: [slopes[low]!, slopes[high]!] };
}

/** Σ t(t − 1)(2t + 5) over groups of t equal values. */
function tiesOf(values: readonly number[]): number {
  const sizes = new Map<number, number>();
  for (const value of values) sizes.set(value, (sizes.get(value) ?? 0) + 1);
  return [...sizes.values()].reduce((sum, size) => sum + size * (size - 1) * (2 * size + 5), 0);
}
