/** Special functions in log space: a tail of 1e-5000 is still a number here. Natural logarithms throughout. */

const HALF_LOG_TWO_PI = 0.9189385332046727;

/** ln(e^a + e^b) without overflow; −∞ stands for ln 0. */
export function logAddExp(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === -Infinity ? -Infinity : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}

/** ln Σ e^v without overflow; −∞ for no values. */
export function logSumExp(values: readonly number[]): number {
  let largest = -Infinity;
  for (const value of values) if (!(value <= largest)) largest = value;
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

/** ln(1 − e^v) for v ≤ 0, accurate at both ends (Mächler 2012, "Accurately computing log(1 − exp(−|a|))"). */
export function log1mExp(value: number): number {
  return value > -Math.LN2 ? Math.log(-Math.expm1(value)) : Math.log1p(-Math.exp(value));
}

/** What Stirling's formula lacks: ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π], for x ≥ 10 (Abramowitz & Stegun 6.1.41). */
function stirlingError(x: number): number {
  const s = 1 / (x * x);
  return (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156)))))) / x;
}

/** ln Γ(x) for x > 0: Stirling's series from 10 on, and Γ(x + 1) = x Γ(x) below. */
export function logGamma(x: number): number {
  let product = 1;
  let shifted = x;
  for (; shifted < 10; shifted++) product *= shifted;
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TWO_PI + stirlingError(shifted) - Math.log(product);
}

/** ln B(a, b) for a, b > 0. The large terms of the three gammas are cancelled on paper, not in floating point. */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  if (large < 10) return logGamma(a) + logGamma(b) - logGamma(a + b);
  const sum = a + b;
  const tail = (large - 0.5) * Math.log1p(-small / sum) + stirlingError(large) - stirlingError(sum);
  if (small < 10) return logGamma(small) + small - small * Math.log(sum) + tail;
  return small * Math.log(small / sum) - 0.5 * Math.log(small) + HALF_LOG_TWO_PI + stirlingError(small) + tail;
}

/** The continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22); for x below about the mean. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  // It takes about √max(a, b) rounds; the bound only keeps a loop from being endless.
  for (let m = 1; m < 1_000_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

/**
 * ln[x^a (1 − x)^b/B(a, b)]. Its terms are far larger than itself where a and b are large; written by the deviance, as
 * Loader (2000, "Fast and accurate computation of binomial probabilities") does, they never come up.
 */
function logBetaFront(x: number, a: number, b: number): number {
  if (Math.min(a, b) < 10) return a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b);
  const sum = a + b;
  const surplus = a * (1 - x) - b * x;
  const stirling = stirlingError(sum) - stirlingError(a) - stirlingError(b);
  return 0.5 * Math.log(a * (b / sum)) - HALF_LOG_TWO_PI + stirling - deviance(a, sum * x, surplus) - deviance(b, sum * (1 - x), -surplus);
}

/** value · ln(value/mean) − surplus, surplus being value − mean. */
function deviance(value: number, mean: number, surplus: number): number {
  const excess = surplus / mean;
  if (Math.abs(excess) > 0.5) return value * Math.log(value / mean) - surplus;
  return mean * ((1 + excess) * Math.log1p(excess) - excess);
}

/**
 * ln I_x(a, b) and ln[1 − I_x(a, b)], the two tails of a beta distribution, for a, b > 0 and 0 < x < 1. The smaller tail
 * comes from the continued fraction itself, so that it is accurate however small it is.
 */
export function logBetaTails(x: number, a: number, b: number): { lower: number; upper: number } {
  const front = logBetaFront(x, a, b);
  if (x * (a + b + 2) < a + 1) {
    const lower = Math.min(0, front - Math.log(a) + Math.log(betaFraction(x, a, b)));
    return { lower, upper: log1mExp(lower) };
  }
  const upper = Math.min(0, front - Math.log(b) + Math.log(betaFraction(1 - x, b, a)));
  return { lower: log1mExp(upper), upper };
}

/** ln[x^a e^(−x)/Γ(a)], by the deviance where a is large, as `logBetaFront`. */
function logGammaFront(a: number, x: number): number {
  if (a < 10) return a * Math.log(x) - x - logGamma(a);
  return 0.5 * Math.log(a) - HALF_LOG_TWO_PI - stirlingError(a) - deviance(a, x, a - x);
}

/** The continued fraction of the upper incomplete gamma function by Lentz's method (DLMF 8.9.2); for x above about a. */
function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = Infinity;
  let d = 1 / b;
  let fraction = d;
  for (let k = 1; k < 1_000_000; k++) {
    const numerator = -k * (k - a);
    b += 2;
    d = 1 / (b + numerator * d);
    c = b + numerator / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

/** Σ x^k/[(a + 1) … (a + k)] (DLMF 8.11.4); for x below about a. */
function gammaSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-16 * sum; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum;
}

/** ln P(a, x) and ln Q(a, x), the two tails of a gamma distribution of shape a, for a > 0 and x > 0. */
export function logGammaTails(a: number, x: number): { lower: number; upper: number } {
  const front = logGammaFront(a, x);
  if (x < a + 1) {
    const lower = Math.min(0, front - Math.log(a) + Math.log(gammaSeries(a, x)));
    return { lower, upper: log1mExp(lower) };
  }
  const upper = Math.min(0, front + Math.log(gammaFraction(a, x)));
  return { lower: log1mExp(upper), upper };
}

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);

const CENTRAL = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087, 33430.57558358813,
    2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943,
    5226.495278852854,
  ],
] as const;
const MIDDLE = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
    0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457, 0.0005475938084995345,
    1.0507500716444169e-9,
  ],
] as const;
const FAR = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124, 0.0012426609473880784,
    2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5, 1.421511758316446e-7,
    2.0442631033899397e-15,
  ],
] as const;

/** The quantile of the standard normal distribution, for 0 < p < 1 (Wichura 1988, algorithm AS 241, PPND16). */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRAL[0], r)) / polynomial(CENTRAL[1], r);
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const [part, offset] = r <= 5 ? [MIDDLE, 1.6] : [FAR, 5];
  const size = polynomial(part[0], r - offset) / polynomial(part[1], r - offset);
  return q < 0 ? -size : size;
}
