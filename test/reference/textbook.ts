import { normalLogCdf } from "../../src/stats/distributions.ts";
import { firstWhere } from "../../src/stats/search.ts";
import { logBetaTails } from "../../src/stats/special.ts";

/** Tests of textbooks that the product does not decide by: they check the special functions from another side. */

export interface Sample {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

export function sampleOf(values: readonly number[]): Sample {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: values.length, mean, variance: squares / (values.length - 1) };
}

export function normalTail(z: number): number {
  return Math.exp(normalLogCdf(-z));
}

/** P(T ≤ t): I_(ν/(ν + t²))(ν/2, ½)/2 on the left. */
export function studentCdf(t: number, freedom: number): number {
  if (t === 0) return 0.5;
  const tail = Math.exp(logBetaTails(freedom / (freedom + t * t), freedom / 2, 0.5).lower) / 2;
  return t < 0 ? tail : 1 - tail;
}

export function welch(first: Sample, second: Sample) {
  const [a, b] = [first.variance / first.count, second.variance / second.count];
  const t = (first.mean - second.mean) / Math.sqrt(a + b);
  const df = (a + b) ** 2 / (a ** 2 / (first.count - 1) + b ** 2 / (second.count - 1));
  return { t, df, p_two_sided: 2 * studentCdf(-Math.abs(t), df), p_greater: studentCdf(-t, df) };
}

/** The interval of a rate by inverting both binomial tails. */
export function clopperPearson(events: number, total: number, alpha: number): [number, number] {
  const low = (p: number): boolean => p > 0 && logBetaTails(p, events, total - events + 1).lower >= Math.log(alpha / 2);
  const high = (p: number): boolean => p < 1 && logBetaTails(p, events + 1, total - events).upper >= Math.log(alpha / 2);
  return [events === 0 ? 0 : firstWhere(low, 0, 1), events === total ? 1 : firstWhere(high, 1, 0)];
}

export function bonferroni(ps: readonly number[]): number[] {
  return ps.map((p) => Math.min(1, p * ps.length));
}

/** Benjamini and Hochberg's adjusted p-values. */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  const order = ps.map((_, index) => index).sort((a, b) => ps[b]! - ps[a]!);
  const adjusted = ps.map(() => 1);
  let least = 1;
  for (const [place, index] of order.entries()) {
    least = Math.min(least, (ps[index]! * ps.length) / (ps.length - place));
    adjusted[index] = least;
  }
  return adjusted;
}
