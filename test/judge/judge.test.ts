import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { Counts, MetricReading } from "../../src/model/measurement.ts";
import type { VerdictKind } from "../../src/model/verdict.ts";
import { verdictSchema } from "../../src/model/verdict.ts";
import {
  exposed,
  groups,
  guardrail,
  limits,
  look,
  measurement,
  metric,
  minutes,
  MINUTE,
  of,
  reading,
  spread,
  verdictOf,
  type LimitName,
} from "./builders.ts";

test("the version is recorded in looks", () => expect(judge.version).toBe("dab/1"));

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
    ["increase", "clear", of(1000, 400_000), of(2000, 400_000)],
    ["decrease", "breach", of(10, 10_000), of(500, 100_000)],
    ["decrease", "inconclusive", of(4, 1000), of(50, 10_000)],
    ["decrease", "clear", of(2000, 200_000), of(1000, 200_000)],
    ["morePoints", "breach", of(300, 10_000), of(500, 100_000)],
    ["morePoints", "inconclusive", of(10, 1000), of(50, 10_000)],
    ["morePoints", "clear", of(500, 100_000), of(500, 100_000)],
    ["fewerPoints", "breach", of(300, 10_000), of(5000, 100_000)],
    ["fewerPoints", "inconclusive", of(45, 1000), of(500, 10_000)],
    ["fewerPoints", "clear", of(5000, 100_000), of(5000, 100_000)],
  ];
  test.each(cases)("%s: %s, over ten looks", (name, expected, treatment, control) => {
    const { verdict, sentence, ...numbers } = verdictOf({ guardrail: guardrail(limits[name]), reading: spread(10, treatment, control) });
    expect(verdict).toBe(expected);
    expect(numbers.evidence! >= numbers.threshold!).toBe(expected === "breach");
    expect(numbers.within! >= numbers.threshold!).toBe(expected === "clear");
    expect(numbers.threshold).toBeCloseTo(Math.log(1 / 0.009), 9);
    expect(numbers.counts).toEqual({ treatment, control });
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

  test("no increase in points is the better test against the control, shown in points", () => {
    const none = guardrail({ form: "maxIncrease", by: "points", amount: 0 });
    const ratio = guardrail({ form: "maxIncrease", by: "ratio", amount: 0 });
    const counts = { reading: groups(of(30, 1000), of(50, 10_000)) };
    expect(verdictOf({ guardrail: none, ...counts }).evidence).toBe(verdictOf({ guardrail: ratio, ...counts }).evidence);
    expect(verdictOf({ guardrail: none, ...counts }).estimate).toBeCloseTo(0.025, 9);
    expect(verdictOf({ guardrail: guardrail({ form: "maxDecrease", by: "points", amount: 0 }), ...counts }).limit).toBe(0);
  });

  test("however gross the difference, one look alone breaks no limit against the control: it may be one burst", () => {
    expect(verdictOf({ reading: groups(of(300, 1000), of(50, 10_000)) }).verdict).toBe("inconclusive");
    expect(verdictOf({ reading: spread(4, of(300, 1000), of(50, 10_000)) }).verdict).toBe("breach");
  });

  test("strict proof needs more than the usual one", () => {
    const counts = { reading: spread(4, of(60, 2000), of(50, 10_000)) };
    const usual = verdictOf({ guardrail: guardrail(limits.increase), ...counts });
    const strict = verdictOf({ guardrail: guardrail(limits.increase, { proof: "strict" }), ...counts });
    expect(usual.verdict).toBe("breach");
    expect(strict.evidence!).toBeLessThan(usual.evidence! - 1);
    expect(strict.within!).toBeLessThanOrEqual(usual.within!);
  });
});

describe("whom a limit is about", () => {
  test("an absolute limit is about all who have the feature, whole segments too; a relative one about the randomised split alone", () => {
    const bad = minutes(5, { treatment: of(1, 200), control: of(10, 2000), "segment:staff": of(40, 200), "segment:ring1": of(0, 0) });
    const absolute = verdictOf({ guardrail: guardrail(limits.max), reading: bad });
    expect(absolute.verdict).toBe("breach");
    expect(absolute.estimate).toBeCloseTo(205 / 2000, 9);
    expect(verdictOf({ reading: bad }).estimate).toBeCloseTo(1, 9);
  });

  test("a segment alone is enough for an absolute limit", () => {
    const staff = { split: false, exposure: exposed({ everyone: 0, segments: { staff: 100_000 } }) };
    const bad = minutes(5, { "segment:staff": of(40, 200), control: of(1, 200) });
    expect(verdictOf({ ...staff, guardrail: guardrail(limits.max), reading: bad }).verdict).toBe("breach");
  });

  test("a metric without groups is about everybody", () => {
    const verdict = verdictOf({
      guardrail: guardrail(limits.max),
      metric: metric({ grouped: false }),
      reading: minutes(10, { everyone: of(30, 1000) }),
    });
    expect(verdict.verdict).toBe("breach");
    expect(verdict.estimate).toBeCloseTo(0.03, 9);
  });
});

describe("a look that says nothing leaves the evidence as it was", () => {
  const before = judge.guardrail(look({})).evidence;
  const quiet: [string, VerdictKind, Partial<Parameters<typeof verdictOf>[0] & object>][] = [
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
    ["not randomised", "notJudgeable", { split: false, reading: reading(measurement({ treatment: of(5, 1000) })) }],
    ["nobody exposed", "notJudgeable", { split: false, exposure: exposed({ testers: false, everyone: 0 }), reading: reading() }],
  ];
  test.each(quiet)("%s: %s", (_, expected, parts) => {
    const { verdict, evidence } = judge.guardrail(look({ evidence: before, ...parts }));
    expect(verdict.verdict).toBe(expected);
    expect(evidence).toEqual(before);
  });

  test.each(quiet)(
    "%s: a breach that stands is a breach still, and the sentence says why this look added nothing",
    (_, expected, parts) => {
      const broken = judge.guardrail(look({ reading: spread(10, of(300, 10_000), of(500, 100_000)) }));
      expect(broken.verdict.verdict).toBe("breach");
      const { verdict, evidence } = judge.guardrail(look({ evidence: broken.evidence, ...parts }));
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
      verdictOf({
        guardrail: guardrail(limits.max),
        metric: metric({ grouped: false }),
        reading: reading(measurement({ everyone: of(0, 0) })),
      }).verdict,
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
    [{ metric: metric({ grouped: false }) }, "errors is one number for everybody, so there is no control to compare with"],
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
      metric: metric({ grouped: false }),
      exposure: exposed({ everyone: 0 }),
      split: false,
      reading: minutes(10, { everyone: of(30, 1000) }),
    });
    expect(verdict.verdict).toBe("breach");
  });
});

describe("an interval that overlaps a change of exposure", () => {
  test("counts for harm", () => {
    const bad = { treatment: of(30, 1000), control: of(50, 10_000) };
    for (const name of ["max", "increase", "morePoints"] as const) {
      const mixed = Array.from({ length: 10 }, (_, index) => measurement(bad, true, (index + 1) * MINUTE));
      expect(verdictOf({ guardrail: guardrail(limits[name]), reading: reading(...mixed) }).verdict).toBe("breach");
    }
  });

  test.each(["max", "increase", "morePoints"] as const)("never clears: %s", (name) => {
    const good = { treatment: of(10, 20_000), control: of(100, 20_000) };
    const rail = guardrail(limits[name]);
    const looks = (mixed: boolean) => Array.from({ length: 20 }, (_, index) => measurement(good, mixed, (index + 1) * MINUTE));
    expect(verdictOf({ guardrail: rail, reading: reading(...looks(false)) }).verdict).toBe("clear");
    expect(verdictOf({ guardrail: rail, reading: reading(...looks(true)) }).verdict).toBe("inconclusive");
  });
});

describe("while nobody has the feature, the control teaches how noisy it is by itself", () => {
  const dark = { split: false, stage: "", exposure: exposed({ testers: false, everyone: 0 }) };
  /** Errors of the control that jump from minute to minute between a third and three times 0.5 %. */
  const jumpy = reading(
    ...Array.from({ length: 20 }, (_, index) =>
      measurement({ control: of(index % 2 === 0 ? 17 : 150, 10_000) }, false, (index + 1) * MINUTE),
    ),
  );
  const calm = minutes(20, { control: of(50, 10_000) });
  /** Twice the errors for three minutes, with the evidence of what came before. */
  const after = (before: MetricReading) => {
    const { evidence } = judge.guardrail(look({ ...dark, reading: before }));
    return judge.guardrail(look({ evidence, reading: minutes(3, { treatment: of(12, 1000), control: of(50, 10_000) }) })).verdict;
  };

  test("so that the same numbers are less of a proof where it is", () => {
    expect(after(jumpy).evidence!).toBeLessThan(after(calm).evidence! - 0.3);
    expect(after(jumpy).noise?.sentence).toMatch(/from look to look|clusters/);
    expect(after(jumpy).sentence).toMatch(/; the control has (rates that vary|events in clusters).*, which is allowed for$/);
    expect(after(calm).noise).toBeUndefined();
  });

  test("and so does a stage of whole segments, but no mixed interval", () => {
    const segments = { split: false, exposure: exposed({ everyone: 0, segments: { staff: 100_000 } }) };
    const none = judge.guardrail(look({ ...segments, reading: reading() })).evidence;
    expect(judge.guardrail(look({ ...segments, reading: jumpy })).evidence).not.toEqual(none);
    const mixed = reading(measurement({ control: of(17, 10_000) }, true), measurement({ control: of(150, 10_000) }, true));
    expect(judge.guardrail(look({ ...segments, reading: mixed })).evidence).toEqual(none);
  });

  test("but a breach that stands is not explained away by it", () => {
    const broken = judge.guardrail(look({ reading: spread(10, of(40, 2_000), of(100, 20_000)) }));
    expect(broken.verdict.verdict).toBe("breach");
    const { verdict, evidence } = judge.guardrail(look({ ...dark, stage: "canary", evidence: broken.evidence, reading: jumpy }));
    expect(verdict.verdict).toBe("breach");
    expect(evidence).toEqual(broken.evidence);
  });
});

describe("noise that stays in one group from look to look", () => {
  /** Errors of the treatment that are doubled for ten minutes, then usual for ten, and so on. */
  const waves = (looks: number) =>
    reading(
      ...Array.from({ length: looks }, (_, index) => {
        const high = Math.floor(index / 10) % 2 === 1;
        return measurement({ treatment: of(high ? 320 : 160, 30_000), control: of(200, 30_000) }, false, (index + 1) * MINUTE);
      }),
    );
  const rail = { guardrail: guardrail({ form: "maxIncrease", by: "ratio", amount: 2 }) };

  test("is told, with the margin that would cover it", () => {
    const { autocorrelation, sentence } = verdictOf({ ...rail, reading: waves(60) });
    expect(autocorrelation!.correlation).toBeGreaterThan(0.5);
    expect(autocorrelation!.margin).toBeGreaterThan(0.2);
    expect(autocorrelation!.margin).toBeLessThan(1.5);
    expect(sentence).toMatch(
      /; but the groups differ by something that stays from look to look \(correlation 0\.\d\d\), which looks like harm: a margin of [\d.]+% would cover it$/,
    );
  });

  test("is not seen where the groups differ by the same throughout, nor after a few looks, nor in mixed intervals", () => {
    expect(
      verdictOf({ ...rail, reading: minutes(60, { treatment: of(320, 30_000), control: of(200, 30_000) }) }).autocorrelation,
    ).toBeUndefined();
    expect(verdictOf({ ...rail, reading: waves(15) }).autocorrelation).toBeUndefined();
    const found = waves(60);
    const mixed = found.status === "measured" ? found.measurements.map((each) => ({ ...each, mixed: true })) : [];
    expect(verdictOf({ ...rail, reading: reading(...mixed) }).autocorrelation).toBeUndefined();
  });
});
