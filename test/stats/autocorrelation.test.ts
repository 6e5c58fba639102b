import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  autocorrelation,
  beginResiduals,
  stepResiduals,
  type Autocorrelation,
  type ResidualState,
} from "../../src/stats/autocorrelation.ts";
import { beginTwoSidedDab, harmLogE, stepTwoSidedDab } from "../../src/stats/twoSidedDab.ts";
import type { Groups } from "../../src/stats/ratio.ts";
import { randomFrom, type Random } from "./random.ts";

/** By what the rates of treatment and control are multiplied, look by look. */
type Noise = (random: Random) => (look: number) => readonly [number, number];

const independent =
  (variance: number, harm = 1): Noise =>
  (random) =>
  () => [harm * random.gamma(variance), random.gamma(variance)];
/** Log-normal of mean 1 in each group by itself, its log an AR(1) process of correlation .9. */
const persistent =
  (cv: number): Noise =>
  (random) => {
    const variance = Math.log1p(cv * cv);
    let states = [random.normal(), random.normal()];
    return (look) => {
      if (look > 0) states = states.map((state) => 0.9 * state + Math.sqrt(1 - 0.81) * random.normal());
      const [treatment, control] = states.map((state) => Math.exp(Math.sqrt(variance) * state - variance / 2));
      return [treatment!, control!];
    };
  };
/** A day that both groups share. */
const swinging: Noise = () => (look) => {
  const level = 1 + 0.6 * Math.sin(look / 8);
  return [level, level];
};

/** 60 looks of 6,000 requests on a ramp of 1/5/25/50 %. */
function looksOf(seed: number, noise: Noise, rate: number, cluster = 1): Groups[] {
  const random = randomFrom(seed);
  const factors = noise(random);
  return Array.from({ length: 60 }, (_, look) => {
    const [treatment, control] = factors(look);
    const total = random.binomial(6000, [0.01, 0.05, 0.25, 0.5][Math.floor(look / 15)]!);
    const counts = (of: number, factor: number) => ({ events: cluster * random.binomial(of, (rate * factor) / cluster), total: of });
    return { treatment: counts(total, treatment), control: counts(6000 - total, control) };
  });
}
const fold = (looks: readonly Groups[]): ResidualState => looks.reduce(stepResiduals, beginResiduals());
const found = (runs: number, noise: Noise, rate: number, cluster = 1): Autocorrelation[] =>
  Array.from({ length: runs }, (_, seed) => autocorrelation(fold(looksOf(seed + 1, noise, rate, cluster))));
const significant = (all: readonly Autocorrelation[]): number => all.filter((one) => one.significant).length;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** About 300 events a look, and 30. */
const [MANY, FEW] = [0.05, 0.005];

describe("noise that persists in one group", () => {
  test.each([
    ["of 20%", 0.2, 0.5],
    ["of 50%", 0.5, 0.7],
  ])("%s is found in most runs of 60 looks with many events, and told how strongly", (_, cv, share) => {
    const all = found(80, persistent(cv), MANY);
    expect(significant(all)).toBeGreaterThan(share * 80);
    expect(median(all.map(({ correlation }) => correlation!))).toBeGreaterThan(0.6);
  });

  test("with few events only what is strong is found, and not always", () => {
    expect(significant(found(80, persistent(0.5), FEW))).toBeGreaterThan(16);
  });

  // Of 1,000 runs at most 0.3 % at their end, and 0.7 % at any of their looks.
  test.each([
    ["steady rates", independent(0), 1],
    ["rates that vary by 50%, each look by itself", independent(0.25), 1],
    ["twice the errors throughout", independent(0, 2), 1],
    ["twice the errors throughout, at rates that vary by 50%", independent(0.25, 2), 1],
    ["a base rate that swings, in both groups alike", swinging, 1],
    ["errors in bursts of 20", independent(0), 20],
  ])("is not seen in %s", (_, noise, cluster) => {
    for (const rate of [FEW, MANY]) expect(significant(found(60, noise, rate, cluster))).toBeLessThanOrEqual(2);
  });

  test("is covered by the margin that is named: a guardrail with it hardly ever rolls back", () => {
    const { margin } = found(100, persistent(0.2), FEW)
      .toSorted((a, b) => a.margin - b.margin)
      .at(50)!;
    expect(margin).toBeGreaterThan(0.3);
    expect(margin).toBeLessThan(0.8);
    const rollbacks = (by: number): number =>
      Array.from({ length: 60 }, (_, seed) => seed + 1001).filter((seed) => {
        let state = beginTwoSidedDab();
        return looksOf(seed, persistent(0.2), FEW).some((look) => harmLogE((state = stepTwoSidedDab(state, look, by))) >= Math.log(20));
      }).length;
    expect(rollbacks(1)).toBeGreaterThan(6);
    expect(rollbacks(1 + margin)).toBeLessThanOrEqual(3);
  });

  test("is not spoken of before 20 looks", () => {
    const looks = looksOf(5, persistent(0.5), 0.2);
    const first = looks.findIndex((_, index) => autocorrelation(fold(looks.slice(0, index + 1))).significant);
    expect(autocorrelation(fold(looks.slice(0, first + 1))).looks).toBeGreaterThanOrEqual(20);
    expect(autocorrelation(beginResiduals())).toEqual({ looks: 0, correlation: undefined, z: 0, significant: false, margin: 0 });
  });
});

describe("the residuals", () => {
  const counts = fc
    .tuple(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([total, share]) => ({ total, events: Math.round(total * share) }));
  const looks = fc.array(fc.record({ treatment: counts, control: counts }), { maxLength: 30 });

  test("go on from JSON exactly as if they had never stopped, and no counts make a figure NaN or infinite", () => {
    fc.assert(
      fc.property(looks, looks, (first, second) => {
        const state = fold(first);
        const read: ResidualState = JSON.parse(JSON.stringify(state));
        expect(second.reduce(stepResiduals, read)).toStrictEqual(second.reduce(stepResiduals, state));
        const { correlation = 0, z, margin } = autocorrelation(second.reduce(stepResiduals, state));
        expect([correlation, z, margin].every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("ignore a look that says nothing", () => {
    const state = fold(looksOf(1, independent(0), MANY));
    for (const nothing of [
      { treatment: { events: 0, total: 10 }, control: { events: 0, total: 10 } },
      { treatment: { events: 0, total: 0 }, control: { events: 3, total: 10 } },
      { treatment: { events: 3, total: 10 }, control: { events: 0, total: 0 } },
    ]) {
      expect(stepResiduals(state, nothing)).toBe(state);
    }
  });
});
