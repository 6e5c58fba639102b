import { twoSidedMultiple } from "../../src/stats/sequence.ts";
import { sequenceMultiple, sharpestInformation } from "../../src/stats/difference.ts";
import { compareRanks } from "../../src/stats/mannWhitney.ts";
import { firstWhere } from "../../src/stats/search.ts";
import { logGamma, normalQuantile } from "../../src/stats/special.ts";
import type { Sample } from "./textbook.ts";

/** The rules of other tools, as they publish them. */

/** GrowthBook: the difference, relative to the control if asked, its delta-method error, and its asymptotic half-widths. */
export function growthBook(control: Sample, treatment: Sample, of: { alpha: number; tuning: number; relative: boolean }) {
  const [c, t] = [control.mean, treatment.mean];
  const [vc, vt] = [control.variance / control.count, treatment.variance / treatment.count];
  const estimate = of.relative ? (t - c) / c : t - c;
  const se = of.relative ? Math.sqrt(vt / c ** 2 + (vc * t ** 2) / c ** 4) : Math.sqrt(vt + vc);
  const count = control.count + treatment.count;
  const one = se * sequenceMultiple((count * sharpestInformation(of.alpha)) / of.tuning, of.alpha);
  const two = se * twoSidedMultiple((count * sharpestInformation(of.alpha / 2)) / of.tuning, of.alpha);
  return { estimate, se, lower_for_greater: estimate - one, upper_for_lesser: estimate + one, ci: [estimate - two, estimate + two] };
}

/** Statsig's mSPRT: the z that is beyond chance at any look, at α one-sided and α/2 on each of two sides. */
export function statsig(of: { var_t: number; n_t: number; var_c: number; n_c: number; alpha: number; one_sided: boolean }) {
  const alpha = of.one_sided ? of.alpha : of.alpha / 2;
  const V = of.var_t / of.n_t + of.var_c / of.n_c;
  const tau = (normalQuantile(1 - alpha) ** 2 * (of.var_t + of.var_c)) / (of.n_t + of.n_c);
  return { z_star: Math.sqrt(((V + tau) / tau) * (-2 * Math.log(alpha) - Math.log(V / (V + tau)))), V, tau };
}

/** Kayenta, which follows R's wilcox.test: all shifts of the experiment that the approximate test does not reject. */
export function kayenta(experiment: readonly number[], control: readonly number[], confidence: number) {
  const zAt = (shift: number, correction: number): number => {
    const moved = experiment.map((value) => value - shift);
    const { first, ties, sizes } = compareRanks(moved, control);
    const [m, n] = sizes;
    const all = m + n;
    const surplus = first - (m * n) / 2;
    const deviation = Math.sqrt(((m * n) / 12) * (all + 1 - ties / (all * (all - 1))));
    return (surplus - Math.sign(surplus) * correction) / deviation;
  };
  const range = [Math.min(...experiment) - Math.max(...control) - 1e-9, Math.max(...experiment) - Math.min(...control) + 1e-9] as const;
  const crossing = (z: number, correction: number): number => firstWhere((shift) => zAt(shift, correction) <= z, ...range);
  const z = normalQuantile((1 + confidence) / 2);
  return { ci: [crossing(z, 0.5), crossing(-z, 0.5)], estimate: crossing(0, 0) };
}

/** Lindon's anytime Poisson test: each count against the mean of both, the mean itself Gamma(φ, φ). */
export function poissonAb(nA: number, nB: number, phi: number) {
  const mean = (nA + nB) / 2;
  const logE = (count: number): number =>
    phi * Math.log(phi) - (phi + count) * Math.log(phi + mean) + logGamma(phi + count) - logGamma(phi) + mean;
  const log = -logE(nA) - logE(nB);
  return { log_p_raw: log, p: Math.min(1, Math.exp(log)) };
}
