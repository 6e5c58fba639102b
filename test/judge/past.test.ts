import { describe, expect, test } from "vitest";
import type { Baseline, Value } from "../../src/model/measurement.ts";
import type { Guardrail, Limit, MetricKind } from "../../src/model/plan.ts";
import type { VerdictKind } from "../../src/model/verdict.ts";
import { guardrail, measurement, metric, minutes, MINUTE, of, reading, verdictOf, verdictsOf } from "./builders.ts";

const DAY = 24 * 60 * MINUTE;
const before = (value: Value, changes: Partial<Baseline> = {}): Baseline => ({
  from: 0,
  to: DAY,
  counts: { everyone: value, control: value },
  ...changes,
});
const rail = (
  kind: MetricKind,
  limit: Limit,
  baseline: Baseline | string | undefined,
  changes: Partial<Guardrail> = {},
  grouped = false,
) => ({
  metric: metric({ kind, grouped, ...(kind !== "rate" && { unit: "ms" }) }),
  guardrail: guardrail(limit, { metric: "site", versus: { before: DAY }, ...changes }),
  baseline,
  split: false,
});
const half: Limit = { form: "maxIncrease", by: "ratio", amount: 0.5 };

describe("a rate against the time before the run is judged by what it was then", () => {
  const then = before(of(10_000, 1_000_000));
  test.each<[string, Limit, number, VerdictKind]>([
    ["three times what it was", half, 300, "breach"],
    ["as it was", half, 100, "clear"],
    ["half as much again", half, 150, "inconclusive"],
    ["a point above what it was", { form: "maxIncrease", by: "points", amount: 0.01 }, 500, "breach"],
    ["no point above what it was", { form: "maxIncrease", by: "points", amount: 0.01 }, 100, "clear"],
    ["a fifth of what it was", { form: "maxDecrease", by: "ratio", amount: 0.5 }, 10, "breach"],
    ["not less than it was", { form: "maxDecrease", by: "ratio", amount: 0.5 }, 100, "clear"],
    ["half a point below what it was", { form: "maxDecrease", by: "points", amount: 0.005 }, 10, "breach"],
  ])("%s", (_, limit, events, expected) => {
    expect(verdictOf({ ...rail("rate", limit, then), reading: minutes(20, { everyone: of(events, 10_000) }) }).verdict).toBe(expected);
  });

  test("and says so, and that it cannot tell an incident from harm", () => {
    expect(verdictOf({ ...rail("rate", half, then), reading: minutes(20, { everyone: of(300, 10_000) }) }).sentence).toMatch(
      /^site is 3% over everybody against 1% in the 24 h before \(95% interval .*; limit 1.53%\): 6,000 of 200,000 requests; evidence of harm .*; this compares with the past, so an incident that hits everybody looks the same$/,
    );
  });

  test("of a metric with groups, the treatment is compared with what everybody was", () => {
    const groups = rail("rate", half, before(of(10_000, 1_000_000)), {}, true);
    expect(verdictOf({ ...groups, reading: minutes(20, { treatment: of(300, 10_000), control: of(100, 10_000) }) }).verdict).toBe("breach");
    expect(verdictOf({ ...groups, reading: minutes(20, { treatment: of(100, 10_000), control: of(900, 10_000) }) }).verdict).toBe("clear");
  });

  test("its own uncertainty is on the side of doing nothing", () => {
    const few = before(of(1, 100));
    const found = verdictOf({ ...rail("rate", half, few), reading: minutes(20, { everyone: of(300, 10_000) }) });
    expect(found.verdict).not.toBe("breach");
    expect(found.limit!).toBeGreaterThan(0.05);
  });

  test.each<[string, Limit, Baseline | string | undefined, VerdictKind, string]>([
    ["not asked yet", half, undefined, "inconclusive", "site was not measured yet as it was before the run"],
    ["not known", half, "timeout", "noData", "what site was before the run is not known: timeout"],
    ["without requests", half, before(of(0, 0)), "noData", "site had no requests before the run, so there is nothing to compare with"],
    ["that cannot rise so far", half, before(of(900, 1000)), "notJudgeable", "site was 90% before the run, and cannot rise so far"],
    [
      "that cannot fall so far",
      { form: "maxDecrease", by: "points", amount: 0.02 },
      before(of(10, 1000)),
      "notJudgeable",
      "site was 1% before the run, and cannot fall so far",
    ],
  ])("a past %s", (_, limit, baseline, verdict, sentence) => {
    const found = verdictOf({ ...rail("rate", limit, baseline), reading: minutes(1, { everyone: of(1, 100) }) });
    expect([found.verdict, found.sentence]).toEqual([verdict, sentence]);
  });
});

describe("other kinds against the past", () => {
  const sums = (count: number, mean: number, deviation: number): Value => ({
    count,
    sum: count * mean,
    sumSquares: count * (mean * mean + deviation ** 2),
  });

  test.each<[Limit, number, VerdictKind]>([
    [{ form: "maxIncrease", by: "value", amount: 50 }, 300, "breach"],
    [{ form: "maxIncrease", by: "value", amount: 50 }, 200, "clear"],
    [{ form: "maxIncrease", by: "ratio", amount: 0.2 }, 300, "breach"],
    [{ form: "maxDecrease", by: "ratio", amount: 0.2 }, 100, "breach"],
    [{ form: "maxDecrease", by: "value", amount: 50 }, 200, "clear"],
  ])("a mean of 200 ms: %j at %d ms", (limit, mean, expected) => {
    const found = verdictOf({
      ...rail("mean", limit, before(sums(1000, 200, 40))),
      reading: minutes(10, { everyone: sums(200, mean, 40) }),
    });
    expect(found.verdict).toBe(expected);
    expect(found.sentence).toMatch(/over everybody against 200 ms in the 24 h before/);
  });

  test("a mean without values then", () => {
    expect(verdictOf({ ...rail("mean", half, before(sums(0, 0, 0))), reading: minutes(1, { everyone: sums(200, 1, 1) }) }).verdict).toBe(
      "noData",
    );
  });

  const bounds = [100, 200, 300, 400, 500];
  const then = before({ buckets: [500, 300, 150, 45, 4, 1] }, { bounds });
  const latency = (limit: Limit, baseline: Baseline = then, changes: Partial<Guardrail> = { quantile: 0.95 }) => ({
    ...rail("histogram", limit, baseline, changes),
    bounds,
  });
  test("a histogram's quantile: the share above the next bound", () => {
    const worse = { reading: minutes(10, { everyone: { buckets: [200, 200, 200, 200, 150, 50] } }) };
    const same = { reading: minutes(20, { everyone: { buckets: [500, 300, 150, 45, 4, 1] } }) };
    const limit: Limit = { form: "maxIncrease", by: "value", amount: 100 };
    expect(verdictOf({ ...latency(limit), ...worse }).verdict).toBe("breach");
    expect(verdictOf({ ...latency(limit), ...worse }).sentence).toMatch(
      /^site above 400 ms is 20% over everybody against at most 300 ms in the 24 h before .*limit 5%/,
    );
    expect(verdictOf({ ...latency(limit), ...same }).verdict).toBe("clear");
    expect(verdictOf({ ...latency({ form: "maxIncrease", by: "ratio", amount: 0.1 }), ...worse }).sentence).toMatch(/^site above 400 ms/);
    expect(verdictOf({ ...latency({ form: "maxIncrease", by: "value", amount: 900 }), ...worse })).toMatchObject({
      verdict: "notJudgeable",
      sentence: expect.stringMatching(/^no bucket of site is wide enough: its 95% quantile was above 200 ms before the run$/) as string,
    });
    expect(verdictOf({ ...latency(limit, then, {}), ...worse }).sentence).toBe("site can only be compared with the past by a quantile");
    expect(verdictOf({ ...latency(limit, before({ buckets: [0, 0, 0, 0, 0, 0] }, { bounds })), ...worse }).verdict).toBe("noData");
  });

  test("a gauge: its readings against those of then, once the stage has baked", () => {
    const levels = (from: number) => Array.from({ length: 20 }, (_, index) => from + (index % 5));
    const past: Baseline = { from: 0, to: 30 * MINUTE, counts: {}, levels: { everyone: levels(100) } };
    const looks = (from: number) =>
      levels(from).map((level, index) => ({
        bakeOver: index === 19,
        reading: reading(measurement({ everyone: { level } }, false, index * MINUTE)),
      }));
    const found = (from: number) => verdictsOf(looks(from), rail("gauge", { form: "maxIncrease", by: "ratio", amount: 0.1 }, past)).at(-1)!;
    expect(found(150).verdict).toBe("breach");
    expect(found(150).sentence).toMatch(/^the median of site is 152 ms over everybody against 102 ms in the 30 min before/);
    expect(found(100).verdict).toBe("clear");
    const empty = verdictOf({
      ...rail("gauge", half, { from: 0, to: DAY, counts: {}, levels: {} }),
      reading: minutes(1, { everyone: { level: 1 } }),
    });
    expect([empty.verdict, empty.sentence]).toEqual(["noData", "site showed nothing in the 24 h before"]);
  });
});
