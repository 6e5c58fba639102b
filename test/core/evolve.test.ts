import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../src/core/decide.ts";
import { evolve } from "../../src/core/evolve.ts";
import type { Entry, Statement } from "../../src/model/entry.ts";
import { OFF } from "../../src/model/exposure.ts";
import type { MetricReading } from "../../src/model/measurement.ts";
import type { Decision } from "../../src/model/verdict.ts";
import {
  abandoned,
  applied,
  DAY,
  exposed,
  failed,
  findings,
  guardrail,
  intent,
  interval,
  known,
  look,
  looked,
  measured,
  metric,
  MINUTE,
  noData,
  of,
  onCanary,
  plan,
  planChanged,
  person,
  policy,
  progress,
  resumed,
  rollback,
  SECOND,
  START,
  started,
  story,
  verdict,
  type Story,
} from "./builders.ts";

const minute = (amount: number) => START + amount * MINUTE;
const repaired = (intent: number, found = exposed(1_000)): Statement => ({
  kind: "repaired",
  data: { intent, revision: "3", found: { kind: "known", exposure: found, revision: "2" } },
});
const complete: Statement = { kind: "ended", data: { outcome: "complete", reason: "done" } };
const pauses = (cause: "breach" | "inconclusive" | "noData"): Decision => ({
  kind: "pause",
  cause,
  because: [{ gate: "verdicts", sentence: "who knows" }],
});
const both = { treatment: of(2, 100), control: of(5, 500) };

describe("started", () => {
  test("a run begins before its first stage, with nobody exposed and its metrics where the preflight left them", () => {
    const { state } = story({ metrics: { errors: measured(interval(minute(-5), minute(-1), {})) } });
    expect(state).toMatchObject({
      run: 1,
      stage: -1,
      exposure: OFF,
      budgets: 0,
      startedAt: START,
      metrics: { errors: { through: minute(-1) } },
    });
    expect(state).not.toHaveProperty("firstExposedAt");
    expect(state.head).toEqual({ seq: 1, hash: "1".padStart(64, "0") });
  });

  test("one that is adopted is exposed from then on", () => {
    const { state } = story({ exposure: exposed(1_000), stage: 0, adopted: true });
    expect(state).toMatchObject({ stage: 0, exposure: exposed(1_000), firstExposedAt: START, bakeFrom: START });
  });

  test("no entry stands before it", () => {
    const entry = { ...person, seq: 1, prev: "0".repeat(64), id: "0".repeat(32), rollout: "checkout", run: 1, at: START } as Entry;
    expect(() => evolve(undefined, entry, "0".repeat(64))).toThrow("entry 1 (paused) stands before any run was started");
  });

  test("a restart begins anew, and still expects the late writes of the run before", () => {
    const told = onCanary().tell(minute(1), look({ evidence: { errors: { alpha: 0.01 } }, verdicts: [verdict("breach")] }));
    told.tell(minute(2), person).tell(minute(2), intent(minute(2), { to: exposed(50_000), stage: 1 }));
    told
      .tell(minute(3), rollback(minute(3)))
      .tell(minute(4), applied(told.seq))
      .tell(minute(9), started());
    const { state } = told;
    expect(state).toMatchObject({
      run: 2,
      stage: -1,
      exposure: OFF,
      startedAt: minute(9),
      evidence: {},
      progress: {},
      changes: [],
      timelines: [],
    });
    for (const gone of ["end", "pause", "breach", "intent", "firstExposedAt", "lastLook"]) expect(state).not.toHaveProperty(gone);
    expect(state.late).toEqual([{ intent: 6, to: exposed(50_000) }]);
  });

  test("a restart also expects the write of an intent that was open", () => {
    const told = onCanary()
      .tell(minute(3), complete)
      .tell(minute(4), intent(minute(4), { purpose: "repair", to: exposed(50_000) }));
    expect(told.tell(minute(5), started()).state.late).toEqual([{ intent: 5, to: exposed(50_000) }]);
  });
});

describe("look", () => {
  test("is remembered, with the evidence of its judge beside what was there", () => {
    const told = onCanary().tell(minute(2), look({ evidence: { errors: { alpha: 0.01 }, slow: { alpha: 0.02 } } }));
    told.tell(minute(3), look({ evidence: { errors: { alpha: 0.01, n: 2 } }, flag: known(exposed(1_000)), verdicts: [verdict("clear")] }));
    expect(told.state.evidence).toEqual({ errors: { alpha: 0.01, n: 2 }, slow: { alpha: 0.02 } });
    expect(told.state.lastLook).toMatchObject({ seq: 5, at: minute(3), flag: known(exposed(1_000)), verdicts: [verdict("clear")] });
  });

  test.each<[string, MetricReading[], object]>([
    ["a measurement moves its metric on", [measured(interval(START, minute(2), both))], { through: minute(2) }],
    [
      "a cursor is handed back",
      [{ ...measured(interval(START, minute(2), both)), cursor: { at: 5 } } as MetricReading],
      { through: minute(2), cursor: { at: 5 } },
    ],
    [
      "a first scrape is where measuring begins",
      [{ status: "baseline", through: minute(2), cursor: 1 }],
      { through: minute(2), cursor: 1 },
    ],
    [
      "what is missing leaves the interval open and is counted from the first look that missed it",
      [noData, failed, noData],
      { through: START, missing: { since: minute(2), reason: "the target is down" } },
    ],
    ["what is there again is not missing", [noData, measured(interval(START, minute(3), both))], { through: minute(3) }],
    ["a source that settles changes nothing", [{ status: "notYet" }], { through: START }],
    [
      "nor does it end a patience",
      [noData, { status: "notYet" }],
      { through: START, missing: { since: minute(2), reason: "the target is down" } },
    ],
  ])("%s", (_, readings, expected) => {
    const told = onCanary();
    readings.forEach((reading, index) => told.tell(minute(2 + index), looked(reading)));
    expect(told.state.metrics["errors"]).toEqual(expected);
  });

  test("what a metric missed keeps its cursor, so that nothing is lost when it comes back", () => {
    const told = onCanary({ metrics: { errors: { status: "baseline", through: START, cursor: "before" } } }).tell(
      minute(2),
      looked(failed),
    );
    expect(told.state.metrics["errors"]).toMatchObject({ through: START, cursor: "before" });
  });

  test("one that pauses, pauses with its reason", () => {
    const told = onCanary().tell(minute(2), look({ decision: pauses("noData") }));
    expect(told.state.pause).toEqual({ cause: "noData", sentence: "who knows", at: minute(2), seq: 4 });
  });

  test("a breach stands until it is answered, whatever the next look finds", () => {
    const told = onCanary()
      .tell(minute(2), look({ verdicts: [verdict("breach")] }))
      .tell(minute(3), look({ verdicts: [verdict("clear")] }));
    expect(told.state.breach).toEqual({ guardrails: ["errors"], at: minute(2) });
  });

  test("a breach that is found again stands since it was found first", () => {
    const told = onCanary();
    for (const at of [2, 3]) told.tell(minute(at), look({ verdicts: [verdict("breach")] }));
    expect(told.state.breach).toEqual({ guardrails: ["errors"], at: minute(2) });
  });

  test("a breach that only notifies does not stand", () => {
    const told = onCanary({ plan: plan({ guardrails: [guardrail({ onBreach: "notify" })] }) });
    expect(told.tell(minute(2), look({ verdicts: [verdict("breach")] })).state).not.toHaveProperty("breach");
  });

  // It fails: the first breach that stands keeps out all that follow.
  test("a second guardrail that breaks stands beside the first", () => {
    const two = plan({ guardrails: [guardrail({ id: "slow", onBreach: "pause" }), guardrail()] });
    const told = onCanary({ plan: two }).tell(minute(2), look({ verdicts: [verdict("breach", "slow"), verdict("clear")] }));
    told.tell(minute(3), look({ verdicts: [verdict("breach", "slow"), verdict("breach")] }));
    expect(told.state.breach).toEqual({ guardrails: ["slow", "errors"], at: minute(2) });
  });
});

describe("what a stage has seen", () => {
  test("bake and samples begin when the change has reached everybody, harm before that", () => {
    const told = onCanary().tell(
      minute(3),
      looked(measured(interval(START, START + 70 * SECOND, both, true), interval(START + 70 * SECOND, minute(3), both))),
    );
    expect(told.state.progress["errors"]).toEqual({ baked: 110 * SECOND, samples: 100, requests: 200, excessEvents: 2 });
  });

  test("a scraped interval that reaches over the change is mixed: harm, and its part after the change as bake", () => {
    const told = onCanary().tell(minute(3), looked(measured(interval(START, minute(3), both, true))));
    expect(told.state.progress["errors"]).toEqual({ baked: 110 * SECOND, samples: 0, requests: 100, excessEvents: 1 });
  });

  test("the next stage begins at nothing, and the run's harm goes on", () => {
    const told = onCanary().tell(minute(3), looked(measured(interval(minute(2), minute(3), both))));
    told.tell(minute(4), intent(minute(4), { stage: 1, to: exposed(50_000) })).tell(minute(5), applied(told.seq));
    expect(told.state.progress["errors"]).toEqual({ baked: 0, samples: 0, requests: 100, excessEvents: 1 });
    expect(told.state).toMatchObject({ stage: 1, exposure: exposed(50_000), bakeFrom: minute(6), firstExposedAt: START });
  });
});

describe("changes that are still to be measured", () => {
  const changes = (told: Story) => told.state.changes;
  test("a change lasts from its intent to when it has reached everybody", () => {
    expect(changes(story().tell(START, intent(START)))).toEqual([{ from: START }]);
    expect(changes(onCanary())).toEqual([{ from: START, until: START + 70 * SECOND }]);
  });

  test.each<[string, number, number]>([
    ["is kept while some metric has not been measured to its end", 69, 1],
    ["is forgotten when all have", 70, 0],
  ])("%s", (_, seconds, kept) => {
    const told = onCanary({ metrics: { errors: measured(), orders: measured() } }).tell(
      minute(5),
      looked(measured(interval(START, minute(5), {})), "orders"),
    );
    expect(changes(told)).toHaveLength(1);
    told.tell(minute(5), looked(measured(interval(START, START + seconds * SECOND, {}))));
    expect(changes(told)).toHaveLength(kept);
  });

  test("one that is under way is never forgotten", () => {
    const told = story({ metrics: { errors: measured() } })
      .tell(START, intent(START))
      .tell(minute(9), looked(measured(interval(START, minute(9), {}))));
    expect(changes(told)).toEqual([{ from: START }]);
  });

  test("there are not more than twenty", () => {
    const told = onCanary();
    for (let index = 1; index <= 30; index++)
      told.tell(minute(index), intent(minute(index))).tell(minute(index), abandoned(told.seq, true));
    expect(changes(told)).toHaveLength(20);
    expect(changes(told).at(-1)).toEqual({ from: minute(30), until: minute(30) });
  });

  // It fails: it ends with the entry, though the slowest client serves what was put back for as long as after any change.
  test("a write that was put back lasts until that has reached everybody", () => {
    const told = onCanary().tell(minute(5), intent(minute(5), { purpose: "repair" }));
    expect(changes(told.tell(minute(6), repaired(told.seq))).at(-1)).toEqual({ from: minute(5), until: minute(7) });
  });
});

describe("intent, applied", () => {
  test("an advance exposes from its intent on, and its bake counts when it has reached everybody", () => {
    expect(onCanary().state).toMatchObject({ stage: 0, exposure: exposed(1_000), firstExposedAt: START, bakeFrom: START + 70 * SECOND });
    expect(onCanary().state).not.toHaveProperty("intent");
  });

  test("until it is applied nothing is said of the exposure", () => {
    const { state } = story().tell(START, intent(START));
    expect(state).toMatchObject({ stage: -1, exposure: OFF, intent: { seq: 2, purpose: "advance", to: exposed(1_000), overtook: [] } });
  });

  test("the applied intent of a rollback ends the run", () => {
    const told = onCanary().tell(minute(5), rollback(minute(5)));
    expect(told.state).not.toHaveProperty("end");
    told.tell(minute(6), applied(told.seq));
    expect(told.state).toMatchObject({ stage: -1, exposure: OFF, end: { outcome: "rolledBack", reason: "harm", at: minute(6) }, late: [] });
  });

  test("a repair and a restoration keep the stage", () => {
    for (const purpose of ["repair", "restore"] as const) {
      const told = onCanary().tell(minute(5), intent(minute(5), { purpose, stage: 0 }));
      expect(told.tell(minute(6), applied(told.seq)).state).toMatchObject({ stage: 0, exposure: exposed(1_000), bakeFrom: minute(7) });
    }
  });

  test("what is overtaken may still land, and its writer's deadline is remembered", () => {
    const told = onCanary().tell(minute(5), intent(minute(5), { to: exposed(50_000), stage: 1 }));
    told.tell(minute(5) + 1, intent(minute(5) + 1, { purpose: "repair" })).tell(minute(5) + 2, rollback(minute(5) + 2));
    expect(told.state.intent).toMatchObject({
      purpose: "rollback",
      overtook: [
        { to: exposed(50_000), deadline: minute(5) + 30 * SECOND },
        { to: exposed(1_000), deadline: minute(5) + 1 + 30 * SECOND },
      ],
    });
    expect(told.state.late).toEqual([
      { intent: 4, to: exposed(50_000) },
      { intent: 5, to: exposed(1_000) },
    ]);
    told.tell(minute(6), applied(told.seq));
    expect(told.state.changes.every(({ until }) => until === minute(7) || until === START + 70 * SECOND)).toBe(true);
    expect(told.state.late).toHaveLength(2);
  });

  test.each<[string, (seq: number) => Statement]>([
    ["applied", applied],
    ["abandoned", (seq) => abandoned(seq, true)],
    ["repaired", repaired],
  ])("%s says nothing of an intent that is not the open one", (_, statement) => {
    const told = onCanary().tell(minute(5), intent(minute(5), { to: exposed(50_000), stage: 1 }));
    const { head: __, ...before } = told.state;
    const { head: ___, ...after } = told.tell(minute(5), statement(2)).state;
    expect(after).toEqual(before);
  });
});

describe("abandoned, repaired: late writes", () => {
  const open = () => onCanary().tell(minute(5), intent(minute(5), { to: exposed(50_000), stage: 1 }));
  test("what was given up before it was written cannot land", () => {
    const told = open();
    expect(told.tell(minute(6), abandoned(told.seq, false)).state).toMatchObject({ late: [], exposure: exposed(1_000), stage: 0 });
    expect(told.state).not.toHaveProperty("intent");
  });

  test("what was given up by another may", () => {
    const told = open();
    expect(told.tell(minute(6), abandoned(told.seq, true)).state.late).toEqual([{ intent: 4, to: exposed(50_000) }]);
  });

  test("off is never taken for a late write: it may be somebody's emergency", () => {
    const told = onCanary().tell(minute(5), intent(minute(5), { purpose: "repair", to: OFF, stage: -1 }));
    expect(told.tell(minute(6), abandoned(4, true)).state.late).toEqual([]);
  });

  test("a write lands once: what was put back is expected no more, others are", () => {
    const told = open()
      .tell(minute(6), abandoned(4, true))
      .tell(minute(7), intent(minute(7), { to: exposed(20_000), stage: 1 }));
    told.tell(minute(8), abandoned(6, true)).tell(minute(9), intent(minute(9), { purpose: "repair" }));
    told.tell(minute(9), repaired(told.seq, exposed(20_000)));
    expect(told.state.late).toEqual([{ intent: 4, to: exposed(50_000) }]);
    expect(told.state).toMatchObject({ exposure: exposed(1_000), stage: 0 });
    expect(told.state).not.toHaveProperty("intent");
  });
});

describe("paused, resumed", () => {
  test("a person pauses, and lets it go on", () => {
    const told = onCanary().tell(minute(5), person);
    expect(told.state.pause).toEqual({ cause: "person", sentence: "lunch", at: minute(5), seq: 4 });
    expect(told.tell(minute(6), resumed()).state).not.toHaveProperty("pause");
    expect(told.state).toMatchObject({ exposure: exposed(1_000), stage: 0, bakeFrom: START + 70 * SECOND });
  });

  test("a patience that ran out begins again", () => {
    const told = onCanary()
      .tell(minute(5), looked(noData))
      .tell(minute(40), look({ metrics: { errors: noData }, decision: pauses("noData") }));
    told.tell(minute(50), resumed()).tell(minute(51), looked(noData));
    expect(told.state.metrics["errors"]!.missing!.since).toBe(minute(51));
  });

  test("a breach that is not answered stands after a resume", () => {
    const told = onCanary()
      .tell(minute(5), look({ verdicts: [verdict("breach")] }))
      .tell(minute(6), resumed());
    expect(told.state.breach).toEqual({ guardrails: ["errors"], at: minute(5) });
  });

  test("despite a breach, the guardrails that broke begin again with a share of the budget of their own, others go on", () => {
    const two = plan({ guardrails: [guardrail(), guardrail({ id: "slow" })] });
    const told = onCanary({ plan: two }).tell(
      minute(5),
      look({
        verdicts: [verdict("breach"), verdict("clear", "slow")],
        evidence: { errors: { alpha: 0.02 }, slow: { alpha: 0.02 } },
        metrics: { errors: measured(interval(minute(2), minute(5), both)) },
      }),
    );
    const { state } = told.tell(minute(6), resumed({ despiteBreach: true, reason: "a known cause" }));
    expect(state).toMatchObject({ budgets: 1, evidence: { slow: { alpha: 0.02 } } });
    expect(Object.keys(state.evidence)).toEqual(["slow"]);
    expect(Object.keys(state.progress)).toEqual(["slow"]);
    expect(state).not.toHaveProperty("breach");
  });

  test("adopting takes over exposure and stage of the flag, and bakes anew", () => {
    const told = onCanary()
      .tell(minute(3), looked(measured(interval(minute(2), minute(3), both))))
      .tell(minute(5), person);
    const { state } = told.tell(minute(6), resumed({ mode: "adopt", exposure: exposed(60_000), stage: 1 }));
    expect(state).toMatchObject({ exposure: exposed(60_000), stage: 1, bakeFrom: minute(6) });
    expect(state.progress["errors"]).toMatchObject({ baked: 0, samples: 0, requests: 100 });
  });

  test("restoring changes nothing yet: an intent does", () => {
    const told = onCanary()
      .tell(minute(5), person)
      .tell(minute(6), resumed({ mode: "restore" }));
    expect(told.state).toMatchObject({ exposure: exposed(1_000), stage: 0 });
    told.tell(minute(6), intent(minute(6), { purpose: "restore", from: OFF }));
    expect(told.tell(minute(7), applied(told.seq)).state).toMatchObject({ exposure: exposed(1_000), stage: 0, bakeFrom: minute(8) });
  });

  test("adopting what somebody exposed before the first stage is the first exposure", () => {
    const told = story()
      .tell(minute(5), person)
      .tell(minute(6), resumed({ mode: "adopt", exposure: exposed(1_000), stage: 0 }));
    expect(told.state.firstExposedAt).toBe(minute(6));
  });

  // It fails: nothing of the answer is remembered, and no other answer can be given.
  test("a person who resumes what was inconclusive is not asked the same again at once", () => {
    const asks = { ...policy({ onInconclusive: "pause" }), stages: plan().stages.map((stage) => ({ ...stage, bake: MINUTE })) };
    const told = onCanary({ plan: asks }).tell(minute(5), looked(measured(interval(minute(2), minute(5), both))));
    const found = () => findings({ at: minute(6), verdicts: [verdict("inconclusive")] });
    const { decision } = decide(told.state, found());
    expect(decision).toMatchObject({ kind: "pause", cause: "inconclusive" });
    told.tell(minute(6), look({ decision })).tell(minute(6), resumed({ reason: "good enough" }));
    expect(decide(told.state, found()).decision).toMatchObject({ kind: "advance", stage: 1 });
    // It is asked again of the next stage, and of a plan that is new.
    expect(told.tell(minute(7), planChanged(plan({ ...asks, owner: "growth" }), "person")).state).not.toHaveProperty("goesOnUndecided");
    told.tell(minute(8), intent(minute(8), { stage: 1, to: exposed(50_000) })).tell(minute(8), applied(told.seq));
    expect(told.state).not.toHaveProperty("goesOnUndecided");
  });
});

describe("planChanged", () => {
  const seen = () =>
    onCanary({
      plan: plan({
        guardrails: [guardrail(), guardrail({ id: "orders", metric: "orders" })],
        metrics: { errors: metric(), orders: metric() },
      }),
    })
      .tell(
        minute(3),
        look({
          metrics: { errors: measured(interval(minute(2), minute(3), both)), orders: measured(interval(minute(2), minute(3), both)) },
        }),
      )
      .tell(minute(3), look({ evidence: { errors: { alpha: 0.02 }, orders: { alpha: 0.02 } } }));

  test("words are taken over, and nothing else changes", () => {
    const told = seen();
    const { head: _, ...before } = told.state;
    const fresh = { ...before.plan, owner: "growth" };
    const { head: __, ...after } = told.tell(minute(4), planChanged(fresh, "words")).state;
    expect(after).toEqual({ ...before, at: minute(4), plan: fresh, planHash: "b".repeat(64) });
  });

  test("another limit begins the evidence of its guardrail anew with a share of the budget of its own; the others keep theirs", () => {
    const told = seen();
    const fresh = { ...told.state.plan, guardrails: [guardrail(), guardrail({ id: "orders 2", metric: "orders" })] };
    const { state } = told.tell(minute(4), planChanged(fresh, "person"));
    expect(state).toMatchObject({ budgets: 1, bakeFrom: minute(4), stage: 0, exposure: exposed(1_000) });
    expect(Object.keys(state.evidence)).toEqual(["errors"]);
    expect(Object.keys(state.progress)).toEqual(["errors"]);
    expect(state.metrics["orders"]).toEqual({ through: minute(3) });
  });

  test("what guards nothing anew takes no share, but what was accepted bakes again", () => {
    const told = seen();
    const { state } = told.tell(minute(4), planChanged({ ...told.state.plan, stages: plan().stages.slice(0, 2) }, "person"));
    expect(state).toMatchObject({ budgets: 0, bakeFrom: minute(4), evidence: { errors: { alpha: 0.02 }, orders: { alpha: 0.02 } } });
    expect(state.progress["errors"]).toEqual(progress({ requests: 100, excessEvents: 1 }));
  });

  test("another query is another number: it is measured from here on", () => {
    const told = seen();
    const fresh = { ...told.state.plan, metrics: { errors: metric({ events: { counter: "other" } }), orders: metric() } };
    const { state } = told.tell(minute(4), planChanged(fresh, "person"));
    expect(Object.keys(state.metrics)).toEqual(["orders"]);
    expect(Object.keys(state.evidence)).toEqual(["orders"]);
  });

  test("the stage is found where the new plan has it", () => {
    expect(seen().tell(minute(4), planChanged(plan(), "person", 1)).state.stage).toBe(1);
  });

  test("a plan that is accepted while a change still spreads does not end the change", () => {
    const told = onCanary().tell(START + 20 * SECOND, planChanged(plan({ owner: "growth" }), "person"));
    expect(told.state.bakeFrom).toBe(START + 70 * SECOND);
  });
});

describe("ended", () => {
  test.each(["complete", "yielded"] as const)("%s", (outcome) => {
    const told = onCanary().tell(minute(9), { kind: "ended", data: { outcome, reason: "so it is" } });
    expect(told.state).toMatchObject({ end: { outcome, reason: "so it is", at: minute(9) }, exposure: exposed(1_000) });
  });

  test("a run that was complete can still be rolled back", () => {
    const told = onCanary()
      .tell(minute(9), complete)
      .tell(minute(20), rollback(minute(20)));
    expect(told.tell(minute(21), applied(told.seq)).state.end).toMatchObject({ outcome: "rolledBack", at: minute(21) });
  });
});

/** Any entry, of any instant around the start, about any entry before it. */
const anyTelling = (): fc.Arbitrary<{ at: number; say: (seq: number) => Statement }> =>
  fc.record({
    at: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 60 }).map(minute) },
      fc.constantFrom(START - DAY, START + DAY, START + 2 * DAY, START - MINUTE, START + MINUTE),
    ),
    say: fc.oneof(
      fc.constantFrom<(seq: number) => Statement>(
        () => started(),
        () => looked(noData),
        () => look({ verdicts: [verdict("breach")], decision: pauses("breach") }),
        (seq) => applied(seq),
        (seq) => abandoned(seq, true),
        (seq) => abandoned(seq, false),
        (seq) => repaired(seq),
        () => person,
        () => resumed({ despiteBreach: true }),
        () => resumed({ mode: "adopt", exposure: exposed(9), stage: 0 }),
        () => planChanged(plan({ owner: "growth" }), "words"),
        () => planChanged(plan({ guardrails: [guardrail({ id: "new" })] }), "person"),
        () => complete,
      ),
      fc.integer({ min: 0, max: 60 }).map((from) => () => looked(measured(interval(minute(from), minute(from + 1), both)))),
      fc.integer({ min: 0, max: 60 }).map((at) => () => intent(minute(at))),
      fc.integer({ min: 0, max: 60 }).map((at) => () => rollback(minute(at))),
    ),
  });

test("whatever a ledger says in whatever order, its state can be read, stays small and never counts backwards", () => {
  fc.assert(
    fc.property(fc.array(anyTelling(), { maxLength: 60 }), (tellings) => {
      const told = onCanary();
      for (const { at, say } of tellings) told.tell(at, say(told.seq));
      const { state } = told;
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      expect(state.head.seq).toBe(tellings.length + 3);
      expect(state.changes.length).toBeLessThanOrEqual(20);
      expect(state.timelines.length).toBeLessThanOrEqual(4);
      for (const { baked, samples, requests } of Object.values(state.progress))
        expect(Math.min(baked, samples, requests)).toBeGreaterThanOrEqual(0);
      for (const { from, until } of state.changes) if (until !== undefined) expect(until).toBeGreaterThanOrEqual(from);
      decide(state, findings());
    }),
    { numRuns: 300 },
  );
});

describe("what a look says beside its verdicts", () => {
  const broken = (changes: object) =>
    look({ verdicts: [{ ...verdict("breach"), ...changes }], decision: { kind: "pause", cause: "sharedIncident", because: [] } });
  const kept = { errors: { alpha: 0.01 }, slow: { alpha: 0.02 }, "split: visits": { alpha: 0.001 } };

  test("a shared incident is no breach that stands, and what it broke begins again when a person resumes", () => {
    const told = onCanary()
      .tell(START + MINUTE, look({ evidence: kept }))
      .tell(START + 2 * MINUTE, broken({ sharedIncident: true }));
    expect(told.state).toMatchObject({ shared: ["errors"], pause: { cause: "sharedIncident" }, budgets: 0 });
    expect(told.state.breach).toBeUndefined();
    const resumedState = told.tell(START + 3 * MINUTE, resumed()).state;
    expect(Object.keys(resumedState.evidence)).toEqual(["slow", "split: visits"]);
    expect(resumedState).toMatchObject({ budgets: 1 });
    expect(resumedState.shared).toBeUndefined();
    expect(resumedState.pause).toBeUndefined();
  });

  test("each guardrail is shared once, and a plain resume takes no share of the budget", () => {
    const told = onCanary()
      .tell(START + MINUTE, broken({ sharedIncident: true }))
      .tell(START + 2 * MINUTE, broken({ sharedIncident: true }));
    expect(told.state.shared).toEqual(["errors"]);
    expect(
      onCanary()
        .tell(START + MINUTE, look({ evidence: kept }))
        .tell(START + 2 * MINUTE, resumed()).state,
    ).toMatchObject({ budgets: 0, evidence: kept });
  });

  test("a split that was paused for is counted anew after a resume, and other pauses leave it", () => {
    const pausedFor = (cause: "sampleRatio" | "noData") =>
      onCanary()
        .tell(START + MINUTE, look({ evidence: kept, decision: { kind: "pause", cause, because: [] } }))
        .tell(START + 2 * MINUTE, resumed()).state;
    expect(Object.keys(pausedFor("sampleRatio").evidence)).toEqual(["errors", "slow"]);
    expect(Object.keys(pausedFor("noData").evidence)).toEqual(["errors", "slow", "split: visits"]);
  });

  test("a blind stage that a person lets go on is not asked about again, until the next stage", () => {
    const told = onCanary()
      .tell(START + MINUTE, look({ decision: { kind: "pause", cause: "blind", because: [] } }))
      .tell(START + 2 * MINUTE, resumed());
    expect(told.state.goesOnBlind).toBe(true);
    expect(told.state.goesOnUndecided).toBeUndefined();
    const moved = told.tell(START + 3 * MINUTE, intent(START + 3 * MINUTE, { to: exposed(50_000), stage: 1 }));
    expect(moved.tell(START + 4 * MINUTE, applied(moved.seq)).state.goesOnBlind).toBeUndefined();
    expect(told.tell(START + 3 * MINUTE, planChanged(plan(), "person")).state.goesOnBlind).toBeUndefined();
  });

  test("which judge looked, and what it said of goals and the split, is remembered", () => {
    const goals = [{ goal: "g", metric: "errors", verdict: "open" as const, sentence: "" }];
    const told = onCanary().tell(START + MINUTE, look({ judge: "new/2", goals }));
    expect(told.state).toMatchObject({ judge: "new/2", lastLook: { goals, splitChecks: [] } });
  });

  test("another judge takes over: what it cannot go on from begins again, with a share of the budget kept for it", () => {
    const told = onCanary().tell(START + MINUTE, look({ judge: "old/1", evidence: kept }));
    const change = (restarted: string[]) =>
      told.tell(START + 2 * MINUTE, { kind: "judgeChanged", data: { from: "old/1", to: "new/2", restarted } }).state;
    expect(change(["errors"])).toMatchObject({ judge: "new/2", budgets: 1 });
  });

  test("another judge that goes on from everything takes no share", () => {
    const told = onCanary().tell(START + MINUTE, look({ judge: "old/1", evidence: kept }));
    const { evidence, budgets } = told.tell(START + 2 * MINUTE, {
      kind: "judgeChanged",
      data: { from: "old/1", to: "new/2", restarted: [] },
    }).state;
    expect([evidence, budgets]).toEqual([kept, 0]);
  });

  test("what metrics were before the run is kept once it is known, and not why it was not", () => {
    const before = { from: 0, to: 9, counts: {} };
    const told = onCanary().tell(START + MINUTE, look({ baselines: { "site 5": "timeout" } }));
    expect(told.state.baselines).toEqual({});
    const known = told.tell(START + 2 * MINUTE, look({ baselines: { "site 5": before } })).tell(START + 3 * MINUTE, look({}));
    expect(known.state.baselines).toEqual({ "site 5": before });
  });

  test("the bounds of a histogram are told once, and again when they are others", () => {
    const reading = (bounds?: number[]) => looked({ ...measured(), ...(bounds && { bounds }) } as never);
    const told = onCanary()
      .tell(START + MINUTE, reading([1, 2]))
      .tell(START + 2 * MINUTE, reading());
    expect(told.state.metrics["errors"]!.bounds).toEqual([1, 2]);
    expect(told.tell(START + 3 * MINUTE, reading([3])).state.metrics["errors"]!.bounds).toEqual([3]);
    const scraped = onCanary().tell(START + MINUTE, looked({ status: "baseline", through: START, bounds: [7], cursor: 1 }));
    expect(scraped.state.metrics["errors"]!.bounds).toEqual([7]);
  });

  test("a changed plan begins anew what it changes of goals, of the split and of the past", () => {
    const goal = {
      id: "errors minIncrease 10%",
      metric: "errors",
      limit: { form: "maxIncrease" as const, by: "ratio" as const, amount: 0.1 },
    };
    const first = plan({
      goals: [goal],
      guardrails: [guardrail(), guardrail({ id: "slow", metric: "slow" })],
      metrics: { errors: metric(), slow: metric() },
    });
    const evidence = {
      errors: { alpha: 0.01 },
      slow: { alpha: 0.01 },
      "goal: errors minIncrease 10%": { alpha: 0.05 },
      "split: errors": { alpha: 0.001 },
      "split: slow": { alpha: 0.001 },
    };
    const baselines = { "errors 5": { from: 0, to: 5, counts: {} }, "slow 5": { from: 0, to: 5, counts: {} } };
    const told = onCanary({ plan: first }).tell(START + MINUTE, look({ evidence, baselines }));
    const other = { ...first, metrics: { ...first.metrics, errors: metric({ events: { counter: "other" } }) } };
    const changed = told.tell(START + 2 * MINUTE, planChanged(other, "person")).state;
    expect(Object.keys(changed.evidence)).toEqual(["slow", "split: slow"]);
    expect(Object.keys(changed.baselines)).toEqual(["slow 5"]);
    const same = onCanary({ plan: first }).tell(START + MINUTE, look({ evidence, baselines }));
    const kept = same.tell(START + 2 * MINUTE, planChanged({ ...first, policy: { ...first.policy, poll: 7 } }, "person")).state;
    expect([kept.evidence, kept.baselines]).toEqual([evidence, baselines]);
    const hoped = onCanary({ plan: first }).tell(START + MINUTE, look({ evidence, baselines }));
    const renamed = hoped.tell(START + 2 * MINUTE, planChanged({ ...first, goals: [{ ...goal, id: "new" }] }, "person")).state;
    expect(Object.keys(renamed.evidence)).toEqual(["errors", "slow", "split: errors", "split: slow"]);
  });
});
