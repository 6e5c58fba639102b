import { logGamma } from "../stats/special.ts";

/** A seeded generator with the draws that synthetic users need: the same numbers on every machine. */
export interface Random {
  /** From 0 to below 1. */
  uniform(): number;
  normal(): number;
  binomial(trials: number, probability: number): number;
  poisson(mean: number): number;
  /** Noise of mean 1 with this coefficient of variation; 1 for 0. */
  gamma(variation: number): number;
}

/** Below this many expected successes they are counted one by one; from there on the rejection samplers are exact and quicker. */
const MANY = 10;

/**
 * A generator of its own for each text, so that what one run draws does not depend on what others draw, or where.
 * sfc32 (Chris Doty-Humphrey, PractRand; public domain), seeded by FNV-1a of the text.
 */
export function randomFor(text: string): Random {
  const uniform = sfc32(text);
  let spare: number | undefined;

  /** Box and Muller (1958); of the two draws the second waits for the next call. */
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  const binomial = (trials: number, probability: number): number => {
    if (probability > 0.5) return trials - binomial(trials, 1 - probability);
    if (probability <= 0 || trials <= 0) return 0;
    return trials * probability < MANY ? fewSuccesses(trials, probability) : manySuccesses(trials, probability);
  };

  /** From one success to the next. */
  const fewSuccesses = (trials: number, probability: number): number => {
    const logFailure = Math.log1p(-probability);
    let successes = 0;
    for (let at = gap(logFailure); at < trials; at += 1 + gap(logFailure)) successes++;
    return successes;
  };
  const gap = (logFailure: number): number => Math.floor(Math.log(1 - uniform()) / logFailure);

  /** Transformed rejection: BTRS of Hörmann, The generation of binomial random variates (1993). */
  const manySuccesses = (trials: number, p: number): number => {
    const deviation = Math.sqrt(trials * p * (1 - p));
    const b = 1.15 + 2.53 * deviation;
    const a = -0.0873 + 0.0248 * b + 0.01 * p;
    const centre = trials * p + 0.5;
    const squeeze = 0.92 - 4.2 / b;
    const alpha = (2.83 + 5.1 / b) * deviation;
    const logOdds = Math.log(p / (1 - p));
    const mode = Math.floor((trials + 1) * p);
    const atMode = logGamma(mode + 1) + logGamma(trials - mode + 1);
    for (;;) {
      const u = uniform() - 0.5;
      const v = 1 - uniform();
      const us = 0.5 - Math.abs(u);
      const count = Math.floor(((2 * a) / us + b) * u + centre);
      if (us >= 0.07 && v <= squeeze) return count;
      if (count < 0 || count > trials) continue;
      const log = Math.log((v * alpha) / (a / (us * us) + b));
      if (log <= atMode - logGamma(count + 1) - logGamma(trials - count + 1) + (count - mode) * logOdds) return count;
    }
  };

  /** Above a mean of 10 by transformed rejection: PTRS of Hörmann, The transformed rejection method for generating Poisson random variables (1993). */
  const poisson = (mean: number): number => {
    if (mean < MANY) {
      let count = -1;
      for (let waited = 0; waited <= mean; count++) waited -= Math.log(1 - uniform());
      return Math.max(0, count);
    }
    const b = 0.931 + 2.53 * Math.sqrt(mean);
    const a = -0.059 + 0.02483 * b;
    const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
    const squeeze = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
      const u = uniform() - 0.5;
      const v = 1 - uniform();
      const us = 0.5 - Math.abs(u);
      const count = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
      if (us >= 0.07 && v <= squeeze) return count;
      if (count < 0 || (us < 0.013 && v > us)) continue;
      const log = Math.log((v * inverseAlpha) / (a / (us * us) + b));
      if (log <= count * Math.log(mean) - mean - logGamma(count + 1)) return count;
    }
  };

  /** Marsaglia and Tsang (2000); a shape below 1 is one above it times a power of a uniform. */
  const gammaOf = (shape: number): number => {
    if (shape < 1) return gammaOf(shape + 1) * (1 - uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    for (;;) {
      const z = normal();
      const v = (1 + z / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(1 - uniform()) < (z * z) / 2 + d - d * v + d * Math.log(v)) return d * v;
    }
  };
  const gamma = (variation: number): number => (variation > 0 ? gammaOf(1 / variation ** 2) * variation ** 2 : 1);

  return { uniform, normal, binomial, poisson, gamma };
}

function sfc32(text: string): () => number {
  let [a, b, c, counter] = [0x811c9dc5, 0x9e3779b9, 0x243f6a88, 1];
  for (let index = 0; index < text.length; index++) {
    a = Math.imul(a ^ text.charCodeAt(index), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(index), 0x85ebca6b) ^ (b >>> 13);
  }
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  // Texts that differ little have states that differ little, at first.
  for (let round = 0; round < 15; round++) next();
  return next;
}
