import { logEach } from "./fastMath.ts";
import { scratchBySize } from "./scratch.ts";
import { logGamma } from "./special.ts";

/** Up to so many factors a product is faster than two logs of gamma functions. */
const SHORT = 48;
/** A product may grow to this before its log is taken. */
const LARGE = 1e250;

/** With so many events in all, whose factors are at most twice that, both products together are below 1e220. */
const FEW = 96;
const scratchFor = scratchBySize((size) => new Float64Array(size));

/** ln[Γ(a + x)/Γ(a)] for a > 0, x ≥ 0: for a whole x the log of a(a + 1)…(a + x − 1). */
export function logRising(a: number, x: number): number {
  if (x <= SHORT && Number.isInteger(x)) {
    let log = 0;
    let product = 1;
    for (let k = 0; k < x; k++) {
      product *= a + k;
      if (product > LARGE) {
        log += Math.log(product);
        product = 1;
      }
    }
    return log + Math.log(product);
  }
  return logGamma(a + x) - logGamma(a);
}

/**
 * How two groups share m events that come in clusters, the variance of each count being φ times its mean: ln P(x | m)
 * without the binomial coefficient, as a beta-binomial whose log-odds are Z,
 *
 *   P = (θs)_x ((1 − θ)s)_(m − x)/(s)_m,   θ = σ(Z),   s = max(m − φ, m/10, 1/20)/(φ − 1),   (a)_x = Γ(a + x)/Γ(a)
 *
 * Source: this project's own. s makes the variance that of x given m when both counts have variance φ · mean: the
 * inflation (s + m)/(s + 1) is about φ, or as near as a beta-binomial comes where m is not above φ.
 *
 * @param x events of the first group, 0 ≤ x ≤ m; need not be whole
 * @param shares θ for each Z, and `others` 1 − θ, which is not lost where θ is nearly 1
 * @param size φ > 1
 * @param out where ln P goes, from `at` on, one for each Z
 */
export function clusterNoise(
  x: number,
  m: number,
  shares: Float64Array,
  others: Float64Array,
  size: number,
  out: Float64Array,
  at: number,
): void {
  const concentration = Math.max(m - size, 0.1 * m, 0.05) / (size - 1);
  const norm = logRising(concentration, m);
  const count = shares.length;
  if (m <= FEW && Number.isInteger(x) && Number.isInteger(m)) {
    const products = scratchFor(count);
    products.fill(1);
    for (let k = 0; k < x; k++) for (let index = 0; index < count; index++) products[index]! *= shares[index]! * concentration + k;
    for (let k = 0; k < m - x; k++) for (let index = 0; index < count; index++) products[index]! *= others[index]! * concentration + k;
    logEach(products, count);
    for (let index = 0; index < count; index++) out[at + index] = products[index]! - norm;
    return;
  }
  for (let index = 0; index < count; index++) {
    out[at + index] = logRising(shares[index]! * concentration, x) + logRising(others[index]! * concentration, m - x) - norm;
  }
}
