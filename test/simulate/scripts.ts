import { judge } from "../../src/judge/judge.ts";
import { EVERYBODY } from "../../src/model/exposure.ts";
import type { Instant, MetricReading } from "../../src/model/measurement.ts";
import type { Guardrail, Plan } from "../../src/model/plan.ts";
import { randomFor } from "../../src/simulate/random.ts";
import { beginReplay, type Replayed } from "../../src/simulate/replay.ts";
import { MINUTE, planOf, stage } from "../support/world.ts";

export const REQUESTS = 6_000;
export const RATE = 0.005;

const max: Guardrail = { id: "errors max 1%", metric: "errors", limit: { form: "max", rate: 0.01 }, onBreach: "rollback" };
const increase = (amount: number): Guardrail => ({
  id: `errors maxIncrease ${100 * amount}%`,
  metric: "errors",
  limit: { form: "maxIncrease", by: "ratio", amount },
  onBreach: "rollback",
});

/** 1, 5, 25 and 50 %, 15 one-minute looks each. */
export function rampPlan(guardrails: Guardrail[] = [max, increase(0.2)], changes: Partial<Plan> = {}): Plan {
  return planOf({ guardrails, stages: [1, 5, 25, 50].map((percent) => stage(percent, 15 * MINUTE)), ...changes });
}

/** The ramp of the decision benchmark: one guardrail whose chance of a false alarm is 5 %, and no margin. */
export function benchmarkPlan(): Plan {
  const { policy } = planOf();
  return rampPlan([increase(0)], { policy: { ...policy, falseRollback: 0.05 / 0.9 } });
}

/** What a minute is like; without data there is a reason for that. */
export interface Minute {
  treatment?: number;
  control?: number;
  traffic?: number;
  noData?: true;
}

/** A rollout of at most so many minutes in which things go as the script says. */
export function play(plan: Plan, script: (minute: number) => Minute, seed: number, minutes = 60): Replayed {
  const random = randomFor(`a script, ${seed}`);
  let share = plan.stages[0]!.exposure.everyone / EVERYBODY;
  const replay = beginReplay(plan, judge, {
    onLook({ state, data: { decision } }) {
      const { exposure } = decision.kind === "advance" ? plan.stages[decision.stage]! : state;
      share = exposure.everyone / EVERYBODY;
    },
  });
  replay.take({ kind: "begin", at: 0, stage: 0, recorded: false });
  for (let minute = 1; minute <= minutes; minute++) {
    const { treatment = RATE, control = RATE, traffic = REQUESTS, noData } = script(minute);
    const counts = (part: number, rate: number) => {
      const total = random.poisson(traffic * part);
      return { events: random.binomial(total, rate), total };
    };
    const at: Instant = minute * MINUTE;
    const measured = {
      from: at - MINUTE,
      to: at,
      mixed: false,
      counts: { treatment: counts(share, treatment), control: counts(1 - share, control) },
    };
    const errors: MetricReading = noData
      ? { status: "noData", reason: "nothing came" }
      : { status: "measured", through: at, measurements: [measured] };
    const replayed = replay.take({ kind: "look", look: { at, metrics: { errors } } });
    if (replayed) return replayed;
  }
  return replay.end();
}
