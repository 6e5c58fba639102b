import { logAddExp, logSumExp } from "./special.ts";

/**
 * A restart mixture of likelihood ratios: one e-process for a harm of any size that may begin at any look. A plain
 * product of likelihood ratios goes far below 1 over a long healthy time, and is then blind to a harm that begins late;
 * here part of the prior stays at 1 until its harm begins.
 *
 *   E = (1/G) Σ_g A_g + rest,   A_g ← (A_g + w) · f_g at each look,   rest ← rest − w,
 *
 * f_g being the look's likelihood ratio for a harm of size g; w is ½ at the first look and rest/60 at each later one, so
 * that no horizon is needed. The state holds A_g with the weight of the look to come already in it. E is a nonnegative
 * supermartingale from 1 wherever each f_g has expectation at most 1 under the null hypothesis, so that it ever reaches
 * 1/α with a chance of at most α, however often one looks (Ville's inequality).
 */
export interface Mixture {
  /** The prior of harms that have not begun. */
  readonly rest: number;
  /** ln A_g for each size of harm. */
  readonly logs: readonly number[];
}

/** Before the first look, for so many sizes of harm; `first` is the prior of a harm that is there from the beginning. */
export function beginMixture(sizes: number, first = 1 / 2): Mixture {
  return { rest: 1 - first, logs: Array.from({ length: sizes }, () => Math.log(first)) };
}

/** After one look with these ln f_g. `onset` is the prior that moves from `rest` to a harm that begins at the next look. */
export function growMixture(mixture: Mixture, logFactors: readonly number[], onset = mixture.rest / 60): Mixture {
  const logOnset = Math.log(onset);
  return { rest: mixture.rest - onset, logs: mixture.logs.map((log, index) => logAddExp(log + logFactors[index]!, logOnset)) };
}

/** ln E. */
export function mixtureLogE(mixture: Mixture): number {
  return logAddExp(logSumExp(mixture.logs) - Math.log(mixture.logs.length), Math.log(mixture.rest));
}

/** How many times larger a harm may be than the margin: the sizes g that are looked for. */
export const HARM_GRID: readonly number[] = [1.1, 1.25, 1.5, 2, 3, 5, 10, 30];
