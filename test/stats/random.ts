/** A seeded generator (mulberry32) with the draws that simulations need: the same numbers on every machine. */
export interface Random {
  uniform(): number;
  binomial(trials: number, probability: number): number;
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
  return { uniform, binomial };
}
