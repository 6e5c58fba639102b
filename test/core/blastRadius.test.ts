import { describe, expect, test } from "vitest";
import { blastRadius } from "../../src/core/blastRadius.ts";
import { EVERYBODY, type Exposure } from "../../src/model/exposure.ts";
import type { Audience } from "../../src/model/plan.ts";
import { exposed, HOUR, plan, progress, START, state, unexposed } from "./builders.ts";

const rule = { attribute: "email", endsWith: "@example.com" };

describe("how many users a breach reached", () => {
  test.each<[string, Partial<Audience>, Exposure, number | undefined]>([
    ["a share of them", { units: 50_000 }, exposed(1_000), 500],
    ["nobody in the holdout", { units: 50_000, holdout: 10_000 }, exposed(1_000), 450],
    ["all but the holdout", { units: 50_000, holdout: 10_000 }, exposed(EVERYBODY), 45_000],
    [
      "a whole segment and a share of the others",
      { units: 50_000, segments: { staff: { rule, units: 100 } } },
      exposed(1_000, { staff: EVERYBODY }),
      599,
    ],
    [
      "a segment that says nothing is not counted twice",
      { units: 50_000, segments: { staff: { rule, units: 100 } } },
      exposed(1_000, { staff: 500 }),
      500,
    ],
    [
      "a segment of unknown size is not guessed",
      { units: 50_000, segments: { staff: { rule } } },
      exposed(1_000, { staff: EVERYBODY }),
      500,
    ],
    ["never more than there are", { units: 50, segments: { staff: { rule, units: 100 } } }, exposed(0, { staff: EVERYBODY }), 50],
    ["unknown where the plan gives no number", {}, exposed(1_000), undefined],
  ])("%s", (_, audience, exposure, users) => {
    const before = state({ exposure, plan: plan({ audience: { ...plan().audience, ...audience } }) });
    expect(blastRadius(before, [], START).users).toBe(users);
  });
});

test("the widest reach and the worst harm over the guardrails that broke", () => {
  const broke = [progress({ requests: 400, excessEvents: 12.4 }), progress({ requests: 900, excessEvents: -3 })];
  expect(blastRadius(state(), broke, START + HOUR)).toEqual({ requests: 900, excessEvents: 12, exposedFor: HOUR });
});

test("fewer events than expected are no harm undone", () => {
  expect(blastRadius(state(), [progress({ excessEvents: -5 })], START).excessEvents).toBe(0);
});

test("before the first exposure nothing was reached; a clock that is behind gives no negative time", () => {
  expect(blastRadius(unexposed(), [], START + HOUR).exposedFor).toBe(0);
  expect(blastRadius(state(), [], START - HOUR).exposedFor).toBe(0);
});
