import { describe, expect, test } from "vitest";
import { judge, judgeVersion } from "../../src/judge/judge.ts";
import type { Counts, MetricReading } from "../../src/model/measurement.ts";
import type { VerdictKind } from "../../src/model/verdict.ts";
import { verdictSchema } from "../../src/model/verdict.ts";
import { exposed, groups, guardrail, limits, look, measurement, metric, of, reading, type LimitName } from "./builders.ts";

const verdictOf = (parts: Parameters<typeof look>[0]) => judge(look(parts)).verdict;

test("the version is recorded in looks", () => expect(judgeVersion).toBe("plain/1"));

describe("every form of a limit has its three verdicts", () => {
  const cases: [LimitName, VerdictKind, Counts, Counts][] = [
    ["max", "breach", of(300, 10_000), of(50, 10_000)],
    ["max", "inconclusive", of(10, 1000), of(50, 10_000)],
    ["max", "clear", of(50, 10_000), of(50, 10_000)],
    ["min", "breach", of(9700, 10_000), of(9950, 10_000)],
    ["min", "inconclusive", of(990, 1000), of(9950, 10_000)],
    ["min", "clear", of(9950, 10_000), of(9950, 10_000)],
    ["increase", "breach", of(300, 10_000), of(500, 100_000)],
    ["increase", "inconclusive", of(6, 1000), of(50, 10_000)],
    ["increase", "clear", of(1000, 200_000), of(1000, 200_000)],
    ["decrease", "breach", of(10, 10_000), of(500, 100_000)],
    ["decrease", "inconclusive", of(4, 1000), of(50, 10_000)],
    ["decrease", "clear", of(1000, 200_000), of(1000, 200_000)],
    ["morePoints", "breach", of(300, 10_000), of(500, 100_000)],
    ["morePoints", "inconclusive", of(10, 1000), of(50, 10_000)],
    ["morePoints", "clear", of(500, 100_000), of(500, 100_000)],
    ["fewerPoints", "breach", of(300, 10_000), of(5000, 100_000)],
    ["fewerPoints", "inconclusive", of(45, 1000), of(500, 10_000)],
    ["fewerPoints", "clear", of(5000, 100_000), of(5000, 100_000)],
  ];
  test.each(cases)("%s: %s", (name, expected, treatment, control) => {
    const { verdict, sentence, ...numbers } = verdictOf({ guardrail: guardrail(limits[name]), reading: groups(treatment, control) });
    expect(verdict).toBe(expected);
    expect(numbers.evidence! >= numbers.threshold!).toBe(expected === "breach");
    expect(numbers.threshold).toBeCloseTo(Math.log(1 / 0.009), 9);
    expect(sentence).toMatch(/^errors are /);
    verdictSchema.parse(JSON.parse(JSON.stringify({ verdict, sentence, ...numbers })));
  });

  test.each([
    ["max", 0.03, 0.01],
    ["min", 0.03, 0.99],
    ["increase", 6, 1.2],
    ["decrease", 6, 0.8],
    ["morePoints", 0.025, 0.005],
    ["fewerPoints", 0.025, -0.005],
  ] as const)("%s: estimate, interval and limit are in the unit of the form", (name, estimate, limit) => {
    const verdict = verdictOf({ guardrail: guardrail(limits[name]), reading: groups(of(300, 10_000), of(500, 100_000)) });
    expect(verdict.estimate).toBeCloseTo(estimate, 9);
    expect(verdict.limit).toBe(limit);
    expect(verdict.interval![0]).toBeLessThan(estimate);
    expect(verdict.interval![1]).toBeGreaterThan(estimate);
  });

  test("no increase in points is the exact test against the control, shown in points", () => {
    const none = guardrail({ form: "maxIncrease", by: "points", amount: 0 });
    const ratio = guardrail({ form: "maxIncrease", by: "ratio", amount: 0 });
    const counts = { reading: groups(of(30, 1000), of(50, 10_000)) };
    expect(verdictOf({ guardrail: none, ...counts }).evidence).toBe(verdictOf({ guardrail: ratio, ...counts }).evidence);
    expect(verdictOf({ guardrail: none, ...counts }).estimate).toBeCloseTo(0.025, 9);
    expect(verdictOf({ guardrail: guardrail({ form: "maxDecrease", by: "points", amount: 0 }), ...counts }).limit).toBe(0);
  });
});

describe("whom a limit is about", () => {
  test("an absolute limit is about all who have the feature, whole segments too; a relative one about the randomised split alone", () => {
    const bad = reading(
      measurement({ treatment: of(5, 1000), control: of(50, 10_000), "segment:staff": of(200, 1000), "segment:ring1": of(0, 0) }),
    );
    const absolute = verdictOf({ guardrail: guardrail(limits.max), reading: bad });
    expect(absolute.verdict).toBe("breach");
    expect(absolute.estimate).toBeCloseTo(205 / 2000, 9);
    expect(verdictOf({ reading: bad }).estimate).toBeCloseTo(1, 9);
  });

  test("a segment alone is enough for an absolute limit", () => {
    const staff = { split: false, exposure: exposed({ everyone: 0, segments: { staff: 100_000 } }) };
    const bad = reading(measurement({ "segment:staff": of(200, 1000), control: of(5, 1000) }));
    expect(verdictOf({ ...staff, guardrail: guardrail(limits.max), reading: bad }).verdict).toBe("breach");
  });

  test("a metric without groups is about everybody", () => {
    const verdict = verdictOf({
      guardrail: guardrail(limits.max),
      metric: metric(false),
      reading: reading(measurement({ everyone: of(300, 10_000) })),
    });
    expect(verdict.verdict).toBe("breach");
    expect(verdict.estimate).toBeCloseTo(0.03, 9);
  });
});

describe("a look that says nothing leaves the evidence as it was", () => {
  const before = judge(look({})).evidence;
  const quiet: [string, VerdictKind, Partial<Parameters<typeof look>[0]>][] = [
    ["no data", "noData", { reading: { status: "noData", reason: "the target is down" } }],
    ["an error", "error", { reading: { status: "error", reason: "timeout after 5 s" } }],
    ["a first scrape", "inconclusive", { reading: { status: "baseline", through: 1, cursor: {} } }],
    ["an interval that is still empty", "inconclusive", { reading: { status: "notYet" } }],
    ["no measurement at all", "inconclusive", { reading: reading() }],
    ["no treated requests", "noTraffic", { reading: groups(of(0, 0), of(50, 10_000)) }],
    ["no control requests", "noTraffic", { reading: groups(of(5, 1000), of(0, 0)) }],
    ["a group that is not there", "noTraffic", { reading: reading(measurement({ control: of(50, 10_000) })) }],
    ["more events than requests", "error", { reading: groups(of(11, 10), of(50, 10_000)) }],
    ["negative events", "error", { reading: groups(of(-1, 10), of(50, 10_000)) }],
    ["counts that are no numbers", "error", { reading: groups(of(1, Number.NaN), of(50, 10_000)) }],
    ["infinite counts", "error", { reading: groups(of(1, Infinity), of(50, 10_000)) }],
    [
      "a bad interval among good ones",
      "error",
      { reading: reading(measurement({ treatment: of(5, 10), control: of(5, 10) }), measurement({ control: of(9, 8) })) },
    ],
    ["not randomised", "notJudgeable", { split: false }],
    ["nobody exposed", "notJudgeable", { split: false, exposure: exposed({ testers: false, everyone: 0 }) }],
  ];
  test.each(quiet)("%s: %s", (_, expected, parts) => {
    const { verdict, evidence } = judge(look({ evidence: before, ...parts }));
    expect(verdict.verdict).toBe(expected);
    expect(evidence).toEqual(before);
  });

  test.each(quiet)(
    "%s: a breach that stands is a breach still, and the sentence says why this look added nothing",
    (_, expected, parts) => {
      const broken = judge(look({ reading: groups(of(300, 10_000), of(500, 100_000)) }));
      expect(broken.verdict.verdict).toBe("breach");
      const { verdict, evidence } = judge(look({ evidence: broken.evidence, ...parts }));
      expect(verdict.verdict).toBe("breach");
      expect(verdict.evidence).toBe(broken.verdict.evidence);
      expect(evidence).toEqual(broken.evidence);
      expect(verdict.sentence.startsWith(broken.verdict.sentence)).toBe(true);
      if (expected !== "inconclusive") expect(verdict.sentence.length).toBeGreaterThan(broken.verdict.sentence.length);
    },
  );

  test("without a control, no control requests are nothing to an absolute limit", () => {
    expect(verdictOf({ guardrail: guardrail(limits.max), reading: groups(of(5, 1000), of(0, 0)) }).verdict).toBe("inconclusive");
    expect(verdictOf({ guardrail: guardrail(limits.max), reading: groups(of(0, 0), of(5, 1000)) }).verdict).toBe("noTraffic");
    expect(
      verdictOf({ guardrail: guardrail(limits.max), metric: metric(false), reading: reading(measurement({ everyone: of(0, 0) })) }).verdict,
    ).toBe("noTraffic");
  });
});

describe("what cannot be judged says why", () => {
  const counts: MetricReading = groups(of(300, 1000), of(50, 10_000));
  test.each([
    [
      { split: false, exposure: exposed({ everyone: 100_000 }) },
      "everybody has the feature and nobody is held out, so there is no control to compare errors with",
    ],
    [
      { split: false, exposure: exposed({ everyone: 0, segments: { staff: 100_000, ring1: 100_000 } }) },
      "only whole segments have the feature (ring1, staff), so there is no randomised control to compare errors with",
    ],
    [{ split: false, exposure: exposed({ everyone: 0 }) }, "only testers have the feature, and they are outside the statistics of errors"],
    [
      { split: false, exposure: exposed({ testers: false, everyone: 0 }) },
      "nobody has the feature yet, so the numbers of errors say nothing about it",
    ],
    [{ split: false }, "treatment and control are not randomised at this exposure, so errors cannot be compared"],
    [{ metric: metric(false) }, "errors is one number for everybody, so there is no control to compare with"],
    [{ guardrail: guardrail({ form: "maxDecrease", by: "ratio", amount: 1 }) }, "errors cannot fall by more than 100%"],
    [
      { guardrail: guardrail(limits.max), exposure: exposed({ everyone: 0 }) },
      "only testers have the feature, and they are outside the statistics of errors",
    ],
    [
      { guardrail: guardrail(limits.max), exposure: exposed({ testers: false, everyone: 0 }) },
      "nobody has the feature yet, so the numbers of errors say nothing about it",
    ],
  ] as const)("%j", (parts, sentence) => {
    const verdict = verdictOf({ reading: counts, ...parts });
    expect([verdict.verdict, verdict.sentence]).toEqual(["notJudgeable", sentence]);
  });

  test("testers count in a metric that is one number for everybody", () => {
    const verdict = verdictOf({
      guardrail: guardrail(limits.max),
      metric: metric(false),
      exposure: exposed({ everyone: 0 }),
      split: false,
      reading: reading(measurement({ everyone: of(300, 10_000) })),
    });
    expect(verdict.verdict).toBe("breach");
  });
});

describe("an interval that overlaps a change of exposure", () => {
  test("counts for harm", () => {
    const verdict = verdictOf({ reading: reading(measurement({ treatment: of(300, 10_000), control: of(500, 100_000) }, true)) });
    expect(verdict.verdict).toBe("breach");
  });

  test.each(["max", "increase", "morePoints"] as const)("never clears: %s", (name) => {
    const good = { treatment: of(100, 200_000), control: of(1000, 200_000) };
    const rail = guardrail(limits[name]);
    expect(verdictOf({ guardrail: rail, reading: reading(measurement(good)) }).verdict).toBe("clear");
    expect(verdictOf({ guardrail: rail, reading: reading(measurement(good, true)) }).verdict).toBe("inconclusive");
  });
});
