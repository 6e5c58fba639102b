import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginCeiling, ceilingLogE, ceilingNoise, stepCeiling, type CeilingState, type CeilingTest } from "../../src/stats/ceiling.ts";
import { NOISE_PRIOR, NOISES, type Noise } from "../../src/stats/noise.ts";
import type { Counts } from "../../src/stats/ratio.ts";
import { logGamma } from "../../src/stats/special.ts";

const above = (limit: number): CeilingTest => ({ limit, side: "above" });
const below = (limit: number): CeilingTest => ({ limit, side: "below" });
const fold = (looks: readonly Counts[], of: CeilingTest, state = beginCeiling()): CeilingState =>
  looks.reduce((now, look) => stepCeiling(now, look, of), state);
const looks = (events: number, times: number): Counts[] => Array.from({ length: times }, () => ({ events, total: 1000 }));

describe("the ceiling: DAB against a limit, without a control", () => {
  test("finds a rate above the limit, and on the other side one below it, and neither where it is at the limit", () => {
    expect(ceilingLogE(fold(looks(15, 6), above(0.005)))).toBeGreaterThan(Math.log(20));
    expect(ceilingLogE(fold(looks(15, 6), below(0.005)))).toBeLessThan(0);
    expect(ceilingLogE(fold(looks(1, 6), below(0.005)))).toBeGreaterThan(Math.log(20));
    expect(ceilingLogE(fold(looks(1, 6), above(0.005)))).toBeLessThan(0);
    expect(ceilingLogE(fold(looks(5, 60), above(0.005)))).toBeLessThan(0);
    expect(ceilingLogE(fold(looks(5, 60), below(0.005)))).toBeLessThan(0);
  });

  test("a look without requests says nothing; one without events says that there are none", () => {
    const nothing = Array.from({ length: 50 }, () => ({ events: 0, total: 0 }));
    expect(ceilingLogE(fold(nothing, above(0.005)))).toBeCloseTo(0, 12);
    expect(ceilingLogE(fold(looks(0, 10), above(0.005)))).toBeLessThan(-0.5);
  });

  test("goes on from JSON exactly as if it had never stopped, and no counts make it NaN or infinite", () => {
    const counts = fc.record({ events: fc.nat(1e9), total: fc.integer({ min: 1, max: 1e9 }) });
    const many = fc.array(counts, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(many, many, fc.double({ min: 1e-9, max: 0.5, noNaN: true }), fc.boolean(), (first, second, limit, up) => {
        const of = up ? above(limit) : below(limit);
        const state = fold(first, of);
        const read: CeilingState = JSON.parse(JSON.stringify(state));
        expect(fold(second, of, read)).toStrictEqual(fold(second, of, state));
        expect(Number.isFinite(ceilingLogE(fold(second, of, state)))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("learns the noise: an even count is none, a wild one some", () => {
    const likeliest = (events: readonly number[]): Noise =>
      ceilingNoise(
        fold(
          events.map((each) => ({ events: each, total: 1000 })),
          above(0.05),
        ),
      ).reduce((best, one) => (one.probability > best.probability ? one : best)).noise;
    expect(likeliest([50, 52, 49, 48, 51, 50, 47, 53])).toEqual({ kind: "none" });
    expect(likeliest([5, 130, 20, 90, 2, 60, 110, 12]).kind).not.toBe("none");
  });

  test("the expectation of E after a look is 1: strict at most, under each kind; usual on average over their prior (exact sums)", () => {
    const chance = (noise: Noise, x: number, mean: number): number => {
      if (noise.kind === "none") return Math.exp(x * Math.log(mean) - mean - logGamma(x + 1));
      const shape = noise.kind === "gamma" ? 1 / noise.variance : mean / (noise.size - 1);
      const log = logGamma(x + shape) - logGamma(shape) - logGamma(x + 1);
      return Math.exp(log + x * Math.log(mean / (mean + shape)) - shape * Math.log1p(mean / shape));
    };
    for (const mean of [0.2, 3, 20]) {
      for (const side of ["above", "below"] as const) {
        const sums = NOISES.map(() => ({ strict: 0, usual: 0 }));
        for (let x = 0; x < 3000; x++) {
          const state = stepCeiling(beginCeiling(), { events: x, total: 1000 }, { limit: mean / 1000, side });
          const [strict, usual] = [Math.exp(ceilingLogE(state, { strict: true })), Math.exp(ceilingLogE(state))];
          for (const [kind, noise] of NOISES.entries()) {
            const p = chance(noise, x, mean);
            sums[kind]!.strict += p * strict;
            sums[kind]!.usual += p * usual;
          }
        }
        for (const { strict } of sums) expect(strict).toBeLessThan(1 + 1e-9);
        // What is left out beyond 3,000 events is the far tail of the wildest kinds, about 5e-5.
        expect(sums.reduce((sum, { usual }, kind) => sum + NOISE_PRIOR[kind]! * usual, 0)).toBeCloseTo(1, 3);
      }
    }
  });
});
