import { HARM_GRID } from "./mixture.ts";
import {
  beginKindEvidence,
  fitAfter,
  harmsAfter,
  type Columns,
  type KindEvidence,
  type Likelihoods,
  type NoisyMixture,
} from "./noisyMixture.ts";

/**
 * Two noisy mixtures (`noisyMixture.ts`) that are fed by the same looks: one for the evidence of harm, that a rate is beyond
 * its margin, and one for the evidence that it is within. Both have the same null likelihood, that at the margin; their
 * alternatives lie on its two sides.
 *
 * Each has a fit of its own. A look that overlaps a change of exposure is one of half-treated people: it may show harm,
 * but under "the rate is at the margin" its counts are not what the margin says, so that nothing of it, not even what it
 * says about the noise, may reach the evidence of "within"; that of harm without it would not be an e-process.
 *
 * The state is numbers in plain arrays, rounded at each look (`rounded`) so that its JSON is short.
 */
export interface TwoSidedMixture {
  /** Looks so far, which say how much of the prior is left for harms that have not begun. */
  readonly looks: number;
  readonly harm: KindEvidence;
  readonly within: KindEvidence;
}

/** How many times smaller than the margin a rate may be. Fewer sizes than of a harm: none has to be found in a hurry. */
export const WITHIN_GRID: readonly number[] = [1.15, 1.35, 1.8, 3];

/**
 * The evidence of "within" is half-way, in logs, between the usual and the strict one. It has no history of the control to
 * learn the noise from, and the usual one then finds 6 to 10 % of the rates at their margin within where they vary by 50 %
 * from look to look, or the treatment's alone does; half-way it is below 5 %, and costs two looks where nothing varies.
 */
export const HALF_STRICT = 1 / 2;

/** A row of likelihoods on both sides of the margin, ascending: first the sizes of `WITHIN_GRID` below it, from the largest on. */
export const TWO_SIDED_OFFSETS = Float64Array.from([
  ...WITHIN_GRID.map((size) => -Math.log(size)).toReversed(),
  0,
  ...HARM_GRID.map(Math.log),
]);
const margin = WITHIN_GRID.length;
const count = TWO_SIDED_OFFSETS.length;
const ABOVE: Columns = { count, margin, sizes: HARM_GRID.map((_, index) => margin + 1 + index) };
const BELOW: Columns = { count, margin, sizes: WITHIN_GRID.map((_, index) => margin - 1 - index) };

/** Half of the prior is for what is there from the first look on. */
const FIRST = 1 / 2;
/**
 * From this look on the prior of what begins at a look stays as it is, 6e-8, so that a rollout of days is not blind to a harm
 * that begins late. It adds that much a look to the 1 that E may be: 3 % in a year of looks a minute.
 */
const LAST = 700;

/** Before the first look. */
export function beginTwoSidedMixture(): TwoSidedMixture {
  const of = (sizes: number): KindEvidence => {
    const { fit, harms } = beginKindEvidence(FIRST, sizes);
    return { fit, harms: rounded(harms) };
  };
  return { looks: 0, harm: of(HARM_GRID.length), within: of(WITHIN_GRID.length) };
}

/** After a look; `logs` has a row of `TWO_SIDED_OFFSETS` for each kind of noise. Nothing for a look that said nothing. */
export function growTwoSidedMixture({ looks, harm, within }: TwoSidedMixture, logs: Float64Array | undefined): TwoSidedMixture {
  const onset = restAfter(looks) / 60;
  return {
    looks: looks + 1,
    harm: grown(harm, logs && { logs, columns: ABOVE }, onset),
    within: grown(within, logs && { logs, columns: BELOW }, onset),
  };
}

/** After a look that may show harm and nothing else. */
export function growHarmAlone({ looks, harm, within }: TwoSidedMixture, look: Likelihoods | undefined): TwoSidedMixture {
  const onset = restAfter(looks) / 60;
  return { looks: looks + 1, harm: grown(harm, look, onset), within: grown(within, undefined, onset) };
}

/** After a look in which nobody was treated differently: it says what the noise is, and nothing of either side. */
export function calibrateTwoSidedMixture({ looks, harm, within }: TwoSidedMixture, look: Likelihoods): TwoSidedMixture {
  const calibrated = ({ fit, harms }: KindEvidence): KindEvidence => ({ fit: rounded(fitAfter(fit, look)), harms });
  return { looks, harm: calibrated(harm), within: calibrated(within) };
}

/** One of the two mixtures by itself. */
export function sideOf(state: TwoSidedMixture, side: "harm" | "within"): NoisyMixture {
  return { ...state[side], rest: restAfter(state.looks) };
}

/**
 * Logs to seven digits after the point. A look's rounding moves a log by at most 5e-8: after 10,000 looks ln E is off by some
 * 1e-5, and by 1e-3 were all roundings in the worst direction, as they may be where all looks have the same counts.
 */
export function rounded(logs: readonly number[]): number[] {
  const short = logs.slice();
  // JSON knows no −0.
  for (let index = 0; index < short.length; index++) short[index] = Math.round(short[index]! * 1e7) / 1e7 + 0;
  return short;
}

function restAfter(looks: number): number {
  return (1 - FIRST) * (59 / 60) ** Math.min(looks, LAST);
}

function grown({ fit, harms }: KindEvidence, look: Likelihoods | undefined, onset: number): KindEvidence {
  return { fit: look ? rounded(fitAfter(fit, look)) : fit, harms: rounded(harmsAfter(harms, look, onset)) };
}
