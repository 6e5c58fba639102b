import { z } from "zod";
import { rateSequence } from "../../src/stats/betaBinomial.ts";
import { beginCeiling, ceilingLogE, stepCeiling } from "../../src/stats/ceiling.ts";
import { beginDab, calibrateDab, dabLogE, stepDab } from "../../src/stats/dab.ts";
import { normalLogCdf } from "../../src/stats/distributions.ts";
import { radiusConstant, simultaneousRadius } from "../../src/stats/empiricalProcess.ts";
import { holm } from "../../src/stats/holm.ts";
import { rateInterval } from "../../src/stats/intervals.ts";
import { betaBinomialLogE, limitPrior } from "../../src/stats/limit.ts";
import { compareRanks, exactP, medianDifference, normalP, type Alternative } from "../../src/stats/mannWhitney.ts";
import { beginMixture } from "../../src/stats/mixture.ts";
import { quantileChangeLogE } from "../../src/stats/quantileChange.ts";
import { ratioLogE, stepRatio, type Groups } from "../../src/stats/ratio.ts";
import {
  beginSampleRatio,
  chiSquareOfShares,
  logDirichletMultinomial,
  logMultinomial,
  sampleRatioP,
  stepSampleRatio,
} from "../../src/stats/sampleRatio.ts";
import { halfWidth, tuningFor } from "../../src/stats/sequence.ts";
import { requestsForRates, sequentialInflation } from "../../src/stats/sizing.ts";
import { logBetaTails, logGamma, normalQuantile } from "../../src/stats/special.ts";
import { boundary, exactTuning, polynomialStitching } from "./boundaries.ts";
import { method, type Method } from "./cases.ts";
import { growthBook, kayenta, poissonAb, statsig } from "./peers.ts";
import { benjaminiHochberg, bonferroni, clopperPearson, normalTail, sampleOf, studentCdf, welch } from "./textbook.ts";

const number = z.number();
const numbers = z.array(number);
const counts = z.object({ x: number, n: number });
const moments = z.object({ sum: number, sum_squares: number, n: number });
const gridInputs = z.object({
  rows: z.array(z.object({ xt: number, nt: number, xc: number, nc: number })),
  r0: number,
  grid: numbers,
  restart_weights: numbers.default([1]),
});
const alternatives: readonly [string, Alternative][] = [
  ["two-sided", "either"],
  ["greater", "greater"],
  ["less", "less"],
];

/** By method: what our functions say to a case's inputs. */
export const methods: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    dab_guard: method(
      z.object({
        looks: z.array(z.tuple([number, number, number, number])),
        calibration: z.array(z.tuple([number, number, number, number])).default([]),
        alpha: number.default(0.05),
        r0: number.default(1),
        strict: z.boolean().default(false),
        restart: z.boolean().default(true),
        /** How far the control may weigh the kinds: in full, or not at all. */
        kappa: z.literal([0, 3]).default(3),
      }),
      ({ looks, calibration, alpha, r0, strict, restart, kappa }) => {
        const groups = ([xT, nT, xC, nC]: [number, number, number, number]): Groups => ({
          treatment: { events: xT, total: nT },
          control: { events: xC, total: nC },
        });
        let state = beginDab({ restart, controlHistory: kappa > 0 });
        for (const look of calibration) state = calibrateDab(state, groups(look), r0);
        return alarms(
          looks.map((look) => dabLogE((state = stepDab(state, groups(look), r0)), { strict })),
          alpha,
        );
      },
    ),
    dab_ceiling: method(
      z.object({ looks: z.array(z.tuple([number, number])), p0: number, alpha: number.default(0.05) }),
      ({ looks, p0, alpha }) => {
        let state = beginCeiling();
        const logs = looks.map(([events, total]) =>
          ceilingLogE((state = stepCeiling(state, { events, total }, { limit: p0, side: "above" }))),
        );
        return alarms(logs, alpha);
      },
    ),
    conditional_binomial_grid_eprocess: method(gridInputs, gridProcess),
    conditional_binomial_grid_eprocess_restart: method(gridInputs, gridProcess),
    one_sided_beta_binomial_eprocess: method(
      z.object({ x: number, n: number, p0: number, n_opt: number, alpha_opt: number }),
      ({ x, n, p0, n_opt, alpha_opt }) => {
        const tuning = { optimum: n_opt, alpha: alpha_opt };
        const prior = limitPrior(p0, tuning);
        const logE = betaBinomialLogE({ events: x, total: n }, p0, tuning);
        const p = Math.min(1, Math.exp(-logE));
        return { r: prior.r, prior_a: prior.a, prior_b: prior.b, log_e: logE, p_value: p, breach_at_0_05: p <= 0.05 };
      },
    ),
    bernoulli_confidence_sequence: method(z.object({ x: number, n: number, alpha: number, t_opt: number }), ({ x, n, alpha, t_opt }) =>
      rateSequence({ events: x, total: n }, alpha, { optimum: t_opt, alpha }),
    ),
    asymp_cs_halfwidth: method(z.object({ n: number, variance: number, alpha: number, n_opt: number }), ({ n, variance, alpha, n_opt }) => {
      const [one, two] = [tuningFor("one", n_opt, alpha), tuningFor("two", n_opt, alpha)];
      return {
        rho_one: Math.sqrt(one),
        rho_two: Math.sqrt(two),
        halfwidth_one: halfWidth("one", { count: n, variance }, one, alpha),
        halfwidth_two: halfWidth("two", { count: n, variance }, two, alpha),
      };
    }),
    asymp_cs_rho2: method(z.object({ t_opt: number, alpha: number }), ({ t_opt, alpha }) => ({
      drconfseq_exact: exactTuning(alpha, t_opt),
      approx_log: tuningFor("two", t_opt, alpha),
    })),
    empirical_process_lil: method(z.object({ t: number, alpha: number, t_min: number, A: number }), ({ t, alpha, t_min, A }) => {
      const constant = radiusConstant(alpha, A);
      return { bound: simultaneousRadius(t, t_min, constant, A), C: constant };
    }),
    empirical_process_lil_C: method(z.object({ alpha: number, A: number }), ({ alpha, A }) => radiusConstant(alpha, A)),
    quantile_ab_p_value: method(
      z.object({ quantile: number, t_opt: number, alpha_opt: number, a: z.string(), b: z.string() }),
      ({ quantile, t_opt, alpha_opt, a, b }) => {
        const [first, second] = [integers(a), integers(b)];
        const bounds = [...new Set([...first, ...second])].sort((one, other) => one - other);
        const countsOf = (values: readonly number[]): number[] => [...bounds.map((bound) => (values.includes(bound) ? 1 : 0)), 0];
        const groups = { bounds, treatment: countsOf(first), control: countsOf(second) };
        return Math.min(1, Math.exp(-quantileChangeLogE(groups, quantile, { optimum: t_opt, alpha: alpha_opt })));
      },
    ),
    sequential_srm_dirichlet: method(
      z.object({ rows: z.array(numbers), null: numbers, concentration: number }),
      ({ rows, null: shares, concentration }) => {
        let state = beginSampleRatio(shares);
        const looks = rows.map((row) => (state = stepSampleRatio(state, row, shares, [concentration])));
        const test = chiSquareOfShares(state.counts, shares);
        return {
          log_bf: looks.map(({ logE }) => logE),
          p: looks.map(sampleRatioP),
          chi2: test?.chiSquare,
          chi2_p: test && Math.exp(test.logP),
        };
      },
    ),
    sequential_srm_marginals: method(
      z.object({ rows: z.array(numbers), null: numbers, alpha: numbers }),
      ({ rows, null: shares, alpha }) => {
        const sums = rows.map((_, look) => shares.map((_, group) => rows.slice(0, look + 1).reduce((sum, row) => sum + row[group]!, 0)));
        return {
          log_ml_m1: sums.map((sum) => logDirichletMultinomial(sum, alpha)),
          log_ml_m0: sums.map((sum) => logMultinomial(sum, shares)),
        };
      },
    ),
    mann_whitney_u: method(z.object({ x: numbers, y: numbers }), ({ x, y }) => {
      const ranks = compareRanks(x, y);
      const ps = alternatives.flatMap(([name, alternative]) => [
        [`p_exact_${name}`, exactP(ranks, alternative)] as const,
        [`p_asym_cc_${name}`, normalP(ranks, alternative)] as const,
        [`p_asym_nocc_${name}`, normalP(ranks, alternative, 0)] as const,
      ]);
      return { U1: ranks.first, U2: ranks.second, hodges_lehmann: medianDifference(x, y), ...Object.fromEntries(ps) };
    }),
    sample_size_two_proportions: method(
      z.object({ p_control: number, p_treat: number, control_ratio: number, alpha: number, power: number, sides: z.literal([1, 2]) }),
      ({ p_control, p_treat, control_ratio, alpha, power, sides }) => {
        const demand = { alpha, power, sides: sides === 1 ? "one" : "two" } as const;
        const fixed = requestsForRates({ control: p_control, treatment: p_treat, controlPerTreated: control_ratio }, demand);
        const inflation = sequentialInflation(demand);
        return { n_treat_fixed: fixed, n_treat_asympcs: fixed * inflation, inflation };
      },
    ),
    holm: method(z.object({ p: numbers }), ({ p }) => ({ adjusted: holm(p), bonferroni: bonferroni(p), bh: benjaminiHochberg(p) })),
    wilson_clopper_pearson: method(z.object({ ...counts.shape, alpha: number }), ({ x, n, alpha }) => ({
      wilson: rateInterval({ events: x, total: n }, 1 - alpha),
      clopper_pearson: clopperPearson(x, n, alpha),
    })),
    two_proportion_z: method(z.object({ treat: counts, control: counts, delta: number }), ({ treat, control, delta }) => {
      const [pT, pC] = [treat.x / treat.n, control.x / control.n];
      const pooled = (treat.x + control.x) / (treat.n + control.n);
      const zPooled = (pT - pC - delta) / Math.sqrt(pooled * (1 - pooled) * (1 / treat.n + 1 / control.n));
      const zUnpooled = (pT - pC - delta) / Math.sqrt((pT * (1 - pT)) / treat.n + (pC * (1 - pC)) / control.n);
      return {
        z_pooled: zPooled,
        p_greater_pooled: normalTail(zPooled),
        p_two_sided_pooled: 2 * normalTail(Math.abs(zPooled)),
        z_unpooled: zUnpooled,
        p_greater_unpooled: normalTail(zUnpooled),
      };
    }),
    welch_t: method(z.object({ x: numbers, y: numbers }), ({ x, y }) => welch(sampleOf(x), sampleOf(y))),
    student_t_cdf: method(z.object({ t: number, df: number }), ({ t, df }) => studentCdf(t, df)),
    confseq_boundary: method(
      z.object({ s: number, v: number, v_opt: number, alpha: number, alpha_opt: number, c: number, g: number, h: number }),
      boundary,
    ),
    poly_stitching: method(z.object({ v: number, alpha: number, v_min: number, c: number, s: number, eta: number }), polynomialStitching),
    growthbook_sequential_one_sided: method(
      z.object({ control: moments, treat: moments, alpha: number, tuning: number, difference: z.enum(["relative", "absolute"]) }),
      ({ control, treat, alpha, tuning, difference }) =>
        growthBook(ofMoments(control), ofMoments(treat), { alpha, tuning, relative: difference === "relative" }),
    ),
    growthbook_sequential_two_sided: method(
      z.object({ control: counts, treat: counts, alpha: number, tuning: number, difference: z.enum(["relative", "absolute"]) }),
      ({ control, treat, alpha, tuning, difference }) =>
        growthBook(ofProportion(control), ofProportion(treat), { alpha, tuning, relative: difference === "relative" }),
    ),
    statsig_msprt_z: method(
      z.object({ var_t: number, n_t: number, var_c: number, n_c: number, alpha: number, one_sided: z.boolean() }),
      statsig,
    ),
    kayenta_mann_whitney_ci: method(
      z.object({ experiment: numbers, control: numbers, confidence: number }),
      ({ experiment, control, confidence }) => kayenta(experiment, control, confidence),
    ),
    poisson_ab_seq_p: method(z.object({ n_a: number, n_b: number, phi: number }), ({ n_a, n_b, phi }) => poissonAb(n_a, n_b, phi)),
    gammaln: method(z.object({ x: number }), ({ x }) => logGamma(x)),
    normal_quantile: method(z.object({ p: number }), ({ p }) => normalQuantile(p)),
    normal_logcdf: method(z.object({ x: number }), ({ x }) => normalLogCdf(x)),
    regularized_incomplete_beta: method(z.object({ a: number, b: number, x: number }), ({ a, b, x }) =>
      Math.exp(logBetaTails(x, a, b).lower),
    ),
  }),
);

function alarms(logs: readonly number[], alpha: number) {
  const look = logs.findIndex((log) => log >= -Math.log(alpha));
  return { log_e: logs, alarm_look: look < 0 ? null : look + 1 };
}

function gridProcess({ rows, r0, grid, restart_weights }: z.infer<typeof gridInputs>) {
  let state = beginMixture(grid.length, restart_weights[0]);
  const logs = rows.map(({ xt, nt, xc, nc }, look) => {
    const groups = { treatment: { events: xt, total: nt }, control: { events: xc, total: nc } };
    state = stepRatio(state, groups, r0, grid, restart_weights[look + 1] ?? 0);
    return ratioLogE(state);
  });
  return { log_e: logs };
}

function ofMoments({ sum, sum_squares, n }: z.infer<typeof moments>) {
  return { count: n, mean: sum / n, variance: (sum_squares - (sum * sum) / n) / (n - 1) };
}

function ofProportion({ x, n }: z.infer<typeof counts>) {
  return { count: n, mean: x / n, variance: (x / n) * (1 - x / n) };
}

/** "integers 71..1070" */
function integers(text: string): number[] {
  const [from, to] = text.match(/\d+/g)!.map(Number) as [number, number];
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
