import { expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import { modelOf, type Assumptions } from "../../src/simulate/assumptions.ts";
import type { Harm } from "../../src/simulate/harm.ts";
import { randomFor } from "../../src/simulate/random.ts";
import { simulateRun } from "../../src/simulate/simulatedRun.ts";
import { beginDab, dabLogE, stepDab } from "../../src/stats/dab.ts";
import { MINUTE } from "../support/world.ts";
import { benchmarkPlan, RATE, REQUESTS } from "./scripts.ts";

/** As many as a test may take; `npm run bench:decisions` has 5,000. */
const RUNS = 150;
const ALPHA = 0.05;
const SHARES = [0.01, 0.05, 0.25, 0.5];

interface Run {
  rolledBack: boolean;
  /** Treated requests up to the rollback, or to the end. */
  exposed: number;
}

/** The rule by itself on the ramp of the decision benchmark, without plan, gates or state. */
function byRuleAlone(size: number, run: number): Run {
  const random = randomFor(`by the rule alone, ${size}, ${run}`);
  let state = beginDab();
  let exposed = 0;
  for (let look = 0; look < 60; look++) {
    const share = SHARES[Math.floor(look / 15)]!;
    const [treated, others] = [random.poisson(REQUESTS * share), random.poisson(REQUESTS * (1 - share))];
    exposed += treated;
    const treatment = { events: random.binomial(treated, RATE * size), total: treated };
    state = stepDab(state, { treatment, control: { events: random.binomial(others, RATE), total: others } }, 1);
    if (dabLogE(state) >= -Math.log(ALPHA)) return { rolledBack: true, exposed };
  }
  return { rolledBack: false, exposed };
}

const plan = benchmarkPlan();
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

function bySimulation(size: number, run: number): Run {
  const harm: Harm | undefined = size === 1 ? undefined : { metric: "errors", change: { by: "factor", factor: size } };
  const { outcome, requests, look } = simulateRun(plan, assumptions, harm, randomFor(`by simulation, ${size}, ${run}`), judge);
  expect(outcome === "rolledBack" || (outcome === "complete" && look === 60)).toBe(true);
  return { rolledBack: outcome === "rolledBack", exposed: requests };
}

function figuresOf(runs: readonly Run[]) {
  const share = runs.filter(({ rolledBack }) => rolledBack).length / runs.length;
  const mean = runs.reduce((sum, { exposed }) => sum + exposed, 0) / runs.length;
  const variance = runs.reduce((sum, { exposed }) => sum + (exposed - mean) ** 2, 0) / (runs.length - 1);
  return { share, shareVariance: (share * (1 - share)) / runs.length, mean, meanVariance: variance / runs.length };
}

test.each([
  ["nothing is wrong", 1],
  ["twice the errors", 2],
])("simulation and the rule alone agree within three standard errors: %s", (_, size) => {
  const runs = Array.from({ length: RUNS }, (_, run) => run);
  const [simulated, alone] = [bySimulation, byRuleAlone].map((by) => figuresOf(runs.map((run) => by(size, run)))) as [
    ReturnType<typeof figuresOf>,
    ReturnType<typeof figuresOf>,
  ];
  const shareError = Math.sqrt(Math.max(simulated.shareVariance + alone.shareVariance, 2 / RUNS ** 2));
  expect(Math.abs(simulated.share - alone.share) / shareError).toBeLessThan(3);
  expect(Math.abs(simulated.mean - alone.mean) / Math.sqrt(simulated.meanVariance + alone.meanVariance)).toBeLessThan(3);
  // Neither agrees by doing nothing.
  if (size === 1) expect(simulated.share).toBeLessThan(ALPHA);
  else expect(simulated.share).toBe(1);
});
