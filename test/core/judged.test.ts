import { describe, expect, test } from "vitest";
import { decide } from "../../src/core/decide.ts";
import type { Findings } from "../../src/core/gates.ts";
import { OFF } from "../../src/model/exposure.ts";
import type { State } from "../../src/model/state.ts";
import type { SplitCheck, Verdict } from "../../src/model/verdict.ts";
import {
  decided,
  exposed,
  findings,
  guardrail,
  HOUR,
  interval,
  measured,
  metric,
  MINUTE,
  of,
  plan,
  policy,
  progress,
  START,
  state,
  verdict,
  foreign,
  known,
  unexposed,
  unreadable,
} from "./builders.ts";

type Row = [statement: string, before: Partial<State>, found: Partial<Findings>, expected: string];

const split = (status: SplitCheck["status"]): SplitCheck => ({
  metric: "visits",
  of: "users",
  status,
  sentence: `visits: ${status}`,
  evidence: 1,
  threshold: 7,
});
const shared: Verdict = { ...verdict("breach"), sharedIncident: true };
const paused: State["pause"] = { cause: "sharedIncident", sentence: "an incident", at: START, seq: 5 };
const two = { guardrails: [guardrail(), guardrail({ id: "slow", metric: "slow" })], metrics: { errors: metric(), slow: metric() } };

describe("a shared incident", () => {
  test.each<Row>([
    ["pauses and rolls nothing back", {}, { verdicts: [shared] }, "pause (sharedIncident)"],
    ["holds what is paused already, and never advances it", { pause: paused }, { verdicts: [shared] }, "hold"],
    ["beside a harm is a harm", { plan: plan(two) }, { verdicts: [shared, verdict("breach", "slow")] }, "rollback (breach)"],
    [
      "that turns out to be harm rolls back, also while it is paused",
      { pause: paused },
      { verdicts: [verdict("breach")] },
      "rollback (breach)",
    ],
    [
      "does not take the place of an earlier breach",
      { breach: { guardrails: ["errors"], at: START } },
      { verdicts: [shared] },
      "rollback (breach)",
    ],
    [
      "that is only told counts as undecided",
      { plan: plan({ guardrails: [guardrail({ onBreach: "notify" })] }) },
      { verdicts: [shared] },
      "advance",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("is a failed gate, with the verdict's sentence", () => {
    expect(decided({}, { verdicts: [shared] }).gate("breach")).toEqual({
      gate: "breach",
      status: "failed",
      sentence: "errors: errors are breach",
    });
  });
});

describe("a pause by a breach", () => {
  test("says what it has cost, as a rollback does", () => {
    const pausing = {
      plan: plan({ guardrails: [guardrail({ onBreach: "pause" })] }),
      progress: { errors: progress({ requests: 500, excessEvents: 12 }) },
    };
    const { decision } = decided(pausing, { verdicts: [verdict("breach")] });
    expect(decision).toMatchObject({ kind: "pause", cause: "breach", blastRadius: { requests: 500, excessEvents: 12 } });
  });

  test("counts users where a metric has counted them", () => {
    const counted = { progress: { errors: progress({ requests: 500, users: 31 }) } };
    expect(decided(counted, { verdicts: [verdict("breach")] }).decision).toMatchObject({ blastRadius: { users: 31, counted: true } });
    const guessed = decided({ plan: plan({ audience: { ...plan().audience, units: 1000 } }) }, { verdicts: [verdict("breach")] }).decision;
    expect(guessed).toMatchObject({ blastRadius: { users: 10 } });
    expect(guessed).not.toHaveProperty("blastRadius.counted");
  });

  test("counts the guardrails that broke, and no others", () => {
    const both = { plan: plan(two), progress: { errors: progress({ requests: 500 }), slow: progress({ requests: 900 }) } };
    expect(decided(both, { verdicts: [verdict("breach"), verdict("clear", "slow")] }).decision).toMatchObject({
      blastRadius: { requests: 500 },
    });
  });
});

describe("the sample ratio", () => {
  test.each<Row>([
    ["that does not fit pauses", {}, { splitChecks: [split("ok"), split("mismatch")] }, "pause (sampleRatio)"],
    ["pauses before the bake is over", { progress: {} }, { splitChecks: [split("mismatch")] }, "pause (sampleRatio)"],
    ["holds what is paused already", { pause: { ...paused, cause: "sampleRatio" } }, { splitChecks: [split("mismatch")] }, "hold"],
    ["gives way to a breach", {}, { splitChecks: [split("mismatch")], verdicts: [verdict("breach")] }, "rollback (breach)"],
    ["that fits holds nobody up", {}, { splitChecks: [split("ok")] }, "advance"],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test.each([
    [[], "open", "the sample ratio is not checked"],
    [[split("ok")], "open", "visits: ok"],
    [[split("ok"), split("mismatch")], "failed", "visits: mismatch"],
  ] as const)("%#: the gate says how it is", (splitChecks, status, sentence) => {
    expect(decided({}, { splitChecks: [...splitChecks] }).gate("validity")).toEqual({ gate: "validity", status, sentence });
  });
});

describe("a stage that sees too little", () => {
  const needs = (count: number, kind: Verdict["verdict"] = "inconclusive"): Verdict => ({ ...verdict(kind), needs: count });
  const onBlind = (choice: "advance" | "hold" | "pause") => ({ plan: policy({ onBlind: choice }) });
  const unbaked = { progress: { errors: progress({ baked: MINUTE, samples: 1000 }) } };

  test.each<Row>([
    ["advances where the policy does", onBlind("advance"), { verdicts: [needs(1001)] }, "advance"],
    ["holds where it holds", onBlind("hold"), { verdicts: [needs(1001)] }, "hold"],
    ["pauses where it pauses", onBlind("pause"), { verdicts: [needs(1001)] }, "pause (blind)"],
    ["does not pause before its bake is over", { ...onBlind("pause"), ...unbaked }, { verdicts: [needs(1001)] }, "hold"],
    ["has seen enough at just so many", onBlind("pause"), { verdicts: [needs(1000)] }, "advance"],
    ["is not blind where a guardrail is clear", onBlind("pause"), { verdicts: [needs(1001, "clear")] }, "advance"],
    ["is not blind where a guardrail cannot be judged", onBlind("pause"), { verdicts: [needs(1001, "notJudgeable")] }, "advance"],
    ["is not blind where the need is not known", onBlind("pause"), { verdicts: [verdict("inconclusive")] }, "advance"],
    ["goes on where a person lets it", { ...onBlind("pause"), goesOnBlind: true }, { verdicts: [needs(1001)] }, "advance"],
    ["holds what is paused already", { ...onBlind("pause"), pause: paused }, { verdicts: [needs(1001)] }, "hold"],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test.each<[Partial<State>, string, string]>([
    [onBlind("advance"), "open", "; the policy advances"],
    [onBlind("hold"), "waiting", ""],
    [onBlind("pause"), "failed", ""],
    [{ ...onBlind("hold"), goesOnBlind: true }, "open", "; a person lets it go on"],
  ])("says so: %#", (before, status, end) => {
    expect(decided(before, { verdicts: [needs(1500)] }).gate("samples")).toEqual({
      gate: "samples",
      status,
      sentence: `too little was seen to find the harm that is named: errors (1,000 of about 1,500 requests with the feature)${end}`,
    });
  });

  test("names all guardrails that are blind", () => {
    const both = {
      plan: { ...policy({ onBlind: "hold" }), ...two },
      progress: { errors: progress({ baked: HOUR, samples: 5 }), slow: progress({ baked: HOUR, samples: 7 }) },
    };
    const found = decided(both, { verdicts: [needs(10), { ...needs(10), guardrail: "slow" }] });
    expect(found.gate("samples").sentence).toMatch(/errors \(5 of about 10 .*\), slow \(7 of about 10 /);
  });
});

describe("minSamples: auto", () => {
  const auto = plan({ stages: plan().stages.map((each) => ({ ...each, minSamples: "auto" as const })) });
  const needs = (count: number | undefined, kind: Verdict["verdict"] = "inconclusive"): Verdict => ({
    ...verdict(kind),
    ...(count !== undefined && { needs: count }),
  });
  test.each<[string, Verdict, string, string]>([
    ["waits for as many as show the harm that is named", needs(1001), "waiting", "1,000 of 1,001 requests with the feature (errors)"],
    ["is content with just as many", needs(1000), "open", "1,000 requests with the feature, enough to see what the guardrails name"],
    [
      "waits for nothing where a guardrail is clear",
      needs(1001, "clear"),
      "open",
      "1,000 requests with the feature, enough to see what the guardrails name",
    ],
    [
      "waits for nothing where the need is not known",
      needs(undefined),
      "open",
      "1,000 requests with the feature, enough to see what the guardrails name",
    ],
  ])("%s", (_, found, status, sentence) => {
    expect(decided({ plan: auto }, { verdicts: [found] }).gate("samples")).toEqual({ gate: "samples", status, sentence });
  });

  test("a fixed minimum names the guardrail that is farthest from it", () => {
    const fixed = { plan: plan({ ...two, stages: plan().stages.map((each) => ({ ...each, minSamples: 2000 })) }) };
    const seen = { progress: { errors: progress({ baked: HOUR, samples: 1500 }), slow: progress({ baked: HOUR, samples: 900 }) } };
    const both = { verdicts: [verdict("clear"), verdict("clear", "slow")] };
    expect(decided({ ...fixed, ...seen }, both).gate("samples").sentence).toBe("900 of 2,000 requests with the feature (slow)");
    const enough = { progress: { errors: progress({ baked: HOUR, samples: 2500 }), slow: progress({ baked: HOUR, samples: 2000 }) } };
    expect(decided({ ...fixed, ...enough }, both).gate("samples")).toEqual({
      gate: "samples",
      status: "open",
      sentence: "2,000 of 2,000 requests with the feature",
    });
    expect(decided({}, {}).gate("samples").sentence).toBe("no minimum is set");
  });
});

describe("a guardrail that must be shown to be kept", () => {
  const required = { plan: plan({ guardrails: [guardrail({ require: "clear" })] }) };
  test.each<Row>([
    ["holds while it is undecided, though the policy advances", required, { verdicts: [verdict("inconclusive")] }, "hold"],
    [
      "holds though a person lets undecided stages go on",
      { ...required, goesOnUndecided: true },
      { verdicts: [verdict("inconclusive")] },
      "hold",
    ],
    ["lets go once it is clear", required, { verdicts: [verdict("clear")] }, "advance"],
    ["holds nobody up where it cannot be judged", required, { verdicts: [verdict("notJudgeable")] }, "advance"],
    [
      "holds though it would only be told",
      { plan: plan({ guardrails: [guardrail({ require: "clear", onBreach: "notify" })] }) },
      { verdicts: [verdict("breach")] },
      "hold",
    ],
  ])("%s", (_, before, found, expected) => expect(decided(before, found).short).toBe(expected));

  test("says so", () => {
    expect(decided(required, { verdicts: [verdict("inconclusive")] }).gate("verdicts")).toEqual({
      gate: "verdicts",
      status: "waiting",
      sentence: "not shown to be kept yet, which the plan requires: errors",
    });
  });
});

test("a metric of another kind bakes and counts by what it has: values, readings, buckets", () => {
  const of3 = (value: object) => ({ treatment: value, control: value }) as never;
  for (const [value, samples] of [
    [{ count: 7, sum: 70, sumSquares: 900 }, 7],
    [{ buckets: [1, 2, 3] }, 6],
    [{ level: 5 }, 1],
    [of(2, 9), 9],
  ] as const) {
    const found = findings({ metrics: { errors: measured(interval(START + 10 * MINUTE, START + 20 * MINUTE, of3(value))) } });
    const before = state({
      plan: plan({ stages: plan().stages.map((each) => ({ ...each, minSamples: 100 })) }),
      progress: {},
      exposure: exposed(1000),
    });
    expect(decided(before, found).gate("samples").sentence).toBe(`${samples} of 100 requests with the feature (errors)`);
    expect(decided(before, found).gate("bake").sentence).toBe("baked 10 min of 30 min measured");
  }
});

describe("what every gate says of a stage in which all is well, and before the first", () => {
  test("of a stage", () => {
    const { gates } = decided();
    expect(Object.fromEntries(gates.map(({ gate, sentence }) => [gate, sentence]))).toEqual({
      breach: "no guardrail is broken",
      drift: "the flag is as the ledger says: 1%",
      validity: "the sample ratio is not checked",
      data: "all metrics are measured",
      bake: "baked 30 min of 30 min measured",
      samples: "no minimum is set",
      verdicts: "no guardrail is undecided",
      plan: "the plan is the ledger's",
      pause: "not paused",
    });
  });

  test("of nobody", () => {
    const { gates } = decide(unexposed(), findings({ flag: known(OFF), verdicts: [], metrics: {} }));
    expect(Object.fromEntries(gates.map(({ gate, sentence }) => [gate, sentence]))).toMatchObject({
      breach: "nobody was exposed before",
      drift: "the flag is as the ledger says: off",
      data: "nothing is measured",
      bake: "nobody was exposed before",
      samples: "nobody was exposed before",
      verdicts: "nobody was exposed before",
    });
  });

  test.each<[string, Partial<State>, Partial<Findings>, string, string, string]>([
    ["without guardrails", { plan: plan({ guardrails: [] }) }, { verdicts: [] }, "breach", "open", "no guardrail watches this stage"],
    ["by the clock", { plan: plan({ guardrails: [] }) }, { verdicts: [] }, "bake", "open", "baked 59 min of 30 min by the clock"],
    [
      "without guardrails, of samples",
      { plan: plan({ guardrails: [] }) },
      { verdicts: [] },
      "samples",
      "open",
      "no guardrail can be judged here",
    ],
    ["without a bake", { plan: plan({ stages: [{ ...plan().stages[0]!, bake: 0 }] }) }, {}, "bake", "open", "the stage asks for no bake"],
    [
      "with another plan file",
      {},
      { planDiffers: true },
      "plan",
      "waiting",
      "the plan file differs from the plan of this run; advancing waits for `accept`",
    ],
    [
      "with a breach that stands",
      { breach: { guardrails: ["errors", "slow"], at: START } },
      {},
      "breach",
      "failed",
      "the breach of errors, slow is not answered yet",
    ],
    ["with a flag that cannot be read", {}, { flag: unreadable }, "drift", "waiting", "the flag could not be read: timeout"],
    [
      "with somebody else's rules",
      {},
      { flag: foreign },
      "drift",
      "failed",
      "the flag says something that is not of this plan: a rule of somebody's; expected 1%",
    ],
    [
      "with what is undecided",
      policyOf("hold"),
      { verdicts: [verdict("inconclusive")] },
      "verdicts",
      "waiting",
      "nothing found, nothing excluded: errors",
    ],
    [
      "with what a person lets go on",
      { ...policyOf("hold"), goesOnUndecided: true },
      { verdicts: [verdict("inconclusive")] },
      "verdicts",
      "open",
      "nothing found, nothing excluded: errors; a person lets it go on",
    ],
    [
      "with what the policy pauses",
      policyOf("pause"),
      { verdicts: [verdict("inconclusive")] },
      "verdicts",
      "failed",
      "nothing found, nothing excluded: errors",
    ],
  ])("%s", (_, before, found, gate, status, sentence) => {
    expect(decided(before, found).gates.find((each) => each.gate === gate)).toMatchObject({ status, sentence });
  });
});

function policyOf(onInconclusive: "hold" | "pause"): Partial<State> {
  return { plan: policy({ onInconclusive }) };
}
