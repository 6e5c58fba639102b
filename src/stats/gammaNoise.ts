import { expEach, logEach } from "./fastMath.ts";
import { scratchBySize } from "./scratch.ts";
import { logBeta } from "./special.ts";

/** The nodes sinh(k/2) and weights cosh(k/2)/2 of the quadrature for k = 1 … 6; k = 0 is 0 and ½. */
const NODES = Float64Array.from([1, 2, 3, 4, 5, 6], (k) => Math.sinh(k / 2));
const WEIGHTS = Float64Array.from([1, 2, 3, 4, 5, 6], (k) => Math.cosh(k / 2) / 2);

/** Past a node this far below the peak (in logs), those farther out add less than 1e-10: the integrand is log-concave. */
const NEGLIGIBLE = -16;

const scratchFor = scratchBySize((size) => ({
  /** Those of the Z whose integral is not done. */
  active: new Int32Array(size),
  p: new Float64Array(size),
  notP: new Float64Array(size),
  q: new Float64Array(size),
  notQ: new Float64Array(size),
  /** The width of the peak. */
  width: new Float64Array(size),
  sums: new Float64Array(size),
  /** What logs and exponentials are taken of: up to four and two for each Z. */
  logs: new Float64Array(4 * size),
  exps: new Float64Array(2 * size),
}));

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
 * @param odds e^Z for each Z of `logOdds`, within ±40
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
  const size = odds.length;
  const { active, p, notP, q, notQ, width, sums, logs, exps } = scratchFor(size);
  const twice = 2 * shape;
  const pull = x + shape;
  const push = m - x + shape;

  // The mode: x + a − m σ(Z + u) − 2a σ(u) = 0 is a quadratic equation for E = e^u.
  for (let index = 0; index < size; index++) {
    const ratio = odds[index]!;
    const half = x - shape + ratio * (shape - (m - x));
    const root = Math.sqrt(half * half + 4 * push * pull * ratio);
    const e = half > 0 ? (half + root) / (2 * push * ratio) : (2 * pull) / (root - half);
    const both = ratio * e;
    notP[index] = 1 / (1 + both);
    notQ[index] = 1 / (1 + e);
    p[index] = both * notP[index]!;
    q[index] = e * notQ[index]!;
    width[index] = 1 / Math.sqrt(m * p[index]! * notP[index]! + twice * q[index]! * notQ[index]!);
    logs[3 * index] = e;
    logs[3 * index + 1] = 1 + both;
    logs[3 * index + 2] = 1 + e;
    sums[index] = 0.5;
    active[index] = index;
  }
  logEach(logs, 3 * size);
  const logNorm = logBeta(shape, shape);
  for (let index = 0; index < size; index++) {
    const peak = pull * logs[3 * index]! - m * logs[3 * index + 1]! - twice * logs[3 * index + 2]!;
    out[at + index] = x * logOdds[index]! + peak - logNorm;
  }

  // Relative to its value at the mode the integrand is E^(x + a)/((1 − p + pE)^m (1 − q + qE)^2a) with E = e^(node − mode):
  // one exponential for both powers, and for the node on the other side, whose E is the inverse.
  let left = size;
  for (let k = 0; k < 6 && left > 0; k++) {
    const node = NODES[k]!;
    for (let j = 0; j < left; j++) exps[j] = width[active[j]!]! * node;
    expEach(exps, left);
    for (let j = 0; j < left; j++) {
      const index = active[j]!;
      const up = exps[j]!;
      const down = 1 / up;
      logs[4 * j] = notP[index]! + p[index]! * up;
      logs[4 * j + 1] = notQ[index]! + q[index]! * up;
      logs[4 * j + 2] = notP[index]! + p[index]! * down;
      logs[4 * j + 3] = notQ[index]! + q[index]! * down;
    }
    logEach(logs, 4 * left);
    for (let j = 0; j < left; j++) {
      const distance = pull * width[active[j]!]! * node;
      exps[2 * j] = distance - m * logs[4 * j]! - twice * logs[4 * j + 1]!;
      exps[2 * j + 1] = -distance - m * logs[4 * j + 2]! - twice * logs[4 * j + 3]!;
    }
    for (let j = 0; j < left; j++) logs[j] = Math.max(exps[2 * j]!, exps[2 * j + 1]!);
    expEach(exps, 2 * left);
    let still = 0;
    for (let j = 0; j < left; j++) {
      const index = active[j]!;
      sums[index]! += WEIGHTS[k]! * (exps[2 * j]! + exps[2 * j + 1]!);
      if (logs[j]! >= NEGLIGIBLE) active[still++] = index;
    }
    left = still;
  }
  for (let index = 0; index < size; index++) logs[index] = sums[index]! * width[index]!;
  logEach(logs, size);
  for (let index = 0; index < size; index++) out[at + index]! += logs[index]!;
}
