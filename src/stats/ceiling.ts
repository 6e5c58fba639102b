import { NOISES, type LearnedNoise } from "./noise.ts";
import { noisyCount } from "./noisyCount.ts";
import {
  beginNoisyMixture,
  growNoisyMixture,
  HARM_COLUMNS,
  learnedNoise,
  LOG_SIZES,
  noisyMixtureLogE,
  type NoisyMixture,
} from "./noisyMixture.ts";
import type { Counts } from "./ratio.ts";

/**
 * DAB without a control: is a rate above a limit p0, or below it, where counts may vary by more than chance? The counts
 * of a look are Poisson, or negative-binomial with the noise of one of the twelve kinds (`noise.ts`), of mean n p0 g,
 * g in `HARM_GRID`; of mean n p0/g where the other side is looked at. Source: this project's own.
 *
 * Null hypothesis: at every look the rate is at most (at least) p0 but for noise of one of the twelve kinds.
 * Assumes rare events, and that the noise of a look is independent of that of the looks before. There is no control, so
 * that an incident that hits everybody is above the limit too. What is proved and what is calibrated: as in `dab.ts`.
 */
export type CeilingState = NoisyMixture;

/** The limit, as a fraction, and on which side of it the rate is suspected to be. */
export interface CeilingTest {
  readonly limit: number;
  readonly side: "above" | "below";
}

const OFFSETS = { above: LOG_SIZES, below: LOG_SIZES.map((log) => -log) };
/** What one call leaves to the next is only the memory; every value is written before it is read. */
const logs = new Float64Array(NOISES.length * HARM_COLUMNS.count);

/** Before the first look. */
export function beginCeiling(): CeilingState {
  return beginNoisyMixture(true);
}

/** Adds the increments of one look; one without requests says nothing. A state belongs to one limit and one side. */
export function stepCeiling(state: CeilingState, { events, total }: Counts, { limit, side }: CeilingTest): CeilingState {
  if (total <= 0) return growNoisyMixture(state, undefined);
  noisyCount(events, total * limit, OFFSETS[side], logs);
  return growNoisyMixture(state, { logs, columns: HARM_COLUMNS });
}

/** ln E against "the rate is not beyond the limit, on that side"; `strict` as in `dabLogE`. */
export function ceilingLogE(state: CeilingState, { strict = false }: { readonly strict?: boolean } = {}): number {
  return noisyMixtureLogE(state, { strictness: strict ? 1 : 0 });
}

/** How likely each kind of noise is after what was seen, V_i L_i to sum 1: a figure for people. */
export function ceilingNoise(state: CeilingState): LearnedNoise[] {
  return learnedNoise(state);
}
