import { judge } from "../../src/judge/judge.ts";
import type { Exposure } from "../../src/model/exposure.ts";
import type { GuardrailQuestion } from "../../src/model/judge.ts";
import type { Cohort, Counts, Measurement, MetricReading, Value } from "../../src/model/measurement.ts";
import type { Guardrail, Limit, Metric, MetricKind } from "../../src/model/plan.ts";
import type { Evidence, Verdict } from "../../src/model/verdict.ts";

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

export const guardrail = (limit: Limit, changes: Partial<Guardrail> = {}): Guardrail => {
  const { metric = "errors" } = changes;
  return { id: `${metric} ${limit.form}`, metric, limit, onBreach: "rollback", ...changes };
};
export const metric = (changes: { kind?: MetricKind; grouped?: boolean; unit?: string } = {}): Metric =>
  ({
    source: "prod",
    kind: "rate",
    grouped: true,
    events: {},
    total: {},
    ...changes,
  }) as Metric;
export const exposed = (parts: Partial<Exposure> = {}): Exposure => ({ testers: true, everyone: 1000, segments: {}, ...parts });

export const MINUTE = 60_000;
export const measurement = (counts: Partial<Record<Cohort, Value>>, mixed = false, at = MINUTE): Measurement => ({
  from: at - MINUTE,
  to: at,
  mixed,
  counts,
});
export const reading = (...measurements: Measurement[]): MetricReading => ({
  status: "measured",
  through: measurements.at(-1)?.to ?? MINUTE,
  measurements,
});
export const groups = (treatment: Value, control: Value): MetricReading => reading(measurement({ treatment, control }));

/** So many equal minutes, one after the other. */
export const minutes = (count: number, counts: Partial<Record<Cohort, Value>>): MetricReading =>
  reading(...Array.from({ length: count }, (_, index) => measurement(counts, false, (index + 1) * MINUTE)));

/** Both groups' counts, evenly in so many minutes. */
export const spread = (count: number, treatment: Counts, control: Counts): MetricReading => {
  const part = ({ events, total }: Counts, index: number): Counts => {
    const share = (whole: number) => Math.floor((whole * (index + 1)) / count) - Math.floor((whole * index) / count);
    return of(share(events), share(total));
  };
  return reading(
    ...Array.from({ length: count }, (_, index) =>
      measurement({ treatment: part(treatment, index), control: part(control, index) }, false, (index + 1) * MINUTE),
    ),
  );
};

/** A look at `errors`, which may rise by a fifth, at an exposure of 1 %; α = 0.9 %, so that 111:1 is needed. */
export const look = (parts: Partial<GuardrailQuestion> = {}): GuardrailQuestion => ({
  guardrail: guardrail(limits.increase),
  metric: metric(),
  stage: "canary",
  exposure: exposed(),
  split: true,
  reading: groups(of(5, 1000), of(50, 10_000)),
  evidence: undefined,
  alpha: 0.009,
  bakeOver: false,
  ...parts,
});

/** The verdict of one look. */
export const verdictOf = (parts: Partial<GuardrailQuestion> = {}): Verdict => judge.guardrail(look(parts)).verdict;

/** The verdicts of looks one after the other, their evidence going through JSON as a ledger would keep it. */
export function verdictsOf(looks: readonly Partial<GuardrailQuestion>[], common: Partial<GuardrailQuestion> = {}): Verdict[] {
  let evidence: Evidence | undefined;
  return looks.map((each) => {
    const judged = judge.guardrail(look({ ...common, ...each, evidence }));
    evidence = JSON.parse(JSON.stringify(judged.evidence)) as Evidence;
    return judged.verdict;
  });
}
