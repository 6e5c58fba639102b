import { betaBinomialLogE, type Tuning } from "../../src/stats/limit.ts";
import { twoSidedBetaBinomialLogE } from "../../src/stats/betaBinomial.ts";
import { normalLogCdf } from "../../src/stats/distributions.ts";
import { firstWhere } from "../../src/stats/search.ts";
import { sharpestInformation } from "../../src/stats/difference.ts";
import { logGamma, logGammaTails } from "../../src/stats/special.ts";

/** The uniform boundaries of Howard, Ramdas, McAuliffe & Sekhon (arXiv 1810.08240), at intrinsic time v and sum s. */
export interface Boundary {
  readonly s: number;
  readonly v: number;
  readonly v_opt: number;
  readonly alpha: number;
  readonly alpha_opt: number;
  readonly c: number;
  readonly g: number;
  readonly h: number;
}

type LogMixture = (inputs: Boundary) => number;

const oneSided = ({ v_opt, alpha_opt }: Boundary): number => v_opt / sharpestInformation(alpha_opt);
const twoSided = ({ v_opt, alpha_opt }: Boundary): number => v_opt / sharpestInformation(alpha_opt / 2);

/** The sum as so many events of so many requests, of a rate g/(g + h) under the null. */
function betaBinomial(logE: typeof betaBinomialLogE): LogMixture {
  return ({ s, v, v_opt, alpha_opt, g, h }) => {
    const p0 = g / (g + h);
    const tuning: Tuning = { optimum: v_opt / (g * h), alpha: alpha_opt };
    const total = v / (g * h);
    return logE({ events: s / (g + h) + total * p0, total }, p0, tuning);
  };
}

const mixtures: Record<string, LogMixture> = {
  normal1(inputs) {
    const [rho, { s, v }] = [oneSided(inputs), inputs];
    return 0.5 * Math.log((4 * rho) / (v + rho)) + (s * s) / (2 * (v + rho)) + normalLogCdf(s / Math.sqrt(v + rho));
  },
  normal2(inputs) {
    const [rho, { s, v }] = [twoSided(inputs), inputs];
    return 0.5 * Math.log(rho / (v + rho)) + (s * s) / (2 * (v + rho));
  },
  /** e^(λs − vψ(λ)), ψ(λ) = −[ln(1 − cλ) + cλ]/c², with 1 − cλ gamma-distributed below 1. */
  gammaexp(inputs) {
    const { s, v, c } = inputs;
    const [before, after] = [oneSided(inputs) / c ** 2, (v + oneSided(inputs)) / c ** 2];
    const part = (shape: number, rate: number): number => logGamma(shape) + logGammaTails(shape, rate).lower - shape * Math.log(rate);
    return part(after, s / c + after) - part(before, before) + s / c + v / c ** 2;
  },
  /** The same with ψ(λ) = (e^(cλ) − cλ − 1)/c² and e^(cλ) gamma-distributed above 1. */
  gammapoisson(inputs) {
    const { s, v, c } = inputs;
    const [before, after] = [oneSided(inputs) / c ** 2, (v + oneSided(inputs)) / c ** 2];
    const part = (shape: number, rate: number): number => logGamma(shape) + logGammaTails(shape, rate).upper - shape * Math.log(rate);
    return part(s / c + after, after) - part(before, before) + v / c ** 2;
  },
  betabin1: betaBinomial(betaBinomialLogE),
  betabin2: betaBinomial(twoSidedBetaBinomialLogE),
};

/** By a name such as confseq-normal1-logmix: the log of the mixture, the s where it reaches 1/α, or its tuning ρ. */
export function boundary(inputs: Boundary, name: string): number {
  const [, kind = "", what] = name.split("-");
  const logMixture = mixtures[kind];
  if (!logMixture) throw new RangeError(`there is no boundary ${kind}`);
  if (what === "logmix") return logMixture(inputs);
  if (what === "rho") return kind.endsWith("2") ? twoSided(inputs) : oneSided(inputs);
  if (what !== "bound") throw new RangeError(`a boundary has no ${what}`);
  const reached = (s: number): boolean => logMixture({ ...inputs, s }) >= -Math.log(inputs.alpha);
  // A beta-binomial sum is at most that of nothing but events.
  const most = kind.startsWith("betabin") ? inputs.v / inputs.g : 100 * Math.sqrt(inputs.v);
  return firstWhere(reached, 0, most);
}

/** ζ(s) by Euler and Maclaurin's formula from 50 on. */
function zeta(s: number): number {
  const n = 50;
  let sum = 0;
  for (let k = 1; k < n; k++) sum += k ** -s;
  return sum + n ** (1 - s) / (s - 1) + n ** -s / 2 + (s * n ** (-s - 1)) / 12 - (s * (s + 1) * (s + 2) * n ** (-s - 3)) / 720;
}

/** The polynomial stitched boundary (theorem 1 there). */
export function polynomialStitching(of: { v: number; alpha: number; v_min: number; c: number; s: number; eta: number }): number {
  const v = Math.max(of.v, of.v_min);
  const log = of.s * Math.log(Math.log((of.eta * v) / of.v_min)) + Math.log(zeta(of.s) / (of.alpha * Math.log(of.eta) ** of.s));
  const root = (of.eta ** 0.25 + of.eta ** -0.25) / Math.SQRT2;
  const linear = ((Math.sqrt(of.eta) + 1) / 2) * of.c * log;
  return Math.sqrt(root ** 2 * v * log + linear ** 2) + linear;
}

/** The two-sided ρ² as drconfseq has it, "exactly": u − ln(1 + u) = −2 ln α − α², ρ² = u/t_opt. */
export function exactTuning(alpha: number, optimum: number): number {
  const beyond = (u: number): boolean => u - Math.log1p(u) >= -2 * Math.log(alpha) - alpha * alpha;
  return firstWhere(beyond, 0, 1000) / optimum;
}
