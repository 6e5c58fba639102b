import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { sequenceMultiple, sharpestInformation } from "../../src/stats/difference.ts";
import { rateInterval } from "../../src/stats/intervals.ts";
import { betaBinomialLogE, limitPrior } from "../../src/stats/limit.ts";
import { beginMixture } from "../../src/stats/mixture.ts";
import { ratioLogE, stepRatio } from "../../src/stats/ratio.ts";
import { logBetaTails, logGamma, normalQuantile } from "../../src/stats/special.ts";

/** Figures of SciPy, statsmodels, confseq and others: an absolute tolerance, relative where the figure is above 1. */
const casesSchema = z.object({
  cases: z.array(z.object({ name: z.string(), method: z.string(), inputs: z.unknown(), expected: z.unknown(), tolerance: z.number() })),
});
const { cases } = casesSchema.parse(JSON.parse(readFileSync(new URL("reference.json", import.meta.url), "utf8")));

const argument = z.object({ x: z.number() });
const probability = z.object({ p: z.number() });
const beta = z.object({ a: z.number(), b: z.number(), x: z.number() });
const wilson = z.object({ x: z.number(), n: z.number(), alpha: z.number() });
const sequence = z.object({ n: z.number(), variance: z.number(), alpha: z.number(), n_opt: z.number() });
const limit = z.object({ x: z.number(), n: z.number(), p0: z.number(), n_opt: z.number(), alpha_opt: z.number() });
const grid = z.object({
  rows: z.array(z.object({ xt: z.number(), nt: z.number(), xc: z.number(), nc: z.number() })),
  r0: z.number(),
  grid: z.array(z.number()),
  restart_weights: z.array(z.number()).default([1]),
});

/** By method: what our functions say to the inputs of a case, in the form of its expectation. */
const methods: Record<string, (inputs: unknown) => unknown> = {
  gammaln: (inputs) => logGamma(argument.parse(inputs).x),
  normal_quantile: (inputs) => normalQuantile(probability.parse(inputs).p),
  regularized_incomplete_beta(inputs) {
    const { a, b, x } = beta.parse(inputs);
    return Math.exp(logBetaTails(x, a, b).lower);
  },
  wilson_clopper_pearson(inputs) {
    const { x, n, alpha } = wilson.parse(inputs);
    return { wilson: rateInterval({ events: x, total: n }, 1 - alpha) };
  },
  asymp_cs_halfwidth(inputs) {
    const { n, variance, alpha, n_opt } = sequence.parse(inputs);
    const rhoSquared = sharpestInformation(alpha) / n_opt;
    return { rho_one: Math.sqrt(rhoSquared), halfwidth_one: Math.sqrt(variance / n) * sequenceMultiple(n * rhoSquared, alpha) };
  },
  one_sided_beta_binomial_eprocess(inputs) {
    const { x, n, p0, n_opt, alpha_opt } = limit.parse(inputs);
    const tuning = { optimum: n_opt, alpha: alpha_opt };
    const prior = limitPrior(p0, tuning);
    const logE = betaBinomialLogE({ events: x, total: n }, p0, tuning);
    return {
      r: prior.r,
      prior_a: prior.a,
      prior_b: prior.b,
      log_e: logE,
      p_value: Math.min(1, Math.exp(-logE)),
      breach_at_0_05: logE >= Math.log(20),
    };
  },
  conditional_binomial_grid_eprocess: gridProcess,
  conditional_binomial_grid_eprocess_restart: gridProcess,
};

function gridProcess(inputs: unknown): unknown {
  const { rows, r0, grid: sizes, restart_weights } = grid.parse(inputs);
  let state = beginMixture(sizes.length, restart_weights[0]);
  const logs = rows.map(({ xt, nt, xc, nc }, look) => {
    const groups = { treatment: { events: xt, total: nt }, control: { events: xc, total: nc } };
    state = stepRatio(state, groups, r0, sizes, restart_weights[look + 1] ?? 0);
    return ratioLogE(state);
  });
  return { log_e: logs };
}

function expectClose(actual: unknown, expected: unknown, tolerance: number, path = "result"): void {
  if (typeof expected === "number") {
    expect(actual, path).toBeTypeOf("number");
    expect(Math.abs((actual as number) - expected) / Math.max(1, Math.abs(expected)), path).toBeLessThanOrEqual(tolerance);
  } else if (typeof expected === "object" && expected !== null) {
    for (const [key, value] of Object.entries(expected)) {
      expectClose((actual as Record<string, unknown>)[key], value, tolerance, `${path}.${key}`);
    }
  } else {
    expect(actual, path).toBe(expected);
  }
}

describe("the figures of others are reproduced", () => {
  test("there are cases, and each names a method that is known", () => {
    expect(cases.length).toBeGreaterThan(20);
    expect(new Set(cases.map((one) => one.method))).toEqual(new Set(Object.keys(methods)));
  });

  test.each(cases)("$method: $name", ({ method, inputs, expected, tolerance }) => {
    const ours = methods[method];
    if (!ours) throw new Error(`no such method: ${method}`);
    expectClose(ours(inputs), expected, tolerance);
  });
});
