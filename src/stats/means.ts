import { addLevel, addWeight, dispersed, NO_LEVELS, NO_WEIGHT, type LevelSums, type LookSums } from "./betweenLooks.ts";
import { NO_EVIDENCE, shiftLogE, type Difference } from "./difference.ts";
import type { Interval } from "./intervals.ts";

/** What is kept of the values that one group had in one interval: how many, Σ v and Σ v². */
export interface Sums {
  readonly count: number;
  readonly sum: number;
  readonly sumSquares: number;
}

/** What two groups had in one interval. */
export interface SumsGroups {
  readonly treatment: Sums;
  readonly control: Sums;
}

/** One group's part of the running sums; u is the other group's share of the observations of an interval. */
interface MeanSums extends LevelSums {
  readonly count: number;
  /** Σ u Σv */
  readonly weightedSum: number;
  /** Σ u² Σ(v − v̄)², the mean being the interval's own */
  readonly squaredDeviations: number;
  /** Σ u² n */
  readonly squaredCount: number;
  /** Σ u² (n − 1) */
  readonly squaredFreedom: number;
}

/** Running sums of the stratified comparison of two means, an interval being a stratum of weight w = n_T n_C/(n_T + n_C). */
export interface MeansState extends LookSums {
  readonly treatment: MeanSums;
  readonly control: MeanSums;
}

/** The hypothesis "the treatment's mean is at most `ratio` times the control's, and `shift` more", in the unit of the values. */
export interface MeansMargin {
  readonly ratio: number;
  readonly shift: number;
}

const NONE: MeanSums = { count: 0, weightedSum: 0, squaredDeviations: 0, squaredCount: 0, squaredFreedom: 0, ...NO_LEVELS };

/** Below so many observations in a group the normal approximation is not to be trusted. */
export const ENOUGH_OBSERVATIONS = 30;

/**
 * The sums of values, each brought to at most `cap` in size. A cap makes a mean of heavy-tailed values (a bill, a
 * duration) fit for a normal approximation; the mean of the capped values is then what is compared. It has to be
 * declared before the values are seen.
 */
export function sumsOf(values: readonly number[], cap = Infinity): Sums {
  const capped = values.map((value) => Math.max(-cap, Math.min(cap, value)));
  return {
    count: capped.length,
    sum: capped.reduce((sum, value) => sum + value, 0),
    sumSquares: capped.reduce((sum, value) => sum + value * value, 0),
  };
}

/** Before the first look. */
export function beginMeans(): MeansState {
  return { ...NO_WEIGHT, treatment: NONE, control: NONE };
}

/** Adds the increments of one interval; one in which a group had no observations says nothing. */
export function stepMeans(state: MeansState, { treatment, control }: SumsGroups): MeansState {
  if (treatment.count <= 0 || control.count <= 0) return state;
  const all = treatment.count + control.count;
  const weight = (treatment.count * control.count) / all;
  return {
    ...addWeight(state, weight, treatment.sum / treatment.count, control.sum / control.count),
    treatment: add(state.treatment, treatment, control.count / all, weight),
    control: add(state.control, control, treatment.count / all, weight),
  };
}

function add(sums: MeanSums, { count, sum, sumSquares }: Sums, u: number, weight: number): MeanSums {
  // Around the interval's own mean: a base that drifts from look to look is no variance.
  const deviations = Math.max(0, sumSquares - (sum * sum) / count);
  return {
    count: sums.count + count,
    weightedSum: sums.weightedSum + u * sum,
    squaredDeviations: sums.squaredDeviations + u * u * deviations,
    squaredCount: sums.squaredCount + u * u * count,
    squaredFreedom: sums.squaredFreedom + u * u * Math.max(0, count - 1),
    ...addLevel(sums, weight, sum / count),
  };
}

/** Σ u² n σ², σ² from the deviations within the intervals; an interval of one observation takes part with the others' variance. */
function varianceOf({ squaredDeviations, squaredCount, squaredFreedom }: MeanSums): number {
  return squaredFreedom > 0 ? (squaredDeviations * squaredCount) / squaredFreedom : 0;
}

/** Whether the comparison rests on enough: 30 observations in each group, and values that are not all the same. */
export function hasEnoughObservations({ treatment, control }: MeansState): boolean {
  return [treatment, control].every((group) => group.count >= ENOUGH_OBSERVATIONS && varianceOf(group) > 0);
}

/**
 * D = Σ w_k (v̄_T − r v̄_C)/Σ w_k with w_k = n_T n_C/(n_T + n_C), and its standard error by
 * SE² = Σ w_k² (σ²_T/n_T + r² σ²_C/n_C)/(Σ w_k)², r being `ratio`. At r = 1 it is the difference of the means.
 * Comparing within each interval, and only then adding, is what makes changing shares harmless: sums over stages of 1 %
 * and 50 % compare a morning with an afternoon. Nothing before both groups had observations in one interval.
 */
export function differenceOfMeans({ weight, treatment, control }: MeansState, ratio = 1): Difference | undefined {
  if (weight <= 0) return undefined;
  return {
    estimate: (treatment.weightedSum - ratio * control.weightedSum) / weight,
    standardError: Math.sqrt(varianceOf(treatment) + ratio * ratio * varianceOf(control)) / weight,
  };
}

/**
 * ln E against "the treatment's mean is at most `ratio` times the control's, and `shift` more": one-sided asymptotic
 * confidence sequences (arXiv 2103.06476), averaged over `RESOLUTIONS` of `resolution` as `differenceLogE` does.
 *
 * Null hypothesis: μ_T − ratio · μ_C, averaged over the intervals with weights w_k, is at most `shift`.
 * Asymptotic: it assumes observations of finite variance, which within an interval may depend on each other but not on those of
 * the intervals before (`betweenLooks.ts`), and says nothing (`NO_EVIDENCE`) before `hasEnoughObservations`, nor in the first
 * three to five intervals. With heavy tails the promise holds late: cap them (`sumsOf`).
 * Units: those of the values. `alpha` is for tuning only.
 */
export function meansLogE(state: MeansState, { ratio, shift }: MeansMargin, resolution: number, alpha: number): number {
  const found = differenceOfMeans(state, ratio);
  if (!found || !hasEnoughObservations(state)) return NO_EVIDENCE;
  return shiftLogE(dispersed(found, state, ratio), shift, resolution, alpha);
}

/** The ratio of the two means, weighted by interval; nothing where the control's mean is not positive. */
export function ratioOfMeans({ treatment, control }: MeansState): number | undefined {
  return control.weightedSum > 0 ? treatment.weightedSum / control.weightedSum : undefined;
}

/**
 * All ratios r at which |D| ≤ `multiple` · SE (`differenceOfMeans`): Fieller's interval (1954). With a normal quantile
 * as the multiple it holds for one look, with `multipleOf` of a sequence for all. Nothing where the control's mean is
 * not clear of zero: then every ratio is possible.
 */
export function ratioOfMeansInterval({ treatment, control }: MeansState, multiple: number): Interval | undefined {
  const [t, c] = [treatment.weightedSum, control.weightedSum];
  const [vt, vc] = [multiple ** 2 * varianceOf(treatment), multiple ** 2 * varianceOf(control)];
  const quadratic = c * c - vc;
  if (c <= 0 || quadratic <= 0) return undefined;
  const spread = Math.sqrt(Math.max(0, t * t * vc + vt * quadratic));
  return [(t * c - spread) / quadratic, (t * c + spread) / quadratic];
}
