import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginDab, dabLogE, stepDab } from "../../src/stats/dab.ts";
import { tuningFor, multipleOf } from "../../src/stats/sequence.ts";
import {
  durationOf,
  eventsForRatio,
  requestsForCeiling,
  requestsForDab,
  requestsForRates,
  requestsForRatio,
  sequentialInflation,
  smallestDifference,
  smallestRatio,
  smallestShift,
} from "../../src/stats/sizing.ts";
import { randomFrom } from "./random.ts";

const demand = (alpha: number, power: number) => ({ alpha, power, sides: "one" }) as const;

describe("(h) sizing", () => {
  test.each([
    [0.05, 2.12, 1.93],
    [0.025, 1.92, 1.78],
    [0.01, 1.76, 1.65],
    [0.001, 1.53, 1.47],
  ])("the price of looking as often as one likes, at α = %d", (alpha, at80, at90) => {
    expect(sequentialInflation(demand(alpha, 0.8))).toBeCloseTo(at80, 2);
    expect(sequentialInflation(demand(alpha, 0.9))).toBeCloseTo(at90, 2);
  });

  test("the smallest difference is the one for which so many requests are enough", () => {
    const rates = { control: 0.01, controlPerTreated: 4 };
    const smallest = smallestDifference(20_000, rates, demand(0.05, 0.8))!;
    const needed = requestsForRates({ ...rates, treatment: 0.01 + smallest }, demand(0.05, 0.8)) * sequentialInflation(demand(0.05, 0.8));
    expect(needed).toBeCloseTo(20_000, 3);
    expect(smallestDifference(0, rates, demand(0.05, 0.8))).toBeUndefined();
  });

  test("the smallest shift of a mean is as many standard errors as the sequence and the power take", () => {
    const shift = smallestShift(3, { treatment: 100, control: 300 }, demand(0.05, 0.5));
    const error = 3 * Math.sqrt(1 / 100 + 1 / 300);
    expect(shift / error).toBeCloseTo(multipleOf("one", tuningFor("one", 1, 0.05), 0.05), 10);
  });

  test("events for a ratio at even chances are [ln(1/α) + ln |grid|]/KL; power and a margin cost more, a larger harm less", () => {
    const expected = { ratio: 2, margin: 1, controlPerTreated: 1 };
    const [t1, t0] = [2 / 3, 1 / 2];
    const kl = t1 * Math.log(t1 / t0) + (1 - t1) * Math.log((1 - t1) / (1 - t0));
    expect(eventsForRatio(expected, { alpha: 0.05, power: 0.5 })).toBeCloseTo((Math.log(20) + Math.log(8)) / kl, 8);
    const events = eventsForRatio(expected, { alpha: 0.05, power: 0.8 });
    expect(events).toBeGreaterThan(eventsForRatio(expected, { alpha: 0.05, power: 0.5 }));
    expect(events).toBeLessThan(eventsForRatio({ ...expected, margin: 1.5 }, { alpha: 0.05, power: 0.8 }));
    expect(events).toBeGreaterThan(eventsForRatio({ ...expected, ratio: 5 }, { alpha: 0.05, power: 0.8 }));
    expect(eventsForRatio({ ...expected, ratio: 1 }, { alpha: 0.05, power: 0.8 })).toBe(Infinity);
  });

  test("requests are events by how many a treated request brings with it", () => {
    const expected = { ratio: 2, margin: 1, controlPerTreated: 99 };
    const events = eventsForRatio(expected, { alpha: 0.05, power: 0.8 });
    expect(requestsForRatio(expected, 0.005, { alpha: 0.05, power: 0.8 })).toBeCloseTo(events / (0.01 + 99 * 0.005), 8);
  });

  test("DAB needs more than the limit of Wald's test, and the more the fewer looks there are", () => {
    const expected = { ratio: 2, margin: 1, controlPerTreated: 1000 };
    const even = { alpha: 0.05, power: 0.5 };
    const wald = Math.log(20) / (0.005 * (2 * Math.log(2) - 1));
    const often = requestsForDab(expected, { controlRate: 0.005, requests: 10 }, even);
    expect(often / wald).toBeGreaterThan(1.4);
    expect(often / wald).toBeLessThan(1.8);
    expect(requestsForDab(expected, { controlRate: 0.005, requests: 3000 }, even)).toBeGreaterThan(6000);
    expect(requestsForCeiling(2, 0.005, 10, even)).toBeCloseTo(often, -1);
    const strict = requestsForDab(expected, { controlRate: 0.005, requests: 10 }, { ...even, strict: true });
    expect(strict / often).toBeGreaterThan(1.7);
    expect(strict / often).toBeLessThan(2.2);
    expect(requestsForDab({ ...expected, margin: 2 }, { controlRate: 0.005, requests: 10 }, even)).toBe(Infinity);
    expect(requestsForCeiling(1, 0.005, 10, even)).toBe(Infinity);
  });

  test.each([
    [2, 1, 19, 2],
    [3, 1.2, 1, 3],
    [5, 1, 99, 0.3],
  ])("DAB finds ×%d beyond a margin of %d about when it was foretold (seeded)", (ratio, margin, controlPerTreated, eventsPerLook) => {
    const requests = eventsPerLook / 0.001;
    const looksUntil = (seed: number): number => {
      const random = randomFrom(seed);
      let state = beginDab();
      for (let look = 1; look < 300; look++) {
        const treatment = { events: random.binomial(requests, 0.001 * ratio), total: requests };
        const control = { events: random.binomial(requests * controlPerTreated, 0.001), total: requests * controlPerTreated };
        state = stepDab(state, { treatment, control }, margin);
        if (dabLogE(state) >= Math.log(100)) return look;
      }
      return Infinity;
    };
    const looks = Array.from({ length: 80 }, (_, seed) => looksUntil(seed + 1)).sort((a, b) => a - b);
    for (const power of [0.5, 0.8]) {
      const foretold =
        requestsForDab({ ratio, margin, controlPerTreated }, { controlRate: 0.001, requests }, { alpha: 0.01, power }) / requests;
      expect(Math.abs(looks[80 * power]! - foretold)).toBeLessThanOrEqual(Math.max(2, 0.3 * foretold));
    }
  });

  test("the smallest ratio is the one for which so many requests are enough", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2000, max: 1e7 }), fc.double({ min: 1, max: 2, noNaN: true }), (requests, margin) => {
        const needed = (ratio: number): number =>
          requestsForDab({ ratio, margin, controlPerTreated: 9 }, { controlRate: 1e-3, requests: 100 }, { alpha: 0.05, power: 0.8 });
        const smallest = smallestRatio(requests, margin, needed)!;
        expect(smallest).toBeGreaterThan(margin);
        expect(needed(smallest)).toBeLessThanOrEqual(requests);
        expect(needed(smallest * 0.999)).toBeGreaterThan(requests);
      }),
    );
    expect(smallestRatio(10, 1, () => 1000)).toBeUndefined();
  });

  test("a duration is requests by treated traffic, and endless without", () => {
    expect(durationOf(3000, { rate: 6000, share: 0.01 })).toBeCloseTo(50, 10);
    expect(durationOf(3000, { rate: 6000, share: 0 })).toBe(Infinity);
  });
});
