import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { GoalQuestion } from "../../src/model/judge.ts";
import type { Counts, MetricReading, Value } from "../../src/model/measurement.ts";
import type { Limit } from "../../src/model/plan.ts";
import type { Evidence, GoalVerdict } from "../../src/model/verdict.ts";
import { goalVerdictSchema } from "../../src/model/verdict.ts";
import { exposed, metric, minutes, of, reading, spread } from "./builders.ts";

const more: Limit = { form: "maxIncrease", by: "ratio", amount: 0.1 };
const asked = (limit: Limit, parts: Partial<GoalQuestion>): GoalQuestion => ({
  goal: { id: "addToCart minIncrease 10%", metric: "addToCart", limit },
  metric: metric(),
  stage: "50%",
  exposure: exposed({ everyone: 50_000 }),
  split: true,
  reading: reading(),
  evidence: undefined,
  alpha: 0.05,
  ...parts,
});
const verdictOf = (limit: Limit, found: MetricReading, parts: Partial<GoalQuestion> = {}): GoalVerdict =>
  judge.goal(asked(limit, { reading: found, ...parts })).verdict;

describe("a goal", () => {
  test.each<[string, Limit, Counts, Counts, GoalVerdict["verdict"]]>([
    ["is reached when more than was hoped for is shown", more, of(3000, 20_000), of(2000, 20_000), "reached"],
    ["is missed when that is shown to be out of reach", more, of(1500, 20_000), of(2000, 20_000), "missed"],
    ["is open as long as neither is shown", more, of(2200, 20_000), of(2000, 20_000), "open"],
    ["of a decrease is reached below", { form: "maxDecrease", by: "ratio", amount: 0.1 }, of(1000, 20_000), of(2000, 20_000), "reached"],
    ["of a decrease is missed above", { form: "maxDecrease", by: "ratio", amount: 0.1 }, of(3000, 20_000), of(2000, 20_000), "missed"],
    ["in points is reached above", { form: "maxIncrease", by: "points", amount: 0.01 }, of(3000, 20_000), of(2000, 20_000), "reached"],
    ["to be above a rate is reached above it", { form: "max", rate: 0.1 }, of(4000, 20_000), of(2000, 20_000), "reached"],
    ["to be above a rate is missed below it", { form: "max", rate: 0.1 }, of(1000, 20_000), of(2000, 20_000), "missed"],
    ["to be below a rate is reached below it", { form: "min", rate: 0.1 }, of(1000, 20_000), of(2000, 20_000), "reached"],
  ])("%s", (_, limit, treatment, control, expected) => {
    const found = verdictOf(limit, spread(20, treatment, control));
    expect(found.verdict).toBe(expected);
    expect(goalVerdictSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
  });

  test("has an interval for the lift, and says what is known", () => {
    const reached = verdictOf(more, spread(20, of(3000, 20_000), of(2000, 20_000)));
    expect(reached.estimate).toBeCloseTo(1.5, 6);
    expect(reached.interval![0]).toBeGreaterThan(1.4);
    expect(reached.interval![1]).toBeLessThan(1.6);
    expect(reached.limit).toBe(1.1);
    expect(reached.sentence).toMatch(
      /^addToCart is 15% with the feature against 10% without \(1.5x, 95% interval 1.42x to 1.58x; goal 1.1x\): 3,000 of 20,000 against 2,000 of 20,000 requests; evidence .*:1, 20:1 was needed$/,
    );
    expect(verdictOf(more, spread(20, of(1500, 20_000), of(2000, 20_000))).sentence).toMatch(
      /; the goal is not within reach; evidence .*:1, 20:1 was needed$/,
    );
    expect(verdictOf(more, spread(20, of(2200, 20_000), of(2000, 20_000))).sentence).toMatch(
      /; evidence that it is reached [\d.:]+, that it is missed [\d.:]+, 20:1 is needed$/,
    );
  });

  test("of a mean is judged as its guardrail would be", () => {
    const sums = (count: number, mean: number): Value => ({ count, sum: count * mean, sumSquares: count * (mean * mean + 100) });
    const basket = { metric: metric({ kind: "mean", unit: "EUR" }) };
    expect(verdictOf(more, minutes(10, { treatment: sums(500, 60), control: sums(500, 40) }), basket).verdict).toBe("reached");
    expect(verdictOf(more, minutes(10, { treatment: sums(500, 40), control: sums(500, 40) }), basket).verdict).toBe("missed");
  });

  test.each<[string, MetricReading, Partial<GoalQuestion>, GoalVerdict["verdict"], RegExp]>([
    ["without numbers", { status: "noData", reason: "empty" }, {}, "noData", /there are no numbers for addToCart: empty/],
    ["that could not be read", { status: "error", reason: "timeout" }, {}, "noData", /could not be read: timeout/],
    ["without traffic", minutes(1, { treatment: of(0, 0), control: of(1, 9) }), {}, "open", /no requests with the feature/],
    ["without a split", minutes(1, { treatment: of(1, 9), control: of(1, 9) }), { split: false }, "notJudgeable", /not randomised/],
    ["before its first interval", { status: "notYet" }, {}, "open", /nothing was measured of addToCart in this stage yet \(goal 1.1x\)/],
  ])("%s", (_, found, parts, verdict, sentence) => {
    const given = verdictOf(more, found, parts);
    expect(given.verdict).toBe(verdict);
    expect(given.sentence).toMatch(sentence);
  });

  test("of a kind that has no such form is not judgeable, and one whose buckets are not known is open", () => {
    expect(verdictOf({ form: "max", value: 1 }, reading()).verdict).toBe("notJudgeable");
    expect(verdictOf(more, reading(), { metric: metric({ kind: "histogram" }) }).verdict).toBe("open");
  });

  test("goes on over stages, and its evidence through JSON", () => {
    const first = judge.goal(asked(more, { reading: spread(10, of(1300, 10_000), of(1000, 10_000)) }));
    const evidence = JSON.parse(JSON.stringify(first.evidence)) as Evidence;
    const next = judge.goal(asked(more, { stage: "100%", evidence, reading: spread(10, of(1300, 10_000), of(1000, 10_000)) }));
    expect(next.verdict.estimate).toBeCloseTo(1.3, 6);
    expect((next.evidence as Evidence & { logE: { harm: number } }).logE.harm).toBeGreaterThan(
      (first.evidence as Evidence & { logE: { harm: number } }).logE.harm,
    );
  });
});
