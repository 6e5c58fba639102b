import { EVERYBODY } from "../model/exposure.ts";
import type { Cohort } from "../model/measurement.ts";
import type { Guardrail, Metric, Plan } from "../model/plan.ts";

/** Whether a guardrail compares treatment with control, at the same time. */
export function isRelative({ limit, versus }: Pick<Guardrail, "limit" | "versus">): boolean {
  return "by" in limit && !versus;
}

/**
 * Whom a metric is asked for, and what `{{group}}` stands for in each. Segments that any stage exposes as a whole have
 * a variant of their own; absolute limits hold for them too. All of them are asked for from the first look on: a source
 * without history can only tell what is new from what it saw before.
 */
export function cohortsOf(plan: Plan, name: string): { cohort: Cohort; label: string }[] {
  const metric = plan.metrics[name] as Metric;
  if (!metric.grouped) return [{ cohort: "everyone", label: "" }];
  const { treatment, control } = metric.labels ?? plan.flag;
  const cohorts: { cohort: Cohort; label: string }[] = [
    { cohort: "treatment", label: treatment },
    { cohort: "control", label: control },
  ];
  // Labels of the plan's own are the service's words for the two groups; what it calls a segment is not known.
  if (metric.labels || !plan.guardrails.some((guardrail) => guardrail.metric === name && !isRelative(guardrail))) return cohorts;
  const whole = new Set(
    plan.stages.flatMap(({ exposure }) => Object.keys(exposure.segments).filter((segment) => exposure.segments[segment] === EVERYBODY)),
  );
  for (const segment of [...whole].sort()) cohorts.push({ cohort: `segment:${segment}`, label: `${treatment}-${segment}` });
  return cohorts;
}
