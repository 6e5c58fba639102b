import type { Exposure } from "../../src/model/exposure.ts";
import type { Cohort, Counts, Measurement, MetricReading } from "../../src/model/measurement.ts";
import type { Guardrail, Limit, Metric } from "../../src/model/plan.ts";
import type { JudgeInput } from "../../src/judge/judge.ts";

export const of = (events: number, total: number): Counts => ({ events, total });

export const limits = {
  max: { form: "max", rate: 0.01 },
  min: { form: "min", rate: 0.99 },
  increase: { form: "maxIncrease", by: "ratio", amount: 0.2 },
  decrease: { form: "maxDecrease", by: "ratio", amount: 0.2 },
  morePoints: { form: "maxIncrease", by: "points", amount: 0.005 },
  fewerPoints: { form: "maxDecrease", by: "points", amount: 0.005 },
} as const satisfies Record<string, Limit>;
export type LimitName = keyof typeof limits;

export const guardrail = (limit: Limit, metric = "errors"): Guardrail => ({
  id: `${metric} ${limit.form}`,
  metric,
  limit,
  onBreach: "rollback",
});
export const metric = (grouped = true): Metric => ({ source: "prod", kind: "rate", grouped, events: {}, total: {} });
export const exposed = (parts: Partial<Exposure> = {}): Exposure => ({ testers: true, everyone: 1000, segments: {}, ...parts });

export const measurement = (counts: Partial<Record<Cohort, Counts>>, mixed = false): Measurement => ({
  from: 0,
  to: 60_000,
  mixed,
  counts,
});
export const reading = (...measurements: Measurement[]): MetricReading => ({ status: "measured", through: 60_000, measurements });
export const groups = (treatment: Counts, control: Counts): MetricReading => reading(measurement({ treatment, control }));

/** A look at `errors`, which may rise by a fifth, at an exposure of 1 %; α = 0.9 %, so that 111:1 is needed. */
export const look = (parts: Partial<JudgeInput>): JudgeInput => ({
  guardrail: guardrail(limits.increase),
  metric: metric(),
  stage: "canary",
  exposure: exposed(),
  split: true,
  reading: groups(of(5, 1000), of(50, 10_000)),
  evidence: undefined,
  alpha: 0.009,
  ...parts,
});
