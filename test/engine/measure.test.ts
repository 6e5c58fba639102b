import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { takeOverJudgement } from "../../src/engine/look.ts";
import { inPieces } from "../../src/engine/measure.ts";
import type { Statement } from "../../src/model/entry.ts";
import type { Guardrail, Plan } from "../../src/model/plan.ts";
import type { State } from "../../src/model/state.ts";
import { DAY, HARMFUL, HEALTHY, HOUR, MINUTE, planOf, relative, stage } from "../support/world.ts";
import { begun, entriesOf, onSecondStage } from "./worlds.ts";

describe("an interval in pieces", () => {
  test("of about the poll's length, without gaps, sixty at the most", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e12 }),
        fc.integer({ min: 1, max: 1e10 }),
        fc.integer({ min: 1, max: 1e8 }),
        (from, length, size) => {
          const pieces = inPieces({ from, to: from + length }, size);
          expect([pieces[0]!.from, pieces.at(-1)!.to]).toEqual([from, from + length]);
          expect(pieces.length).toBeLessThanOrEqual(60);
          for (const [index, piece] of pieces.entries()) {
            expect(piece.to).toBeGreaterThan(piece.from);
            if (index > 0) expect(piece.from).toBe(pieces[index - 1]!.to);
          }
          if (length >= 2 * size && length <= 60 * size) expect((pieces[0]!.to - pieces[0]!.from) / size).toBeCloseTo(1, -0.31);
        },
      ),
    );
  });

  test.each([
    [10 * MINUTE, 10],
    [61_000, 1],
    [90_001, 2],
    [10 * HOUR, 60],
    [1, 1],
  ])("%d ms are %d", (length, count) => expect(inPieces({ from: 0, to: length }, MINUTE)).toHaveLength(count));

  test("or so many as are asked for", () => expect(inPieces({ from: 0, to: DAY }, { count: 60 })).toHaveLength(60));
});

describe("a look after a time in which nobody looked", () => {
  test("is to the judge what looks in between would have been", async () => {
    const { world, lookAfter } = await onSecondStage(planOf({ stages: [stage(5), stage(25, DAY), stage(100)] }));
    world.conditions(HARMFUL);
    const { look, result } = await lookAfter(10 * MINUTE);
    const reading = look!.data.metrics["errors"]!;
    expect(reading.status === "measured" && reading.measurements.length).toBeGreaterThanOrEqual(10);
    expect(result.outcome).toBe("rolledBack");
  });
});

describe("a guardrail against the time before the run", () => {
  const past: Guardrail = {
    id: "errors maxIncrease 100% versus 1h before",
    metric: "errors",
    limit: { form: "maxIncrease", by: "ratio", amount: 1 },
    versus: { before: HOUR },
    onBreach: "pause",
  };
  const compared = planOf({ guardrails: [past], stages: [stage(5), stage(25, DAY), stage(100)] });

  test("has that time measured once, before anybody is exposed, and pauses", async () => {
    const { world, runner, lookAfter } = await begun(compared);
    const looks = () => entriesOf(world).flatMap((entry) => (entry.kind === "look" ? [entry] : []));
    const known = looks().map(({ data }) => Object.values(data.baselines));
    expect(known[0]).toMatchObject([{ to: expect.any(Number) as number, counts: { control: { total: expect.any(Number) as number } } }]);
    const [baseline] = Object.values(looks()[0]!.data.baselines);
    expect(typeof baseline === "object" && baseline.to - baseline.from).toBe(HOUR);
    world.conditions({ ...HEALTHY, treatment: 0.1 });
    const { result, state } = await lookAfter(10 * MINUTE, runner);
    expect(result).toMatchObject({ outcome: "paused", decision: { cause: "breach" } });
    expect(
      looks()
        .slice(1)
        .every(({ data }) => Object.keys(data.baselines).length === 0),
    ).toBe(true);
    expect(Object.keys(state.baselines)).toEqual([`errors ${HOUR}`]);
  });
});

describe("every kind of metric", () => {
  const metrics = {
    mean: { source: "shop", kind: "mean", grouped: true, unit: "s", count: {}, sum: {}, sumSquares: {} },
    latency: { source: "shop", kind: "histogram", grouped: true, unit: "s", buckets: {} },
    backlog: { source: "shop", kind: "gauge", grouped: true, value: {} },
    visits: { source: "shop", kind: "rate", grouped: true, events: {}, total: {}, users: {} },
  } satisfies Plan["metrics"];
  const rails: Guardrail[] = [
    { id: "mean", metric: "mean", limit: { form: "maxIncrease", by: "value", amount: 0.1 }, onBreach: "rollback" },
    { id: "p95", metric: "latency", quantile: 0.95, limit: { form: "max", value: 1 }, onBreach: "rollback" },
    { id: "rise", metric: "latency", quantile: 0.95, limit: { form: "maxIncrease", by: "value", amount: 0.5 }, onBreach: "rollback" },
    { id: "slower", metric: "latency", limit: { form: "maxIncrease", by: "ratio", amount: 0.5 }, onBreach: "rollback" },
    { id: "backlog", metric: "backlog", limit: { form: "max", value: 100 }, failures: { count: 2, of: 3 }, onBreach: "pause" },
    { id: "visits", metric: "visits", limit: { form: "max", rate: 0.9 }, onBreach: "rollback" },
  ];
  const planWith = (...ids: string[]) =>
    planOf({ metrics, guardrails: rails.filter(({ id }) => ids.includes(id)), stages: [stage(5), stage(25, HOUR), stage(100)] });

  test("of a healthy release says nothing against it, and the bounds of a histogram are recorded once", async () => {
    const { world, lookAfter } = await onSecondStage(planWith("mean", "p95", "rise", "slower", "backlog", "visits"));
    const { look, result, state } = await lookAfter(10 * MINUTE);
    expect(result.outcome).toBe("holding");
    expect(look!.data.verdicts.map(({ verdict }) => verdict)).not.toContain("breach");
    expect(look!.data.splitChecks).toMatchObject([{ metric: "visits", of: "users", status: "ok" }]);
    const told = entriesOf(world).filter(({ data }) => JSON.stringify(data).includes('"bounds":[0.5,1,5]'));
    expect(told.map(({ kind }) => kind)).toEqual(["started"]);
    expect(state.metrics["latency"]!.bounds).toEqual([0.5, 1, 5]);
    expect(state.progress["visits"]!.users).toBeGreaterThan(100);
  });

  test.each(["mean", "p95", "rise", "slower"])("%s rolls a harmful one back", async (id) => {
    const { world, lookAfter } = await onSecondStage(planWith(id));
    world.conditions(HARMFUL);
    expect((await lookAfter(10 * MINUTE)).result).toMatchObject({ outcome: "rolledBack", decision: { cause: "breach" } });
  });

  test("a gauge pauses", async () => {
    const { world, lookAfter } = await onSecondStage(planWith("backlog"));
    world.conditions(HARMFUL);
    expect((await lookAfter(10 * MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "breach" } });
  });
});

describe("another version of the judge", () => {
  /** What is appended to a ledger in this state. */
  async function appended(state: State | undefined): Promise<Statement | undefined> {
    let draft: Statement | undefined;
    await takeOverJudgement({
      name: "checkout",
      state,
      refresh: async () => state,
      append: async (make) => void (draft = make(state)),
      flush: async () => undefined,
    });
    return draft;
  }

  test("takes over before its first look, and says what begins again", async () => {
    const { world, lookAfter } = await onSecondStage(planOf({ guardrails: [...planOf().guardrails, relative] }));
    const { state } = await lookAfter(MINUTE);
    expect(state.judge).toBe("dab/1");
    expect(entriesOf(world).some(({ kind }) => kind === "judgeChanged")).toBe(false);
    expect(await appended(state)).toBeUndefined();
    expect(await appended({ ...state, judge: "old/1" })).toEqual({
      kind: "judgeChanged",
      data: { from: "old/1", to: "dab/1", restarted: [] },
    });
    const strange = { ...state, judge: "old/1", evidence: { ...state.evidence, [relative.id]: { alpha: 0.01 } } };
    expect(await appended(strange)).toMatchObject({ data: { restarted: [relative.id] } });
    const none = { ...state, judge: "old/1", evidence: {} };
    expect(await appended(none)).toMatchObject({ data: { restarted: [] } });
    const { judge: _, ...unjudged } = state;
    expect(await appended(unjudged)).toBeUndefined();
    expect(await appended({ ...state, judge: "old/1", end: { outcome: "complete", reason: "", at: 0 } })).toBeUndefined();
    expect(await appended(undefined)).toBeUndefined();
  });
});
