import { describe, expect, test } from "vitest";
import { rateFigures, rateOf, ready, shareAbove, type RateLimit } from "../../src/judge/rates.ts";
import type { Limit } from "../../src/model/plan.ts";
import { limits, of } from "./builders.ts";

describe("an estimate beside its limit", () => {
  test.each<[Limit["form"], number, boolean]>([
    ["max", 6, true],
    ["max", 5, false],
    ["max", 4, false],
    ["maxIncrease", 6, true],
    ["maxIncrease", 5, false],
    ["maxIncrease", 4, false],
    ["maxTrend", 6, true],
    ["maxTrend", 5, false],
    ["maxTrend", 4, false],
    ["min", 6, false],
    ["min", 5, false],
    ["min", 4, true],
    ["maxDecrease", 6, false],
    ["maxDecrease", 5, false],
    ["maxDecrease", 4, true],
  ])("%s 5: is %d beyond it? %s", (form, estimate, beyond) => {
    expect(ready(form, estimate, [1, 9], 5)).toEqual({ estimate, interval: [1, 9], limit: 5, beyond });
  });

  test("is not shown where it is no finite number, but is beyond it all the same; nothing is beyond nothing", () => {
    expect(ready("maxIncrease", Infinity, undefined, 5)).toEqual({ estimate: undefined, interval: undefined, limit: 5, beyond: true });
    for (const form of ["max", "min"] as const) expect(ready(form, undefined, undefined, 5).beyond).toBe(false);
  });
});

describe("what the counts of a stage say", () => {
  const view = rateOf("errors");
  const figures = (limit: RateLimit, treatment: [number, number] | undefined, control: [number, number] | undefined) =>
    rateFigures(view, limit, { treatment: treatment && of(...treatment), control: control && of(...control) });

  test("of a ratio: nothing where a group had no requests or none failed, and infinitely much where only the control's failed not", () => {
    expect(figures(limits.increase, [4, 100], [2, 100])).toMatchObject({
      treatment: "4%",
      control: "2%",
      estimate: 2,
      limit: 1.2,
      beyond: true,
    });
    expect(figures(limits.increase, [0, 100], [2, 100])).toMatchObject({ treatment: "0%", estimate: 0, beyond: false });
    expect(figures(limits.decrease, [1, 100], [2, 100])).toMatchObject({ estimate: 0.5, limit: 0.8, beyond: true });
    expect(figures(limits.increase, [4, 100], [0, 100])).toMatchObject({ estimate: undefined, control: "0%", beyond: true });
    expect(figures(limits.increase, [0, 100], [0, 100])).toMatchObject({ estimate: undefined, beyond: false });
    expect(figures(limits.increase, [4, 100], undefined)).toMatchObject({
      treatment: "4%",
      control: undefined,
      estimate: undefined,
      beyond: false,
    });
    expect(figures(limits.increase, undefined, [4, 100])).toMatchObject({
      treatment: undefined,
      control: "4%",
      estimate: undefined,
      beyond: false,
    });
  });

  test("of points", () => {
    expect(figures(limits.morePoints, [4, 100], [2, 100])).toMatchObject({ limit: 0.005, beyond: true });
    expect(figures(limits.morePoints, [4, 100], [2, 100]).estimate).toBeCloseTo(0.02, 12);
    expect(figures(limits.fewerPoints, [1, 100], [2, 100])).toMatchObject({ estimate: -0.01, limit: -0.005, beyond: true });
    expect(figures(limits.morePoints, undefined, [2, 100])).toMatchObject({ estimate: undefined, interval: undefined, beyond: false });
    expect(figures(limits.morePoints, [2, 100], undefined)).toMatchObject({ estimate: undefined, interval: undefined, beyond: false });
  });

  test("of a fixed limit", () => {
    expect(figures(limits.max, [2, 100], undefined)).toMatchObject({
      treatment: "2%",
      control: undefined,
      estimate: 0.02,
      limit: 0.01,
      beyond: true,
    });
    expect(figures(limits.max, [2, 100], undefined).basis).toBe("2 of 100 requests");
    expect(figures(limits.max, undefined, [2, 100])).toMatchObject({
      treatment: undefined,
      control: "2%",
      estimate: undefined,
      beyond: false,
    });
  });

  test("of the values above a bound", () => {
    const { counts, noun } = shareAbove("latency above 2 s", 1, 4);
    expect(noun).toBe("values");
    expect(counts({ buckets: [10, 20, 30, 40] })).toEqual({ events: 70, total: 100 });
    expect(counts(undefined)).toEqual({ events: 0, total: 0 });
  });
});
