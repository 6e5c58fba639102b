import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clusterNoise, logRising } from "../../src/stats/clusterNoise.ts";
import { expEach, logEach } from "../../src/stats/fastMath.ts";
import { gammaNoise } from "../../src/stats/gammaNoise.ts";
import { NOISE_PRIOR, NOISES, noiseInWords } from "../../src/stats/noise.ts";
import { noisySplit } from "../../src/stats/noisySplit.ts";
import { logGamma } from "../../src/stats/special.ts";

const KINDS = NOISES.map((noise, kind) => [noiseInWords(noise), kind] as const);

function split(x: number, m: number, logOdds: number): Float64Array {
  const out = new Float64Array(NOISES.length);
  noisySplit(x, m, logOdds, new Float64Array(1), 1, out);
  return out;
}
const logChoose = (m: number, x: number): number => logGamma(m + 1) - logGamma(x + 1) - logGamma(m - x + 1);

describe("the kinds of noise", () => {
  test("are twelve, with a prior that sums to 1", () => {
    expect(NOISES).toHaveLength(12);
    expect(NOISE_PRIOR.reduce((sum, prior) => sum + prior, 0)).toBeCloseTo(1, 14);
  });

  test("have names that people understand, all different", () => {
    expect(new Set(KINDS.map(([words]) => words)).size).toBe(12);
    expect(noiseInWords({ kind: "gamma", variance: 0.25 })).toBe("rates that vary by 50% from look to look");
    expect(noiseInWords({ kind: "clusters", size: 8 })).toBe("events in clusters of about 8");
  });

  test.each(KINDS)("%s: the chances of all splits sum to 1", (_, kind) => {
    for (const m of [0, 1, 2, 7, 40]) {
      for (const logOdds of [-5, -1, 0, 2]) {
        let sum = 0;
        for (let x = 0; x <= m; x++) sum += Math.exp(logChoose(m, x) + split(x, m, logOdds)[kind]!);
        expect(Math.abs(sum - 1)).toBeLessThan(NOISES[kind]!.kind === "gamma" ? 1e-3 : 1e-12);
      }
    }
  });

  test.each(KINDS)("%s: the groups are alike, so that swapping them turns the log-odds", (_, kind) => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.double({ min: -8, max: 8, noNaN: true }), (x, y, logOdds) => {
        expect(split(x, x + y, logOdds)[kind]).toBeCloseTo(split(y, x + y, -logOdds)[kind]!, 6);
      }),
    );
  });

  test("more noise than chance finds an even split less likely, and a lopsided one more", () => {
    const [even, lopsided] = [split(50, 100, 0), split(90, 100, 0)];
    for (let kind = 1; kind < NOISES.length; kind++) {
      expect(even[kind]).toBeLessThan(even[0]!);
      expect(lopsided[kind]).toBeGreaterThan(lopsided[0]!);
    }
  });

  // By mpmath, 40 digits.
  test.each([
    [3, 10, -1, 0.25, -6.4890869527379],
    [0, 4, 0, 1.5, -1.4198170531664602],
    [40, 60, -2, 0.02, -70.9131794683493],
    [5, 5, -4, 0.6, -7.740363198157812],
    [120, 1000, -2.5, 0.08, -369.11801406158395],
  ])("gamma noise: %d of %d at log-odds %d and a variance of %d", (x, m, z, variance, expected) => {
    const out = new Float64Array(1);
    gammaNoise(x, m, Float64Array.of(z), Float64Array.of(Math.exp(z)), 1 / variance, out, 0);
    expect(Math.abs(out[0]! - expected)).toBeLessThan(1e-3);
  });

  // By mpmath, 40 digits.
  test.each([
    [3, 10, -1, 4, -7.168642052471602],
    [0, 60, 0, 64, -0.909950067723458],
    [100, 300, -1.2, 8, -193.032979084079],
  ])("clusters: %d of %d at log-odds %d and a size of %d", (x, m, z, size, expected) => {
    const out = new Float64Array(1);
    const share = 1 / (1 + Math.exp(-z));
    clusterNoise(x, m, Float64Array.of(share), Float64Array.of(1 - share), size, out, 0);
    expect(out[0]).toBeCloseTo(expected, 10);
  });
});

describe("the arithmetic of the kernels", () => {
  const applied = (each: (values: Float64Array, count: number) => void, values: readonly number[]): number[] => {
    const array = Float64Array.from(values);
    each(array, array.length);
    return [...array];
  };

  test("the fast exponential and logarithm are those of Math to the last digits", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -745, max: 709, noNaN: true })), (values) => {
        for (const [index, fast] of applied(expEach, values).entries()) {
          const exact = Math.exp(values[index]!);
          expect(Math.abs(fast - exact)).toBeLessThanOrEqual(4e-15 * exact);
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-300, max: 1e300, noNaN: true })), (values) => {
        for (const [index, fast] of applied(logEach, values).entries()) {
          const exact = Math.log(values[index]!);
          expect(Math.abs(fast - exact)).toBeLessThanOrEqual(4e-15 * Math.max(1, Math.abs(exact)));
        }
      }),
    );
    expect(applied(expEach, [-Infinity, 0, Infinity])).toEqual([0, 1, Infinity]);
    expect(applied(logEach, [0, 1, Infinity])).toEqual([-Infinity, expect.closeTo(0, 15), Infinity]);
  });

  test("take no more values than they are told", () => {
    const values = Float64Array.of(0, 0);
    expEach(values, 1);
    expect([...values]).toEqual([1, 0]);
  });

  test("a rising factorial is the same as a product and as a ratio of gammas", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.nat(48), (a, x) => {
        expect(Math.abs(logRising(a, x) - (logGamma(a + x) - logGamma(a)))).toBeLessThan(1e-8 * Math.max(1, logRising(a, x)));
      }),
    );
    expect(logRising(3, 0)).toBe(0);
    expect(logRising(1, 4.5)).toBeCloseTo(logGamma(5.5), 12);
  });
});
