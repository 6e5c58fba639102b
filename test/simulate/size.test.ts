import { describe, expect, test } from "vitest";
import { planOf } from "../plan/fakes.ts";
import { requestsAt, sized, sizePlan, textOf } from "./sizePlans.ts";

describe("the minimum viable audience of a stage", () => {
  test("what it sees, names and needs, in the guardrail's own unit and as the rate that comes of it", async () => {
    const { size } = await sized(["metric: errors, max: 1%", "metric: errors, maxIncrease: 20%"]);
    const [small, large] = [requestsAt(size, 0, 1), requestsAt(size, 1, 1)];
    // 1 % of 6,000 requests a minute for half an hour.
    expect(small).toMatchObject({ inBake: 1800, can: "blind", alpha: expect.closeTo(0.0225, 10) });
    expect(small.names).toEqual({ size: 2.4, becomes: 0.012, short: "2.4x", text: "2.4x (0.5% to 1.2%)" });
    expect(small.sees80!.size).toBeGreaterThan(small.names.size);
    expect(small.sees90!.size).toBeGreaterThan(small.sees80!.size);
    expect(small.sees80!.becomes).toBeCloseTo(0.005 * small.sees80!.size, 8);
    expect(large.can).toBe("sees");
    expect(large.sees90!.size).toBeLessThan(large.names.size);
    // Users of the whole audience who make as many requests in half an hour, and the time of the 60 requests a minute there are.
    expect(small.users).toBe(Math.ceil(small.needs! / ((6000 / 50_000) * 30)));
    expect(small.takes).toBe(Math.ceil((small.needs! / 60) * 60_000));
  });

  test.each([
    ["metric: errors, max: 1%", "2% (2x the limit)"],
    ["metric: found, min: 99%", "98% (2x the failures)"],
    ["metric: found, min: 40%", "20% (0.5x the limit)"],
    ["metric: errors, maxIncrease: 0.5pp", "+1pp (1% to 2%)"],
    ["metric: found, maxDecrease: 20%", "0.4x (1% to 0.4%)"],
    ["metric: basket, max: 100EUR", "200 EUR"],
    ["metric: basket, maxDecrease: 5%", "0.9x"],
    ["metric: latency, quantile: 95%, max: 500ms", "10% above 500 ms (5% are allowed)"],
    ["metric: errors, maxIncrease: 20%, detect: 50%", "1.5x (1% to 1.5%)"],
  ])("%s names %s", async (guardrail, names) => {
    const { size } = await sized([guardrail]);
    expect(requestsAt(size, 1).names.text).toBe(names);
  });

  test("more of everything sees more: power, requests, users, a larger chance of a false alarm", async () => {
    const sees = async (...about: Parameters<typeof sized>) => requestsAt((await sized(...about)).size, 0).sees80!.size;
    const one = ["metric: errors, maxIncrease: 20%"];
    const usual = await sees(one);
    expect(await sees(one, { audience: "traffic: 60000/min" })).toBeLessThan(usual);
    expect(await sees(one, { stages: "[5%, 50%]" })).toBeLessThan(usual);
    expect(await sees(one, { policy: "falseRollback: 20%" })).toBeLessThan(usual);
    expect(await sees([...one, "metric: found, maxDecrease: 20%", "metric: errors, max: 2%"])).toBeGreaterThan(usual);
    expect(await sees(["metric: errors, maxIncrease: 20%, proof: strict"])).toBeGreaterThan(usual);
    expect(await sees(one, { options: { base: ["errors=4%"] } })).toBeLessThan(usual);
  });

  test("without traffic it says how many requests, and nothing of times", async () => {
    const { size } = await sized(["metric: errors, max: 1%"], { audience: "holdout: 0%" });
    const { needs, ...rest } = requestsAt(size, 0);
    expect(needs).toBeGreaterThan(1000);
    expect(rest).toMatchObject({ can: "unknown", mends: [] });
    for (const absent of ["inBake", "sees80", "takes", "users"]) expect(rest).not.toHaveProperty(absent);
    expect(size.notes.join()).toMatch(/--traffic/);
    const said = sizePlan(await planOf(textOf(["metric: errors, max: 1%"], { audience: "holdout: 0%" })), { traffic: "100/s" });
    expect(requestsAt(said, 0).inBake).toBe(1800);
  });

  test("says what it takes a metric to be, and takes another's word for it", async () => {
    const guardrails = ["metric: errors, max: 1%", "metric: basket, maxIncrease: 2EUR", "metric: found, maxDecrease: 10%"];
    const { size, plan } = await sized(guardrails);
    const texts = Object.fromEntries(size.expected.map(({ metric, text }) => [metric, text]));
    expect(texts).toMatchObject({ errors: "0.5% (half of its limit)", found: "1% (assumed: no limit says what it is)" });
    // Two euros more may be nothing or everything.
    expect(size.stages[0]!.guardrails[1]).toMatchObject({ kind: "notSized", reason: expect.stringContaining("--base basket=40EUR") });
    const said = sizePlan(plan, { base: ["basket=40EUR", "found=60%"], spread: ["basket=50%"] });
    expect(requestsAt(said, 1, 1).names.text).toBe("+4 EUR (40 EUR to 44 EUR)");
    expect(requestsAt(said, 1, 2).names.text).toMatch(/^0.45x \(60% to 27%\)$/);
    expect(() => sizePlan(plan, { base: ["nothing=1%"] })).toThrow(/nothing/);
  });

  test("waits where `minSamples` does, and needs no change then", async () => {
    const stages = "[{ expose: 1%, minSamples: auto }, { expose: 2%, minSamples: 9000 }, { expose: 3%, minSamples: 100 }]";
    const { size } = await sized(["metric: errors, max: 1%"], { stages });
    expect([0, 1, 2].map((stage) => requestsAt(size, stage).can)).toEqual(["waits", "sees", "sees"]);
    const { size: strict } = await sized(["metric: errors, maxIncrease: 0%, detect: 30%"], { stages });
    expect([0, 1, 2].map((stage) => requestsAt(strict, stage).can)).toEqual(["waits", "blind", "blind"]);
    expect(requestsAt(strict, 0).mends).toEqual([]);
  });
});

describe("what cannot be sized by requests", () => {
  test("what the judge would not judge, for the judge's own reason", async () => {
    const stages = "[{ expose: { segments: [staff] } }, 1%, 100%]";
    const audience = 'units: 50000, traffic: 6000/min, segments: { staff: { attribute: email, endsWith: "@x", units: 500 } }';
    const { size } = await sized(["metric: errors, maxIncrease: 20%", "metric: errors, max: 1%"], { stages, audience });
    const reasons = size.stages
      .map(({ guardrails }) => guardrails[0])
      .map((each) => (each?.kind === "notJudged" ? each.reason : each?.kind));
    expect(reasons).toEqual([
      "only whole segments have the feature (staff), so there is no randomised control to compare errors with",
      "requests",
      "everybody has the feature and nobody is held out, so there is no control to compare errors with",
    ]);
    // A fixed limit holds for whole segments too: 1 % of the requests, then 1 % of the others besides.
    expect(requestsAt(size, 0, 1).inBake).toBe(1800);
    expect(requestsAt(size, 1, 1).inBake).toBe(1800 + 1782);
  });

  test("a number for everybody, while too few have the feature to move it so far", async () => {
    const { size } = await sized(["metric: site, max: 2%"], { stages: "[1%, 10%, 100%]" });
    const [first, second] = [requestsAt(size, 0), requestsAt(size, 1)];
    expect(first).toMatchObject({ can: "never", because: "1% of everybody cannot cause that, however bad the feature is" });
    expect(first.mends).toEqual([{ change: "stages", text: "count it by group, or let it guard stages of more than 3% alone (`stages`)" }]);
    expect(first).not.toHaveProperty("needs");
    // 4 % of everybody, of whom nine in ten have the usual 1 %.
    expect(second).toMatchObject({ can: "sees", names: { text: "4% of everybody (31% with the feature)" } });
  });

  test("a limit against the past is drawn at what the past is expected to be", async () => {
    const { size } = await sized(["metric: site, max: 2%", "metric: site, maxIncrease: 50%, versus: { before: 24h }"], { stages: "[50%]" });
    expect(requestsAt(size, 0, 1)).toMatchObject({ can: "sees", note: "its limit is drawn at 1.51%, by what was before the rollout" });
  });

  test("a rise of a quantile, for values of the shape that `simulate` draws", async () => {
    const { size } = await sized(["metric: latency, quantile: 95%, maxIncrease: 50ms"], { options: { base: ["latency=120ms"] } });
    const [few, many] = [requestsAt(size, 0), requestsAt(size, 1)];
    expect(few.names.text).toBe("+100 ms (p95 from 273 ms to 373 ms)");
    expect(few.note).toMatch(/log-normal.*120 ms/);
    expect([few.can, many.can]).toEqual(["blind", "sees"]);
    expect(many.sees80!.size).toBeGreaterThan(0.05);
  });

  test("a gauge, by its readings", async () => {
    const guardrails = ["metric: heap, max: 800MiB, failures: 3 of 5", "metric: heap, maxIncrease: 10%", "metric: heap, maxTrend: 5MiB/h"];
    const { size } = await sized(guardrails, { stages: "[{ expose: 1%, bake: 2m }, { expose: 50%, bake: 1h }]" });
    const at = (stage: number) => size.stages[stage]!.guardrails.map((each) => (each.kind === "readings" ? each : undefined));
    expect(at(0).map((each) => each?.can)).toEqual(["blind", "blind", "blind"]);
    expect(at(1).map((each) => each?.can)).toEqual(["sees", "sees", "sees"]);
    expect(at(0).map((each) => each?.inBake)).toEqual([2, 2, 2]);
    // Of four readings a side 70 ways are equally likely; the second time it is asked it has less of the chance of a false alarm.
    expect([at(0)[1]?.needs, at(1)[1]?.needs]).toEqual([4, 5]);
    expect(at(1)[1]?.sentence).toMatch(
      /60 readings against the readings without the feature, and sees a level that is beyond the limit in 6\d% of their pairs/,
    );
  });
});
