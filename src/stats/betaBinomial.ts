import type { Interval } from "./intervals.ts";
import { limitPrior, type Tuning } from "./limit.ts";
import type { Counts } from "./ratio.ts";
import { firstWhere } from "./search.ts";
import { logBeta } from "./special.ts";

/**
 * ln E of the two-sided beta-binomial mixture against "the rate is p0" (Howard, Ramdas, McAuliffe & Sekhon, arXiv
 * 1810.08240, proposition 7), prior Beta(r/(1 − p0), r/p0) with r as `limitPrior` at half of α:
 *
 *   ln E = ln B(a + x, b + n − x) − ln B(a, b) − x ln p0 − (n − x) ln(1 − p0)
 *
 * Null hypothesis: each event has a chance of exactly p0, whatever came before it. The one-sided test is
 * `betaBinomialLogE`. Any tuning is valid.
 */
export function twoSidedBetaBinomialLogE({ events, total }: Counts, p0: number, { optimum, alpha }: Tuning): number {
  const { a, b } = limitPrior(p0, { optimum, alpha: alpha / 2 });
  const rest = total - events;
  return logBeta(a + events, b + rest) - logBeta(a, b) - events * Math.log(p0) - rest * Math.log1p(-p0);
}

/**
 * How many events of `total` above the n p0 to be expected are where the two-sided E reaches 1/α: with a chance of at
 * most α the surplus is ever larger. At most n(1 − p0), which is all of them.
 */
export function surplusBoundary(total: number, p0: number, tuning: Tuning, alpha: number): number {
  const most = total * (1 - p0);
  const reached = (surplus: number): boolean =>
    twoSidedBetaBinomialLogE({ events: p0 * total + surplus, total }, p0, tuning) >= -Math.log(alpha);
  return reached(most) ? firstWhere(reached, 0, most) : most;
}

/**
 * The rates that the two-sided test has not rejected: a confidence sequence for a rate, which holds at all times at once
 * with a chance of 1 − α. Assumes events independent of each other, at one rate.
 */
export function rateSequence(counts: Counts, alpha: number, tuning: Tuning): Interval | undefined {
  if (counts.total <= 0) return undefined;
  const rate = counts.events / counts.total;
  const rejected = (p0: number): boolean => p0 > 0 && p0 < 1 && twoSidedBetaBinomialLogE(counts, p0, tuning) >= -Math.log(alpha);
  const low = rate <= 0 ? 0 : firstWhere(rejected, rate, 0);
  return [low, rate >= 1 ? 1 : firstWhere(rejected, rate, 1)];
}
