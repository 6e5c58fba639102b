import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareRanks, exactP, mannWhitneyP, medianDifference, normalP, smallestP } from "../../src/stats/mannWhitney.ts";

const sample = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 12 });

describe("test (e): Mann and Whitney", () => {
  // By scipy.stats.mannwhitneyu(method="asymptotic").
  test.each([
    ["either", 0.6210775976139056],
    ["greater", 0.3105387988069528],
    ["less", 0.7109335888578179],
  ] as const)("with ties, %s", (alternative, expected) => {
    const [x, y] = [
      [1, 2, 2, 3, 5, 8, 9, 9, 12, 14, 15],
      [2, 2, 3, 4, 4, 5, 6, 7, 7, 8, 11, 13],
    ];
    expect(mannWhitneyP(x, y, alternative)).toBeCloseTo(expected, 12);
  });

  test("every pair counts once, and swapping the samples swaps the alternatives", () => {
    fc.assert(
      fc.property(sample, sample, (x, y) => {
        const [ranks, swapped] = [compareRanks(x, y), compareRanks(y, x)];
        const pairs = x.flatMap((one) => y.map((other) => (one > other ? 1 : one === other ? 0.5 : 0)));
        expect(ranks.first).toBe(pairs.reduce<number>((sum, each) => sum + each, 0));
        expect([swapped.first, swapped.second]).toEqual([ranks.second, ranks.first]);
        expect(mannWhitneyP(x, y, "greater")).toBeCloseTo(mannWhitneyP(y, x, "less"), 12);
        expect(mannWhitneyP(x, y, "either")).toBeCloseTo(mannWhitneyP(y, x, "either"), 12);
      }),
    );
  });

  test("the exact test is a distribution: both tails sum to 1 and what is at U itself", () => {
    for (const [m, n] of [
      [3, 4],
      [8, 12],
    ] as const) {
      const x = Array.from({ length: m }, (_, index) => 2 * index);
      const y = Array.from({ length: n }, (_, index) => 2 * index + 1);
      const ranks = compareRanks(x, y);
      const atLeastNext = exactP({ ...ranks, first: ranks.first + 1 }, "greater");
      expect(atLeastNext + exactP(ranks, "less")).toBeCloseTo(1, 12);
      expect(Math.abs(normalP(ranks, "greater") - exactP(ranks, "greater"))).toBeLessThan(0.02);
    }
  });

  test("complete separation has the smallest p there is: 3 against 3 can never be significant at 5 %, two-sided", () => {
    expect(mannWhitneyP([7, 8, 9], [1, 2, 3], "either")).toBeCloseTo(smallestP(3, 3, "either"), 12);
    expect(smallestP(3, 3, "either")).toBeCloseTo(0.1, 12);
    expect(smallestP(4, 4, "greater")).toBeCloseTo(1 / 70, 12);
  });

  test("says nothing of an empty sample, or of values that are all the same", () => {
    expect(mannWhitneyP([], [1, 2], "either")).toBe(1);
    expect(mannWhitneyP([5, 5, 5], [5, 5], "greater")).toBe(1);
    expect(medianDifference([], [1])).toBeUndefined();
  });

  test("the estimate moves with the sample", () => {
    fc.assert(
      fc.property(sample, sample, fc.integer({ min: -50, max: 50 }), (x, y, shift) => {
        const moved = x.map((value) => value + shift);
        expect(medianDifference(moved, y)).toBeCloseTo(medianDifference(x, y)! + shift, 9);
      }),
    );
  });
});
