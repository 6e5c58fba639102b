import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { GuardrailQuestion } from "../../src/model/judge.ts";
import type { Value } from "../../src/model/measurement.ts";
import type { Guardrail, Limit } from "../../src/model/plan.ts";
import type { VerdictKind } from "../../src/model/verdict.ts";
import { guardrail, look, measurement, metric, minutes, MINUTE, of, reading, verdictOf, verdictsOf } from "./builders.ts";

/** So many values of this mean and standard deviation. */
const sums = (count: number, mean: number, deviation: number): Value => ({
  count,
  sum: count * mean,
  sumSquares: count * (mean * mean + deviation * deviation),
});
const buckets = (...counts: number[]): Value => ({ buckets: counts });

describe("a mean", () => {
  const checkout = { metric: metric({ kind: "mean", unit: "ms" }) };
  const rail = (limit: Limit, changes: Partial<Guardrail> = {}) => ({
    ...checkout,
    guardrail: guardrail(limit, { metric: "checkout", ...changes }),
  });
  const at = (mean: number, control = 180) => ({
    reading: minutes(10, { treatment: sums(100, mean, 80), control: sums(1000, control, 80) }),
  });

  test.each<[string, Limit, number, VerdictKind]>([
    ["above a fixed limit", { form: "max", value: 200 }, 260, "breach"],
    ["about at it", { form: "max", value: 200 }, 200, "inconclusive"],
    ["below it", { form: "max", value: 200 }, 140, "clear"],
    ["below the least it may be", { form: "min", value: 200 }, 140, "breach"],
    ["above the least it may be", { form: "min", value: 200 }, 260, "clear"],
    ["more than 10 ms above the control", { form: "maxIncrease", by: "value", amount: 10 }, 260, "breach"],
    ["10 ms above the control", { form: "maxIncrease", by: "value", amount: 10 }, 190, "inconclusive"],
    ["far below the control", { form: "maxIncrease", by: "value", amount: 10 }, 100, "clear"],
    ["more than 10 % above the control", { form: "maxIncrease", by: "ratio", amount: 0.1 }, 260, "breach"],
    ["10 % above the control", { form: "maxIncrease", by: "ratio", amount: 0.1 }, 198, "inconclusive"],
    ["as the control", { form: "maxIncrease", by: "ratio", amount: 0.3 }, 180, "clear"],
    ["more than 10 % below the control", { form: "maxDecrease", by: "ratio", amount: 0.1 }, 100, "breach"],
    ["10 % below the control", { form: "maxDecrease", by: "ratio", amount: 0.1 }, 162, "inconclusive"],
    ["not below the control", { form: "maxDecrease", by: "ratio", amount: 0.1 }, 260, "clear"],
    ["more than 10 ms below the control", { form: "maxDecrease", by: "value", amount: 10 }, 100, "breach"],
    ["10 ms below the control", { form: "maxDecrease", by: "value", amount: 10 }, 170, "inconclusive"],
    ["far above the control", { form: "maxDecrease", by: "value", amount: 10 }, 260, "clear"],
    ["above the control, where nothing more is allowed", { form: "maxIncrease", by: "value", amount: 0 }, 260, "breach"],
    ["above the control by ratio, where nothing more is allowed", { form: "maxIncrease", by: "ratio", amount: 0 }, 260, "breach"],
  ])("%s", (_, limit, mean, expected) => {
    const found = verdictOf({ ...rail(limit), ...at(mean) });
    expect(found.verdict).toBe(expected);
    expect(found.evidence! >= found.threshold!).toBe(expected === "breach");
    expect(found.within! >= found.threshold!).toBe(expected === "clear");
    expect(found.counts).toEqual({ treatment: { total: 1000 }, control: { total: 10_000 } });
  });

  test("says what it is, with its unit", () => {
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "value", amount: 10 }), ...at(260) }).sentence).toBe(
      "checkout is 260 ms with the feature against 180 ms without (+80 ms, 95% interval +74.8 ms to +85.2 ms; limit +10 ms): 1,000 against 10,000 values; evidence of harm over 1,000,000:1, 111:1 was needed",
    );
    expect(verdictOf({ ...rail({ form: "maxDecrease", by: "ratio", amount: 0.1 }), ...at(100) }).sentence).toMatch(
      /^checkout is 100 ms with the feature against 180 ms without \(0.56x, 95% interval 0.53x to 0.58x; limit at least 0.9x\)/,
    );
    expect(verdictOf({ ...rail({ form: "max", value: 2000 }), ...at(260) }).sentence).toBe(
      "checkout is 260 ms with the feature (95% interval 255 ms to 265 ms; limit 2 s): 1,000 values; evidence that it is within the limit over 1,000,000:1, 111:1 was needed",
    );
    expect(verdictOf({ ...rail({ form: "max", value: 200 }), ...at(260) }).sentence).toMatch(
      /; this compares with a fixed limit, so an incident that hits everybody looks the same \(without the feature: 180 ms\)$/,
    );
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "value", amount: 10 }), ...at(180) }).estimate).toBe(0);
  });

  test("needs as many values as show the harm that is named: twice what is allowed, or what the plan says", () => {
    const needs = (changes: Partial<Guardrail>, limit: Limit = { form: "maxIncrease", by: "value", amount: 10 }) =>
      verdictOf({ ...rail(limit, changes), ...at(190) }).needs!;
    expect(needs({})).toBeGreaterThan(800);
    expect(needs({})).toBeLessThan(2000);
    expect(needs({ detect: { form: "maxIncrease", by: "value", amount: 30 } })).toBeLessThan(needs({}) / 2);
    expect(
      needs({ detect: { form: "maxIncrease", by: "ratio", amount: 1 / 3 } }, { form: "maxIncrease", by: "ratio", amount: 1 / 6 }),
    ).toBeCloseTo(needs({}, { form: "maxIncrease", by: "ratio", amount: 1 / 6 }), 6);
  });

  test("of few values, or values that are all the same, nothing is shown", () => {
    const few = { reading: minutes(1, { treatment: sums(20, 900, 10), control: sums(1000, 180, 10) }) };
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "value", amount: 10 }), ...few }).verdict).toBe("inconclusive");
    expect(verdictOf({ ...rail({ form: "max", value: 200 }), ...few }).verdict).toBe("inconclusive");
    const same = { reading: minutes(5, { treatment: sums(200, 900, 0), control: sums(200, 180, 0) }) };
    expect(verdictOf({ ...rail({ form: "max", value: 200 }), ...same }).verdict).toBe("inconclusive");
  });

  test.each<[string, Value]>([
    ["squares that are too small", { count: 10, sum: 100, sumSquares: 900 }],
    ["a negative count", { count: -1, sum: 0, sumSquares: 0 }],
    ["a sum of no values", { count: 0, sum: 5, sumSquares: 25 }],
    ["no number", { count: 10, sum: Number.NaN, sumSquares: 9 }],
  ])("%s cannot be", (_, treatment) => {
    const found = verdictOf({ ...rail({ form: "max", value: 200 }), reading: minutes(1, { treatment, control: sums(10, 1, 1) }) });
    expect([found.verdict, found.sentence]).toEqual([
      "error",
      expect.stringMatching(/^checkout gave counts that cannot be: .*values.*\(treatment\)$/),
    ]);
  });

  test("a mixed interval shows harm, and never that there is none", () => {
    const mixed = (mean: number) =>
      reading(
        ...Array.from({ length: 10 }, (_, index) =>
          measurement({ treatment: sums(100, mean, 80), control: sums(1000, 180, 80) }, true, index + 1),
        ),
      );
    for (const limit of [
      { form: "max", value: 200 },
      { form: "maxIncrease", by: "value", amount: 20 },
    ] as const) {
      expect(verdictOf({ ...rail(limit), reading: mixed(260) }).verdict).toBe("breach");
      expect(verdictOf({ ...rail(limit), reading: mixed(100) }).verdict).toBe("inconclusive");
    }
  });
});

describe("a histogram", () => {
  const bounds = [0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 1];
  const slow = { metric: metric({ kind: "histogram", unit: "s" }), bounds };
  const rail = (limit: Limit, changes: Partial<Guardrail> = {}) => ({
    ...slow,
    guardrail: guardrail(limit, { metric: "latency", ...changes }),
  });
  const p95 = { quantile: 0.95 };
  const well = buckets(300, 500, 100, 80, 10, 5, 3, 1, 1);
  const worse = buckets(100, 300, 200, 150, 100, 80, 50, 15, 5);
  const better = buckets(700, 280, 10, 5, 3, 1, 1, 0, 0);
  const at = (treatment: Value, count = 10) => ({ reading: minutes(count, { treatment, control: well }) });

  test.each<[string, Limit, Partial<Guardrail>, Value, VerdictKind]>([
    ["too many above an absolute quantile", { form: "max", value: 0.35 }, p95, worse, "breach"],
    ["few above an absolute quantile", { form: "max", value: 0.35 }, p95, well, "clear"],
    ["too few above the least a quantile may be", { form: "min", value: 0.35 }, p95, well, "breach"],
    ["a quantile far above the control's", { form: "maxIncrease", by: "value", amount: 0.05 }, p95, worse, "breach"],
    ["a quantile as the control's", { form: "maxIncrease", by: "value", amount: 0.1 }, p95, well, "clear"],
    [
      "a quantile as the control's, and a rise that the buckets do not show",
      { form: "maxIncrease", by: "value", amount: 0.01 },
      p95,
      well,
      "inconclusive",
    ],
    ["a quantile above the control's by ratio", { form: "maxIncrease", by: "ratio", amount: 0.2 }, p95, worse, "breach"],
    ["a quantile as the control's by ratio", { form: "maxIncrease", by: "ratio", amount: 0.5 }, p95, well, "clear"],
    ["any slowdown", { form: "maxIncrease", by: "ratio", amount: 0.1 }, {}, worse, "breach"],
    ["no slowdown", { form: "maxIncrease", by: "ratio", amount: 0.1 }, {}, well, "inconclusive"],
  ])("%s", (_, limit, changes, treatment, expected) => {
    expect(verdictOf({ ...rail(limit, changes), ...at(treatment) }).verdict).toBe(expected);
  });

  test("is shown to be nowhere slower where it is faster everywhere", () => {
    const found = verdictOf({
      ...rail({ form: "maxIncrease", by: "ratio", amount: 0.5 }),
      reading: minutes(20, {
        treatment: buckets(9000, 2800, 100, 5, 3, 1, 1, 0, 0),
        control: buckets(3000, 5000, 1000, 800, 100, 50, 30, 40, 40),
      }),
    });
    expect(found.verdict).toBe("clear");
    expect(found.within!).toBeGreaterThanOrEqual(found.threshold!);
  });

  test("strict proof of a slowdown needs more", () => {
    const limit: Limit = { form: "maxIncrease", by: "ratio", amount: 0.1 };
    const usual = verdictOf({ ...rail(limit), ...at(worse, 4) });
    expect(verdictOf({ ...rail(limit, { proof: "strict" }), ...at(worse, 4) }).evidence!).toBeLessThan(usual.evidence! - 1);
  });

  test("says what it saw, at the bounds of its buckets", () => {
    expect(verdictOf({ ...rail({ form: "max", value: 0.35 }, p95), ...at(worse) }).sentence).toMatch(
      /^latency above 350 ms is 15% with the feature \(95% interval .*; limit 5%\): 1,500 of 10,000 values; evidence of harm/,
    );
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "value", amount: 0.05 }, p95), ...at(worse) }).sentence).toBe(
      "the p95 of latency is 400 ms to 500 ms with the feature against 250 ms to 300 ms without (+200 ms; limit +50 ms): 10,000 against 10,000 values",
    );
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "ratio", amount: 0.2 }, p95), ...at(worse) }).sentence).toMatch(
      /\(66.67% more; limit 20% more\)/,
    );
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "ratio", amount: 0.2 }, p95), ...at(better) }).sentence).toMatch(
      /\(33.33% less; limit 20% more\)/,
    );
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "value", amount: 0.01 }, p95), ...at(well) }).sentence).toMatch(
      /; neither shown to be broken nor to be kept; the buckets there are 50 ms wide, so that less than that is neither seen nor excluded$/,
    );
    const low = buckets(1000, 10, 0, 0, 0, 0, 0, 0, 0);
    const lowest = verdictOf({
      ...rail({ form: "maxIncrease", by: "value", amount: 0.01 }, p95),
      reading: minutes(3, { treatment: low, control: low }),
    });
    expect(lowest.sentence).toMatch(/is at most 100 ms with the feature .*it is in the first or the last bucket, where no change is seen$/);
    const high = buckets(0, 0, 0, 0, 0, 0, 0, 0, 1000);
    const highest = verdictOf({
      ...rail({ form: "maxIncrease", by: "value", amount: 0.01 }, p95),
      reading: minutes(3, { treatment: high, control: low }),
    });
    expect(highest.sentence).toMatch(/is above 1 s with the feature against at most 100 ms without/);
    expect(verdictOf({ ...rail({ form: "maxIncrease", by: "ratio", amount: 0.1 }), ...at(worse) }).sentence).toMatch(
      /^latency above \d+ ms is [\d.]+% with the feature against [\d.]+% without \(.*x, 95% interval .*; limit 1.1x\): [\d,]+ of 10,000 against [\d,]+ of 10,000 values;/,
    );
  });

  test("a limit that is no bound of a bucket cannot be judged, and the nearest are named", () => {
    const found = verdictOf({ ...rail({ form: "max", value: 0.45 }, p95), ...at(worse) });
    expect([found.verdict, found.sentence]).toEqual([
      "notJudgeable",
      "450 ms is no bound of a bucket of latency, and within a bucket nothing is known: the nearest are 400 ms and 500 ms",
    ]);
    expect(verdictOf({ ...rail({ form: "max", value: 2 }, p95), ...at(worse) }).sentence).toMatch(/: the nearest are 1 s$/);
    expect(verdictOf({ ...rail({ form: "max", value: 0.3000000001 }, p95), ...at(worse) }).verdict).toBe("breach");
  });

  test("waits until its buckets are known, and cannot be judged with one bucket", () => {
    const unknown = verdictOf({ ...rail({ form: "max", value: 0.5 }, p95), bounds: undefined, ...at(worse) });
    expect([unknown.verdict, unknown.sentence]).toEqual(["inconclusive", "the buckets of latency are not known yet"]);
    expect(verdictOf({ ...rail({ form: "max", value: 0.5 }, p95), bounds: [], ...at(worse) }).verdict).toBe("notJudgeable");
    const kept = judge.guardrail(look({ ...rail({ form: "max", value: 0.5 }, p95), bounds: undefined })).evidence;
    expect(kept).toEqual({ alpha: 0.009 });
  });

  test("a quantile against the control begins again at each stage, with a part of the chance of a false alarm", () => {
    const limit: Limit = { form: "maxIncrease", by: "value", amount: 0.05 };
    const early = { stage: "1%", ...at(worse) };
    const verdicts = verdictsOf(
      [early, { stage: "5%", reading: minutes(1, { treatment: well, control: well }) }, { stage: "5%", ...at(worse) }],
      rail(limit, p95),
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["breach", "clear", "breach"]);
    expect(verdicts[1]!.counts).toEqual({ treatment: { total: 1000 }, control: { total: 1000 } });
    // Just enough for the first stage is not enough for the tenth.
    const stages = Array.from({ length: 9 }, (_, index) => ({
      stage: `${index}`,
      reading: minutes(1, { treatment: well, control: well }),
    }));
    const near = { stage: "last", reading: minutes(1, { treatment: buckets(60, 100, 20, 16, 6, 9, 12, 3, 2), control: well }) };
    expect(verdictsOf([near], { ...rail(limit, p95), alpha: 0.5 })[0]!.verdict).toBe("breach");
    expect(verdictsOf([...stages, near], { ...rail(limit, p95), alpha: 0.5 }).at(-1)!.verdict).toBe("inconclusive");
  });

  test("a mixed interval shows harm, and never that there is none", () => {
    const mixed = (treatment: Value) =>
      reading(...Array.from({ length: 10 }, (_, index) => measurement({ treatment, control: well }, true, index + 1)));
    const limits: [Limit, Partial<Guardrail>][] = [
      [{ form: "maxIncrease", by: "value", amount: 0.1 }, p95],
      [{ form: "max", value: 0.35 }, p95],
    ];
    for (const [limit, changes] of limits) {
      expect(verdictOf({ ...rail(limit, changes), reading: mixed(worse) }).verdict).toBe("breach");
      expect(verdictOf({ ...rail(limit, changes), reading: mixed(well) }).verdict).toBe("inconclusive");
    }
  });

  test("begins anew in other buckets, as many as they may be", () => {
    const moved = bounds.map((bound) => bound + 0.01);
    const looks = [at(worse), { reading: reading() }, { reading: reading(), bounds: moved }];
    const quantile = verdictsOf(looks, rail({ form: "maxIncrease", by: "value", amount: 0.05 }, p95));
    expect(quantile.map(({ verdict }) => verdict)).toEqual(["breach", "breach", "inconclusive"]);
    // An e-value that was reached stands.
    const slowdown = verdictsOf(looks, rail({ form: "maxIncrease", by: "ratio", amount: 0.1 }));
    expect(slowdown.map(({ verdict }) => verdict)).toEqual(["breach", "breach", "breach"]);
    expect(slowdown[2]!.counts).toBeUndefined();
    const [, fewer] = verdictsOf(
      [at(worse), { bounds: [0.35, 1], reading: minutes(1, { treatment: buckets(90, 9, 1), control: buckets(90, 9, 1) }) }],
      rail({ form: "max", value: 0.35 }, p95),
    );
    expect(fewer!.counts!.treatment).toEqual({ total: 100 });
  });

  test("counts below zero cannot be", () => {
    const found = verdictOf({
      ...rail({ form: "max", value: 0.5 }, p95),
      reading: minutes(1, { treatment: buckets(-1, 0, 0, 0, 0, 0, 0, 0, 0), control: well }),
    });
    expect([found.verdict, found.sentence]).toEqual(["error", "latency gave counts that cannot be: -1 values in a bucket (treatment)"]);
  });
});

describe("a gauge", () => {
  const MIB = 1024 * 1024;
  const heap = { metric: metric({ kind: "gauge", unit: "B" }) };
  const rail = (limit: Limit, changes: Partial<Guardrail> = {}) => ({
    ...heap,
    guardrail: guardrail(limit, { metric: "heap", ...changes }),
  });
  /** Readings, one a look; the stage has baked with the last `baked` of them. */
  const readings = (levels: readonly number[], control: readonly number[] = [], baked = 0): Partial<GuardrailQuestion>[] =>
    levels.map((level, index) => ({
      bakeOver: index >= levels.length - baked,
      reading: reading(
        measurement(
          { treatment: { level }, ...(control[index] !== undefined && { control: { level: control[index] } }) },
          false,
          (index + 1) * MINUTE,
        ),
      ),
    }));
  const kinds = (looks: Partial<GuardrailQuestion>[], common: Partial<GuardrailQuestion>) =>
    verdictsOf(looks, common).map(({ verdict }) => verdict);

  test("breaks a threshold when it is beyond it in so many of its last readings, and keeps it when it is in none", () => {
    const limit: Limit = { form: "max", value: 100 };
    const three = rail(limit, { failures: { count: 3, of: 5 } });
    expect(kinds(readings([90, 110, 110, 90, 110, 90, 90, 90, 90, 90]), three)).toEqual([
      "inconclusive",
      "inconclusive",
      "inconclusive",
      "inconclusive",
      "breach",
      "breach",
      "inconclusive",
      "inconclusive",
      "inconclusive",
      "clear",
    ]);
    expect(kinds(readings([100, 101]), rail(limit))).toEqual(["clear", "breach"]);
    expect(kinds(readings([100, 99]), rail({ form: "min", value: 100 }))).toEqual(["clear", "breach"]);
  });

  test("a threshold that the control breaks as well is a shared incident", () => {
    const rails = rail({ form: "max", value: 100 });
    const [both, own] = [verdictsOf(readings([110], [120]), rails)[0]!, verdictsOf(readings([110], [90]), rails)[0]!];
    expect([both.verdict, both.sharedIncident]).toEqual(["breach", true]);
    expect([own.verdict, own.sharedIncident]).toEqual(["breach", undefined]);
    expect(both.sentence).toBe(
      "heap is 110 B with the feature (limit 100 B): 1 of the last 1 readings beyond the limit, 1 of 1 break it; a shared incident: without the feature it is 120 B, and those who have it are not shown to be worse off",
    );
    expect(own.sentence).toMatch(/; without the feature it is 90 B, so it is no incident of everybody$/);
  });

  test("against the control it is compared once the stage has baked", () => {
    const level = (from: number) => Array.from({ length: 12 }, (_, index) => from + (index % 4));
    const rails = rail({ form: "maxIncrease", by: "ratio", amount: 0.1 });
    const found = verdictsOf(readings(level(130), level(100), 1), rails);
    expect(found.map(({ verdict }) => verdict)).toEqual([...Array<VerdictKind>(11).fill("inconclusive"), "breach"]);
    expect(found.at(-1)!.sentence).toBe(
      "the median of heap is 132 B with the feature against 102 B without (1.3x; limit 1.1x): 12 against 12 readings",
    );
    expect(found[0]!.sentence).toMatch(/neither shown to be broken nor to be kept; it is compared once the stage has baked$/);
    expect(kinds(readings(level(100), level(100), 1), rails).at(-1)).toBe("clear");
    expect(kinds(readings(level(110), level(100), 1), rails).at(-1)).toBe("inconclusive");
    expect(kinds(readings(level(80), level(100), 1), rail({ form: "maxDecrease", by: "value", amount: 10 })).at(-1)).toBe("breach");
    expect(kinds(readings(level(100), level(100), 1), rail({ form: "maxDecrease", by: "value", amount: 10 })).at(-1)).toBe("clear");
  });

  test("is not compared by so few readings that nothing could be shown, and each time it is asked it has less to spend", () => {
    const rails = rail({ form: "maxIncrease", by: "ratio", amount: 0.1 });
    expect(kinds(readings([130, 131, 132, 133], [100, 101, 102, 103], 1), rails).at(-1)).toBe("inconclusive");
    // 5 against 5 have p = 1/252: enough for the first question at α = 0.9 %, not for a second.
    const five = [130, 131, 132, 133, 134];
    const below = [100, 101, 102, 103, 104];
    expect(kinds(readings(five, below, 1), rails).at(-1)).toBe("breach");
    expect(kinds(readings([100.5, 131, 132, 133, 134], below, 1), { ...rails, alpha: 0.005 }).at(-1)).toBe("inconclusive");
    const asked = verdictsOf(
      [...readings(below, below, 1), ...readings(five, below, 1).map((each) => ({ ...each, stage: "next" }))],
      rails,
    );
    expect(asked.at(-1)!.verdict).toBe("inconclusive");
  });

  test("a breach by comparison stands, and no new readings ask no new question", () => {
    const level = (from: number) => Array.from({ length: 12 }, (_, index) => from + (index % 4));
    const rails = rail({ form: "maxIncrease", by: "ratio", amount: 0.1 });
    const looks = readings(level(130), level(100), 1);
    const quiet = { bakeOver: true, reading: reading() };
    expect(kinds([...looks, quiet, quiet], rails).slice(-3)).toEqual(["breach", "breach", "breach"]);
  });

  test("a trend is shown by its readings at 10, 20, 40, and at the end of the bake", () => {
    const leak = Array.from({ length: 20 }, (_, index) => 400 * MIB + index * MIB + (index % 3) * 1000);
    const rails = rail({ form: "maxTrend", perHour: 5 * MIB });
    const found = verdictsOf(readings(leak), rails);
    expect(found.map(({ verdict }) => verdict)).toEqual([
      ...Array<VerdictKind>(9).fill("inconclusive"),
      ...Array<VerdictKind>(11).fill("breach"),
    ]);
    expect(found.at(-1)!.sentence).toMatch(
      /^the trend of heap is \+60 MiB\/h with the feature \(95% interval .*; limit \+5 MiB\/h\): 20 readings; this compares with a fixed limit/,
    );
    const level = leak.map((_, index) => 400 * MIB + (index % 3) * 1000);
    expect(kinds(readings(level), rails).slice(8, 11)).toEqual(["inconclusive", "clear", "clear"]);
    expect(kinds(readings(leak.slice(0, 8), [], 1), rails).at(-1)).toBe("breach");
    expect(kinds(readings(leak.slice(0, 8)), rails).at(-1)).toBe("inconclusive");
    expect(kinds(readings(leak.slice(0, 2), [], 1), rails).at(-1)).toBe("inconclusive");
  });

  test("a trend remembers some hundred readings at the most", () => {
    const rails = { ...rail({ form: "maxTrend", perHour: 5 * MIB }) };
    const long = reading(
      ...Array.from({ length: 700 }, (_, index) => measurement({ treatment: { level: index * MIB } }, false, (index + 1) * MINUTE)),
    );
    const { evidence, verdict } = judge.guardrail(look({ ...rails, reading: long }));
    expect(verdict.verdict).toBe("breach");
    expect(verdict.estimate! / MIB).toBeCloseTo(60, 3);
    expect(JSON.stringify(evidence).length).toBeLessThan(9000);
  });

  test("says when it shows nothing, or no number", () => {
    const rails = rail({ form: "max", value: 100 });
    const nothing = verdictOf({ ...rails, reading: reading(measurement({ control: { level: 1 } })) });
    expect([nothing.verdict, nothing.sentence]).toEqual([
      "noTraffic",
      "there were no readings with the feature since the last look, so heap cannot be judged",
    ]);
    const none = verdictOf({ ...rails, reading: reading(measurement({ treatment: { level: Number.NaN } })) });
    expect([none.verdict, none.sentence]).toEqual(["error", "heap gave counts that cannot be: a level of NaN (treatment)"]);
    const alone = verdictOf({
      ...rail({ form: "maxIncrease", by: "ratio", amount: 0.1 }),
      reading: reading(measurement({ treatment: { level: 5 } })),
    });
    expect([alone.verdict, alone.sentence]).toEqual([
      "noTraffic",
      "there were no readings without the feature since the last look, so there is nothing to compare heap with",
    ]);
  });
});

describe("a form that a kind does not have", () => {
  test.each<[Parameters<typeof metric>[0], Limit, Partial<Guardrail>]>([
    [{ kind: "rate" }, { form: "max", value: 5 }, {}],
    [{ kind: "rate" }, { form: "maxIncrease", by: "value", amount: 5 }, {}],
    [{ kind: "rate" }, { form: "maxTrend", perHour: 5 }, {}],
    [{ kind: "mean" }, { form: "max", rate: 0.5 }, {}],
    [{ kind: "mean" }, { form: "maxTrend", perHour: 5 }, {}],
    [{ kind: "histogram" }, { form: "max", value: 1 }, {}],
    [{ kind: "histogram" }, { form: "maxTrend", perHour: 5 }, { quantile: 0.5 }],
    [{ kind: "histogram" }, { form: "maxIncrease", by: "value", amount: 1 }, {}],
    [{ kind: "gauge" }, { form: "min", rate: 0.5 }, {}],
  ])("%j by %j cannot be judged, and says so", (changes, limit, more) => {
    const found = verdictOf({
      metric: metric(changes),
      guardrail: guardrail(limit, more),
      bounds: [1, 2],
      reading: minutes(1, { treatment: of(1, 2), control: of(1, 2) }),
    });
    expect([found.verdict, found.sentence]).toEqual(["notJudgeable", `a ${changes!.kind} cannot be judged by ${limit.form} of this kind`]);
  });
});
