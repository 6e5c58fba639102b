import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_EVIDENCE } from "../../src/stats/difference.ts";
import {
  beginMeans,
  differenceOfMeans,
  hasEnoughObservations,
  meansLogE,
  ratioOfMeans,
  ratioOfMeansInterval,
  stepMeans,
  sumsOf,
  type MeansState,
  type SumsGroups,
} from "../../src/stats/means.ts";
import { halfWidth, multipleOf, tuningFor } from "../../src/stats/sequence.ts";
import { randomFrom } from "./random.ts";

const fold = (looks: readonly SumsGroups[]): MeansState => looks.reduce(stepMeans, beginMeans());
const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });
const look = fc.record({ treatment: values.map((some) => sumsOf(some)), control: values.map((some) => sumsOf(some)) });
const margin = { ratio: 1, shift: 0 };

describe("test (c): means", () => {
  test("one look gives the textbook's difference, with Welch's standard error", () => {
    const [treatment, control] = [
      [12.1, 11.8, 13, 12.5, 14.2, 11.1, 12.9],
      [10.9, 11.2, 10.5, 12, 11.7],
    ];
    const found = differenceOfMeans(fold([{ treatment: sumsOf(treatment), control: sumsOf(control) }]))!;
    // The t of scipy.stats.ttest_ind(equal_var=False).
    expect(found.estimate / found.standardError).toBeCloseTo(2.715946012586474, 9);
  });

  test("where shares and base both change, the sum shows harm that is not there, and the intervals do not", () => {
    const same = (count: number, mean: number) => ({ count, sum: count * mean, sumSquares: count * (mean * mean + 1) });
    const morning = { treatment: same(100, 10), control: same(9900, 10) };
    const noon = { treatment: same(5000, 30), control: same(5000, 30) };
    expect((100 * 10 + 5000 * 30) / 5100 - (9900 * 10 + 5000 * 30) / 14_900).toBeGreaterThan(10);
    expect(differenceOfMeans(fold([morning, noon]))!.estimate).toBeCloseTo(0, 12);
    expect(meansLogE(fold([morning, noon]), margin, 1, 0.05)).toBeLessThan(0);
  });

  test("an interval in which a group had nothing says nothing", () => {
    const state = fold([{ treatment: sumsOf([1, 2]), control: sumsOf([2, 3]) }]);
    expect(stepMeans(state, { treatment: sumsOf([]), control: sumsOf([9]) })).toEqual(state);
    expect(differenceOfMeans(beginMeans())).toBeUndefined();
  });

  test("says nothing before 30 observations a group, or where all values are the same", () => {
    const of = (count: number, value: (index: number) => number) => sumsOf(Array.from({ length: count }, (_, index) => value(index)));
    const wide = (index: number): number => (index % 2) * 2;
    const few = fold([{ treatment: of(29, (index) => 100 + wide(index)), control: of(500, wide) }]);
    const constant = fold([{ treatment: of(100, () => 5), control: of(100, () => 1) }]);
    const enough = fold([{ treatment: of(30, (index) => 100 + wide(index)), control: of(500, wide) }]);
    for (const state of [few, constant, beginMeans()]) {
      expect(hasEnoughObservations(state)).toBe(false);
      expect(meansLogE(state, margin, 1, 0.05)).toBe(NO_EVIDENCE);
    }
    expect(meansLogE(enough, margin, 1, 0.05)).toBeGreaterThan(Math.log(20));
  });

  test("swapping the groups turns the difference; a larger margin is less evidence", () => {
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 4 }), (looks) => {
        const found = differenceOfMeans(fold(looks))!;
        const turned = differenceOfMeans(fold(looks.map(({ treatment, control }) => ({ treatment: control, control: treatment }))))!;
        expect(turned.estimate).toBeCloseTo(-found.estimate, 6);
        expect(turned.standardError).toBeCloseTo(found.standardError, 6);
        const logE = (shift: number): number => meansLogE(fold(looks), { ratio: 1, shift }, 1, 0.05);
        expect(logE(2)).toBeLessThanOrEqual(logE(1));
      }),
    );
  });

  test("goes on from JSON exactly as if it had never stopped", () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 4 }), look, (looks, last) => {
        const state = fold(looks);
        const read: MeansState = JSON.parse(JSON.stringify(state));
        expect(stepMeans(read, last)).toStrictEqual(stepMeans(state, last));
      }),
    );
  });

  test("a cap that was declared tames a heavy tail", () => {
    expect(sumsOf([1, 2, 1e9, -1e9], 10)).toEqual({ count: 4, sum: 3, sumSquares: 205 });
  });

  test("the ratio's interval holds the ratio, and is nothing where the control's mean may be zero", () => {
    const random = randomFrom(3);
    const draw = (mean: number) => sumsOf(Array.from({ length: 400 }, () => mean + random.normal()));
    const state = fold([{ treatment: draw(6), control: draw(5) }]);
    const [low, high] = ratioOfMeansInterval(state, 2)!;
    expect(low).toBeGreaterThan(1.15);
    expect(high).toBeLessThan(1.25);
    expect(low < ratioOfMeans(state)! && ratioOfMeans(state)! < high).toBe(true);
    expect(ratioOfMeansInterval(fold([{ treatment: draw(6), control: draw(0) }]), 3)).toBeUndefined();
    // |D| = multiple · SE at its ends.
    for (const ratio of [low, high]) {
      const { estimate, standardError } = differenceOfMeans(state, ratio)!;
      expect(Math.abs(estimate) / standardError).toBeCloseTo(2, 8);
    }
  });

  test("of 200 seeded harmless runs of 60 looks hardly one is rolled back, and a shift is found in all", () => {
    const run = (seed: number, shift: number): boolean => {
      const random = randomFrom(seed);
      let state = beginMeans();
      for (let at = 0; at < 60; at++) {
        // Skewed like a duration: an exponential.
        const draw = (count: number, mean: number) => sumsOf(Array.from({ length: count }, () => -mean * Math.log(1 - random.uniform())));
        state = stepMeans(state, { treatment: draw(20, 1 + shift), control: draw(60, 1) });
        if (meansLogE(state, margin, 0.1, 0.05) >= Math.log(20)) return true;
      }
      return false;
    };
    const found = (shift: number, runs: number): number =>
      Array.from({ length: runs }, (_, seed) => run(seed + 1, shift)).filter(Boolean).length;
    // 5 % of 200 is 10; 19 is three standard deviations above.
    expect(found(0, 200)).toBeLessThanOrEqual(19);
    expect(found(0.4, 40)).toBe(40);
  });
});

describe("confidence sequences", () => {
  test("are about tightest where they are tuned to be, and two sides are wider than one", () => {
    for (const sides of ["one", "two"] as const) {
      const at = (optimum: number): number => halfWidth(sides, { count: 1000, variance: 4 }, tuningFor(sides, optimum, 0.05), 0.05);
      expect(at(1000)).toBeLessThan(at(500));
      expect(at(1000)).toBeLessThan(at(2000));
    }
    for (const u of [0.1, 1, 100]) expect(multipleOf("two", u, 0.05)).toBeGreaterThan(multipleOf("one", u, 0.05));
  });
});
