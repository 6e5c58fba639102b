import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_EVIDENCE } from "../../src/stats/difference.ts";
import { beginMeanLimit, meanLimitLogE, meanOf, stepMeanLimit, type MeanLimitState } from "../../src/stats/meanLimit.ts";
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
  type Sums,
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
    const tenLooks = (treatment: Sums, control: Sums) => fold(Array.from({ length: 10 }, () => ({ treatment, control })));
    const higher = (index: number): number => 100 + wide(index);
    const few = stepMeans(tenLooks(of(2, higher), of(50, wide)), { treatment: of(9, higher), control: of(50, wide) });
    const constant = tenLooks(
      of(10, () => 5),
      of(10, () => 1),
    );
    const enough = tenLooks(of(3, higher), of(50, wide));
    for (const state of [few, constant, beginMeans()]) {
      expect(hasEnoughObservations(state)).toBe(false);
      expect(meansLogE(state, margin, 1, 0.05)).toBe(NO_EVIDENCE);
    }
    expect(meansLogE(enough, margin, 1, 0.05)).toBeGreaterThan(Math.log(20));
  });

  test("says nothing after a look alone, however much it holds: it may have been a bad minute", () => {
    const draw = (mean: number) => sumsOf(Array.from({ length: 1000 }, (_, index) => mean + (index % 7)));
    const looksUntilFound = Array.from({ length: 20 }, (_, index) => index + 1).find(
      (looks) =>
        meansLogE(fold(Array.from({ length: looks }, () => ({ treatment: draw(9), control: draw(5) }))), margin, 1, 0.05) >= Math.log(20),
    );
    expect(looksUntilFound).toBeGreaterThan(1);
    expect(looksUntilFound).toBeLessThanOrEqual(6);
  });

  test("minutes in which a group as a whole is off, by 10% here, are no harm", () => {
    const alarm = (seed: number): boolean => {
      const random = randomFrom(seed);
      // Many values, whose own chance is next to nothing beside the minute's.
      const draw = (): Sums => {
        const mean = random.gamma(0.01);
        return { count: 1000, sum: 1000 * mean, sumSquares: 1000 * (mean * mean + 0.25) };
      };
      let state = beginMeans();
      for (let at = 0; at < 60; at++) {
        state = stepMeans(state, { treatment: draw(), control: draw() });
        if (meansLogE(state, margin, 0.05, 0.05) >= Math.log(20)) return true;
      }
      return false;
    };
    expect(Array.from({ length: 200 }, (_, seed) => alarm(seed + 1)).filter(Boolean).length).toBeLessThanOrEqual(19);
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

describe("a mean against a fixed limit", () => {
  const foldLimit = (looks: readonly Sums[]): MeanLimitState => looks.reduce(stepMeanLimit, beginMeanLimit());
  const run = (seed: number, mean: number, side: "above" | "below", wobble = 0): boolean => {
    const random = randomFrom(seed);
    let state = beginMeanLimit();
    for (let at = 0; at < 60; at++) {
      const level = mean * random.gamma(wobble * wobble);
      state = stepMeanLimit(state, sumsOf(Array.from({ length: 20 }, () => -level * Math.log(1 - random.uniform()))));
      if (meanLimitLogE(state, 1, side, 0.1, 0.05) >= Math.log(20)) return true;
    }
    return false;
  };
  const found = (runs: number, ...how: [number, "above" | "below", number?]): number =>
    Array.from({ length: runs }, (_, seed) => run(seed + 1, ...how)).filter(Boolean).length;

  test("is the mean of all values, whatever intervals they came in, with the error that they have around their intervals' own", () => {
    const values = [1, 5, 2, 8, 3, 3, 9, 4];
    const split = foldLimit([sumsOf(values.slice(0, 5)), sumsOf([]), sumsOf(values.slice(5))]);
    expect(meanOf(split)!.estimate).toBeCloseTo(35 / 8, 12);
    const whole = meanOf(foldLimit([sumsOf(values)]))!;
    // The standard error of the mean, as any textbook has it.
    expect(whole.standardError).toBeCloseTo(Math.sqrt(55.875 / 7 / 8), 12);
    expect(meanOf(foldLimit([sumsOf([1]), sumsOf([2])]))).toBeUndefined();
  });

  test("is found beyond the limit on the side where it is, and hardly ever at the limit, though minutes as a whole are off by 30%", () => {
    expect(found(30, 1.5, "above")).toBe(30);
    expect(found(30, 0.7, "below")).toBe(30);
    expect(found(30, 0.7, "above") + found(30, 1.5, "below")).toBe(0);
    // 5 % of 150 is 8; 16 is three standard deviations above.
    for (const side of ["above", "below"] as const)
      for (const wobble of [0, 0.3]) expect(found(150, 1, side, wobble)).toBeLessThanOrEqual(16);
  });

  test("says nothing before 30 values, after one interval alone, or where all values are the same", () => {
    const spread = sumsOf([99, 101, 103]);
    const after = (sums: Sums, times: number) => meanLimitLogE(foldLimit(Array.from({ length: times }, () => sums)), 5, "above", 1, 0.05);
    expect(after(spread, 9)).toBe(NO_EVIDENCE);
    expect(after(spread, 10)).toBeGreaterThan(Math.log(20));
    expect(after(sumsOf(Array.from({ length: 50 }, (_, index) => 99 + (index % 3))), 1)).toBe(NO_EVIDENCE);
    expect(after(sumsOf([99, 99, 99]), 20)).toBe(NO_EVIDENCE);
  });

  test("goes on from JSON exactly as if it had never stopped", () => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 4 }), values, (before, last) => {
        const state = foldLimit(before.map((some) => sumsOf(some)));
        const read: MeanLimitState = JSON.parse(JSON.stringify(state));
        expect(stepMeanLimit(read, sumsOf(last))).toStrictEqual(stepMeanLimit(state, sumsOf(last)));
      }),
    );
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
