import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CUSUM_ALARM, stepCusum } from "../../src/stats/cusum.ts";
import { holm } from "../../src/stats/holm.ts";
import { medianDeviation, medianOf, quantileOf, robustDeviation, robustZ } from "../../src/stats/robust.ts";
import { trendOf } from "../../src/stats/trend.ts";
import { randomFrom } from "./random.ts";

const some = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 });

describe("(i) without a control: robust deviations", () => {
  test("are those of the book: median, MAD and z", () => {
    expect(medianOf([3, 1, 2, 10])).toBe(2.5);
    expect(medianDeviation([1, 2, 3, 4, 100])).toBe(1);
    expect(robustZ(7, [1, 2, 3, 4, 5], 1e-9)).toBeCloseTo((0.6745 * (7 - 3)) / 1, 12);
    expect(quantileOf([1, 2, 3, 4], 0.25)).toBe(1.75);
    expect(medianOf([])).toBeNaN();
    expect(robustZ(7, [], 1)).toBeUndefined();
  });

  test("fall back where more than half of the values are the same: on the quartiles, then on the floor", () => {
    expect(medianDeviation([5, 5, 5, 5, 8, 9, 2])).toBe(0);
    expect(robustDeviation([5, 5, 5, 5, 8, 9, 2], 1e-6)).toBeCloseTo(1.5 / 1.349, 12);
    expect(robustDeviation([5, 5, 5, 5, 5, 9], 0.1)).toBe(0.1);
  });

  test("are not spoiled by a wild value, and do not depend on order, place or scale", () => {
    fc.assert(
      fc.property(some, fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 1, max: 50 }), (values, value, scale) => {
        const z = robustZ(value, values, 0.5)!;
        expect(robustZ(value, values.toReversed(), 0.5)).toBeCloseTo(z, 9);
        expect(
          robustZ(
            value * scale + 7,
            values.map((each) => each * scale + 7),
            0.5 * scale,
          ),
        ).toBeCloseTo(z, 6);
      }),
    );
    expect(robustZ(7, [1, 2, 3, 4, 1e12], 1e-9)).toBeCloseTo(robustZ(7, [1, 2, 3, 4, 5], 1e-9)!, 12);
  });
});

describe("(i) without a control: the cumulative sum", () => {
  const looksUntil = (seed: number, shift: number): number => {
    const random = randomFrom(seed);
    let [sum, look] = [0, 0];
    for (; sum < CUSUM_ALARM && look < 20_000; look++) sum = stepCusum(sum, shift + random.normal());
    return look;
  };
  const mean = (shift: number): number =>
    Array.from({ length: 300 }, (_, seed) => looksUntil(seed + 1, shift)).reduce((sum, each) => sum + each, 0) / 300;

  test("forgets what is below the slack, and never goes below zero", () => {
    expect(stepCusum(0, -4)).toBe(0);
    expect(stepCusum(2, 0.5)).toBe(2);
    expect(stepCusum(2, 3)).toBe(4.5);
  });

  test("speaks about once in 930 looks without a change, and after about 10 with a shift of one deviation", () => {
    expect(mean(0)).toBeGreaterThan(750);
    expect(mean(0)).toBeLessThan(1150);
    expect(mean(1)).toBeGreaterThan(9);
    expect(mean(1)).toBeLessThan(12);
  });
});

describe("(i) without a control: the trend", () => {
  // By scipy.stats.theilslopes.
  test("is scipy's, with its interval, ties and all", () => {
    const steady = [1, 2.1, 2.9, 4.2, 4.8, 20, 7.1, 7.9, 9.2, 9.8].map((value, at) => ({ at, value }));
    const trend = trendOf(steady)!;
    expect(trend.slope).toBeCloseTo(1, 12);
    expect(trend.interval[0]).toBeCloseTo(0.9333333333333335, 12);
    expect(trend.interval[1]).toBeCloseTo(1.05, 12);
    const at = [0, 1, 2, 3, 3, 4, 5, 6];
    const tied = trendOf(
      [5, 5, 6, 4, 7, 7, 8, 9].map((value, index) => ({ at: at[index]!, value })),
      0.9,
    )!;
    expect(tied.slope).toBeCloseTo(2 / 3, 12);
    expect(tied.interval).toEqual([0.5, 1]);
  });

  test("does not depend on the order of the readings, and turns with the values", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100), fc.integer({ min: -50, max: 50 })), { minLength: 3, maxLength: 25 }), (pairs) => {
        const points = pairs.map(([at, value]) => ({ at, value }));
        const trend = trendOf(points);
        fc.pre(trend !== undefined);
        expect(trendOf(points.toReversed())!.slope).toBeCloseTo(trend.slope, 12);
        expect(trendOf(points.map(({ at, value }) => ({ at, value: -value })))!.slope).toBeCloseTo(-trend.slope, 12);
        expect(trend.interval[0] <= trend.slope && trend.slope <= trend.interval[1]).toBe(true);
      }),
    );
  });

  test("is none of fewer than three readings, or of one time", () => {
    expect(
      trendOf([
        { at: 0, value: 1 },
        { at: 1, value: 2 },
      ]),
    ).toBeUndefined();
    expect(trendOf([1, 2, 3].map((value) => ({ at: 5, value })))).toBeUndefined();
  });
});

describe("(g) several tests: Holm's adjustment", () => {
  test("is between no adjustment and Bonferroni's, keeps the order, and does not depend on it", () => {
    const ps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(ps, (some) => {
        const adjusted = holm(some);
        for (const [index, p] of some.entries()) {
          expect(adjusted[index]!).toBeGreaterThanOrEqual(p);
          expect(adjusted[index]!).toBeLessThanOrEqual(Math.min(1, p * some.length));
          for (const [other, q] of some.entries()) if (p < q) expect(adjusted[index]!).toBeLessThanOrEqual(adjusted[other]!);
        }
        expect(holm(some.toReversed())).toEqual(adjusted.toReversed());
      }),
    );
  });
});
