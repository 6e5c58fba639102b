import { addLevel, dispersed, NO_LEVELS, type LevelSums } from "./betweenLooks.ts";
import { NO_EVIDENCE, shiftLogE, type Difference } from "./difference.ts";
import { ENOUGH_OBSERVATIONS, type Sums } from "./means.ts";

/** Running sums of one group's values, an interval being a stratum whose weight is its number of values. */
export interface MeanLimitState extends LevelSums {
  readonly count: number;
  readonly sum: number;
  /** Σ(v − v̄)², the mean being the interval's own: a base that drifts from look to look is no variance. */
  readonly squaredDeviations: number;
  /** Σ(n − 1) */
  readonly freedom: number;
  /** Σ n² and Σ n⁴ */
  readonly squaredWeight: number;
  readonly fourthWeight: number;
}

/** Before the first look. */
export function beginMeanLimit(): MeanLimitState {
  return { count: 0, sum: 0, squaredDeviations: 0, freedom: 0, squaredWeight: 0, fourthWeight: 0, ...NO_LEVELS };
}

/** Adds the increments of one interval; one without values says nothing. */
export function stepMeanLimit(state: MeanLimitState, { count, sum, sumSquares }: Sums): MeanLimitState {
  if (count <= 0) return state;
  return {
    count: state.count + count,
    sum: state.sum + sum,
    squaredDeviations: state.squaredDeviations + Math.max(0, sumSquares - (sum * sum) / count),
    freedom: state.freedom + Math.max(0, count - 1),
    squaredWeight: state.squaredWeight + count ** 2,
    fourthWeight: state.fourthWeight + count ** 4,
    ...addLevel(state, count, sum / count),
  };
}

/** The mean of all values and its standard error by chance alone; nothing without two values in one interval. */
export function meanOf({ count, sum, squaredDeviations, freedom }: MeanLimitState): Difference | undefined {
  if (count <= 0 || freedom <= 0) return undefined;
  return { estimate: sum / count, standardError: Math.sqrt(squaredDeviations / freedom / count) };
}

/**
 * ln E against "the mean is at most `limit`" (`above`) or "at least" (`below`): one-sided asymptotic confidence sequences
 * (arXiv 2103.06476), averaged as `shiftLogE` does.
 *
 * Null hypothesis: the mean of every interval, weighted by its values, is on that side of the limit. There is no control,
 * so that an incident that hits everybody is beyond the limit too.
 * Asymptotic: it assumes values of finite variance, which within an interval may depend on each other but not on those of the
 * intervals before: how far the mean may be off is judged by how much the intervals differ too (`betweenLooks.ts`). It says
 * nothing (`NO_EVIDENCE`) before 30 values that are not all the same, nor in the first three to five intervals.
 * Units: those of the values. `resolution` > 0 and `alpha` are for tuning only.
 */
export function meanLimitLogE(state: MeanLimitState, limit: number, side: "above" | "below", resolution: number, alpha: number): number {
  const found = meanOf(state);
  if (!found || state.count < ENOUGH_OBSERVATIONS || !(found.standardError > 0)) return NO_EVIDENCE;
  const sign = side === "above" ? 1 : -1;
  const { level, squaredLevel, squaredWeight, fourthWeight } = state;
  const looks = { weight: state.count, squaredWeight, fourthWeight, product: 0, treatment: { level, squaredLevel }, control: NO_LEVELS };
  const { estimate, standardError } = dispersed(found, looks, 0);
  return shiftLogE({ estimate: sign * estimate, standardError }, sign * limit, resolution, alpha);
}
