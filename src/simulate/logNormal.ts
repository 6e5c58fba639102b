import type { Sums } from "../model/measurement.ts";
import type { Random } from "./random.ts";

/** Values whose logarithm is normal around that of their median. */
export interface LogNormal {
  readonly median: number;
  /** The standard deviation of the logarithm. */
  readonly spread: number;
}

/** The share of the values up to a bound. */
export function shareBelow({ median, spread }: LogNormal, bound: number): number {
  if (bound <= 0) return 0;
  return normalShareBelow(Math.log(bound / median) / spread);
}

/** Φ(z), by the rational approximation 26.2.17 of Abramowitz and Stegun; right to 7.5e-8, which no simulation shows. */
function normalShareBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z > 0 ? 1 - tail : tail;
}

/** From so many values on their sums are about normal. */
const MANY = 100;

/** Count, sum and sum of squares of so many values. */
export function drawSums(random: Random, { median, spread }: LogNormal, count: number): Sums {
  if (count < MANY) {
    let [sum, sumSquares] = [0, 0];
    for (let index = 0; index < count; index++) {
      const value = median * Math.exp(spread * random.normal());
      sum += value;
      sumSquares += value * value;
    }
    return { count, sum, sumSquares };
  }
  // E X^k = median^k exp(k² spread² / 2). Both sums are drawn together, as they depend on each other.
  const moment = (k: number): number => median ** k * Math.exp((k * k * spread * spread) / 2);
  const variance = moment(2) - moment(1) ** 2;
  const varianceOfSquares = moment(4) - moment(2) ** 2;
  const covariance = moment(3) - moment(1) * moment(2);
  const [first, second] = [random.normal(), random.normal()];
  const sum = count * moment(1) + Math.sqrt(count * variance) * first;
  const slope = covariance / Math.sqrt(variance);
  const rest = Math.sqrt(Math.max(0, varianceOfSquares - slope * slope));
  const sumSquares = count * moment(2) + Math.sqrt(count) * (slope * first + rest * second);
  // No values have less than this.
  return { count, sum, sumSquares: Math.max(sumSquares, (sum * sum) / count) };
}

/** How many of so many values fall into each bucket; one more than there are bounds. */
export function drawBuckets(random: Random, chances: readonly number[], count: number): number[] {
  let [left, rest] = [count, 1];
  return chances.map((chance, index) => {
    const own = index === chances.length - 1 ? left : random.binomial(left, Math.min(1, Math.max(0, chance / rest)));
    left -= own;
    rest = Math.max(1e-300, rest - chance);
    return own;
  });
}

/** The chance of each bucket. */
export function bucketChances(values: LogNormal, bounds: readonly number[]): number[] {
  const below = [...bounds.map((bound) => shareBelow(values, bound)), 1];
  return below.map((share, index) => share - (below[index - 1] ?? 0));
}
