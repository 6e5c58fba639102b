import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { Evidence } from "../../src/model/verdict.ts";
import { randomFrom } from "../stats/random.ts";
import { groups, guardrail, limits, look, of, type LimitName } from "./builders.ts";

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
