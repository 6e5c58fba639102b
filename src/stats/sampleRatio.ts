import { chiSquareLogTail } from "./distributions.ts";
import { logGamma, logSumExp } from "./special.ts";

/** What the test of the sample ratio remembers. */
export interface SampleRatioState {
  /** The shares of the groups in this stage, which the counts are compared with. */
  readonly shares: readonly number[];
  /** New users of each group in this stage. */
  readonly counts: readonly number[];
  /** ln E of the stages before, whose shares were others. */
  readonly earlier: number;
  /** ln E now. */
  readonly logE: number;
  /** The largest ln E there has been: e^−largest is the p-value that holds at all times. */
  readonly largest: number;
}

/** How sure the prior is of the planned shares: as sure as after so many users. A small one finds gross errors soon, a large one small errors later. */
export const CONCENTRATIONS: readonly number[] = [100, 1000, 10_000];

/** A p below this says that the split is broken; the usual threshold of sample ratio checks (Fabijan et al. 2019). */
export const SAMPLE_RATIO_ALPHA = 0.001;

/** Before the first look. */
export function beginSampleRatio(shares: readonly number[]): SampleRatioState {
  return { shares, counts: shares.map(() => 0), earlier: 0, logE: 0, largest: 0 };
}

/**
 * Adds the new users of one interval, in the order of the shares, which are positive and sum to 1. Other shares than
 * before begin a new stage; the evidence of the stages is multiplied.
 *
 * ln E of a stage is the mean over κ (in logs) of ln B(κp + X) − ln B(κp) − Σ X_i ln p_i, X being the stage's counts and B
 * the multivariate beta function: the sequential test of Lindon & Malek, "Sequential testing of multinomial hypotheses"
 * (arXiv 2011.03567), which multiplies the Dirichlet-multinomial likelihood ratios of all looks.
 *
 * Null hypothesis: each new unit falls into the groups by the shares, independently of all others.
 * Units: users (whatever the flag splits by), each counted once. Requests are not independent, and a group that does
 * more or fewer of them is no broken split.
 */
export function stepSampleRatio(
  state: SampleRatioState,
  counts: readonly number[],
  shares: readonly number[],
  concentrations: readonly number[] = CONCENTRATIONS,
): SampleRatioState {
  const same = shares.length === state.shares.length && shares.every((share, index) => share === state.shares[index]);
  const earlier = same ? state.earlier : state.logE;
  const sums = shares.map((_, index) => (same ? state.counts[index]! : 0) + (counts[index] ?? 0));
  const logE = earlier + stageLogE(sums, shares, concentrations);
  return { shares, counts: sums, earlier, logE, largest: Math.max(state.largest, logE) };
}

function stageLogE(counts: readonly number[], shares: readonly number[], concentrations: readonly number[]): number {
  const logNull = logMultinomial(counts, shares);
  const logs = concentrations.map(
    (sure) =>
      logDirichletMultinomial(
        counts,
        shares.map((share) => sure * share),
      ) - logNull,
  );
  return logSumExp(logs) - Math.log(logs.length);
}

/** ln of the chance of the counts, in one order: Σ X_i ln p_i. */
export function logMultinomial(counts: readonly number[], shares: readonly number[]): number {
  return counts.reduce((sum, count, index) => (count === 0 ? sum : sum + count * Math.log(shares[index]!)), 0);
}

/** ln of the chance of the counts, in one order, where the shares are Dirichlet(a): ln B(a + X) − ln B(a). */
export function logDirichletMultinomial(counts: readonly number[], prior: readonly number[]): number {
  const [all, sure] = [counts, prior].map((each) => each.reduce((sum, value) => sum + value, 0)) as [number, number];
  const parts = counts.reduce((sum, count, index) => sum + logGamma(prior[index]! + count) - logGamma(prior[index]!), 0);
  return parts - (logGamma(sure + all) - logGamma(sure));
}

/** The p-value that holds at all times, min over the looks of 1/E. */
export function sampleRatioP({ largest }: SampleRatioState): number {
  return Math.min(1, Math.exp(-largest));
}

/**
 * Pearson's χ² of counts against shares, and the ln p of one look at a time fixed beforehand: a figure for people, no
 * decision rests on it. Nothing without users.
 */
export function chiSquareOfShares(counts: readonly number[], shares: readonly number[]): { chiSquare: number; logP: number } | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return undefined;
  const chiSquare = counts.reduce((sum, count, index) => sum + (count - total * shares[index]!) ** 2 / (total * shares[index]!), 0);
  return { chiSquare, logP: chiSquareLogTail(chiSquare, counts.length - 1) };
}
