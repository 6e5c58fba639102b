import { clusterNoise } from "./clusterNoise.ts";
import { gammaNoise } from "./gammaNoise.ts";
import { NOISES } from "./noise.ts";
import type { Groups } from "./ratio.ts";
import { scratchBySize } from "./scratch.ts";

/** Beyond this the log-odds of a split are as good as certain. */
const FARTHEST = 40;

const scratchFor = scratchBySize((size) => ({
  logOdds: new Float64Array(size),
  odds: new Float64Array(size),
  shares: new Float64Array(size),
  others: new Float64Array(size),
}));

/**
 * ln P(x | m) under each of the twelve kinds of noise (`NOISES`), without the binomial coefficient, when the log-odds of
 * an event to be the first group's are `logOdds` + each of `offsets`. What is the same for all kinds is computed once.
 *
 * @param x events of the first group, of the m of both
 * @param offsets ascending
 * @param variance by how much the variance of gamma noise is multiplied
 * @param out kind by kind, in each an entry for each offset
 */
export function noisySplit(x: number, m: number, logOdds: number, offsets: Float64Array, variance: number, out: Float64Array): void {
  const size = offsets.length;
  const scratch = scratchFor(size);
  for (let index = 0; index < size; index++) {
    const z = Math.min(FARTHEST, Math.max(-FARTHEST, logOdds + offsets[index]!));
    const odds = Math.exp(z);
    scratch.logOdds[index] = z;
    scratch.odds[index] = odds;
    scratch.shares[index] = odds / (1 + odds);
    scratch.others[index] = 1 / (1 + odds);
  }
  for (let kind = 0; kind < NOISES.length; kind++) {
    const noise = NOISES[kind]!;
    const at = kind * size;
    switch (noise.kind) {
      case "none":
        for (let index = 0; index < size; index++) out[at + index] = x * scratch.logOdds[index]! - m * Math.log1p(scratch.odds[index]!);
        break;
      case "gamma":
        gammaNoise(x, m, scratch.logOdds, scratch.odds, 1 / (noise.variance * variance), out, at);
        break;
      case "clusters":
        clusterNoise(x, m, scratch.shares, scratch.others, noise.size, out, at);
        break;
      default:
        noise satisfies never;
    }
  }
}

/**
 * ln P_i(x_T | m) of a look at `margin` times each of these ratios, given as logs, kind by kind: `noisySplit` of two groups.
 * Nothing of a look that says nothing: one without events, or in which a group had no requests.
 */
export function noisySplitOf({ treatment, control }: Groups, margin: number, offsets: Float64Array): Float64Array | undefined {
  const events = treatment.events + control.events;
  if (treatment.total <= 0 || control.total <= 0 || events <= 0) return undefined;
  const out = new Float64Array(NOISES.length * offsets.length);
  noisySplit(treatment.events, events, Math.log(treatment.total / control.total) + Math.log(margin), offsets, 1, out);
  return out;
}
