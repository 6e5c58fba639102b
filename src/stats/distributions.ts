import { logGammaTails } from "./special.ts";

/** Distribution functions in log space, so that a far tail is still a number. */

const HALF_LOG_TWO_PI = 0.9189385332046727;

/** Mills' ratio [1 − Φ(x)]/φ(x) for x ≥ 2: Laplace's continued fraction 1/(x + 1/(x + 2/(x + …))), from the back. */
function millsRatio(x: number): number {
  let tail = x;
  for (let k = 100; k >= 1; k--) tail = x + k / tail;
  return 1 / tail;
}

/** Φ(x) − ½ = φ(x) Σ x^(2k+1)/(1·3·…·(2k+1)), for |x| < 2 (Marsaglia 2004, "Evaluating the normal distribution"). */
function normalBeyondHalf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return sum * Math.exp((-x * x) / 2 - HALF_LOG_TWO_PI);
}

/** ln Φ(x), the logarithm of the standard normal distribution function; ln[1 − Φ(x)] is `normalLogCdf(−x)`. */
export function normalLogCdf(x: number): number {
  if (Math.abs(x) < 2) return Math.log(0.5 + normalBeyondHalf(x));
  const tail = -HALF_LOG_TWO_PI - (x * x) / 2 + Math.log(millsRatio(Math.abs(x)));
  return x < 0 ? tail : Math.log1p(-Math.exp(tail));
}

/** ln P(χ² ≥ x) with so many degrees of freedom, for x ≥ 0. */
export function chiSquareLogTail(x: number, freedom: number): number {
  return x <= 0 ? 0 : logGammaTails(freedom / 2, x / 2).upper;
}
