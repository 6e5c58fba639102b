import { addLevel, addWeight, dispersed, NO_LEVELS, NO_WEIGHT, type Dispersed, type LevelSums, type LookSums } from "./betweenLooks.ts";
import { log1mExp, logSumExp } from "./special.ts";
import type { Groups } from "./ratio.ts";

/** One group's part of the running sums; u is the other group's share of the requests of an interval. */
interface GroupSums extends LevelSums {
  readonly events: number;
  readonly total: number;
  /** Σ u x */
  readonly weightedEvents: number;
  /** Σ u² x */
  readonly squaredEvents: number;
  /** Σ u² n */
  readonly squaredTotal: number;
}

/** Running sums of the stratified difference of two rates, an interval being a stratum of weight w = n_T n_C/(n_T + n_C). */
export interface DifferenceState extends LookSums {
  readonly treatment: GroupSums;
  readonly control: GroupSums;
}

/** The estimate of p_T − p_C with its standard error. */
export interface Difference {
  readonly estimate: number;
  readonly standardError: number;
}

const NONE: GroupSums = { events: 0, total: 0, weightedEvents: 0, squaredEvents: 0, squaredTotal: 0, ...NO_LEVELS };

/** Before the first look. */
export function beginDifference(): DifferenceState {
  return { ...NO_WEIGHT, treatment: NONE, control: NONE };
}

/** Adds the increments of one interval; one in which a group had no requests says nothing. */
export function stepDifference(state: DifferenceState, { treatment, control }: Groups): DifferenceState {
  if (treatment.total <= 0 || control.total <= 0) return state;
  const all = treatment.total + control.total;
  const weight = (treatment.total * control.total) / all;
  const add = (sums: GroupSums, { events, total }: Groups["treatment"], u: number): GroupSums => ({
    events: sums.events + events,
    total: sums.total + total,
    weightedEvents: sums.weightedEvents + u * events,
    squaredEvents: sums.squaredEvents + u * u * events,
    squaredTotal: sums.squaredTotal + u * u * total,
    ...addLevel(sums, weight, events / total),
  });
  return {
    ...addWeight(state, weight, treatment.events / treatment.total, control.events / control.total),
    treatment: add(state.treatment, treatment, control.total / all),
    control: add(state.control, control, treatment.total / all),
  };
}

/**
 * D = Σ w_k (p̂_T − p̂_C)/Σ w_k with w_k = n_T n_C/(n_T + n_C), and its standard error by SE² = Σ w_k² (v_T/n_T + v_C/n_C)/(Σ w_k)².
 * Half an event is added to each group as a whole, (x + ½)/(n + 1), weighted as its events are: added in every interval it
 * would swamp groups of a few requests. Nothing before both groups had requests in one interval.
 */
export function difference({ weight, treatment, control }: DifferenceState): Difference | undefined {
  if (weight <= 0) return undefined;
  return {
    estimate: (treatment.weightedEvents - control.weightedEvents) / weight,
    standardError: Math.sqrt(varianceOf(treatment) + varianceOf(control)) / weight,
  };
}

function varianceOf({ events, total, squaredEvents, squaredTotal }: GroupSums): number {
  const squaredShare = squaredTotal / total;
  const rate = (squaredEvents + squaredShare / 2) / (squaredTotal + squaredShare);
  return squaredTotal * Math.max(0, rate) * Math.max(0, 1 - (events + 0.5) / (total + 1));
}

/** The difference with a standard error that allows for rates that vary by more than chance (`betweenLooks.ts`). */
export function dispersedDifference(state: DifferenceState): Dispersed | undefined {
  const found = difference(state);
  return found && dispersed(found, state, 1);
}

/**
 * How many events the difference rests on: in the group with fewer, of whichever is rarer (events, or requests without
 * one), what was seen or what the rate of both together lets expect, whichever is more. A group in which all events have
 * stopped counts by what it should have had.
 */
export function eventsBehind({ treatment, control }: DifferenceState): number {
  const total = treatment.total + control.total;
  if (total <= 0) return 0;
  const events = treatment.events + control.events;
  const rare = events <= total / 2 ? events / total : 1 - events / total;
  const seen = (group: GroupSums): number => (events <= total / 2 ? group.events : group.total - group.events);
  return Math.min(Math.max(seen(treatment), rare * treatment.total), Math.max(seen(control), rare * control.total));
}

/** Below so many events (`eventsBehind`) the normal approximation is not to be trusted. */
export const ENOUGH_EVENTS = 20;

/** The evidence of a confidence sequence that has not moved beyond the margin: as good as none, but a number. */
export const NO_EVIDENCE = -100;

/**
 * The one-sided asymptotic confidence sequence (Waudby-Smith et al., arXiv 2103.06476) as a multiple of the standard
 * error: M(u) = √[2(1 + 1/u) ln(1 + √(u + 1)/(2α))], u = information relative to its tuning.
 */
export function sequenceMultiple(u: number, alpha: number): number {
  return Math.sqrt(2 * (1 + 1 / u) * Math.log1p(Math.sqrt(u + 1) / (2 * alpha)));
}

/** The u at which a one-sided confidence sequence is tightest: −2 ln 2α + ln(1 − 2 ln 2α). */
export function sharpestInformation(alpha: number): number {
  const log = -2 * Math.log(2 * alpha);
  return log + Math.log1p(log);
}

/**
 * The ln E of a one-sided confidence sequence at z standard errors beyond the margin: the E at which its bound just
 * touches the margin, E = 2[exp(z² u/(2(1 + u))) − 1]/√(1 + u). So E ≥ 1/α exactly where z ≥ M(u) (`sequenceMultiple`).
 */
export function sequenceLogE(z: number, u: number): number {
  if (z <= 0) return NO_EVIDENCE;
  const exponent = (z * z * u) / (2 * (1 + u));
  return Math.max(NO_EVIDENCE, Math.LN2 + exponent + log1mExp(-exponent) - Math.log1p(u) / 2);
}

/** How far beyond the margin a harm may be, as multiples of the margin: one confidence sequence is tuned to each. */
const RESOLUTIONS: readonly number[] = [1, 4, 16, 64];

/**
 * ln E against "p_T − p_C is at most `margin`": the mean over `RESOLUTIONS` of one-sided confidence sequences, tuned to
 * be tightest when their half-width M·SE has come down to `resolution` times each. A single one, tuned to the margin,
 * needs dozens of times the requests to see a harm much larger than the margin. A mean of e-processes is one.
 *
 * Null hypothesis: the average of p_T − p_C, weighted by interval, is at most the margin.
 * Asymptotic: it assumes that D is about normal, and says nothing (`NO_EVIDENCE`) before 20 events (`eventsBehind`), or 20
 * clusters of them. How far D may be off is judged by how much the looks differ too (`betweenLooks.ts`): it takes three to five
 * looks before there is any evidence, and noise that stays in one group looks like a difference.
 * Units: fractions (0.0005 is 0.05 percentage points). `alpha` is for tuning only.
 */
export function differenceLogE(state: DifferenceState, margin: number, resolution: number, alpha: number): number {
  const found = dispersedDifference(state);
  if (!found || eventsBehind(state) < ENOUGH_EVENTS * found.dispersion) return NO_EVIDENCE;
  return shiftLogE(found, margin, resolution, alpha);
}

/** ln E against "the difference is at most `margin`" of any estimate that is about normal: the mean that `differenceLogE` tells of. */
export function shiftLogE({ estimate, standardError }: Difference, margin: number, resolution: number, alpha: number): number {
  const z = (estimate - margin) / standardError;
  const sharpest = sharpestInformation(alpha);
  const halfWidth = standardError * sequenceMultiple(sharpest, alpha);
  const logs = RESOLUTIONS.map((times) => sequenceLogE(z, sharpest * ((times * resolution) / halfWidth) ** 2));
  return Math.max(NO_EVIDENCE, logSumExp(logs) - Math.log(logs.length));
}
