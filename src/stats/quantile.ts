import { radiusConstant, simultaneousRadius } from "./empiricalProcess.ts";
import { cumulative, type Histogram, type HistogramGroups } from "./histogram.ts";
import { surplusBoundary } from "./betaBinomial.ts";
import type { Tuning } from "./limit.ts";

/** Two bounds of a histogram: a quantile is above the first (−∞ if no bound is surely below it) and at most the second (∞ likewise). */
export interface QuantileRange {
  readonly above: number;
  readonly atMost: number;
}

/** How far the share of values at most a bound may be from the true one: upwards, and downwards. */
export interface Radius {
  readonly up: number;
  readonly down: number;
}

/** The bucket that holds the quantile p of what was counted; nothing of nothing. Where in the bucket it is nobody knows. */
export function quantileBucket(histogram: Histogram, p: number): QuantileRange | undefined {
  return histogram.counts.some((count) => count > 0) ? quantileRange(histogram, p, { up: 0, down: 0 }) : undefined;
}

/**
 * What is sure about the quantile p: it is above the largest bound b with F̂(b) + up < p, and at most the smallest with
 * F̂(b) − down ≥ p. Bounds only, never a value inside a bucket, where nothing is known.
 */
export function quantileRange({ bounds, counts }: Histogram, p: number, { up, down }: Radius): QuantileRange {
  const sums = cumulative(counts);
  const total = sums.at(-1) ?? 0;
  if (total <= 0) return { above: -Infinity, atMost: Infinity };
  const shares = bounds.map((_, index) => sums[index]! / total);
  const above = bounds.findLast((_, index) => shares[index]! + up < p);
  const atMost = bounds.find((_, index) => shares[index]! - down >= p);
  return { above: above ?? -Infinity, atMost: atMost ?? Infinity };
}

/** The radius for all quantiles at once (`simultaneousRadius`), which a group keeps at all times with a chance of 1 − α. */
export function radiusForAll(total: number, earliest: number, alpha: number): Radius {
  const radius = simultaneousRadius(total, earliest, radiusConstant(alpha));
  return { up: radius, down: radius };
}

/**
 * The radius for one quantile p, chosen beforehand: the two-sided beta-binomial boundary, in each direction from p. Far
 * narrower than that for all quantiles where p is near 0 or 1.
 */
export function radiusForOne(p: number, total: number, tuning: Tuning, alpha: number): Radius {
  if (total <= 0) return { up: Infinity, down: Infinity };
  // A share of values below the quantile that is too small is a share above it that is too large.
  return {
    up: surplusBoundary(total, 1 - p, tuning, alpha) / total,
    down: surplusBoundary(total, p, tuning, alpha) / total,
  };
}

export type RiseVerdict = "breach" | "clear" | "inconclusive";

/** What the rule found, and what of each group's quantile it rests on. */
export interface QuantileRise {
  readonly verdict: RiseVerdict;
  readonly treatment: QuantileRange;
  readonly control: QuantileRange;
}

/**
 * "The quantile p must not rise by more than `rise`" (above `ratio` times the control's): a breach where the treatment's is
 * above a bound that is at least so far above one the control's is at most (L_T ≥ r U_C + Δ), clear where U_T ≤ r L_C + Δ.
 *
 * Null hypothesis of the breach: q_T ≤ r q_C + Δ; of "clear": q_T > r q_C + Δ. `radiusOf` must hold for a group at all times
 * with a chance of 1 − α/2, so that both do with 1 − α. Assumes values independent of each other and, in each group, of
 * one distribution over what is summed: sum over one stage.
 * Units: `rise` is in the unit of the bounds.
 */
export function quantileRise(
  groups: HistogramGroups,
  p: number,
  rise: number,
  radiusOf: (total: number) => Radius,
  ratio = 1,
): QuantileRise {
  const of = (counts: readonly number[]): QuantileRange =>
    quantileRange({ bounds: groups.bounds, counts }, p, radiusOf(counts.reduce((sum, count) => sum + count, 0)));
  const [treatment, control] = [of(groups.treatment), of(groups.control)];
  const verdict = reaches(treatment.above, ratio * control.atMost + rise)
    ? "breach"
    : reaches(ratio * control.above + rise, treatment.atMost)
      ? "clear"
      : "inconclusive";
  return { verdict, treatment, control };
}

/** At least, but for rounding: 0.15 is 0.1 + 0.05. */
function reaches(value: number, least: number): boolean {
  if (!Number.isFinite(value) || !Number.isFinite(least)) return false;
  return value >= least - 1e-9 * Math.max(Math.abs(value), Math.abs(least));
}

/**
 * The finest rise that buckets can tell of a quantile near `value`: the width of the bucket that holds it, or of the next
 * one if that is wider. A smaller one is breached no sooner than this, and never clear. ∞ in the first bucket, below
 * which there is no bound, and beyond the last.
 */
export function finestRise(bounds: readonly number[], value: number): number {
  const index = bounds.findIndex((bound) => value <= bound);
  if (index < 1 || index + 1 >= bounds.length) return Infinity;
  return Math.max(bounds[index]! - bounds[index - 1]!, bounds[index + 1]! - bounds[index]!);
}
