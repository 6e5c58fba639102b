import { expect, test } from "vitest";
import { judge, judgeInBrief } from "../../src/judge/judge.ts";
import { modelOf, type Assumptions } from "../../src/simulate/assumptions.ts";
import type { Harm } from "../../src/simulate/harm.ts";
import { randomFor } from "../../src/simulate/random.ts";
import { simulateRun } from "../../src/simulate/simulatedRun.ts";
import { MINUTE } from "../support/world.ts";
import { rampPlan, RATE, REQUESTS } from "./scripts.ts";

const plan = rampPlan();
const assumptions: Assumptions = {
  traffic: REQUESTS,
  lookEvery: MINUTE,
  shape: "bursts",
  overdispersion: 0.3,
  clusters: 2,
  missing: 0.1,
  onset: 10 * MINUTE,
  metrics: { errors: modelOf("errors", plan, { base: RATE }) },
};

test.each([1, 2, 5, 20])("in brief the judge decides the same, at %i times the errors", (factor) => {
  const harm: Harm = { metric: "errors", change: { by: "factor", factor } };
  for (const onBlind of ["advance", "hold"] as const) {
    const asked = { ...plan, policy: { ...plan.policy, onBlind } };
    for (const run of [1, 2, 3]) {
      const by = (each: typeof judge) => simulateRun(asked, assumptions, harm, randomFor(`brief ${run}`), each);
      expect(by(judgeInBrief)).toEqual(by(judge));
    }
  }
});
