import type { DabReading } from "./dab.ts";
import { NOISES, type LearnedNoise } from "./noise.ts";
import { noisyCount } from "./noisyCount.ts";
import { HARM_COLUMNS, learnedNoise, LOG_SIZES, noisyMixtureLogE } from "./noisyMixture.ts";
import type { Counts } from "./ratio.ts";
import {
  beginTwoSidedMixture,
  growHarmAlone,
  growTwoSidedMixture,
  HALF_STRICT,
  sideOf,
  TWO_SIDED_OFFSETS,
  type TwoSidedMixture,
} from "./twoSidedMixture.ts";

/**
 * The ceiling (`ceiling.ts`) in both directions at once: the evidence that a rate is above its limit, which is the harm, and
 * that it is below, which is within. A limit from below is this one for the requests that were no events.
 *
 * Null hypothesis of the harm: at every look the rate is at most the limit but for noise of one of the twelve kinds; of
 * "within": at least. What is assumed, proved and calibrated is as in `ceiling.ts`.
 */
export type TwoSidedCeiling = TwoSidedMixture;

/** What one call leaves to the next is only the memory; every value is written before it is read. */
const logs = new Float64Array(NOISES.length * TWO_SIDED_OFFSETS.length);

/** Before the first look. */
export function beginTwoSidedCeiling(): TwoSidedCeiling {
  return beginTwoSidedMixture();
}

/**
 * Adds the increments of one look; one without requests says nothing. A state belongs to one limit, a fraction above 0.
 * `harmOnly` is for a look that overlaps a change of exposure: it may show harm, never that there is none.
 */
export function stepTwoSidedCeiling(
  state: TwoSidedCeiling,
  { events, total }: Counts,
  limit: number,
  { harmOnly = false }: { readonly harmOnly?: boolean } = {},
): TwoSidedCeiling {
  if (total <= 0) return growTwoSidedMixture(state, undefined);
  noisyCount(events, total * limit, harmOnly ? LOG_SIZES : TWO_SIDED_OFFSETS, logs);
  return harmOnly ? growHarmAlone(state, { logs, columns: HARM_COLUMNS }) : growTwoSidedMixture(state, logs);
}

/** ln E against "the rate is at most the limit": a breach at ln(1/α); `strict` as in `dabLogE`. */
export function ceilingHarmLogE(state: TwoSidedCeiling, { strict = false }: DabReading = {}): number {
  return noisyMixtureLogE(sideOf(state, "harm"), { strictness: strict ? 1 : 0 });
}

/** ln E against "the rate is at least the limit": within at ln(1/α). */
export function ceilingWithinLogE(state: TwoSidedCeiling, { strict = false }: DabReading = {}): number {
  return noisyMixtureLogE(sideOf(state, "within"), { strictness: strict ? 1 : HALF_STRICT });
}

/** How likely each kind of noise is after what was seen, V_i L_i to sum 1: a figure for people. */
export function ceilingNoiseOf(state: TwoSidedCeiling): LearnedNoise[] {
  return learnedNoise(sideOf(state, "harm"));
}
