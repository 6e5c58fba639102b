import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { SplitQuestion } from "../../src/model/judge.ts";
import type { Measurement, MetricReading } from "../../src/model/measurement.ts";
import { splitCheckSchema, type Evidence, type SplitCheck } from "../../src/model/verdict.ts";
import { measurement, of, reading } from "./builders.ts";

const users = (treatment: number, control: number, mixed = false): Measurement => ({
  ...measurement({}, mixed),
  users: { treatment, control },
});
/** The first interval at an exposure does not count. */
const first = users(1, 1);
const ask = (found: MetricReading, changes: Partial<SplitQuestion> = {}) =>
  judge.split({ metricName: "visits", of: "users", treatment: 50_000, reading: found, evidence: undefined, ...changes });

/** The checks of looks one after the other, their evidence going through JSON. */
function checks(looks: MetricReading[], changes: Partial<SplitQuestion> = {}): (SplitCheck | undefined)[] {
  let evidence: Evidence | undefined;
  return looks.map((each) => {
    const judged = ask(each, { ...changes, evidence });
    evidence = judged && (JSON.parse(JSON.stringify(judged.evidence)) as Evidence);
    return judged?.check;
  });
}

describe("the split of the groups", () => {
  test("is as planned, or it is not, and says which", () => {
    const [well] = checks([reading(first, users(5010, 4990))]);
    expect(well).toEqual({
      metric: "visits",
      of: "users",
      status: "ok",
      sentence: "the sample ratio of visits is as planned: 5,010 of 10,000 users have the feature (50.1% where the split gives 50%)",
      evidence: expect.any(Number) as number,
      threshold: expect.closeTo(Math.log(1000), 6) as number,
    });
    const [bad] = checks([reading(first, users(5400, 4600))]);
    expect(bad!.status).toBe("mismatch");
    expect(bad!.sentence).toMatch(
      /^sample ratio mismatch in visits: 5,400 of 10,000 users have the feature \(54% where the split gives 50%\); the odds against chance were .*, 1,000:1 is the limit: the groups cannot be compared$/,
    );
    expect(splitCheckSchema.parse(bad)).toEqual(bad);
  });

  test("does not count the first interval at an exposure, which may hold what was met before it", () => {
    const [well, more] = checks([reading(users(0, 9000)), reading(users(500, 500))]);
    expect(well).toMatchObject({ status: "ok", sentence: "the sample ratio of visits: nothing was counted at this exposure yet" });
    expect(more!.sentence).toMatch(/: 500 of 1,000 users/);
    const before = ask(reading(first, users(500, 500)))!;
    const moved = ask(reading(users(500, 500)), { treatment: 25_000, evidence: before.evidence })!;
    expect(moved.check.sentence).toMatch(/nothing was counted at this exposure yet$/);
    // Without a reading nothing has begun.
    const blind = ask({ status: "noData", reason: "" }, { treatment: 25_000, evidence: before.evidence })!;
    expect(blind.evidence).toEqual(before.evidence);
  });

  test("is compared with the share of the exposure", () => {
    expect(checks([reading(first, users(100, 9900))], { treatment: 1000 })[0]!.status).toBe("ok");
    expect(checks([reading(first, users(100, 9900))], { treatment: 5000 })[0]!.status).toBe("mismatch");
  });

  test("adds up over looks, and a mismatch stays one", () => {
    const little = reading(users(540, 460));
    const found = checks(Array.from({ length: 12 }, () => little)).map((check) => check!.status);
    expect(found[0]).toBe("ok");
    expect(found.at(-1)).toBe("mismatch");
    expect(checks([reading(first, users(5400, 4600)), reading(first, users(4600, 5400))]).map((check) => check!.status)).toEqual([
      "mismatch",
      "mismatch",
    ]);
  });

  test("begins anew at another exposure, and keeps the evidence of the one before", () => {
    const before = ask(reading(first, users(520, 480)))!;
    const next = ask(reading(first, users(250, 750)), { treatment: 25_000, evidence: before.evidence })!;
    expect(next.check.status).toBe("ok");
    expect(next.check.sentence).toMatch(/250 of 1,000 users have the feature \(25% where the split gives 25%\)/);
  });

  test("does not count mixed intervals, nor groups that were not counted", () => {
    expect(ask(reading(users(5400, 4600, true)))).toBeUndefined();
    expect(ask(reading(measurement({})))).toBeUndefined();
    expect(ask(reading({ ...measurement({}), users: { treatment: 5 } }))).toBeUndefined();
    expect(ask({ status: "noData", reason: "" })).toBeUndefined();
    const known = ask(reading(first, users(5400, 4600)))!;
    expect(ask({ status: "noData", reason: "" }, { evidence: known.evidence })!.check.status).toBe("mismatch");
  });

  test("may be one of requests", () => {
    const counted = measurement({ treatment: of(1, 5400), control: of(1, 4600) });
    const requests = reading(counted, counted);
    expect(ask(requests, { of: "requests" })!.check).toMatchObject({ status: "mismatch", of: "requests" });
    expect(ask(reading(measurement({ treatment: of(1, 5400) })), { of: "requests" })).toBeUndefined();
  });

  test("begins anew from evidence that is none of it", () => {
    const fresh = ask(reading(first, users(5, 5)))!;
    for (const evidence of [
      { alpha: 0.5 },
      { alpha: 0.001, state: { ...(fresh.evidence["state"] as object), more: 1 } },
      { alpha: 0.001, state: { shares: [1], counts: [], earlier: 0, logE: 0, largest: 9 } },
    ]) {
      expect(ask(reading(first, users(5, 5)), { evidence: evidence as Evidence })!.check).toEqual(fresh.check);
    }
  });
});
