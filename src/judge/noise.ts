import type { Verdict } from "../model/verdict.ts";
import type { ControlHistory } from "../stats/controlHistory.ts";
import { NOISE_PRIOR, noiseInWords, NOISES } from "../stats/noise.ts";
import { rounded } from "./round.ts";

/** More likely than not: then people are told. */
const LIKELY = 0.5;

/**
 * How the control varies by more than chance, if it does, by its own movement from look to look: what both groups show of
 * the noise depends on whether there is harm, and this does not.
 */
export function noiseFound({ fit }: ControlHistory): Verdict["noise"] {
  const weights = fit.map((log, kind) => NOISE_PRIOR[kind]! * Math.exp(log));
  const likeliest = weights.indexOf(Math.max(...weights));
  const probability = weights[likeliest]! / weights.reduce((sum, weight) => sum + weight, 0);
  const noise = NOISES[likeliest]!;
  if (noise.kind === "none" || probability < LIKELY) return undefined;
  return { sentence: noiseInWords(noise), probability: rounded(probability) };
}
