import { isFull } from "../core/exposure.ts";
import { judgedMetrics, missingBaselines } from "../core/look.ts";
import type { Judge } from "../model/judge.ts";
import type { Instant, Measurement, MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import type { Assumptions } from "./assumptions.ts";
import { sharesOf } from "./groups.ts";
import type { Harm } from "./harm.ts";
import type { Random } from "./random.ts";
import { beginReach } from "./reach.ts";
import { syntheticUsers } from "./synthetic.ts";
import { reasonOf } from "./replay.ts";
import { beginVirtualRun, moveVirtualRun, takeVirtualLook } from "./virtualRun.ts";

/** What became of one simulated rollout. Times are milliseconds since its first exposure. */
export interface SimulatedRun {
  outcome: "complete" | "rolledBack" | "paused" | "unfinished";
  /** Of a rollback or a pause: the guardrail that broke, or why else. Of one that is unfinished: the gate that it waits for. */
  because: string | undefined;
  /** The number of the look that ended it, and when that was. */
  look: number;
  at: Instant;
  /** When everybody had it. */
  everybodyAt: Instant | undefined;
  /** Requests and, where it is known how many there are, users that met the feature since its harm began. */
  requests: number;
  users: number | undefined;
}

/** A rollout that takes so many times as long as its plan asks for is not going to end. */
const PATIENCE = 3;
const AT_LEAST = 60;

/** How many looks a rollout takes that nothing holds up. */
export function plannedLooks({ stages }: Plan, { lookEvery }: Pick<Assumptions, "lookEvery">): number {
  return stages.reduce((sum, { bake }) => sum + Math.max(1, Math.ceil(bake / lookEvery)), 0);
}

/** One rollout on users that are made up; the same for the same random numbers. */
export function simulateRun(plan: Plan, assumptions: Assumptions, harm: Harm | undefined, random: Random, judge: Judge): SimulatedRun {
  const { lookEvery, missing, onset } = assumptions;
  const users = syntheticUsers(plan, assumptions, harm, random);
  const judged = judgedMetrics(plan);
  const counting = judged.filter((name) => plan.metrics[name]!.users);
  const planned = plannedLooks(plan, assumptions);
  const reach = beginReach(plan.audience);

  let state = moveVirtualRun(beginVirtualRun(plan, 0), 0, 0);
  let everybodyAt = isFull(state.exposure) ? 0 : undefined;
  let waiting: Record<string, Measurement>[] = [];
  let waitsFor: string | undefined;
  const most = Math.max(PATIENCE * planned, planned + AT_LEAST);
  for (let look = 1; look <= most; look++) {
    const at = look * lookEvery;
    const shares = sharesOf(state.exposure, plan.audience);
    const { measurements, requests, treated } = users.interval(shares, at - lookEvery, at);
    reach.met(shares, treated, at > onset);
    const met = counting.length > 0 ? reach.newUsers(shares, state.stage, requests, random) : undefined;
    if (met) for (const name of counting) measurements[name]!.users = met;
    waiting.push(measurements);
    const blind = missing > 0 && random.uniform() < missing;
    const looked = takeVirtualLook(state, { at, metrics: readings(blind), baselines: baselinesOf(state) }, judge);
    if (!blind) waiting = [];
    state = looked.state;
    const { decision, verdicts } = looked.data;
    const ended = (outcome: SimulatedRun["outcome"], because?: string): SimulatedRun => ({
      outcome,
      because,
      look,
      at,
      everybodyAt,
      requests: reach.requests,
      users: reach.users(),
    });
    switch (decision.kind) {
      case "hold":
        waitsFor = decision.because[0]?.gate;
        break;
      case "advance":
        state = moveVirtualRun(state, decision.stage, at);
        if (isFull(state.exposure)) everybodyAt ??= at;
        break;
      case "complete":
        return ended("complete");
      case "pause":
      case "rollback":
        return ended(decision.kind === "pause" ? "paused" : "rolledBack", reasonOf(decision, verdicts, plan)?.guardrail ?? decision.cause);
      default:
        decision satisfies never;
    }
  }
  return {
    outcome: "unfinished",
    because: waitsFor,
    look: most,
    at: state.at,
    everybodyAt,
    requests: reach.requests,
    users: reach.users(),
  };

  function readings(blind: boolean): Record<string, MetricReading> {
    const of = (name: string): MetricReading => {
      if (blind) return { status: "noData", reason: "the simulation left it out" };
      const measurements = waiting.map((each) => each[name]!);
      const model = assumptions.metrics[name]!;
      const bounds = model.kind === "values" ? model.bounds : undefined;
      return {
        status: "measured",
        through: measurements.at(-1)!.to,
        measurements,
        ...(bounds && !state.metrics[name]?.bounds && { bounds: [...bounds] }),
      };
    };
    return Object.fromEntries(judged.map((name) => [name, of(name)]));
  }

  function baselinesOf(known: State) {
    return Object.fromEntries(missingBaselines(known).map(({ key, metric, before }) => [key, users.before(metric, before)]));
  }
}
