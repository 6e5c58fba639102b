import { twoSidedBetaBinomialLogE } from "./betaBinomial.ts";
import { cumulative, type HistogramGroups } from "./histogram.ts";
import type { Tuning } from "./limit.ts";
import { minimumOf } from "./search.ts";

/**
 * ln E against "the quantile p is the same in both groups": the least, over all values q that it could have, of the sum of
 * both groups' ln E against "the share p of the values is at most q" (Howard & Ramdas 2022, arXiv 1906.09712, section 5).
 *
 * Two-sided: a quantile that fell counts as much as one that rose. Within a bucket nothing is known but the shares at
 * its ends, so there the least of what is possible counts. e^−lnE, at most 1, is a p-value that holds at all times.
 * Assumes values independent of each other and, in each group, of one distribution.
 */
export function quantileChangeLogE({ bounds, treatment, control }: HistogramGroups, p: number, tuning: Tuning): number {
  const [first, second] = [bucketLeasts(treatment, p, tuning), bucketLeasts(control, p, tuning)];
  return Math.min(...[...bounds, Infinity].map((_, index) => first[index]! + second[index]!));
}

/** By bucket the least ln E of a quantile in it. ln E falls to one minimum, about at p, and rises beyond. */
function bucketLeasts(counts: readonly number[], p: number, tuning: Tuning): number[] {
  const sums = cumulative(counts);
  const total = sums.at(-1) ?? 0;
  if (total <= 0) return counts.map(() => 0);
  const logE = (share: number): number => twoSidedBetaBinomialLogE({ events: share * total, total }, p, tuning);
  const least = minimumOf(logE, 0, 1);
  return sums.map((sum, index) => logE(Math.min(sum / total, Math.max((sums[index - 1] ?? 0) / total, least))));
}
