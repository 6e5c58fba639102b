import { HARM_GRID } from "./mixture.ts";
import { NOISE_PRIOR, NOISES, type LearnedNoise } from "./noise.ts";

/**
 * A restart mixture (`mixture.ts`) for each kind of noise, and how well each kind fits what was seen. The kinds have one
 * prior V in numerator and denominator, so that what the data say about the noise is learned and not assumed:
 *
 *   E = Σ_i V_i F_i L_i [Σ_g N_ig/8 + rest]/Σ_i V_i F_i L_i
 *
 * L_i is the likelihood of all looks under kind i at the margin, N_ig that with a harm of size g, relative to L_i:
 * N_ig ← N_ig · P_i(g)/P_i(1) + w, with w and `rest` as in a `Mixture`. F_i is what else is known of the noise, 1 if nothing.
 *
 * Source: this project's own. Ratios and not likelihoods are kept, so that ten digits of each are enough, and none is
 * ever ln 0.
 */
export interface NoisyMixture {
  /** The prior of harms that have not begun. */
  readonly rest: number;
  /** ln L_i by kind, relative to the likeliest. */
  readonly fit: readonly number[];
  /** ln N_ig by kind and size of harm; the weight of the look to come is already in it. */
  readonly harms: readonly (readonly number[])[];
}

const KINDS = NOISES.length;
const SIZES = HARM_GRID.length;
/** A row of likelihoods has the margin itself first, then each size of harm. */
export const COLUMNS = SIZES + 1;
/** ln g of the columns. */
export const LOG_SIZES = Float64Array.from([0, ...HARM_GRID.map(Math.log)]);

const LOG_PRIOR = NOISE_PRIOR.map(Math.log);
/** A test that is sound under each kind by itself keeps this part of its numerator for that kind alone. */
const OWN = 0.1;

/** Before the first look; `restart: false` is for harms that are there from the beginning or never. */
export function beginNoisyMixture(restart: boolean): NoisyMixture {
  const first = restart ? 1 / 2 : 1;
  const harms = Array.from({ length: KINDS }, () => Array.from({ length: SIZES }, () => Math.log(first)));
  return { rest: 1 - first, fit: Array.from({ length: KINDS }, () => 0), harms };
}

/** After a look with these ln P_i(g), a row of COLUMNS for each kind; nothing for a look that said nothing: only the prior moves on. */
export function growNoisyMixture({ rest, fit, harms }: NoisyMixture, logs: Float64Array | undefined): NoisyMixture {
  const onset = rest / 60;
  const grown = harms.map((row, kind) =>
    row.map((log, size) => {
      const next = logs ? log + logs[kind * COLUMNS + size + 1]! - logs[kind * COLUMNS]! : log;
      // Above 36 a weight of at most 1 is past the last digit; that of no weight is ln 0.
      return next > 36 || onset === 0 ? next : Math.log(Math.exp(next) + onset);
    }),
  );
  return { rest: rest - onset, fit: logs ? fitAfter(fit, logs, COLUMNS) : fit, harms: grown };
}

/** After a look in which the groups were treated alike: it says what the noise is, and nothing of a harm. */
export function calibrateNoisyMixture(mixture: NoisyMixture, logs: Float64Array | undefined): NoisyMixture {
  return logs ? { ...mixture, fit: fitAfter(mixture.fit, logs, COLUMNS) } : mixture;
}

/** ln L_i with the first column of `logs` added, relative to the largest. */
export function fitAfter(fit: readonly number[], logs: Float64Array, columns: number): number[] {
  const next = fit.map((log, kind) => log + logs[kind * columns]!);
  const largest = largestOf(next);
  return next.map((log) => log - largest);
}

/**
 * ln E. With `strict` it is the least over the kinds i of E_i = .1 [Σ_g N_ig/8 + rest] + .9 Σ_j V_j F_j L_j [Σ_g N_jg/8 + rest]/(F_i L_i),
 * each of which is, without F, a nonnegative martingale from 1 where kind i is the truth.
 */
export function noisyMixtureLogE(mixture: NoisyMixture, strict: boolean, known?: readonly number[]): number {
  const weights = mixture.fit.map((log, kind) => log + (known ? known[kind]! : 0));
  const harm = mixture.harms.map((row) => harmOf(row, mixture.rest));
  const numerator = logSumOf((kind) => LOG_PRIOR[kind]! + weights[kind]! + harm[kind]!);
  if (!strict) return numerator - logSumOf((kind) => LOG_PRIOR[kind]! + weights[kind]!);
  let least = Infinity;
  for (let kind = 0; kind < KINDS; kind++) {
    const [own, mixed] = [Math.log(OWN) + harm[kind]!, Math.log(1 - OWN) + numerator - weights[kind]!];
    const larger = Math.max(own, mixed);
    least = Math.min(least, larger + Math.log(Math.exp(own - larger) + Math.exp(mixed - larger)));
  }
  return least;
}

/** How likely each kind is after what was seen, by the likelihoods at the margin: V_i F_i L_i, to sum 1. */
export function learnedNoise(mixture: NoisyMixture, known?: readonly number[]): LearnedNoise[] {
  const logs = mixture.fit.map((log, kind) => LOG_PRIOR[kind]! + log + (known ? known[kind]! : 0));
  const total = logSumOf((kind) => logs[kind]!);
  return NOISES.map((noise, kind) => ({ noise, probability: Math.exp(logs[kind]! - total) }));
}

/** ln[Σ_g N_g/8 + rest]. */
function harmOf(row: readonly number[], rest: number): number {
  const logRest = Math.log(rest);
  const largest = Math.max(logRest, largestOf(row));
  let sum = 0;
  for (const log of row) sum += Math.exp(log - largest);
  return largest + Math.log(sum / SIZES + Math.exp(logRest - largest));
}

function logSumOf(log: (kind: number) => number): number {
  let largest = -Infinity;
  for (let kind = 0; kind < KINDS; kind++) largest = Math.max(largest, log(kind));
  let sum = 0;
  for (let kind = 0; kind < KINDS; kind++) sum += Math.exp(log(kind) - largest);
  return largest + Math.log(sum);
}

function largestOf(values: readonly number[]): number {
  let largest = -Infinity;
  for (const value of values) if (value > largest) largest = value;
  return largest;
}
