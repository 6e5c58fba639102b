import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../src/core/decide.ts";
import type { Findings } from "../../src/core/gates.ts";
import { EVERYBODY, OFF } from "../../src/model/exposure.ts";
import type { MetricReading } from "../../src/model/measurement.ts";
import type { Pause, State } from "../../src/model/state.ts";
import { decisionSchema, gateNameSchema, gateSchema, type VerdictKind } from "../../src/model/verdict.ts";
import {
  DAY,
  decided,
  exposed,
  failed,
  findings,
  foreign,
  guardrail,
  HOUR,
  interval,
  known,
  measured,
  metric,
  MINUTE,
  noData,
  of,
  plan,
  policy,
  progress,
  SECOND,
  stage,
  START,
  state,
  unexposed,
  unreadable,
  verdict,
} from "./builders.ts";

type Row = [statement: string, before: Partial<State>, found: Partial<Findings>, expected: string];

const paused: Pause = { cause: "person", sentence: "lunch", at: START, seq: 5 };
const underWay: Pick<State, "intent"> = {
  intent: {
    seq: 9,
    at: START,
    purpose: "advance",
    from: exposed(1_000),
    to: exposed(50_000),
    stage: 1,
    deadline: START + 30 * SECOND,
    reason: "stage half",
    overtook: [],
  },
};
const missingFor = (milliseconds: number): Pick<State, "metrics"> => ({
  metrics: { errors: { through: START, missing: { since: START + HOUR - milliseconds, reason: "the target is down" } } },
});
const unbaked = { progress: { errors: progress({ baked: 10 * MINUTE }) } };

describe("when every gate is open", () => {
  test("the next stage is due, and the reason is what the bake and the verdicts say", () => {
    const { decision } = decided();
    expect(decision).toEqual({
      kind: "advance",
      stage: 1,
      because: [
        { gate: "bake", sentence: "baked 30 min of 30 min measured" },
        { gate: "verdicts", sentence: "no guardrail is undecided" },
      ],
    });
  });

  test("the first stage needs no bake", () => {
    const { decision } = decide(unexposed(), findings({ flag: known(OFF), verdicts: [verdict("notJudgeable")] }));
    expect(decision).toMatchObject({ kind: "advance", stage: 0 });
  });

  test("after the last stage the rollout is complete", () => {
    const done = { stage: 2, exposure: exposed(EVERYBODY), progress: { errors: progress({ baked: HOUR }) } };
    expect(decided(done, { flag: known(exposed(EVERYBODY)) }).short).toBe("complete");
    expect(decided({ ...done, progress: { errors: progress({ baked: HOUR - 1 }) } }, { flag: known(exposed(EVERYBODY)) }).short).toBe(
      "hold",
    );
  });
});

describe("a breach", () => {
  const harm = { verdicts: [verdict("breach")] };
  test.each<Row>([
    ["rolls back", {}, harm, "rollback (breach)"],
    ["rolls back before the bake is over", unbaked, harm, "rollback (breach)"],
    ["rolls back during a pause", { pause: paused }, harm, "rollback (breach)"],
    ["rolls back while a change is under way", underWay, harm, "rollback (breach)"],
    ["rolls back while the plan file differs", {}, { ...harm, planDiffers: true }, "rollback (breach)"],
    ["rolls back on a raised flag", {}, { ...harm, flag: known(exposed(2_000)) }, "rollback (breach)"],
    ["rolls back on a lowered flag", {}, { ...harm, flag: known(OFF) }, "rollback (breach)"],
    ["rolls back on a flag that is somebody else's", {}, { ...harm, flag: foreign }, "rollback (breach)"],
    ["rolls back on a flag that cannot be read", {}, { ...harm, flag: unreadable }, "rollback (breach)"],
    ["rolls back without data", missingFor(5 * HOUR), { ...harm, metrics: { errors: noData } }, "rollback (breach)"],
    ["pauses where its guardrail pauses", { plan: plan({ guardrails: [guardrail({ onBreach: "pause" })] }) }, harm, "pause (breach)"],
    [
      "of a guardrail that pauses holds what is paused already",
      { plan: plan({ guardrails: [guardrail({ onBreach: "pause" })] }), pause: paused },
      harm,
      "hold",
    ],
    [
      "of a guardrail of another stage is none",
      { plan: plan({ guardrails: [guardrail({ stages: ["half"] })] }) },
      { ...harm, at: START + DAY },
      "advance",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("of two guardrails, the one that rolls back decides", () => {
    const two = plan({ guardrails: [guardrail({ id: "slow", onBreach: "pause" }), guardrail()] });
    const { decision, short } = decided({ plan: two }, { verdicts: [verdict("breach", "slow"), verdict("breach")] });
    expect(short).toBe("rollback (breach)");
    expect(decision.because[0]!.sentence).toBe("slow: slow are breach; errors: errors are breach");
  });

  test("says what it has cost", () => {
    const users = { ...plan().audience, units: 50_000 };
    const { decision } = decided(
      { plan: plan({ audience: users }), progress: { errors: progress({ requests: 900, excessEvents: 11.6 }) } },
      {
        ...harm,
        metrics: {
          errors: measured(interval(START + 10 * MINUTE, START + 11 * MINUTE, { treatment: of(12, 100), control: of(10, 1_000) })),
        },
      },
    );
    expect(decision).toMatchObject({ blastRadius: { users: 500, requests: 1_000, excessEvents: 23, exposedFor: HOUR } });
  });
});

describe("a breach that stands is not forgotten", () => {
  const broken = { breach: { guardrails: ["errors"], at: START + MINUTE } };
  const pausing = plan({ guardrails: [guardrail({ onBreach: "pause" })] });
  test.each<Row>([
    ["it rolls back although the next look finds nothing", broken, {}, "rollback (breach)"],
    ["it rolls back during a pause", { ...broken, pause: paused }, {}, "rollback (breach)"],
    ["it rolls back when the metric is gone", broken, { verdicts: [verdict("noData")], metrics: { errors: noData } }, "rollback (breach)"],
    ["where its guardrail pauses, it never advances", { ...broken, plan: pausing }, {}, "hold"],
    [
      "it rolls back although another guardrail, which pauses, breaks now",
      { ...broken, plan: plan({ guardrails: [guardrail(), guardrail({ id: "slow", onBreach: "pause" })] }) },
      { verdicts: [verdict("clear"), verdict("breach", "slow")] },
      "rollback (breach)",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("its blast radius is that of the guardrail that broke", () => {
    const { decision } = decided({ ...broken, progress: { errors: progress({ requests: 40 }), slow: progress({ requests: 4_000 }) } });
    expect(decision).toMatchObject({ kind: "rollback", blastRadius: { requests: 40 } });
  });
});

describe("`onBreach: notify` is recorded and otherwise inconclusive", () => {
  const notify = [guardrail({ onBreach: "notify" })];
  const of = (onInconclusive: "advance" | "hold" | "pause") => ({ ...policy({ onInconclusive }), guardrails: notify });
  test.each<Row>([
    ["the policy advances", { plan: of("advance") }, {}, "advance"],
    ["the policy holds", { plan: of("hold") }, {}, "hold"],
    ["the policy pauses", { plan: of("pause") }, {}, "pause (inconclusive)"],
  ])("%s", (_, before, found, expected) => {
    const { short, gate } = decided(before, { verdicts: [verdict("breach")], ...found });
    expect(short).toBe(expected);
    expect(gate("breach").status).toBe("open");
    expect(gate("verdicts").sentence).toContain("errors");
  });
});

describe("drift of the flag", () => {
  const before = { exposure: exposed(1_000, { staff: 50_000 }) };
  test.each<Row>([
    ["as the ledger says: on it goes", before, { flag: known(before.exposure) }, "advance"],
    ["the same said otherwise is no drift", {}, { flag: known(exposed(1_000, { staff: 500 })) }, "advance"],
    ["raised: pauses", before, { flag: known(exposed(2_000, { staff: 50_000 })) }, "pause (drift)"],
    ["raised for a segment alone: pauses", {}, { flag: known(exposed(1_000, { staff: 1_001 })) }, "pause (drift)"],
    ["raised here and lowered there: pauses", before, { flag: known(exposed(2_000)) }, "pause (drift)"],
    ["somebody else's: pauses", {}, { flag: foreign }, "pause (drift)"],
    ["lowered: stopped outside", before, { flag: known(exposed(1_000)) }, "pause (stoppedOutside)"],
    ["off: stopped outside", {}, { flag: known(OFF) }, "pause (stoppedOutside)"],
    ["the testers taken out: stopped outside", {}, { flag: known({ ...exposed(1_000), testers: false }) }, "pause (stoppedOutside)"],
    ["not readable: holds, for however long", {}, { flag: unreadable, at: START + 30 * DAY }, "hold"],
    ["while a change is under way, from and to are both expected", underWay, { flag: known(exposed(50_000)) }, "hold"],
    ["while paused, holds", { pause: paused }, { flag: known(OFF) }, "hold"],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("before the first stage a flag that is on pauses", () => {
    const { decision } = decide(unexposed(), findings({ flag: known(exposed(1_000)) }));
    expect(decision).toMatchObject({ kind: "pause", cause: "drift" });
  });

  test("its sentence says what is there and what should be", () => {
    expect(decided({}, { flag: known(exposed(2_000)) }).gate("drift").sentence).toBe(
      "the flag is more exposed than the ledger says: 2% instead of 1%",
    );
    expect(decided({}, { flag: known(OFF) }).gate("drift").sentence).toBe("the flag was lowered outside of the rollout: off instead of 1%");
  });
});

describe("missing data", () => {
  const missing = { metrics: { errors: noData }, verdicts: [verdict("noData")] };
  const rollsBack = policy({ onNoData: { hold: 30 * MINUTE, then: "rollback" } });
  test.each<Row>([
    ["holds at first", {}, missing, "hold"],
    ["holds to the end of its patience", missingFor(30 * MINUTE - 1), missing, "hold"],
    ["then pauses", missingFor(30 * MINUTE), missing, "pause (noData)"],
    ["or rolls back, if the plan says so", { ...missingFor(30 * MINUTE), plan: rollsBack }, missing, "rollback (noData)"],
    ["rolls back during a pause as well", { ...missingFor(30 * MINUTE), plan: rollsBack, pause: paused }, missing, "rollback (noData)"],
    ["holds what is paused already", { ...missingFor(DAY), pause: paused }, missing, "hold"],
    [
      "an error counts as missing data",
      missingFor(30 * MINUTE),
      { metrics: { errors: failed }, verdicts: [verdict("error")] },
      "pause (noData)",
    ],
    ["what was missing and is there again holds nobody up", missingFor(DAY), {}, "advance"],
    [
      "of a guardrail that watches another stage is nothing here",
      {
        plan: plan({
          metrics: { errors: metric(), orders: metric() },
          guardrails: [guardrail(), guardrail({ id: "orders", metric: "orders", stages: ["half"] })],
        }),
        metrics: { orders: { through: START, missing: { since: START, reason: "gone" } } },
      },
      { metrics: { errors: measured(), orders: noData }, at: START + DAY },
      "advance",
    ],
    [
      "the one that is missing for longest decides",
      {
        plan: plan({
          metrics: { errors: metric(), orders: metric() },
          guardrails: [guardrail(), guardrail({ id: "orders", metric: "orders" })],
        }),
        metrics: {
          errors: { through: START, missing: { since: START + HOUR - MINUTE, reason: "the target is down" } },
          orders: { through: START, missing: { since: START, reason: "gone" } },
        },
      },
      { metrics: { errors: noData, orders: failed } },
      "pause (noData)",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("says how long it has been so, and what comes of it", () => {
    expect(decided(missingFor(10 * MINUTE), missing).gate("data").sentence).toBe(
      "errors has no data for 10 min: the target is down; pause at 30 min",
    );
  });

  test("whose clock is a little behind reads no negative time", () => {
    expect(decided(missingFor(-30 * SECOND), missing).gate("data").sentence).toContain("for 0 ms");
  });

  test("before the first stage nobody is exposed without it", () => {
    const { decision } = decide(unexposed(), findings({ flag: known(OFF), ...missing }));
    expect(decision.kind).toBe("hold");
  });

  test.each(["noTraffic", "noData", "error"] as const)("%s in numbers that were read holds without limit", (kind) => {
    const { short, gate } = decided({}, { verdicts: [verdict(kind)], at: START + 365 * DAY });
    expect(short).toBe("hold");
    expect(gate("data")).toEqual({ gate: "data", status: "waiting", sentence: `errors are ${kind}` });
  });

  test("without traffic nothing stops the first exposure", () => {
    const { decision } = decide(unexposed(), findings({ flag: known(OFF), verdicts: [verdict("noTraffic")] }));
    expect(decision.kind).toBe("advance");
  });

  test.each<[string, MetricReading]>([
    ["a first scrape", { status: "baseline", through: START, cursor: {} }],
    ["a source that has to settle", { status: "notYet" }],
  ])("%s is not missing data", (_, reading) => {
    expect(decided({}, { metrics: { errors: reading }, verdicts: [verdict("inconclusive")] }).gate("data").status).toBe("open");
  });
});

describe("bake", () => {
  const two = plan({ guardrails: [guardrail(), guardrail({ id: "slow" })] });
  const baked = (errors: number, slow: number) => ({
    plan: two,
    progress: { errors: progress({ baked: errors }), slow: progress({ baked: slow }) },
  });
  const both = (slow: VerdictKind) => ({ verdicts: [verdict("clear"), verdict(slow, "slow")], at: START + DAY });

  test.each<Row>([
    ["counts measured time, not the clock's", unbaked, { at: START + DAY }, "hold"],
    ["is the smallest over the guardrails", baked(30 * MINUTE, 29 * MINUTE), both("clear"), "hold"],
    ["is over when every guardrail has it", baked(30 * MINUTE, 30 * MINUTE), both("clear"), "advance"],
    ["does not wait for a guardrail that cannot be judged here", baked(30 * MINUTE, 0), both("notJudgeable"), "advance"],
    ["does wait for one that is undecided", baked(30 * MINUTE, 0), both("inconclusive"), "hold"],
    [
      "does not wait for a guardrail of another stage",
      { plan: plan({ guardrails: [guardrail(), guardrail({ id: "slow", stages: ["all"] })] }) },
      {},
      "advance",
    ],
    ["counts what this look measured", { progress: { errors: progress({ baked: 29 * MINUTE }) } }, oneMinute(), "advance"],
    [
      "goes by the clock without guardrails",
      { plan: plan({ guardrails: [] }), progress: {} },
      { verdicts: [], at: START + 31 * MINUTE },
      "advance",
    ],
    [
      "by the clock it begins when the change has reached everybody",
      { plan: plan({ guardrails: [] }) },
      { verdicts: [], at: START + 31 * MINUTE - 1 },
      "hold",
    ],
    [
      "goes by the clock when no guardrail can be judged",
      unbaked,
      { verdicts: [verdict("notJudgeable")], at: START + 31 * MINUTE },
      "advance",
    ],
    ["by the clock it is not over before its time", unbaked, { verdicts: [verdict("notJudgeable")], at: START + 30 * MINUTE }, "hold"],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  function oneMinute(): Partial<Findings> {
    return {
      metrics: { errors: measured(interval(START + 10 * MINUTE, START + 11 * MINUTE, { treatment: of(0, 10), control: of(0, 10) })) },
    };
  }

  test("says when it can be over at the earliest", () => {
    expect(decided(unbaked).gate("bake")).toEqual({
      gate: "bake",
      status: "waiting",
      sentence: "baked 10 min of 30 min measured",
      until: START + HOUR + 20 * MINUTE,
    });
  });
});

describe("minSamples", () => {
  const asks = (samples: number) => ({
    plan: plan({
      stages: [stage("canary", exposed(1_000), 0, 1_000), stage("all", exposed(EVERYBODY), 0)],
      guardrails: [guardrail(), guardrail({ id: "slow" })],
    }),
    progress: { errors: progress({ samples: 5_000 }), slow: progress({ samples }) },
  });
  const both = (slow: VerdictKind) => ({ verdicts: [verdict("clear"), verdict(slow, "slow")] });
  test.each<Row>([
    ["every guardrail must have seen them", asks(999), both("clear"), "hold"],
    ["then the stage may be left", asks(1_000), both("clear"), "advance"],
    ["a guardrail that cannot be judged need not", asks(0), both("notJudgeable"), "advance"],
    [
      "none that can be judged: nothing to wait for",
      asks(0),
      { verdicts: [verdict("notJudgeable"), verdict("notJudgeable", "slow")] },
      "advance",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("says how many there are", () => {
    expect(decided(asks(999), both("clear")).gate("samples").sentence).toBe("999 of 1,000 requests with the feature (slow)");
  });
});

describe("nothing found, nothing excluded", () => {
  const undecided = { verdicts: [verdict("inconclusive")] };
  test.each<Row>([
    ["advance: the stage may be left", { plan: policy({ onInconclusive: "advance" }) }, undecided, "advance"],
    ["hold: it may not", { plan: policy({ onInconclusive: "hold" }) }, undecided, "hold"],
    ["pause: a person is asked", { plan: policy({ onInconclusive: "pause" }) }, undecided, "pause (inconclusive)"],
    [
      "pause: not while the bake goes on, which may find something",
      { plan: policy({ onInconclusive: "pause" }), ...unbaked },
      undecided,
      "hold",
    ],
    ["pause: not while the flag cannot be read", { plan: policy({ onInconclusive: "pause" }) }, { ...undecided, flag: unreadable }, "hold"],
    ["pause: holds what is paused already", { plan: policy({ onInconclusive: "pause" }), pause: paused }, undecided, "hold"],
    ["pause: nobody is asked about what is clear", { plan: policy({ onInconclusive: "pause" }) }, {}, "advance"],
    [
      "hold: a guardrail that cannot be judged holds nobody up",
      { plan: policy({ onInconclusive: "hold" }) },
      { verdicts: [verdict("notJudgeable")] },
      "advance",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));
});

describe("a plan file that differs, and a pause", () => {
  test.each<Row>([
    ["another plan waits for a person", {}, { planDiffers: true }, "hold"],
    ["a pause waits for a person", { pause: paused }, {}, "hold"],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("the gate says who paused and why", () => {
    expect(decided({ pause: paused }).gate("pause").sentence).toBe("paused by a person: lunch");
    expect(decided({ pause: { ...paused, cause: "noData" } }).gate("pause").sentence).toBe("paused: lunch");
  });
});

describe("a look by a clock that is back after another", () => {
  const jumped = { timelines: [START + DAY], at: START + 10 * MINUTE };
  const found = { at: START + DAY + MINUTE };
  test.each<Row>([
    ["ends no bake", { ...jumped, plan: plan({ guardrails: [] }) }, { ...found, verdicts: [] }, "hold"],
    ["nor a bake that was measured by the other", jumped, found, "hold"],
    ["ends no patience", { ...jumped, ...missingFor(HOUR) }, { ...found, metrics: { errors: noData } }, "hold"],
    ["puts off no rollback", jumped, { ...found, verdicts: [verdict("breach")] }, "rollback (breach)"],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));
});

describe("the order of the gates", () => {
  const impatient: Partial<Findings> = { metrics: { errors: noData } };
  /** Each makes one gate speak, in the order in which they speak. */
  const troubles: { gate: string; before?: Partial<State>; found?: Partial<Findings>; alone: string }[] = [
    { gate: "breach", before: { breach: { guardrails: ["errors"], at: START } }, alone: "rollback (breach)" },
    { gate: "drift", found: { flag: known(exposed(2_000)) }, alone: "pause (drift)" },
    { gate: "data", before: missingFor(HOUR), found: impatient, alone: "pause (noData)" },
    { gate: "bake", before: { progress: { errors: progress({ samples: 1_000 }) } }, alone: "hold" },
    { gate: "plan", found: { planDiffers: true }, alone: "hold" },
    { gate: "pause", before: { pause: paused }, alone: "hold" },
  ];

  test("whatever comes together, the first that decides wins, and a hold names all that is shut", () => {
    fc.assert(
      fc.property(fc.subarray(troubles), (together) => {
        const { decision, gates, short } = decided(
          Object.assign({}, ...together.map(({ before }) => before)),
          Object.assign({}, ...together.map(({ found }) => found)),
        );
        expect(gates.map(({ gate }) => gate)).toEqual(gateNameSchema.options);
        expect(gates.filter(({ status }) => status !== "open").map(({ gate }) => gate)).toEqual(together.map(({ gate }) => gate));
        for (const each of gates) gateSchema.parse(each);
        decisionSchema.parse(decision);

        const speaking = together.find(
          ({ alone }) => alone !== "hold" && !(alone.startsWith("pause") && together.at(-1)!.gate === "pause"),
        );
        const expected = speaking?.alone ?? (together.length > 0 ? "hold" : "advance");
        expect(short).toBe(expected);
        if (expected === "hold") expect(decision.because.map(({ gate }) => gate)).toEqual(together.map(({ gate }) => gate));
        else if (expected !== "advance") expect(decision.because.map(({ gate }) => gate)).toEqual([speaking!.gate]);
      }),
    );
  });

  test("a look changes nothing of the state it looks from", () => {
    const before = state();
    const text = JSON.stringify(before);
    decide(before, findings({ verdicts: [verdict("breach")], metrics: { errors: noData } }));
    expect(JSON.stringify(before)).toBe(text);
  });
});
