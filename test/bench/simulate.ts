// How long a simulated rollout of 60 looks and two rate guardrails takes, beside the bare steps of the two tests on such counts.
import { judge } from "../../src/judge/judge.ts";
import type { Plan } from "../../src/model/plan.ts";
import { modelOf, type Assumptions } from "../../src/simulate/assumptions.ts";
import { randomFor } from "../../src/simulate/random.ts";
import { simulateRun } from "../../src/simulate/simulatedRun.ts";
import { beginTwoSidedCeiling, ceilingHarmLogE, ceilingWithinLogE, stepTwoSidedCeiling } from "../../src/stats/twoSidedCeiling.ts";
import { beginTwoSidedDab, harmLogE, stepTwoSidedDab, withinLogE } from "../../src/stats/twoSidedDab.ts";
import { alternate, print, timeOf } from "./support/rounds.ts";

const ROUNDS = 15;
const WARM_UP = 2;
/** Rollouts in a round. */
const RUNS = 20;
const MINUTE = 60_000;
const SHARES = [0.01, 0.05, 0.25, 0.5];
const REQUESTS = 6000;
const RATE = 0.005;

const plan: Plan = {
  version: 1,
  rollout: "bench",
  risks: [],
  flag: { backend: { type: "none" }, key: "bench", treatment: "on", control: "off", propagation: 0, writeWithin: MINUTE },
  audience: { exclude: [], testers: [], holdout: 0, segments: {}, units: 50_000 },
  sources: { prod: { type: "none" } },
  metrics: { errors: { source: "prod", kind: "rate", grouped: true, events: {}, total: {} } },
  guardrails: [
    { id: "errors max 1%", metric: "errors", limit: { form: "max", rate: 0.01 }, onBreach: "rollback" },
    { id: "errors maxIncrease 20%", metric: "errors", limit: { form: "maxIncrease", by: "ratio", amount: 0.2 }, onBreach: "rollback" },
  ],
  goals: [],
  policy: {
    falseRollback: 0.05,
    poll: MINUTE,
    onInconclusive: "advance",
    onBlind: "advance",
    sampleRatio: "users",
    onNoData: { hold: 30 * MINUTE, then: "pause" },
  },
  stages: SHARES.map((share) => ({
    name: String(share),
    exposure: { testers: true, everyone: share * 100_000, segments: {} },
    bake: 15 * MINUTE,
    minSamples: 0,
  })),
};

const assumptions: Assumptions = {
  traffic: REQUESTS,
  lookEvery: MINUTE,
  shape: "steady",
  overdispersion: 0,
  clusters: 1,
  missing: 0,
  onset: 0,
  metrics: { errors: modelOf("errors", plan, { base: RATE }) },
};

let run = 0;

function simulated(): void {
  for (let index = 0; index < RUNS; index++) simulateRun(plan, assumptions, undefined, randomFor(`bench ${run++}`), judge);
}

function bare(): number {
  let sum = 0;
  for (let index = 0; index < RUNS; index++) {
    const random = randomFor(`bench ${run++}`);
    let [dab, ceiling] = [beginTwoSidedDab(), beginTwoSidedCeiling()];
    for (let look = 0; look < 60; look++) {
      const share = SHARES[Math.floor(look / 15)]!;
      const counts = (part: number) => {
        const total = random.poisson(REQUESTS * part);
        return { events: random.binomial(total, RATE), total };
      };
      const groups = { treatment: counts(share), control: counts(1 - share) };
      dab = stepTwoSidedDab(dab, groups, 1.2);
      ceiling = stepTwoSidedCeiling(ceiling, groups.treatment, 0.01);
      sum += harmLogE(dab) + withinLogE(dab) + ceilingHarmLogE(ceiling) + ceilingWithinLogE(ceiling);
    }
  }
  return sum;
}

const sides = {
  ours: () => timeOf(simulated),
  "the bare steps of the two tests": () => timeOf(bare),
};
await alternate(WARM_UP, sides);
console.log(`medians of ${ROUNDS} rounds, alternating; one core`);
print(`simulate, ${RUNS} rollouts of 60 looks, two guardrails`, await alternate(ROUNDS, sides));
