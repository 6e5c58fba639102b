import { firstWhere, minimumOf } from "./search.ts";

/**
 * How far an empirical distribution function can be from the true one, at all values and all times at once (Howard &
 * Ramdas 2022, "Sequential estimation of quantiles with applications to A/B testing and best-arm identification",
 * arXiv 1906.09712, theorem 2). Assumes observations that are independent of each other and of one distribution: sum
 * over one stage, not over a day.
 */

/** The factor A > 1/√2 in front of the root: smaller is tighter after very many observations, larger after few. */
const SCALE = 0.85;

/**
 * The radius A √[(ln(1 + ln(n/m)) + C)/n] after n ≥ m observations; ∞ before. It is exceeded, at any value and any
 * n ≥ m, with a chance of at most α, C being `radiusConstant(α)`.
 */
export function simultaneousRadius(count: number, earliest: number, constant: number, scale = SCALE): number {
  if (count < earliest) return Infinity;
  return scale * Math.sqrt((Math.log1p(Math.log(count / earliest)) + constant) / count);
}

/**
 * The smallest C for which the chance α holds: the root of min_η 4 e^(−γ²C) [1 + 1/((γ² − 1) ln η)] = α with
 * γ² = (2/η)(A − √(2(η − 1)/C))². 9.284, 8.623, 8.123 and 7.623 for α of 0.01, 0.025, 0.05 and 0.1.
 */
export function radiusConstant(alpha: number, scale = SCALE): number {
  const kept = (constant: number): boolean => logErrorOf(constant, scale) <= Math.log(alpha);
  let enough = 1;
  while (!kept(enough)) enough *= 2;
  return firstWhere(kept, 0, enough);
}

/** ln of the chance for a C, at the best η: golden section, after a grid has found about where. */
function logErrorOf(constant: number, scale: number): number {
  const logError = (eta: number): number => {
    const room = scale - Math.sqrt((2 * (eta - 1)) / constant);
    const gammaSquared = (2 / eta) * room * room;
    if (room <= 0 || gammaSquared <= 1) return Infinity;
    return Math.log(4) - gammaSquared * constant + Math.log1p(1 / ((gammaSquared - 1) * Math.log(eta)));
  };
  const [from, to] = [1, 2 * scale * scale];
  const grid = Array.from({ length: 63 }, (_, index) => from + ((index + 1) * (to - from)) / 64);
  const best = grid.reduce((least, eta) => (logError(eta) < logError(least) ? eta : least));
  return logError(minimumOf(logError, best - (to - from) / 64, best + (to - from) / 64));
}
