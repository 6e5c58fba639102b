import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { onTimelineOf } from "../../src/core/time.ts";
import type { Instant, MetricReading } from "../../src/model/measurement.ts";
import {
  DAY,
  HOUR,
  interval,
  look,
  looked,
  measured,
  MINUTE,
  noData,
  of,
  onCanary,
  plan,
  planChanged,
  progress,
  SECOND,
  START,
  state,
  story,
} from "./builders.ts";

const minute = (amount: number) => START + amount * MINUTE;
const before = state({ timelines: [], changes: [{ from: START, until: minute(1) }] });
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
  const waiting = state({
    intent: {
      ...story().tell(START, {
        kind: "intent",
        data: { purpose: "advance", from: before.exposure, to: before.exposure, stage: 1, deadline: START + 30 * SECOND, reason: "" },
      }).state.intent!,
    },
    metrics: { errors: { through: at, cursor: "kept", missing: { since: START, reason: "gone" } }, slow: { through: START } },
    changes: [{ from: START, until: minute(1) }, { from: at }],
    firstExposedAt: at,
    startedAt: at,
  });

  test("is a timeline of its own: what waits begins to wait again", () => {
    const moved = onTimelineOf(waiting, back);
    expect(moved).toMatchObject({
      at: back,
      bakeFrom: back,
      firstExposedAt: back,
      startedAt: back,
      intent: { at: back, deadline: back + 30 * SECOND },
    });
    expect(moved.progress["errors"]).toEqual({ ...waiting.progress["errors"], baked: 0 });
    expect(moved.changes).toEqual([{ from: START, until: minute(1) }, { from: back }]);
    expect(moved.metrics).toEqual({
      errors: { through: back, cursor: "kept", missing: { since: back, reason: "gone" } },
      slow: { through: START },
    });
    expect(moved.timelines).toEqual([{ at, through: { errors: at, slow: START } }]);
  });

  test("who comes back finds how far it had measured, and begins to wait again", () => {
    const away = { ...onTimelineOf(waiting, back), metrics: { errors: { through: back + 5 }, slow: { through: back } } };
    const returned = onTimelineOf(away, at + MINUTE);
    expect(returned.metrics).toEqual({ errors: { through: at }, slow: { through: START } });
    expect(returned).toMatchObject({
      at: at + MINUTE,
      bakeFrom: at + MINUTE,
      timelines: [{ at: back, through: { errors: back + 5, slow: back } }],
    });
  });

  test("a metric that is new on a timeline begins there", () => {
    const away = onTimelineOf(waiting, back);
    const grown = { ...away, metrics: { ...away.metrics, orders: { through: back } } };
    expect(onTimelineOf(grown, at + MINUTE).metrics["orders"]).toEqual({ through: back });
  });

  test("no more than five clocks are remembered, the latest first", () => {
    let moved = before;
    for (let step = 1; step <= 9; step++) moved = onTimelineOf(moved, at - step * HOUR);
    expect(moved.timelines.map((timeline) => timeline.at)).toEqual([8, 7, 6, 5].map((step) => at - step * HOUR));
  });

  // It fails: the remaining time is cut off, so that what still spreads counts as bake.
  test.fails("does not end a change that still spreads", () => {
    const spreading = state({ bakeFrom: at + HOUR, changes: [{ from: START, until: at + HOUR }] });
    const moved = onTimelineOf(spreading, back);
    expect(moved.bakeFrom).toBe(back + HOUR);
    expect(moved.changes).toEqual([{ from: START, until: back + HOUR }]);
  });
});

test("a jump of the clock, there and back, neither ends a bake nor a patience", () => {
  const told = onCanary()
    .tell(minute(5), looked(noData))
    .tell(minute(6) + DAY, look())
    .tell(minute(7), look());
  expect(told.state.metrics["errors"]!.missing!.since).toBe(minute(7));
  told.tell(minute(8) + DAY, look());
  expect(told.state.metrics["errors"]!.missing!.since).toBe(minute(8) + DAY);
  expect(told.state.bakeFrom).toBe(minute(8) + DAY);
});

/**
 * Runners whose clocks are ahead of the source's by the given amounts look in turn, a minute after each other. The source
 * has one request a second and keeps them for ever, under its own time. Each looks as it should: at the state on its timeline.
 */
function lookInTurn(ahead: number[], lookers: number[]) {
  const told = onCanary({ metrics: { errors: measured(interval(START, START, {})) } });
  const counted = new Map<Instant, number>();
  const reached: Instant[] = [];
  lookers.forEach((looker, turn) => {
    const truth = minute(turn + 1);
    const now = truth + ahead[looker]!;
    const { through } = onTimelineOf(told.state, now).metrics["errors"]!;
    let reading: MetricReading = { status: "notYet" };
    if (now > through) {
      for (let second = Math.max(through + SECOND, START); second <= Math.min(now, truth); second += SECOND) {
        counted.set(second, (counted.get(second) ?? 0) + 1);
      }
      reading = measured(interval(through, now, { treatment: of(0, 1), control: of(0, 1) }));
    }
    told.tell(now, looked(reading));
    reached.push(told.state.metrics["errors"]!.through - now);
  });
  return { counted, reached, state: told.state };
}

describe("a clock a day ahead", () => {
  const turns = fc.array(fc.nat(1), { minLength: 1, maxLength: 60 });
  test.each([
    ["a day", DAY],
    ["an hour", HOUR],
    ["two minutes", 2 * MINUTE],
    ["half a minute", 30 * SECOND],
  ])("and one that is right: nothing is counted twice (%s)", (_, ahead) => {
    fc.assert(
      fc.property(turns, (lookers) => {
        for (const times of lookInTurn([0, ahead], lookers).counted.values()) expect(times).toBe(1);
      }),
    );
  });

  test("blinds nobody: whoever looks has measured to its own now", () => {
    fc.assert(
      fc.property(turns, (lookers) => {
        for (const left of lookInTurn([0, DAY], lookers).reached) expect(left).toBe(0);
      }),
    );
  });

  test("what the clock that is right sees is all counted once it has looked twice", () => {
    const { counted } = lookInTurn([0, DAY], [1, 0, 1, 0, 0, 1, 0]);
    expect([...counted.keys()].filter((second) => second > minute(2))).toHaveLength(5 * 60);
  });

  test("the bake of one that looks alone goes on after the other has gone", () => {
    const { state } = lookInTurn([0, DAY], [0, 1, ...Array.from({ length: 10 }, () => 0)]);
    expect(state.progress["errors"]).toMatchObject({ baked: 9 * MINUTE });
  });
});

test("an accepted plan and a jump keep each other's metrics apart", () => {
  const told = onCanary({ metrics: { errors: measured() } }).tell(minute(5) + DAY, looked(measured(interval(START, minute(5) + DAY, {}))));
  told.tell(minute(6), planChanged(plan(), "person", 0));
  expect(told.state.metrics["errors"]).toEqual({ through: minute(6) });
  expect(told.state.progress["errors"]).toEqual(progress());
});
