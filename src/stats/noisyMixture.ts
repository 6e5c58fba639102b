import { expEach, logEach } from "./fastMath.ts";
import { HARM_GRID } from "./mixture.ts";
import { NOISE_PRIOR, NOISES, type LearnedNoise } from "./noise.ts";
import { logAddExp, logSumExp } from "./special.ts";

/**
 * A restart mixture (`mixture.ts`) for each kind of noise, and how well each kind fits what was seen. The kinds have one
 * prior V in numerator and denominator, so that what the data say about the noise is learned and not assumed:
 *
 *   E = Σ_i V_i F_i L_i [Σ_g N_ig/G + rest]/Σ_i V_i F_i L_i
 *
 * L_i is the likelihood of all looks under kind i at the margin, N_ig that with a harm of size g, relative to L_i:
 * N_ig ← N_ig · P_i(g)/P_i(1) + w, with w and `rest` as in a `Mixture`. F_i is what else is known of the noise, 1 if nothing.
 *
 * Source: this project's own. Ratios and not likelihoods are kept, so that few digits of each are enough, and none is
 * ever ln 0.
 */
export interface NoisyMixture extends KindEvidence {
  /** The prior of harms that have not begun. */
  readonly rest: number;
}

/** What the looks said, by kind of noise. */
export interface KindEvidence {
  /** ln L_i by kind, relative to the likeliest. */
  readonly fit: readonly number[];
  /** ln N_ig, kind by kind and in each size by size; the weight of the look to come is already in it. */
  readonly harms: readonly number[];
}

/** The likelihoods of one look: ln P_i, a row for each kind, and where in a row the margin itself and the sizes of harm are. */
export interface Likelihoods {
  readonly logs: Float64Array;
  readonly columns: Columns;
}

/** How a row of likelihoods is laid out. */
export interface Columns {
  readonly count: number;
  readonly margin: number;
  readonly sizes: readonly number[];
}

const KINDS = NOISES.length;
/** A row that has the margin first, then each size of harm. */
export const HARM_COLUMNS: Columns = { count: HARM_GRID.length + 1, margin: 0, sizes: HARM_GRID.map((_, index) => index + 1) };
/** ln g of these columns. */
export const LOG_SIZES = Float64Array.from([0, ...HARM_GRID.map(Math.log)]);
/** A row that has nothing but the margin, for looks that only say what the noise is … */
export const MARGIN_ALONE: Columns = { count: 1, margin: 0, sizes: [] };
/** … and its ln g. */
export const NO_OFFSET = new Float64Array(1);

const LOG_PRIOR = NOISE_PRIOR.map(Math.log);
/** A test that is sound under each kind by itself keeps this part of its numerator for that kind alone. */
const OWN = 0.1;

/** Before the first look; `first` is the prior of a harm that is there from the beginning. */
export function beginKindEvidence(first: number, sizes: number): KindEvidence {
  return { fit: Array.from({ length: KINDS }, () => 0), harms: Array.from({ length: KINDS * sizes }, () => Math.log(first)) };
}

/** Before the first look; `restart: false` is for harms that are there from the beginning or never. */
export function beginNoisyMixture(restart: boolean): NoisyMixture {
  const first = restart ? 1 / 2 : 1;
  return { rest: 1 - first, ...beginKindEvidence(first, HARM_GRID.length) };
}

/** After a look; nothing for a look that said nothing: only the prior moves on. */
export function growNoisyMixture({ rest, fit, harms }: NoisyMixture, look: Likelihoods | undefined): NoisyMixture {
  const onset = rest / 60;
  return { rest: rest - onset, fit: look ? fitAfter(fit, look) : fit, harms: harmsAfter(harms, look, onset) };
}

/** After a look in which the groups were treated alike: it says what the noise is, and nothing of a harm. */
export function calibrateNoisyMixture(mixture: NoisyMixture, look: Likelihoods): NoisyMixture {
  return { ...mixture, fit: fitAfter(mixture.fit, look) };
}

/** ln L_i after a look, relative to the largest. */
export function fitAfter(fit: readonly number[], { logs, columns: { count, margin } }: Likelihoods): number[] {
  const next = fit.slice();
  let largest = -Infinity;
  for (let kind = 0; kind < KINDS; kind++) {
    next[kind]! += logs[kind * count + margin]!;
    if (next[kind]! > largest) largest = next[kind]!;
  }
  for (let kind = 0; kind < KINDS; kind++) next[kind]! -= largest;
  return next;
}

/** ln N_ig after a look; `onset` is the prior that moves from `rest` to a harm that begins at the next look. */
export function harmsAfter(harms: readonly number[], look: Likelihoods | undefined, onset: number): number[] {
  const next = harms.slice();
  if (look) addLook(next, look);
  if (onset === 0) return next;
  for (let index = 0; index < next.length; index++) scratch[index] = next[index]!;
  expEach(scratch, next.length);
  for (let index = 0; index < next.length; index++) scratch[index]! += onset;
  logEach(scratch, next.length);
  // Above 36 a weight of at most 1 is past the last digit.
  for (let index = 0; index < next.length; index++) if (next[index]! <= 36) next[index] = scratch[index]!;
  return next;
}

/** What one call leaves to the next is only the memory; every value is written before it is read. */
const scratch = new Float64Array(KINDS * HARM_GRID.length);

function addLook(harms: number[], { logs, columns: { count, margin, sizes } }: Likelihoods): void {
  let index = 0;
  for (let row = 0; row < KINDS * count; row += count) {
    const atMargin = logs[row + margin]!;
    for (let size = 0; size < sizes.length; size++) harms[index++]! += logs[row + sizes[size]!]! - atMargin;
  }
}

/** How E is summed up over the kinds. */
export interface Reading {
  /** From 0, the usual E, to 1, the strict one; between them, ln E is. */
  readonly strictness: number;
  /** ln F_i. */
  readonly known?: readonly number[] | undefined;
}

/**
 * ln E. The strict one is the least over the kinds i of E_i = .1 [Σ_g N_ig/G + rest] + .9 Σ_j V_j F_j L_j [Σ_g N_jg/G + rest]/(F_i L_i),
 * each of which is, without F, a nonnegative martingale from 1 where kind i is the truth.
 */
export function noisyMixtureLogE({ rest, fit, harms }: NoisyMixture, { strictness, known }: Reading): number {
  const harm = harmByKind(harms, rest);
  const weights = known ? fit.map((log, kind) => log + known[kind]!) : fit;
  const posterior = weights.map((log, kind) => log + LOG_PRIOR[kind]!);
  const numerator = logSumExp(posterior.map((log, kind) => log + harm[kind]!));
  const usual = numerator - logSumExp(posterior);
  if (strictness === 0) return usual;
  const least = weights.map((log, kind) => logAddExp(Math.log(OWN) + harm[kind]!, Math.log(1 - OWN) + numerator - log));
  return (1 - strictness) * usual + strictness * Math.min(...least);
}

/** How likely each kind is after what was seen, by the likelihoods at the margin: V_i F_i L_i, to sum 1. */
export function learnedNoise({ fit }: KindEvidence, known?: readonly number[]): LearnedNoise[] {
  const logs = fit.map((log, kind) => LOG_PRIOR[kind]! + log + (known ? known[kind]! : 0));
  const total = logSumExp(logs);
  return NOISES.map((noise, kind) => ({ noise, probability: Math.exp(logs[kind]! - total) }));
}

/** ln[Σ_g N_g/G + rest] of each kind. */
function harmByKind(harms: readonly number[], rest: number): number[] {
  const sizes = harms.length / KINDS;
  const logRest = Math.log(rest);
  const sums: number[] = [];
  for (let from = 0; from < harms.length; from += sizes) {
    let largest = logRest;
    for (let size = 0; size < sizes; size++) if (harms[from + size]! > largest) largest = harms[from + size]!;
    for (let size = 0; size < sizes; size++) scratch[size] = harms[from + size]! - largest;
    scratch[sizes] = logRest - largest;
    expEach(scratch, sizes + 1);
    let sum = 0;
    for (let size = 0; size < sizes; size++) sum += scratch[size]!;
    sums.push(largest + Math.log(sum / sizes + scratch[sizes]!));
  }
  return sums;
}
