import { describe, expect, test } from "vitest";
import { change, count, odds, percent, points, quantity, roughly, times } from "../../src/judge/numbers.ts";
import { limitAlreadyBroken } from "../../src/judge/judge.ts";
import type { Counts } from "../../src/model/measurement.ts";
import type { Limit } from "../../src/model/plan.ts";
import { groups, guardrail, limits, metric, minutes, of, spread, verdictOf, verdictsOf, type LimitName } from "./builders.ts";

const sentence = (parts: Parameters<typeof verdictOf>[0]): string => verdictOf(parts).sentence;

describe("a verdict explains itself in one sentence", () => {
  test("nearly a breach, and a breach, against the control", () => {
    expect(sentence({ reading: spread(3, of(22, 1775), of(92, 17_700)) })).toBe(
      "errors are 1.24% with the feature against 0.52% without (2.4x, 95% interval 1.51x to 3.8x; limit 1.2x): 22 of 1,775 against 92 of 17,700 requests; evidence of harm 4.3:1, that it is within the limit 1:2.5, 111:1 is needed: about 3,100 more requests with the feature would tell",
    );
    expect(sentence({ reading: spread(5, of(41, 1775), of(92, 17_700)), alpha: 0.05 })).toBe(
      "errors are 2.31% with the feature against 0.52% without (4.4x, 95% interval 3.1x to 6.4x; limit 1.2x): 41 of 1,775 against 92 of 17,700 requests; evidence of harm 14,626:1, 20:1 was needed",
    );
  });

  test("a breach where the control has no events at all", () => {
    expect(sentence({ reading: spread(5, of(40, 1775), of(0, 17_700)) })).toMatch(
      /^errors are 2.25% with the feature against 0% without \(95% interval 104x or more; limit 1.2x\): 40 of 1,775 against 0 of 17,700 requests; evidence of harm [\d,]+:1, 111:1 was needed$/,
    );
  });

  test("a harm that began late is shown where it is: the whole stage hides it", () => {
    const rail = guardrail(limits.max);
    const verdict = verdictsOf([{ reading: spread(10, of(50, 26_000), of(50, 26_000)) }, { reading: spread(4, of(49, 171), of(1, 171)) }], {
      guardrail: rail,
    })[1]!;
    expect(verdict.verdict).toBe("breach");
    expect(verdict.sentence).toMatch(
      /^errors are 0.38% with the feature .*; since the last look alone: errors are 28.65% .*: 49 of 171 requests$/,
    );
  });

  test("a breach of a fixed limit shows what it is without the feature, and says whether an incident looks the same", () => {
    expect(sentence({ guardrail: guardrail(limits.max), reading: spread(5, of(41, 1775), of(92, 17_700)) })).toMatch(
      /^errors are 2.31% with the feature \(95% interval 1.71% to 3.12%; limit 1%\): 41 of 1,775 requests; evidence of harm [\d,]+:1, 111:1 was needed; without the feature it is 0.52%, so it is no incident of everybody$/,
    );
  });

  test("clear", () => {
    expect(sentence({ guardrail: guardrail(limits.min, { metric: "success" }), reading: spread(10, of(49_900, 50_000), of(0, 0)) })).toBe(
      "success is 99.8% with the feature (95% interval 99.76% to 99.84%; limit at least 99%): 49,900 of 50,000 requests; evidence that it is within the limit 2,240:1, 111:1 was needed",
    );
  });

  test("inconclusive says what it would take", () => {
    const site = { guardrail: guardrail(limits.max, { metric: "site" }), metric: metric({ grouped: false }) };
    expect(sentence({ ...site, reading: minutes(2, { everyone: of(4, 1000) }) })).toMatch(
      /^site is 0.4% over everybody \(95% interval 0.2% to 0.79%; limit 1%\): 8 of 2,000 requests; evidence of harm 1:[\d.]+, that it is within the limit [\d.]+:1, 111:1 is needed: about [\d,]+ more requests would tell$/,
    );
  });

  test("inconclusive in points, before there are 20 events", () => {
    expect(
      sentence({ guardrail: guardrail(limits.fewerPoints, { metric: "addToCart" }), reading: groups(of(5, 100), of(500, 10_000)) }),
    ).toMatch(
      /^addToCart is 5% with the feature against 5% without \(0pp, 95% interval -2.88pp to \+6.19pp; limit at least -0.5pp\): 5 of 100 against 500 of 10,000 requests; evidence of harm none so far, that it is within the limit none so far, 111:1 is needed: about [\d,]+ more requests with the feature would tell$/,
    );
  });

  test.each<[LimitName, Counts, Counts]>([
    ["increase", of(22, 1775), of(92, 17_700)],
    ["increase", of(500, 100_000), of(500, 100_000)],
    ["decrease", of(500, 100_000), of(5000, 1_000_000)],
    ["max", of(36, 2000), of(0, 0)],
    ["max", of(4, 1000), of(0, 0)],
    ["min", of(1964, 2000), of(0, 0)],
    ["morePoints", of(24, 2000), of(100, 20_000)],
    ["morePoints", of(10, 2000), of(100, 20_000)],
  ])("what it would take is about right: %s of %j against %j", (name, treatment, control) => {
    const first = { reading: spread(6, treatment, control) };
    const { moreRequests, verdict } = verdictOf({ guardrail: guardrail(limits[name]), ...first });
    expect(verdict).toBe("inconclusive");
    const after = (requests: number) => {
      const scale = requests / treatment.total;
      const grown = ({ events, total }: Counts) => of(Math.round(events * scale), Math.round(total * scale));
      const looks = Math.max(6, Math.round(6 * scale));
      return verdictsOf([first, { reading: spread(looks, grown(treatment), grown(control)) }], { guardrail: guardrail(limits[name]) })[1]!
        .verdict;
    };
    expect(after(moreRequests! * 3)).not.toBe("inconclusive");
    expect(after(moreRequests! / 8)).toBe("inconclusive");
  });

  test("how many requests show the harm that is named: twice what is allowed, or what the plan says", () => {
    const needs = (name: LimitName, detect?: Limit) =>
      verdictOf({ guardrail: guardrail(limits[name], detect && { detect }), reading: spread(6, of(50, 10_000), of(500, 100_000)) }).needs!;
    const needed = Object.fromEntries((Object.keys(limits) as LimitName[]).map((name) => [name, needs(name)]));
    expect(needed["increase"]).toBeGreaterThan(2000);
    expect(needed["increase"]).toBeLessThan(20_000);
    for (const [name, detect] of [
      ["increase", { form: "maxIncrease", by: "ratio", amount: 3 }],
      ["decrease", { form: "maxDecrease", by: "ratio", amount: 0.9 }],
      ["max", { form: "max", rate: 0.05 }],
      ["min", { form: "min", rate: 0.9 }],
      ["morePoints", { form: "maxIncrease", by: "points", amount: 0.02 }],
    ] as const) {
      expect(needs(name, detect)).toBeLessThan(needed[name]! * 0.9);
    }
    expect(needs("increase", { form: "maxIncrease", by: "ratio", amount: 1.4 })).toBe(needed["increase"]);
    expect(needs("decrease", { form: "maxDecrease", by: "ratio", amount: 0.6 })).toBe(needed["decrease"]);
    expect(needs("max", { form: "max", rate: 0.02 })).toBe(needed["max"]);
    expect(needs("min", { form: "min", rate: 0.98 })).toBe(needed["min"]);
    expect(needs("morePoints", { form: "maxIncrease", by: "points", amount: 0.01 })).toBe(needed["morePoints"]);
  });

  test("and says nothing of it where no number of requests can be named", () => {
    const atLimit = verdictOf({ reading: spread(6, of(60, 10_000), of(500, 100_000)) });
    expect(atLimit.sentence).toMatch(/111:1 is needed$/);
    expect(atLimit.moreRequests).toBeUndefined();
    expect(verdictOf({ reading: { status: "notYet" } }).needs).toBeUndefined();
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
    expect(
      sentence({ metric: metric({ grouped: false }), guardrail: guardrail(limits.max), reading: minutes(1, { everyone: of(0, 0) }) }),
    ).toBe("there were no requests since the last look, so errors cannot be judged");
  });
});

describe("before anybody has the feature", () => {
  test("a limit that the control breaks already is found, with the numbers", () => {
    expect(limitAlreadyBroken(guardrail(limits.max), of(41, 1775))).toEqual({
      broken: true,
      sentence:
        "errors are 2.31% before anybody has the feature (95% interval 1.71% to 3.12%; limit 1%): 41 of 1,775 requests; evidence that the limit is already broken 17,250:1, 20:1 was needed",
    });
    expect(limitAlreadyBroken(guardrail(limits.min, { metric: "success" }), of(900, 1000)).broken).toBe(true);
  });

  test("a limit that is kept, or not clearly broken, is not", () => {
    expect(limitAlreadyBroken(guardrail(limits.min, { metric: "success" }), of(998, 1000))).toEqual({
      broken: false,
      sentence:
        "success is 99.8% before anybody has the feature (95% interval 99.27% to 99.945%; limit at least 99%): 998 of 1,000 requests; evidence that the limit is already broken 1:7.7, 20:1 would be needed",
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
      sentence: "the limit of errors compares, so it cannot be broken before the start",
    });
  });
});

describe("numbers in sentences", () => {
  test.each<[number, string | undefined, string]>([
    [0.375, "s", "375 ms"],
    [0.9996, "s", "1 s"],
    [0.9994, "s", "999 ms"],
    [90, "s", "1.5 min"],
    [0, "s", "0 s"],
    [-0.05, "s", "-50 ms"],
    [1e-12, "s", "0.001 ns"],
    [7200, "s", "2 h"],
    [500, "us", "500 us"],
    [400e6, "B", "381 MiB"],
    [3, "GiB", "3 GiB"],
    [1500, "MB", "1.5 GB"],
    [12.5, "EUR", "12.5 EUR"],
    [1234.5, undefined, "1,230"],
    [-1234.5, undefined, "-1,230"],
    [0.00000012345, undefined, "0.000000123"],
    [12.345, undefined, "12.3"],
  ])("%d %s is %s", (value, unit, text) => expect(quantity(value, unit)).toBe(text));
  test.each<[number, string]>([
    [0.05, "+50 ms"],
    [-0.05, "-50 ms"],
    [0, "0 s"],
  ])("a change of %d s is %s", (value, text) => expect(change(value, "s")).toBe(text));

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
