import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { Evidence } from "../../src/model/verdict.ts";
import { multinomial } from "../bench/decisions/draws.ts";
import { BOUNDS, bucketChances, USUAL } from "../bench/decisions/latency.ts";
import { randomFrom } from "../stats/random.ts";
import { groups, guardrail, limits, look, metric, of, type LimitName } from "./builders.ts";

/** Ramps of 1/5/25/50 % with 15 looks of 6,000 requests each, seeded. Rates are those of `limits` in builders.ts. */
const shares = [0.01, 0.05, 0.25, 0.5];
const alpha = 0.05;

/** The look at which a ramp was first said to be broken, and to be kept. */
function ramp(name: LimitName, seed: number, treatmentRate: number, controlRate: number): { breach: number; clear: number } {
  const random = randomFrom(seed);
  let evidence: Evidence | undefined;
  let [breach, clear] = [Infinity, Infinity];
  for (let at = 1; at <= 60; at++) {
    const stage = Math.floor((at - 1) / 15);
    const total = random.binomial(6000, shares[stage]!);
    const counts = groups(of(random.binomial(total, treatmentRate), total), of(random.binomial(6000 - total, controlRate), 6000 - total));
    const judged = judge.guardrail(look({ guardrail: guardrail(limits[name]), stage: `${stage}`, reading: counts, evidence, alpha }));
    evidence = judged.evidence;
    if (judged.verdict.verdict === "breach") breach = Math.min(breach, at);
    if (judged.verdict.verdict === "clear") clear = Math.min(clear, at);
  }
  return { breach, clear };
}

const runs = 60;
/** α and three standard deviations of what so many runs can show. */
const atMost = alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs);

describe("exactly at the limit, neither breach nor clear is said more often than α, over all looks", () => {
  test.each([
    ["max", 0.01, 0.005],
    ["min", 0.99, 0.99],
    ["increase", 0.006, 0.005],
    ["decrease", 0.008, 0.01],
    ["morePoints", 0.01, 0.005],
    ["fewerPoints", 0.005, 0.01],
  ] as const)("%s", (name, treatmentRate, controlRate) => {
    const ramps = Array.from({ length: runs }, (_, seed) => ramp(name, seed + 1, treatmentRate, controlRate));
    expect(ramps.filter(({ breach }) => breach <= 60).length / runs).toBeLessThanOrEqual(atMost);
    expect(ramps.filter(({ clear }) => clear <= 60).length / runs).toBeLessThanOrEqual(atMost);
  });
});

describe("the judge finds five times the errors soon", () => {
  test.each([
    ["max", 0.05, 8],
    ["increase", 0.025, 8],
    ["morePoints", 0.025, 22],
  ] as const)("%s: at %d, by look %d in the median", (name, treatmentRate, by) => {
    const found = Array.from({ length: 15 }, (_, seed) => ramp(name, seed + 1, treatmentRate, 0.005).breach);
    expect(found.sort((a, b) => a - b)[7]).toBeLessThanOrEqual(by);
  });
});

describe("p95 at most 50 ms above the control's, at 25 % of 6,000 requests a minute", () => {
  /** The look at which the rise was found, of 60: log-normal latencies with a median of 120 ms, in buckets of 25 ms up to 500. */
  function foundAt(seed: number, sigma: number, shift: number): number {
    const random = randomFrom(seed);
    const usual = bucketChances({ ...USUAL, sigma });
    const treated = bucketChances({ ...USUAL, sigma, shift });
    const value = (total: number, chances: readonly number[]) => ({ buckets: multinomial(random, total, chances) });
    const question = {
      guardrail: guardrail({ form: "maxIncrease", by: "value", amount: 50 }, { metric: "latency", quantile: 0.95 }),
      metric: metric({ kind: "histogram", unit: "ms" }),
      bounds: BOUNDS,
      stage: "25%",
      alpha,
    };
    let evidence: Evidence | undefined;
    for (let at = 1; at <= 60; at++) {
      const total = random.binomial(6000, 0.25);
      const judged = judge.guardrail(look({ ...question, reading: groups(value(total, treated), value(6000 - total, usual)), evidence }));
      if (judged.verdict.verdict === "breach") return at;
      evidence = judged.evidence;
    }
    return Infinity;
  }
  const ramps = (sigma: number, shift: number) => Array.from({ length: 30 }, (_, seed) => foundAt(seed + 1, sigma, shift));

  test.each([0.3, 0.5])("σ %d: a rise of 100 ms is found by look 10 in the median, and none where there is none", (sigma) => {
    const found = ramps(sigma, 100).sort((a, b) => a - b);
    expect(found[15]).toBeLessThanOrEqual(10);
    expect(ramps(sigma, 0).filter((at) => at <= 60)).toEqual([]);
  });
});
