import { normalLogCdf } from "./distributions.ts";
import { logGamma } from "./special.ts";

/** Which way the first sample is thought to differ: its values larger, smaller, or either. */
export type Alternative = "greater" | "less" | "either";

/** Mann and Whitney's statistic of two samples. */
export interface RankComparison {
  readonly sizes: readonly [number, number];
  /** Pairs in which the first sample's value is larger, ties counted half: U1 = R1 − m(m + 1)/2. */
  readonly first: number;
  /** Pairs in which it is smaller: U2 = m n − U1. */
  readonly second: number;
  /** Σ (t³ − t) over groups of t tied values. */
  readonly ties: number;
}

/** So many values in all, at most, are tested exactly. */
const EXACT_UP_TO = 20;

/** Ranks both samples together, tied values sharing the mean of their ranks. */
export function compareRanks(first: readonly number[], second: readonly number[]): RankComparison {
  const [m, n] = [first.length, second.length];
  const all = [...first.map((value) => ({ value, own: 1 })), ...second.map((value) => ({ value, own: 0 }))];
  all.sort((a, b) => a.value - b.value);
  let [rankSum, ties] = [0, 0];
  for (let from = 0, to = 0; from < all.length; from = to) {
    while (to < all.length && all[to]!.value === all[from]!.value) to++;
    const own = all.slice(from, to).reduce((sum, each) => sum + each.own, 0);
    rankSum += own * ((from + 1 + to) / 2);
    ties += (to - from) ** 3 - (to - from);
  }
  const u = rankSum - (m * (m + 1)) / 2;
  return { sizes: [m, n], first: u, second: m * n - u, ties };
}

/**
 * The p-value of "both samples come from one distribution" (Mann & Whitney 1947): exact where there are no ties and at
 * most 20 values, by the normal approximation otherwise.
 *
 * Assumes independent values, within a sample and between, and one single look at a time fixed beforehand: readings of a
 * gauge a few seconds apart are not independent, so ask it of few readings far apart, at the end of a stage. 1 where a
 * sample is empty.
 */
export function mannWhitneyP(first: readonly number[], second: readonly number[], alternative: Alternative): number {
  const ranks = compareRanks(first, second);
  return ranks.ties === 0 && first.length + second.length <= EXACT_UP_TO ? exactP(ranks, alternative) : normalP(ranks, alternative);
}

/** By counting all (m + n)!/(m! n!) ways the ranks can fall; only right without ties. */
export function exactP({ sizes: [m, n], first, second }: RankComparison, alternative: Alternative): number {
  const ways = waysByU(m, n);
  const all = ways.reduce((sum, count) => sum + count, 0);
  const atLeast = (u: number): number => ways.reduce((sum, count, at) => (at >= u ? sum + count : sum), 0) / all;
  return ofAlternative(alternative, first, second, atLeast);
}

/**
 * With z = (U − m n/2 − ½)/σ, σ² = m n/12 · [(N + 1) − Σ(t³ − t)/(N(N − 1))]. The half is the correction for continuity.
 */
export function normalP({ sizes: [m, n], first, second, ties }: RankComparison, alternative: Alternative, correction = 0.5): number {
  const all = m + n;
  const variance = all < 2 ? 0 : ((m * n) / 12) * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) return 1;
  const atLeast = (u: number): number => Math.exp(normalLogCdf(-(u - (m * n) / 2 - correction) / Math.sqrt(variance)));
  return ofAlternative(alternative, first, second, atLeast);
}

function ofAlternative(alternative: Alternative, first: number, second: number, atLeast: (u: number) => number): number {
  if (alternative === "greater") return atLeast(first);
  if (alternative === "less") return atLeast(second);
  return Math.min(1, 2 * atLeast(Math.max(first, second)));
}

/** In how many ways each U comes about: rank by rank, the next one going to the first sample or not. */
function waysByU(m: number, n: number): number[] {
  const ways = Array.from({ length: m + 1 }, () => Array<number>(m * n + 1).fill(0));
  ways[0]![0] = 1;
  for (let rank = 1; rank <= m + n; rank++) {
    for (let taken = Math.min(rank, m); taken >= 1; taken--) {
      // The first sample's value at this rank is larger than the rank − taken values of the second below it.
      const beaten = rank - taken;
      if (beaten > n) continue;
      for (let u = m * n; u >= beaten; u--) ways[taken]![u]! += ways[taken - 1]![u - beaten]!;
    }
  }
  return ways[m]!;
}

/**
 * The smallest p that samples of these sizes can have at all: m! n!/(m + n)!, twice that for "either". Where it is above
 * the α that a test is given, the test can never reject: 3 values against 3 have no two-sided p below 0.1.
 */
export function smallestP(m: number, n: number, alternative: Alternative): number {
  const one = Math.exp(logGamma(m + 1) + logGamma(n + 1) - logGamma(m + n + 1));
  return Math.min(1, alternative === "either" ? 2 * one : one);
}

/** Hodges and Lehmann's estimate of how far the first sample is above the second: the median of all differences; nothing of an empty sample. */
export function medianDifference(first: readonly number[], second: readonly number[]): number | undefined {
  const differences = first.flatMap((one) => second.map((other) => one - other)).sort((a, b) => a - b);
  const half = differences.length >> 1;
  if (differences.length === 0) return undefined;
  return differences.length % 2 === 1 ? differences[half] : (differences[half - 1]! + differences[half]!) / 2;
}
