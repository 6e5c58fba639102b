import { fastExp, fastLog } from "./fastMath.ts";
import { logBeta } from "./special.ts";

/** The nodes sinh(k/2) and weights cosh(k/2)/2 of the quadrature for k = 1 … 6; k = 0 is 0 and ½. */
const NODES = Float64Array.from([1, 2, 3, 4, 5, 6], (k) => Math.sinh(k / 2));
const WEIGHTS = Float64Array.from([1, 2, 3, 4, 5, 6], (k) => Math.cosh(k / 2) / 2);

/** How near to the mode is near enough, in widths of the peak: the integral then moves by less than 1e-8. */
const NEAR = 1e-4;

/** Past a node this far below the peak (in logs), those farther out add less than 1e-10: the integrand is log-concave. */
const NEGLIGIBLE = -16;

/**
 * How two groups share m events when each group's rate is multiplied by gamma noise of its own, of mean 1 and variance
 * c: ln P(x | m) without the binomial coefficient. The noise of the log-odds, u = ln(noise_1/noise_2), is the log of a
 * ratio of two gammas of shape a = 1/c:
 *
 *   P = ∫ σ(Z + u)^x (1 − σ(Z + u))^(m − x) · e^(au)/((1 + e^u)^2a B(a, a)) du,   σ(z) = 1/(1 + e^−z)
 *
 * Source: this project's own; the quadrature over u = mode + τ sinh t, t = −3, −2.5, … 3, with τ from the curvature at
 * the mode, is the double-exponential one of Takahasi & Mori (1974) without its outer part. Its error is about 1e-4 in
 * ln P, nearly the same at every Z.
 *
 * @param x events of the first group, 0 ≤ x ≤ m; need not be whole
 * @param odds e^Z for each Z of `logOdds`, ascending and within ±40
 * @param shape a
 * @param out where ln P goes, from `at` on, one for each Z
 */
export function gammaNoise(
  x: number,
  m: number,
  logOdds: Float64Array,
  odds: Float64Array,
  shape: number,
  out: Float64Array,
  at: number,
): void {
  const logNorm = logBeta(shape, shape);
  const twice = 2 * shape;
  const pull = x + shape;
  const observed = Math.log((x + 0.5) / (m - x + 0.5));
  let u = Number.NaN;
  let slope = 0;
  for (let index = 0; index < odds.length; index++) {
    const ratio = odds[index]!;
    const height = observed - logOdds[index]!;
    let low = Math.min(0, height) - 1;
    let high = Math.max(0, height) + 1;
    // The mode moves smoothly with Z: the last one, carried on along its tangent, is a good guess.
    if (index > 0) u -= slope * (logOdds[index]! - logOdds[index - 1]!);
    if (!(u >= low && u <= high)) u = (low + high) / 2;

    // Newton for the mode, d/du = 0; halving where it would leave the bracket.
    let p = 0;
    let q = 0;
    let bend = 0;
    let curvature = 1;
    for (let round = 0; round < 40; round++) {
      const e = fastExp(u);
      const both = ratio * e;
      p = both / (1 + both);
      q = e / (1 + e);
      bend = (m * p) / (1 + both);
      curvature = bend + (twice * q) / (1 + e);
      const rise = pull - m * p - twice * q;
      const step = rise / curvature;
      if (step * step * curvature < NEAR * NEAR) break;
      if (rise > 0) low = u;
      else high = u;
      u += step;
      if (!(u >= low && u <= high)) u = (low + high) / 2;
    }
    slope = bend / curvature;

    // Relative to its value at u the integrand is E^(x + a)/((1 − p + pE)^m (1 − q + qE)^2a) with E = e^(node − u): one
    // exponential for both powers, and for the node on the other side, whose E is the inverse.
    const e = fastExp(u);
    const notP = 1 / (1 + ratio * e);
    const notQ = 1 / (1 + e);
    const tau = 1 / Math.sqrt(curvature);
    let sum = 0.5;
    for (let k = 0; k < 6; k++) {
      const distance = tau * NODES[k]!;
      const up = fastExp(distance);
      const down = 1 / up;
      const above = pull * distance - m * fastLog(notP + p * up) - twice * fastLog(notQ + q * up);
      const below = -pull * distance - m * fastLog(notP + p * down) - twice * fastLog(notQ + q * down);
      sum += WEIGHTS[k]! * (fastExp(above) + fastExp(below));
      if (above < NEGLIGIBLE && below < NEGLIGIBLE) break;
    }
    const peak = x * (logOdds[index]! + u) - m * Math.log1p(ratio * e) + shape * u - twice * Math.log1p(e);
    out[at + index] = peak + fastLog(sum * tau) - logNorm;
  }
}
