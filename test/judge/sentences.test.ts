import { describe, expect, test } from "vitest";
import { count, odds, percent, points, roughly, times } from "../../src/judge/numbers.ts";
import { judge, limitAlreadyBroken } from "../../src/judge/judge.ts";
import { groups, guardrail, limits, look, measurement, metric, of, reading } from "./builders.ts";

const sentence = (parts: Parameters<typeof look>[0]): string => judge(look(parts)).verdict.sentence;

describe("a verdict explains itself in one sentence", () => {
  test("nearly a breach, and a breach, against the control", () => {
    expect(sentence({ reading: groups(of(26, 1775), of(92, 17_700)) })).toBe(
      "errors are 1.46% with the feature against 0.52% without (2.8x, 95% interval 1.83x to 4.3x; limit 1.2x): 26 of 1,775 against 92 of 17,700 requests; evidence of harm 48:1, that it is within the limit 1:1.9, 111:1 is needed: about 270 more requests with the feature would tell",
    );
    expect(sentence({ reading: groups(of(41, 1775), of(92, 17_700)), alpha: 0.05 })).toBe(
      "errors are 2.31% with the feature against 0.52% without (4.4x, 95% interval 3.1x to 6.4x; limit 1.2x): 41 of 1,775 against 92 of 17,700 requests; evidence of harm over 1,000,000:1, 20:1 was needed",
    );
  });

  test("a breach where the control has no events at all", () => {
    expect(sentence({ reading: groups(of(20, 1775), of(0, 17_700)) })).toBe(
      "errors are 1.13% with the feature against 0% without (95% interval 52x or more; limit 1.2x): 20 of 1,775 against 0 of 17,700 requests; evidence of harm over 1,000,000:1, 111:1 was needed",
    );
  });

  test("a harm that began late is shown where it is: the whole stage hides it", () => {
    const rail = guardrail(limits.max);
    const healthy = judge(look({ guardrail: rail, reading: groups(of(50, 26_000), of(50, 26_000)) }));
    const { verdict } = judge(look({ guardrail: rail, reading: groups(of(49, 171), of(1, 171)), evidence: healthy.evidence }));
    expect(verdict.verdict).toBe("breach");
    expect(verdict.sentence).toMatch(
      /^errors are 0.38% with the feature .*; since the last look alone: errors are 28.65% .*: 49 of 171 requests$/,
    );
  });

  test("a breach of an absolute limit shows the control, and says that an incident looks the same", () => {
    expect(sentence({ guardrail: guardrail(limits.max), reading: groups(of(41, 1775), of(92, 17_700)) })).toBe(
      "errors are 2.31% with the feature (95% interval 1.71% to 3.12%; limit 1%): 41 of 1,775 requests; evidence of harm 11,390:1, 111:1 was needed; this compares with a fixed limit, so an incident that hits everybody looks the same (without the feature: 0.52%, 92 of 17,700)",
    );
  });

  test("clear", () => {
    expect(sentence({ guardrail: guardrail(limits.min, "success"), reading: groups(of(49_900, 50_000), of(0, 0)) })).toBe(
      "success is 99.8% with the feature (95% interval 99.76% to 99.84%; limit at least 99%): 49,900 of 50,000 requests; evidence that it is within the limit over 1,000,000:1, 111:1 was needed",
    );
  });

  test("inconclusive says what it would take", () => {
    const site = { guardrail: guardrail(limits.max, "site"), metric: metric(false) };
    expect(sentence({ ...site, reading: reading(measurement({ everyone: of(4, 1000) })) })).toBe(
      "site is 0.4% over everybody (95% interval 0.16% to 1.02%; limit 1%): 4 of 1,000 requests; evidence of harm 1:2.9, that it is within the limit 3.9:1, 111:1 is needed: about 1,600 more requests would tell",
    );
  });

  test("inconclusive in points, before there are 20 events", () => {
    expect(sentence({ guardrail: guardrail(limits.fewerPoints, "addToCart"), reading: groups(of(5, 100), of(500, 10_000)) })).toBe(
      "addToCart is 5% with the feature against 5% without (0pp, 95% interval -2.88pp to +6.19pp; limit at least -0.5pp): 5 of 100 against 500 of 10,000 requests; evidence of harm none so far, that it is within the limit none so far, 111:1 is needed: about 26,000 more requests with the feature would tell",
    );
  });

  test("what it would take is true: with so many more requests at the same rates it is told, with half of them it is not", () => {
    for (const [name, treatment, control] of [
      ["increase", of(26, 1775), of(92, 17_700)],
      ["max", of(12, 1000), of(0, 0)],
      ["morePoints", of(12, 1000), of(50, 10_000)],
    ] as const) {
      const first = judge(look({ guardrail: guardrail(limits[name]), reading: groups(treatment, control) }));
      const more = Number(/about ([\d,]+) more/.exec(first.verdict.sentence)![1]!.replaceAll(",", ""));
      const after = (requests: number) => {
        const scale = requests / treatment.total;
        const grown = (counts: typeof treatment | typeof control) => of(counts.events * scale, counts.total * scale);
        return judge(
          look({ guardrail: guardrail(limits[name]), reading: groups(grown(treatment), grown(control)), evidence: first.evidence }),
        ).verdict.verdict;
      };
      expect(after(more * 1.06)).not.toBe("inconclusive");
      expect(after(more / 2)).toBe("inconclusive");
    }
  });

  test("and says nothing of it where no number of requests can be named", () => {
    expect(
      sentence({ guardrail: guardrail({ form: "maxIncrease", by: "ratio", amount: 0 }), reading: groups(of(5, 1000), of(50, 10_000)) }),
    ).toMatch(/20:1 is needed$|111:1 is needed$/);
  });

  test("no requests, no data, no answer", () => {
    expect(sentence({ reading: groups(of(0, 0), of(50, 10_000)) })).toBe(
      "there were no requests with the feature since the last look, so errors cannot be judged",
    );
    expect(sentence({ reading: groups(of(5, 1000), of(0, 0)) })).toBe(
      "there were no requests without the feature since the last look, so there is nothing to compare errors with",
    );
    expect(sentence({ reading: { status: "noData", reason: "the result is empty" } })).toBe(
      "there are no numbers for errors: the result is empty",
    );
    expect(sentence({ reading: { status: "error", reason: "timeout after 5 s" } })).toBe("errors could not be read: timeout after 5 s");
    expect(sentence({ reading: groups(of(11, 10), of(5, 100)) })).toBe(
      "errors gave counts that cannot be: 11 events of 10 requests (treatment)",
    );
  });
});

describe("before anybody has the feature", () => {
  test("a limit that the control breaks already is found, with the numbers", () => {
    expect(limitAlreadyBroken(guardrail(limits.max), of(41, 1775))).toEqual({
      broken: true,
      sentence:
        "errors are 2.31% before anybody has the feature (95% interval 1.71% to 3.12%; limit 1%): 41 of 1,775 requests; evidence that the limit is already broken 10,790:1, 20:1 was needed",
    });
    expect(limitAlreadyBroken(guardrail(limits.min, "success"), of(900, 1000)).broken).toBe(true);
  });

  test("a limit that is kept, or not clearly broken, is not", () => {
    expect(limitAlreadyBroken(guardrail(limits.min, "success"), of(998, 1000))).toEqual({
      broken: false,
      sentence:
        "success is 99.8% before anybody has the feature (95% interval 99.27% to 99.945%; limit at least 99%): 998 of 1,000 requests; evidence that the limit is already broken 1:3, 20:1 would be needed",
    });
    expect(limitAlreadyBroken(guardrail(limits.max), of(12, 1000)).broken).toBe(false);
    expect(limitAlreadyBroken(guardrail(limits.max), of(22, 1000)).broken).toBe(true);
    expect(limitAlreadyBroken(guardrail(limits.max), of(22, 1000), 1e-6).broken).toBe(false);
  });

  test("no requests, impossible counts and relative limits break nothing", () => {
    expect(limitAlreadyBroken(guardrail(limits.max), of(0, 0))).toEqual({
      broken: false,
      sentence: "there were no requests, so whether errors keeps its limit is not known",
    });
    expect(limitAlreadyBroken(guardrail(limits.max), of(2, 1)).sentence).toBe("errors gave counts that cannot be: 2 events of 1 requests");
    expect(limitAlreadyBroken(guardrail(limits.increase), of(900, 1000))).toEqual({
      broken: false,
      sentence: "the limit of errors compares with the control, so it cannot be broken before the start",
    });
  });
});

describe("numbers in sentences", () => {
  test.each([
    [0.0231, "2.31%"],
    [0.005198, "0.52%"],
    [0.00012, "0.012%"],
    [0.99982, "99.982%"],
    [0.001, "0.1%"],
    [0, "0%"],
    [1, "100%"],
    [1e-9, "0.0000001%"],
  ])("%d is %s", (value, text) => expect(percent(value)).toBe(text));
  test.each([
    [0.0179, "+1.79pp"],
    [-0.0005, "-0.05pp"],
    [0, "0pp"],
  ])("%d is %s", (value, text) => expect(points(value)).toBe(text));
  test.each([
    [4.44, "4.4x"],
    [1.2, "1.2x"],
    [1, "1x"],
    [0.9916, "0.9916x"],
    [1.999, "2x"],
    [9.96, "10x"],
    [31.6, "32x"],
    [12_345, "12,345x"],
    [0.0312, "0.03x"],
    [1e-9, "under 0.01x"],
    [0, "0x"],
  ])("%d is %s", (value, text) => expect(times(value)).toBe(text));
  test.each([
    [Math.log(412.7), "412:1"],
    [Math.log(20), "20:1"],
    [Math.log(19.999), "19:1"],
    [0, "1:1"],
    [Math.log(1 / 3), "1:3"],
    [Math.log(1 / 45.2), "1:45"],
    [Math.log(1 / 0.009), "111:1"],
    [5000, "over 1,000,000:1"],
    [-50, "under 1:1,000,000"],
    [-100, "none so far"],
  ])("ln E = %d is %s", (value, text) => expect(odds(value)).toBe(text));
  test("counts are grouped, and rough ones rounded", () => {
    expect(count(1_234_567)).toBe("1,234,567");
    expect(roughly(12_345)).toBe("12,000");
    expect(roughly(7)).toBe("7");
  });
});
