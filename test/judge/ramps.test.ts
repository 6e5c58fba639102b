import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import { testFor, type Memory } from "../../src/judge/sequential.ts";
import type { Evidence } from "../../src/model/verdict.ts";
import { randomFrom } from "../stats/random.ts";
import { groups, guardrail, limits, look, of, type LimitName } from "./builders.ts";

/** Ramps of 1/5/25/50 % with 15 looks of 6,000 requests each, seeded. Rates are those of `limits` in builders.ts. */
const shares = [0.01, 0.05, 0.25, 0.5];
const alpha = 0.05;

function ramp(name: LimitName, seed: number, treatmentRate: number, controlRate: number): { breach: boolean; clear: boolean } {
  const random = randomFrom(seed);
  const sequential = testFor(limits[name]);
  let memory: Memory | undefined;
  let [breach, clear] = [false, false];
  for (let at = 0; at < 60; at++) {
    const total = random.binomial(6000, shares[Math.floor(at / 15)]!);
    const treatment = of(random.binomial(total, treatmentRate), total);
    const control = of(random.binomial(6000 - total, controlRate), 6000 - total);
    const weighed = sequential.weigh(memory, [{ groups: { treatment, control }, mixed: false }], alpha);
    memory = weighed.memory;
    breach ||= weighed.harm >= -Math.log(alpha);
    clear ||= weighed.within >= -Math.log(alpha);
  }
  return { breach, clear };
}

const runs = 150;
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
    expect(ramps.filter(({ breach }) => breach).length / runs).toBeLessThanOrEqual(atMost);
    expect(ramps.filter(({ clear }) => clear).length / runs).toBeLessThanOrEqual(atMost);
  });
});

describe("the judge finds five times the errors soon, through stages and JSON", () => {
  test.each([
    ["max", 0.05, 5],
    ["increase", 0.025, 8],
    ["morePoints", 0.025, 16],
  ] as const)("%s: at %d, by look %d in the median", (name, treatmentRate, by) => {
    const found: number[] = [];
    for (let seed = 1; seed <= 25; seed++) {
      const random = randomFrom(seed);
      let evidence: Evidence | undefined;
      let at = 0;
      for (let breached = false; !breached && at < 60; at++) {
        const total = random.binomial(6000, shares[Math.floor(at / 15)]!);
        const reading = groups(of(random.binomial(total, treatmentRate), total), of(random.binomial(6000 - total, 0.005), 6000 - total));
        const judged = judge(look({ guardrail: guardrail(limits[name]), stage: `${Math.floor(at / 15)}`, reading, evidence, alpha }));
        breached = judged.verdict.verdict === "breach";
        evidence = JSON.parse(JSON.stringify(judged.evidence)) as Evidence;
      }
      found.push(at);
    }
    expect(found.sort((a, b) => a - b)[12]).toBeLessThanOrEqual(by);
  });
});
