import { logGamma } from "../../../src/stats/special.ts";
import { randomFrom, type Random } from "../../stats/random.ts";

/** A generator for one run: the same whatever else is simulated, in whichever order, by however many workers. */
export function randomOfRun(seed: number, scenario: string, run: number): Random {
  let hash = 0x811c9dc5; // FNV-1a, 32 bits
  for (const character of `${seed}/${scenario}/${run}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return randomFrom(hash);
}

/** From here on the rejection sampler is exact and quick; below it counts exponential waiting times. */
const LARGE_MEAN = 10;

/** A Poisson count; above a mean of 10 by transformed rejection (Hörmann 1993, algorithm PTRS). */
export function poisson(random: Random, mean: number): number {
  if (mean < LARGE_MEAN) {
    let count = -1;
    for (let waited = 0; waited <= mean; count++) waited -= Math.log(1 - random.uniform());
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = random.uniform() - 0.5;
    const v = 1 - random.uniform();
    const us = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const log = Math.log((v * inverseAlpha) / (a / (us * us) + b));
    if (log <= count * Math.log(mean) - mean - logGamma(count + 1)) return count;
  }
}

/** The sum of so many independent gamma draws of mean 1 and this variance each: itself a gamma draw. */
export function gammaSum(random: Random, count: number, variance: number): number {
  return count * random.gamma(variance / count);
}

/** How `total` draws fall into classes of these chances, which sum to 1. */
export function multinomial(random: Random, total: number, chances: readonly number[]): number[] {
  let [left, chanceLeft] = [total, 1];
  return chances.map((chance, index) => {
    const count = index === chances.length - 1 ? left : random.binomial(left, Math.min(1, chance / chanceLeft));
    left -= count;
    chanceLeft = Math.max(1e-300, chanceLeft - chance);
    return count;
  });
}
