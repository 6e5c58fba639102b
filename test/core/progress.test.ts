import { describe, expect, test } from "vitest";
import { freshStage, guardrailsOf, progressAfter, unguardedSince } from "../../src/core/progress.ts";
import { isOff } from "../../src/core/exposure.ts";
import { OFF, type Exposure } from "../../src/model/exposure.ts";
import type { Measurement, MetricReading } from "../../src/model/measurement.ts";
import type { Guardrail, Limit } from "../../src/model/plan.ts";
import type { Progress, State } from "../../src/model/state.ts";
import {
  exposed,
  hold,
  unreadable,
  failed,
  guardrail,
  interval,
  measured,
  metric,
  MINUTE,
  noData,
  of,
  plan,
  progress,
  START,
  state,
  unexposed,
} from "./builders.ts";

/** The change has reached everybody a minute after the start. */
const BAKE_FROM = START + MINUTE;
const from = (minute: number) => START + minute * MINUTE;
const seen = (reading: MetricReading, rail: Guardrail = guardrail(), before: Partial<Progress> = {}) =>
  progressAfter(state({ progress: { errors: progress(before) } }), rail, reading);
const both = { treatment: of(2, 100), control: of(5, 500) };
const absolute = guardrail({ limit: { form: "max", rate: 0.01 } });

describe("what an interval adds", () => {
  test("its time to the bake, its requests to the samples", () => {
    expect(seen(measured(interval(from(5), from(7), both)))).toEqual({ baked: 2 * MINUTE, samples: 100, requests: 100, excessEvents: 1 });
  });

  test("to what was there", () => {
    const before = { baked: MINUTE, samples: 3, requests: 40, excessEvents: 2 };
    expect(seen(measured(interval(from(5), from(7), both), interval(from(7), from(8), both)), guardrail(), before)).toEqual({
      baked: 4 * MINUTE,
      samples: 203,
      requests: 240,
      excessEvents: 4,
    });
  });

  test.each<[string, Measurement, Partial<Progress>]>([
    ["before the change has reached everybody, harm alone", interval(START, BAKE_FROM, both), { baked: 0, samples: 0, requests: 100 }],
    [
      "of an interval that reaches over it, the part after it",
      interval(START, from(3), both),
      { baked: 2 * MINUTE, samples: 0, requests: 100 },
    ],
    ["of a mixed interval after it, no samples", interval(from(5), from(6), both, true), { baked: MINUTE, samples: 0, requests: 100 }],
    ["right after it, all", interval(BAKE_FROM, from(2), both), { baked: MINUTE, samples: 100, requests: 100 }],
    [
      "without treated requests, nothing",
      interval(from(5), from(6), { treatment: of(0, 0), control: of(1, 9) }),
      { baked: 0, requests: 0 },
    ],
    [
      "without a control to compare with, nothing",
      interval(from(5), from(6), { treatment: of(2, 100), control: of(0, 0) }),
      { baked: 0, requests: 0 },
    ],
    ["without the group, nothing", interval(from(5), from(6), { control: of(5, 500) }), { baked: 0, requests: 0 }],
  ])("%s", (_, measurement, expected) => expect(seen(measured(measurement))).toMatchObject(expected));

  test.each<[string, MetricReading]>([
    ["no data", noData],
    ["an error", failed],
    ["a first scrape", { status: "baseline", through: from(5), cursor: {} }],
    ["a source that has to settle", { status: "notYet" }],
  ])("nothing: %s", (_, reading) => {
    const before = progress({ baked: MINUTE, samples: 3, requests: 40, excessEvents: 2 });
    expect(seen(reading, guardrail(), before)).toEqual(before);
  });
});

describe("whose requests count", () => {
  const counts = { treatment: of(2, 100), control: of(0, 0), "segment:staff": of(3, 50), "segment:ring-1": of(0, 7) };
  test("for an absolute limit everybody's who has the feature, with or without a control", () => {
    expect(seen(measured(interval(from(5), from(6), counts)), absolute)).toMatchObject({ requests: 157, samples: 157, baked: MINUTE });
  });

  test("for a comparison the randomised treatment's alone", () => {
    const compared = { ...counts, control: of(5, 500) };
    expect(seen(measured(interval(from(5), from(6), compared)))).toMatchObject({ requests: 100, samples: 100 });
  });

  test("of a metric without groups all, once somebody has the feature", () => {
    const site = plan({ metrics: { errors: metric({ grouped: false }) }, guardrails: [absolute] });
    const reading = measured(interval(from(5), from(6), { everyone: of(30, 1_000) }));
    expect(progressAfter(state({ plan: site, progress: {} }), absolute, reading)).toMatchObject({ requests: 1_000, excessEvents: 20 });
    expect(progressAfter(unexposed({ plan: site }), absolute, reading)).toMatchObject({ requests: 0, excessEvents: 0 });
  });
});

describe("harm beyond what is expected", () => {
  const limits: [string, Limit, { treatment: [number, number]; control: [number, number] }, number][] = [
    ["beyond the control's own rate", { form: "maxIncrease", by: "ratio", amount: 0.2 }, { treatment: [5, 100], control: [5, 500] }, 4],
    [
      "fewer than the control, where fewer is worse",
      { form: "maxDecrease", by: "ratio", amount: 0.2 },
      { treatment: [5, 100], control: [50, 500] },
      5,
    ],
    ["an absolute limit goes by the control too", { form: "max", rate: 0.001 }, { treatment: [5, 100], control: [5, 500] }, 4],
    ["without a control, beyond the limit", { form: "max", rate: 0.01 }, { treatment: [5, 100], control: [0, 0] }, 4],
    ["without a control, short of a lower limit", { form: "min", rate: 0.99 }, { treatment: [90, 100], control: [0, 0] }, 9],
    [
      "better than the control is less than none",
      { form: "maxIncrease", by: "ratio", amount: 0.2 },
      { treatment: [0, 100], control: [5, 500] },
      -1,
    ],
  ];
  test.each(limits)("%s", (_, limit, { treatment, control }, expected) => {
    const reading = measured(interval(from(5), from(6), { treatment: of(...treatment), control: of(...control) }));
    expect(seen(reading, guardrail({ limit })).excessEvents).toBeCloseTo(expected, 9);
  });
});

describe("which guardrails watch", () => {
  const some = [guardrail(), guardrail({ id: "first", stages: ["canary"] }), guardrail({ id: "later", stages: ["half", "all"] })];
  const at = (stage: number) => guardrailsOf(state({ stage, plan: plan({ guardrails: some }) })).map(({ id }) => id);
  test("those of the stage and those of every stage", () => {
    expect(at(0)).toEqual(["errors", "first"]);
    expect(at(1)).toEqual(["errors", "later"]);
  });
  test("before the first stage, those of the first: what they need must be there", () => expect(at(-1)).toEqual(["errors", "first"]));
});

test("a new stage has baked nothing; what the run has met stays", () => {
  expect(freshStage({ errors: progress({ baked: MINUTE, samples: 5, requests: 9, excessEvents: 1 }) })).toEqual({
    errors: { baked: 0, samples: 0, requests: 9, excessEvents: 1 },
  });
});

describe("since when nobody has looked", () => {
  const lastLook = { seq: 9, at: from(20), flag: unreadable, verdicts: [], goals: [], splitChecks: [], gates: [], decision: hold };
  const writing = (to: Exposure, at: number): State["intent"] & object => {
    const [purpose, stage] = isOff(to) ? (["rollback", -1] as const) : (["advance", 0] as const);
    return { seq: 10, at, purpose, from: OFF, to, stage, deadline: at + MINUTE, reason: "", overtook: [] };
  };
  test.each<[string, State, number | undefined]>([
    ["since the last look", state({ lastLook }), from(20)],
    [
      "since the first exposure, where nobody has looked since",
      state({ lastLook: { ...lastLook, at: START - MINUTE }, firstExposedAt: from(3) }),
      from(3),
    ],
    ["since the start of a run that was adopted", state({ startedAt: from(2), firstExposedAt: from(2) }), from(2)],
    [
      "since the first write was begun, whose outcome nobody knows",
      unexposed({ lastLook, intent: writing(exposed(1_000), from(21)) }),
      from(21),
    ],
    ["nobody is exposed, and the write that is open turns it off", unexposed({ lastLook, intent: writing(OFF, from(21)) }), undefined],
    ["nobody is exposed, nobody need look", unexposed({ lastLook }), undefined],
    ["the run is over", state({ lastLook, end: { outcome: "complete", reason: "", at: from(30) } }), undefined],
  ])("%s", (_, standing, since) => expect(unguardedSince(standing)).toBe(since));
});

describe("users that a metric counts", () => {
  const counted = (users: Record<string, number>): MetricReading =>
    measured({ ...interval(from(10), from(20), { treatment: of(1, 9), control: of(1, 9) }), users });

  test("are those who have the feature, over all looks: the randomised treatment and whole segments", () => {
    const once = progressAfter(state(), guardrail(), counted({ treatment: 5, "segment:staff": 2, control: 900 }));
    expect(once.users).toBe(7);
    const again = progressAfter(state({ progress: { errors: once } }), guardrail(), counted({ treatment: 3, control: 9 }));
    expect(again.users).toBe(10);
    expect(progressAfter(state({ progress: { errors: again } }), guardrail(), counted({ control: 9 })).users).toBe(10);
  });

  test("are not known where nobody was counted", () => {
    expect(
      progressAfter(state(), guardrail(), measured(interval(from(10), from(20), { treatment: of(1, 9), control: of(1, 9) }))),
    ).not.toHaveProperty("users");
    expect(progressAfter(state(), guardrail(), counted({ control: 5 }))).not.toHaveProperty("users");
  });
});

test("a kind without events has no harmful events to count", () => {
  const sums = { count: 5, sum: 50, sumSquares: 600 };
  const reading = measured(interval(from(10), from(20), { treatment: sums, control: sums }));
  expect(progressAfter(state({ progress: {} }), guardrail(), reading)).toMatchObject({ samples: 5, requests: 5, excessEvents: 0 });
});
