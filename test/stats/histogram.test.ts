import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rateSequence, surplusBoundary, twoSidedBetaBinomialLogE } from "../../src/stats/betaBinomial.ts";
import { beginDab, dabLogE, stepDab, type DabState } from "../../src/stats/dab.ts";
import { radiusConstant, simultaneousRadius } from "../../src/stats/empiricalProcess.ts";
import {
  addHistograms,
  bucketIncrements,
  histogramGroups,
  histogramOf,
  slowerThanBounds,
  type Histogram,
} from "../../src/stats/histogram.ts";
import { finestRise, quantileBucket, quantileRange, quantileRise, radiusForAll, radiusForOne } from "../../src/stats/quantile.ts";
import { quantileChangeLogE } from "../../src/stats/quantileChange.ts";
import { beginRatio, ratioLogE, stepRatio } from "../../src/stats/ratio.ts";
import { beginSlowdown, loudestBound, slowdownLogE, stepSlowdown, type RateTest } from "../../src/stats/slowdown.ts";
import type { Mixture } from "../../src/stats/mixture.ts";
import { randomFrom } from "./random.ts";

const BOUNDS = [0.05, 0.1, 0.15, 0.2, 0.3];
const histogram = (...counts: number[]): Histogram => ({ bounds: BOUNDS, counts });
const groupsOf = (treatment: readonly number[], control: readonly number[]) => ({ bounds: BOUNDS, treatment, control });

describe("histograms", () => {
  test("are read from cumulative counters in any order", () => {
    const buckets = [
      { bound: Infinity, count: 12 },
      { bound: 0.1, count: 7 },
      { bound: 0.05, count: 4 },
    ];
    expect(histogramOf(buckets)).toEqual({ bounds: [0.05, 0.1], counts: [4, 3, 5] });
  });

  test("have no negative bucket, though a higher counter was read earlier", () => {
    const buckets = [
      { bound: 0.05, count: 10 },
      { bound: 0.1, count: 9 },
      { bound: Infinity, count: 12 },
    ];
    expect(histogramOf(buckets)).toEqual({ bounds: [0.05, 0.1], counts: [10, 0, 2] });
  });

  test.each([
    ["no bucket at infinity", [{ bound: 1, count: 3 }]],
    ["a bound twice", [1, 1, Infinity].map((bound) => ({ bound, count: 3 }))],
    ["a count that is missing", [{ bound: Infinity, count: NaN }]],
    ["a negative count", [{ bound: Infinity, count: -1 }]],
    ["nothing", []],
  ])("are none with %s", (_, buckets) => expect(histogramOf(buckets)).toBeUndefined());

  test("increments are none where a counter went backwards or the bounds changed", () => {
    const at = (...counts: number[]) => counts.map((count, index) => ({ bound: [1, 2, Infinity][index]!, count }));
    expect(bucketIncrements(at(1, 2, 3), at(4, 6, 9))).toEqual(at(3, 4, 6));
    expect(bucketIncrements(at(1, 2, 3), at(4, 1, 9))).toBeUndefined();
    expect(bucketIncrements(at(1, 2, 3), at(4, 5, 6).slice(1))).toBeUndefined();
    expect(bucketIncrements(at(1, 2, 3), [{ bound: 5, count: 9 }, ...at(4, 5, 6).slice(1)])).toBeUndefined();
  });

  test("with other bounds are neither added nor compared", () => {
    const other = { bounds: [0.05, 0.1, 0.15, 0.2, 0.31], counts: [1, 1, 1, 1, 1, 1] };
    expect(addHistograms(histogram(1, 2, 3, 4, 5, 6), histogram(1, 1, 1, 1, 1, 1))?.counts).toEqual([2, 3, 4, 5, 6, 7]);
    expect(addHistograms(histogram(1, 2, 3, 4, 5, 6), other)).toBeUndefined();
    expect(histogramGroups(histogram(1, 2, 3, 4, 5, 6), other)).toBeUndefined();
    expect(histogramGroups(histogram(1, 2, 3, 4, 5, 6), histogram(6, 5, 4, 3, 2, 1))).toEqual(
      groupsOf([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]),
    );
  });

  test("say how many are slower than each bound", () => {
    const rates = slowerThanBounds(groupsOf([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]));
    expect(rates.map(({ treatment }) => treatment.events)).toEqual([20, 18, 15, 11, 6]);
    expect(rates.every(({ treatment, control }) => treatment.total === 21 && control.total === 21)).toBe(true);
  });
});

describe("test (d): any slowdown", () => {
  const plain: RateTest<Mixture> = { begin: beginRatio, step: (state, groups) => stepRatio(state, groups, 1), logE: ratioLogE };
  const after = (treatment: readonly number[], control: readonly number[]) =>
    stepSlowdown(plain, beginSlowdown(plain, BOUNDS.length), groupsOf(treatment, control));
  const control = [500, 300, 100, 50, 30, 20];

  test("is found wherever it is, and not where there is none or where the treatment is faster", () => {
    expect(slowdownLogE(plain, after([500, 300, 100, 50, 30, 20], control))).toBeLessThan(0);
    expect(slowdownLogE(plain, after([400, 300, 100, 50, 30, 120], control))).toBeGreaterThan(Math.log(20));
    expect(slowdownLogE(plain, after([300, 500, 100, 50, 30, 20], control))).toBeGreaterThan(Math.log(20));
    expect(slowdownLogE(plain, after([700, 200, 50, 30, 15, 5], control))).toBeLessThan(0);
    expect(loudestBound(plain, after([400, 300, 100, 50, 30, 120], control))).toBe(4);
    expect(loudestBound(plain, after([300, 500, 100, 50, 30, 20], control))).toBe(0);
  });

  test("is a mean: never above its loudest bound, nor below it by more than the number of bounds", () => {
    const row = fc.array(fc.nat(300), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(row, row, (one, other) => {
        const states = after(one, other);
        const loudest = Math.max(...states.map(ratioLogE));
        expect(slowdownLogE(plain, states)).toBeLessThanOrEqual(loudest + 1e-12);
        expect(slowdownLogE(plain, states)).toBeGreaterThanOrEqual(loudest - Math.log(BOUNDS.length) - 1e-12);
      }),
    );
  });

  test("may rest on any test of a rate: with DAB one look alone is no breach, five are", () => {
    const byDab: RateTest<DabState> = { begin: beginDab, step: (state, groups) => stepDab(state, groups, 1), logE: dabLogE };
    const slower = groupsOf([300, 300, 100, 50, 30, 220], control);
    let states = stepSlowdown(byDab, beginSlowdown(byDab, BOUNDS.length), slower);
    expect(slowdownLogE(byDab, states)).toBeLessThan(Math.log(20));
    for (let look = 0; look < 4; look++) states = stepSlowdown(byDab, states, slower);
    expect(slowdownLogE(byDab, states)).toBeGreaterThan(Math.log(20));
  });

  test("without bounds is no evidence, and bounds that are not the state's are an error", () => {
    expect(slowdownLogE(plain, [])).toBe(0);
    expect(loudestBound(plain, [])).toBeUndefined();
    expect(() => stepSlowdown(plain, beginSlowdown(plain, 3), groupsOf(control, control))).toThrow(RangeError);
  });
});

describe("test (d): a quantile that must not rise", () => {
  const sure = { up: 0, down: 0 };

  test("is between two bounds, and where in the bucket nobody knows", () => {
    expect(quantileBucket(histogram(50, 30, 10, 5, 4, 1), 0.95)).toEqual({ above: 0.15, atMost: 0.2 });
    expect(quantileBucket(histogram(100, 0, 0, 0, 0, 0), 0.5)).toEqual({ above: -Infinity, atMost: 0.05 });
    expect(quantileBucket(histogram(0, 0, 0, 0, 0, 9), 0.5)).toEqual({ above: 0.3, atMost: Infinity });
    expect(quantileBucket(histogram(0, 0, 0, 0, 0, 0), 0.5)).toBeUndefined();
    expect(quantileRange(histogram(50, 30, 10, 5, 4, 1), 0.95, { up: 0.06, down: 0.02 })).toEqual({ above: 0.1, atMost: 0.3 });
  });

  test("breaches, is clear or neither", () => {
    const fast = [900, 90, 5, 3, 1, 1];
    const slow = [100, 200, 300, 200, 150, 50];
    expect(quantileRise(groupsOf(slow, fast), 0.9, 0.15, () => sure).verdict).toBe("breach");
    expect(quantileRise(groupsOf(fast, slow), 0.9, 0.05, () => sure).verdict).toBe("clear");
    expect(quantileRise(groupsOf(fast, fast), 0.9, 0.05, () => sure).verdict).toBe("inconclusive");
    expect(quantileRise(groupsOf(slow, fast), 0.9, 0.15, () => ({ up: 1, down: 1 })).verdict).toBe("inconclusive");
  });

  test("the range holds the true quantile at all 40 looks in nearly all of 200 seeded runs, by either radius", () => {
    const p = 0.95;
    const alpha = 0.1;
    const constant = radiusConstant(alpha);
    let [missedForAll, missedForOne] = [0, 0];
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      let counts = histogram(0, 0, 0, 0, 0, 0);
      let [all, one] = [true, true];
      for (let look = 0; look < 40; look++) {
        // Uniform on (0, 0.2): the quantile 95 % is 0.19.
        const drawn = Array.from({ length: 25 }, () => random.uniform() * 0.2);
        const buckets = [...BOUNDS, Infinity].map((bound) => ({ bound, count: drawn.filter((value) => value <= bound).length }));
        counts = addHistograms(counts, histogramOf(buckets)!)!;
        const total = 25 * (look + 1);
        const holds = ({ above, atMost }: { above: number; atMost: number }): boolean => above < 0.19 && 0.19 <= atMost;
        const radius = simultaneousRadius(total, 25, constant);
        all &&= holds(quantileRange(counts, p, { up: radius, down: radius }));
        one &&= holds(quantileRange(counts, p, radiusForOne(p, total, { optimum: 500, alpha }, alpha)));
      }
      if (!all) missedForAll++;
      if (!one) missedForOne++;
    }
    // 10 % of 200 is 20.
    expect(missedForAll).toBeLessThanOrEqual(20);
    expect(missedForOne).toBeLessThanOrEqual(20);
  });

  test("for one quantile near the end the radius is far narrower than for all", () => {
    expect(radiusForOne(0.99, 10_000, { optimum: 10_000, alpha: 0.05 }, 0.05).down).toBeLessThan(radiusForAll(10_000, 100, 0.05).down / 4);
    expect(radiusForOne(0.99, 0, { optimum: 10_000, alpha: 0.05 }, 0.05)).toEqual({ up: Infinity, down: Infinity });
    expect(radiusForAll(99, 100, 0.05).up).toBe(Infinity);
    expect(radiusForAll(1000, 100, 0.05).up).toBeCloseTo(simultaneousRadius(1000, 100, radiusConstant(0.05)), 12);
  });

  test("a rise finer than the buckets is told beforehand", () => {
    expect(finestRise(BOUNDS, 0.12)).toBeCloseTo(0.05, 12);
    expect(finestRise(BOUNDS, 0.2)).toBeCloseTo(0.1, 12);
    expect(finestRise(BOUNDS, 0.01)).toBe(Infinity);
    expect(finestRise(BOUNDS, 0.5)).toBe(Infinity);
  });

  test("a change of a quantile is found in both directions, and none where there is none", () => {
    const [one, other] = [
      [500, 300, 100, 50, 30, 20],
      [100, 200, 300, 200, 150, 50],
    ];
    const logE = (a: readonly number[], b: readonly number[]): number =>
      quantileChangeLogE(groupsOf(a, b), 0.5, { optimum: 1000, alpha: 0.05 });
    expect(logE(one, other)).toBeGreaterThan(Math.log(20));
    expect(logE(other, one)).toBeCloseTo(logE(one, other), 6);
    expect(logE(one, one)).toBeLessThan(0);
  });
});

describe("the boundaries that quantiles rest on", () => {
  // By Howard & Ramdas' formula, as in the literature's table for A = 0.85.
  test.each([
    [0.01, 9.284],
    [0.025, 8.623],
    [0.05, 8.123],
    [0.1, 7.623],
  ])("C at α = %d", (alpha, constant) => expect(radiusConstant(alpha)).toBeCloseTo(constant, 3));

  test("the radius shrinks as values come in, and there is none before the first look it is for", () => {
    const at = (count: number): number => simultaneousRadius(count, 100, 8.123);
    expect(at(99)).toBe(Infinity);
    expect(at(200)).toBeLessThan(at(100));
    expect(at(1e6)).toBeLessThan(0.005);
  });

  test("the surplus is where E reaches 1/α", () => {
    const tuning = { optimum: 1000, alpha: 0.05 };
    const surplus = surplusBoundary(2000, 0.1, tuning, 0.05);
    expect(twoSidedBetaBinomialLogE({ events: 200 + surplus, total: 2000 }, 0.1, tuning)).toBeCloseTo(Math.log(20), 6);
    expect(surplusBoundary(3, 0.9, tuning, 1e-9)).toBeCloseTo(0.3, 12);
  });

  test("the sequence of a rate holds the rate, and narrows", () => {
    const tuning = { optimum: 1000, alpha: 0.05 };
    const at = (total: number) => rateSequence({ events: total / 10, total }, 0.05, tuning)!;
    for (const total of [10, 100, 10_000]) expect(at(total)[0] < 0.1 && 0.1 < at(total)[1]).toBe(true);
    expect(at(10_000)[1] - at(10_000)[0]).toBeLessThan(at(1000)[1] - at(1000)[0]);
    expect(rateSequence({ events: 0, total: 50 }, 0.05, tuning)![0]).toBe(0);
    expect(rateSequence({ events: 50, total: 50 }, 0.05, tuning)![1]).toBe(1);
    expect(rateSequence({ events: 0, total: 0 }, 0.05, tuning)).toBeUndefined();
  });
});
