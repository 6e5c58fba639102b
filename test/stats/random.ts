/** A seeded generator (mulberry32) with the draws that simulations need: the same numbers on every machine. */
export interface Random {
  uniform(): number;
  binomial(trials: number, probability: number): number;
  normal(): number;
  /** Gamma noise of mean 1 and this variance; 1 for a variance of 0. */
  gamma(variance: number): number;
}

export function randomFrom(seed: number): Random {
  let state = seed | 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  /** Jumps from one success to the next, so that rare events are cheap. */
  const binomial = (trials: number, probability: number): number => {
    if (probability > 0.5) return trials - binomial(trials, 1 - probability);
    if (probability <= 0) return 0;
    const logFailure = Math.log1p(-probability);
    let successes = 0;
    for (let at = Math.floor(Math.log(1 - uniform()) / logFailure); at < trials; successes++) {
      at += 1 + Math.floor(Math.log(1 - uniform()) / logFailure);
    }
    return successes;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  /** Marsaglia & Tsang (2000); a shape below 1 is one above it times a power of a uniform. */
  const gammaOf = (shape: number): number => {
    if (shape < 1) return gammaOf(shape + 1) * (1 - uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    for (;;) {
      const z = normal();
      const v = (1 + z / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(1 - uniform()) < (z * z) / 2 + d - d * v + d * Math.log(v)) return d * v;
    }
  };
  const gamma = (variance: number): number => (variance > 0 ? gammaOf(1 / variance) * variance : 1);
  return { uniform, binomial, normal, gamma };
}
