import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addRise, commonBounds, perBucket, splitBound } from "../../src/metrics/buckets.ts";
import { NoData } from "../../src/metrics/counts.ts";

const cumulative = (...pairs: [number, number][]) => new Map(pairs);
const steps = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 12 });

test("whatever counters show, no bucket is negative, and a consistent histogram comes back", () => {
  fc.assert(
    fc.property(steps, (counts) => {
      let below = 0;
      expect(perBucket(counts.map((count) => (below += count)))).toEqual(counts);
    }),
  );
  fc.assert(
    fc.property(steps, (sums) => {
      const counts = perBucket(sums);
      expect(counts).toHaveLength(sums.length);
      expect(counts.every((count) => count >= 0)).toBe(true);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(Math.max(0, ...sums));
    }),
  );
});

test("counts with binary dust are exact to a millionth", () => {
  expect(perBucket([0.1 + 0.2, 0.6, 1.1 - 0.1])).toEqual([0.3, 0.3, 0.4]);
});

describe("how much a histogram rose", () => {
  const bounds = [1, Infinity];
  const rise = (before: Map<number, number> | undefined, now: Map<number, number>) => {
    const sums = [100, 200];
    addRise(sums, bounds, before, { series: "x", cumulative: now });
    return sums;
  };

  test.each<[string, Map<number, number> | undefined, Map<number, number>, number[]]>([
    ["is the difference", cumulative([1, 5], [Infinity, 9]), cumulative([1, 6], [Infinity, 12]), [101, 203]],
    ["is all of one that is new", undefined, cumulative([1, 6], [Infinity, 12]), [106, 212]],
    ["is all of one of which any counter fell", cumulative([1, 5], [Infinity, 9]), cumulative([1, 4], [Infinity, 12]), [104, 212]],
    [
      "is that of the bounds it has now, when it had more (of a process that is gone)",
      cumulative([0.5, 1], [1, 5], [Infinity, 9]),
      cumulative([1, 6], [Infinity, 12]),
      [101, 203],
    ],
  ])("%s", (_, before, now, sums) => {
    expect(rise(before, now)).toEqual(sums);
  });

  test("is not known of a bucket that was not there before", () => {
    expect(() => rise(cumulative([Infinity, 9]), cumulative([1, 6], [Infinity, 12]))).toThrow(
      "the bounds of the buckets of x changed: 1 was not there before",
    );
  });
});

describe("the bounds of a metric", () => {
  const of = (series: string, ...bounds: number[]) => ({
    cohort: "everyone" as const,
    series,
    cumulative: new Map(bounds.map((bound) => [bound, 1])),
  });

  test("are ascending, and none without a histogram", () => {
    expect(commonBounds([of("x", Infinity, 10, 2), of("y", 2, Infinity, 10)])).toEqual([2, 10, Infinity]);
    expect(commonBounds([])).toBeUndefined();
  });

  test("that differ in many are named in part", () => {
    expect(() => commonBounds([of("x", 1, Infinity), of("x", 2, 3, 4, 5, 6, 7, 8, Infinity)])).toThrow(
      "the bounds of the buckets of x changed: 1 only before; 2, 3, 4, 5, 6 and 2 more only after",
    );
  });
});

test.each([
  ["0.1", 0.1],
  ["1e-1", 0.1],
  ["5", 5],
  ["5.0", 5],
  ["+Inf", Infinity],
  ["-2.5", -2.5],
])("le=%j is the bound %d", (le, bound) => {
  expect(splitBound("x_bucket", new Map([["le", le], ["a", "b"]]))).toEqual({ rest: new Map([["a", "b"]]), bound }); // prettier-ignore
});

test.each(["", "NaN", "-Inf", "0x1", "1,5", "fast"])("le=%j is no bound", (le) => {
  expect(() => splitBound("x_bucket", new Map([["le", le]]))).toThrow(NoData);
});
