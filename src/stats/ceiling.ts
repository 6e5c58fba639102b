import { logRising } from "./clusterNoise.ts";
import { HARM_GRID } from "./mixture.ts";
import { NOISES, type LearnedNoise } from "./noise.ts";
import { beginNoisyMixture, COLUMNS, growNoisyMixture, learnedNoise, noisyMixtureLogE, type NoisyMixture } from "./noisyMixture.ts";
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

const SIZES = [1, ...HARM_GRID];
/** What one call leaves to the next is only the memory; every value is written before it is read. */
const scratch = new Float64Array(NOISES.length * COLUMNS);

/** Before the first look. */
export function beginCeiling(): CeilingState {
  return beginNoisyMixture(true);
}

/** Adds the increments of one look; one without requests says nothing. A state belongs to one limit and one side. */
export function stepCeiling(state: CeilingState, counts: Counts, test: CeilingTest): CeilingState {
  return growNoisyMixture(state, likelihoods(counts, test));
}

/** ln E against "the rate is not beyond the limit, on that side"; `strict` as in `dabLogE`. */
export function ceilingLogE(state: CeilingState, { strict = false }: { readonly strict?: boolean } = {}): number {
  return noisyMixtureLogE(state, strict);
}

/** How likely each kind of noise is after what was seen, V_i L_i to sum 1: a figure for people. */
export function ceilingNoise(state: CeilingState): LearnedNoise[] {
  return learnedNoise(state);
}

/** ln P_i(x) but for ln x!, at the limit and at each size of what is beyond it. */
function likelihoods({ events, total }: Counts, { limit, side }: CeilingTest): Float64Array | undefined {
  if (total <= 0) return undefined;
  for (const [kind, noise] of NOISES.entries()) {
    for (const [column, size] of SIZES.entries()) {
      const mean = total * limit * (side === "above" ? size : 1 / size);
      scratch[kind * COLUMNS + column] =
        noise.kind === "none"
          ? events * Math.log(mean) - mean
          : negativeBinomial(events, mean, noise.kind === "gamma" ? 1 / noise.variance : mean / (noise.size - 1));
    }
  }
  return scratch;
}

/** ln[Γ(x + a)/Γ(a) · (μ/(μ + a))^x (a/(μ + a))^a]: variance μ + μ²/a, which is φ μ for a = μ/(φ − 1). */
function negativeBinomial(events: number, mean: number, shape: number): number {
  return logRising(shape, events) + events * Math.log(mean / (mean + shape)) - shape * Math.log1p(mean / shape);
}
