import { clusterNoise } from "./clusterNoise.ts";
import { gammaNoise } from "./gammaNoise.ts";
import { NOISES } from "./noise.ts";

/** Beyond this the log-odds of a split are as good as certain. */
const FARTHEST = 40;

/** What one call leaves to the next is only the memory; every value is written before it is read. */
interface Scratch {
  readonly logOdds: Float64Array;
  readonly odds: Float64Array;
  readonly shares: Float64Array;
  readonly others: Float64Array;
}
const scratches = new Map<number, Scratch>();

function scratchFor(sizes: number): Scratch {
  let scratch = scratches.get(sizes);
  if (!scratch) {
    const make = (): Float64Array => new Float64Array(sizes);
    scratch = { logOdds: make(), odds: make(), shares: make(), others: make() };
    scratches.set(sizes, scratch);
  }
  return scratch;
}

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
