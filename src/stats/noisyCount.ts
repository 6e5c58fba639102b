import { logRising } from "./clusterNoise.ts";
import { NOISES } from "./noise.ts";
import { scratchBySize } from "./scratch.ts";

const scratchFor = scratchBySize((size) => ({ means: new Float64Array(size), logMeans: new Float64Array(size) }));

/**
 * ln P(x) under each of the twelve kinds of noise (`NOISES`), but for ln x!, when the mean of the count is `mean` · e^offset
 * for each of `offsets`: Poisson, or negative-binomial of shape a, whose variance is μ + μ²/a. Gamma noise of variance c
 * has a = 1/c; clusters of size φ have a = μ/(φ − 1), which makes the variance φ μ.
 *
 *   P = Γ(x + a)/Γ(a) · (μ/(μ + a))^x (a/(μ + a))^a
 *
 * Source: the negative binomial as a gamma mixture of Poisson counts (Greenwood & Yule 1920).
 *
 * @param events x ≥ 0; need not be whole
 * @param mean > 0
 * @param out kind by kind, in each an entry for each offset
 */
export function noisyCount(events: number, mean: number, offsets: Float64Array, out: Float64Array): void {
  const size = offsets.length;
  const { means, logMeans } = scratchFor(size);
  for (let index = 0; index < size; index++) {
    logMeans[index] = Math.log(mean) + offsets[index]!;
    means[index] = mean * Math.exp(offsets[index]!);
  }
  for (let kind = 0; kind < NOISES.length; kind++) {
    const noise = NOISES[kind]!;
    const at = kind * size;
    switch (noise.kind) {
      case "none":
        for (let index = 0; index < size; index++) out[at + index] = events * logMeans[index]! - means[index]!;
        break;
      case "gamma": {
        const shape = 1 / noise.variance;
        const same = logRising(shape, events) + shape * Math.log(shape);
        for (let index = 0; index < size; index++) {
          out[at + index] = same + events * logMeans[index]! - (events + shape) * Math.log(means[index]! + shape);
        }
        break;
      }
      case "clusters": {
        const same = events * Math.log1p(-1 / noise.size);
        for (let index = 0; index < size; index++) {
          const shape = means[index]! / (noise.size - 1);
          out[at + index] = same + logRising(shape, events) - shape * Math.log(noise.size);
        }
        break;
      }
      default:
        noise satisfies never;
    }
  }
}
