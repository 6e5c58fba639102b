import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { besideMeasured, elapsedSince, onTimelineOf } from "../../src/core/time.ts";
import type { Instant, MetricReading } from "../../src/model/measurement.ts";
import type { OpenIntent, State } from "../../src/model/state.ts";
import { DAY, exposed, HOUR, interval, look, looked, measured, MINUTE, noData, of, onCanary, SECOND, START, state } from "./builders.ts";

const minute = (amount: number) => START + amount * MINUTE;
const before = state({ timelines: [START - DAY], changes: [{ from: START, until: minute(1) }] });
const { at } = before;

describe("clocks that are a little apart", () => {
  test("within a minute nothing happens", () => {
    fc.assert(
      fc.property(fc.integer({ min: -MINUTE, max: 0 }), (behind) => {
        expect(onTimelineOf(before, at + behind)).toEqual(before);
      }),
    );
  });

  test("time goes on, and nothing else with it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 * DAY }), (later) => {
        expect(onTimelineOf(before, at + later)).toEqual({ ...before, at: at + later });
      }),
    );
  });
});

describe("a clock that is further behind", () => {
  const back = at - MINUTE - 1;
  const open: OpenIntent = {
    seq: 9,
    at,
    purpose: "advance",
    from: exposed(1_000),
    to: exposed(50_000),
    stage: 1,
    deadline: at + 30 * SECOND,
    reason: "",
    overtook: [],
  };
  const waiting = state({
    intent: open,
    metrics: {
      errors: { through: at, missing: { since: START, reason: "gone" } },
      scraped: { through: at, cursor: "kept" },
      slow: { through: START },
    },
    changes: [{ from: START, until: minute(1) }, { from: at }],
    firstExposedAt: at,
    startedAt: at,
  });
  const moved = onTimelineOf(waiting, back);

  test("is a timeline of its own, on which all that waits begins to wait again", () => {
    expect(moved).toMatchObject({ at: back, timelines: [at], bakeFrom: back, firstExposedAt: back, startedAt: back });
    expect(moved.intent).toEqual({ ...open, at: back, deadline: back + 30 * SECOND });
    expect(moved.progress["errors"]).toEqual({ ...waiting.progress["errors"], baked: 0 });
    expect(moved.metrics["errors"]!.missing).toEqual({ since: back, reason: "gone" });
  });

  test("does not measure again what was measured; what was scraped is safe in its cursor", () => {
    expect(moved.metrics).toMatchObject({ errors: { through: at }, slow: { through: START }, scraped: { through: back, cursor: "kept" } });
  });

  test("cannot say when the changes were made: all that is not measured yet is mixed", () => {
    expect(moved.changes).toEqual([{ from: START }]);
    const { intent: _, ...settled } = waiting;
    expect(onTimelineOf({ ...settled, changes: [{ from: START, until: minute(1) }] }, back).changes).toEqual([{ from: START, until: at }]);
  });

  test("keeps exposure, stage, pause, breach, evidence and budget as they are", () => {
    const told: State = {
      ...waiting,
      pause: { cause: "person", sentence: "", at, seq: 3 },
      breach: { guardrails: ["errors"], at },
      evidence: { errors: { alpha: 0.01 } },
      late: [{ intent: 2, to: exposed(5) }],
    };
    const { exposure, stage, pause, breach, evidence, budgets, late, plan, head } = told;
    expect(onTimelineOf(told, back)).toMatchObject({ exposure, stage, pause, breach, evidence, budgets, late, plan, head });
  });

  test("who comes back is on its own timeline again, and begins to wait again", () => {
    const returned = onTimelineOf(moved, at + MINUTE);
    expect(returned).toMatchObject({ at: at + MINUTE, timelines: [back], bakeFrom: at + MINUTE, firstExposedAt: back });
    expect(returned.metrics["errors"]).toEqual({ through: at, missing: { since: at + MINUTE, reason: "gone" } });
  });

  test("no more than five clocks are remembered, the latest first", () => {
    let many = before;
    for (let step = 1; step <= 9; step++) many = onTimelineOf(many, at - step * HOUR);
    expect(many.timelines).toEqual([8, 7, 6, 5].map((step) => at - step * HOUR));
  });

  test("does not end a change that still spreads", () => {
    expect(onTimelineOf(state({ bakeFrom: at + HOUR }), back).bakeFrom).toBe(back + HOUR);
  });
});

test("an entry stands after all that was measured before it", () => {
  const standing = state({ metrics: { errors: { through: minute(3) }, slow: { through: minute(1) } } });
  expect([minute(2), minute(4)].map((instant) => besideMeasured(standing, instant))).toEqual([minute(3), minute(4)]);
  expect(besideMeasured(state({ metrics: {} }), minute(2))).toBe(minute(2));
});

test("a jump of the clock, there and back, ends no patience", () => {
  const told = onCanary()
    .tell(minute(5), looked(noData))
    .tell(minute(6) + DAY, look())
    .tell(minute(7), look());
  expect(told.state.metrics["errors"]!.missing!.since).toBe(minute(7));
  told.tell(minute(8) + DAY, look());
  expect(told.state.metrics["errors"]!.missing!.since).toBe(minute(8) + DAY);
});

const STEP = 10 * SECOND;

/**
 * Runners whose clocks are ahead of the source's by the given amounts look in turn, a minute after each other. The source
 * has a request every ten seconds, dated by itself. Each asks from where the state on its timeline says to its own now, and
 * takes what there is.
 */
function lookInTurn(ahead: number[], lookers: number[], told = onCanary()) {
  const counted = new Map<Instant, number>();
  const reached: number[] = [];
  lookers.forEach((looker, turn) => {
    const truth = minute(turn + 2);
    const now = truth + ahead[looker]!;
    const { through } = onTimelineOf(told.state, now).metrics["errors"]!;
    for (let date = through + STEP; date <= truth; date += STEP) counted.set(date, (counted.get(date) ?? 0) + 1);
    const seen = interval(through, truth, { treatment: of(0, 60), control: of(0, 60) });
    const reading: MetricReading = truth > through ? measured(seen) : { status: "notYet" };
    told.tell(now, looked(reading));
    reached.push(told.state.metrics["errors"]!.through - truth);
  });
  return { counted, reached, state: told.state };
}

describe("a clock a day ahead beside one that is right", () => {
  const turns = fc.array(fc.nat(1), { minLength: 1, maxLength: 60 });
  test.each([
    ["a day", DAY],
    ["an hour", HOUR],
    ["two minutes", 2 * MINUTE],
    ["half a minute", 30 * SECOND],
  ])("nothing is counted twice, nothing is lost, nobody is blind (%s)", (_, ahead) => {
    fc.assert(
      fc.property(turns, (lookers) => {
        const { counted, reached } = lookInTurn([0, ahead], lookers);
        expect([...counted.values()].every((times) => times === 1)).toBe(true);
        expect(counted.size).toBe((lookers.length + 1) * 6);
        expect(reached.every((left) => left === 0)).toBe(true);
      }),
    );
  });

  test("once the other is gone, the bake begins again and comes to its end", () => {
    const { state } = lookInTurn([0, DAY], [0, 0, 1, ...Array.from({ length: 10 }, () => 0)]);
    expect(state.progress["errors"]).toMatchObject({ baked: 9 * MINUTE });
  });
});

test("how long it is since the last entry by a clock, by that clock alone", () => {
  const known = state({ at: START + HOUR, timelines: [START - DAY] });
  expect(elapsedSince(known, START + HOUR + 5 * MINUTE)).toBe(5 * MINUTE);
  expect(elapsedSince(known, START + HOUR - SECOND)).toBe(0);
  expect(elapsedSince(known, START - DAY + 7 * MINUTE)).toBe(7 * MINUTE);
  expect(elapsedSince(known, START - 5 * DAY)).toBe(0);
});
