import { isRelative } from "../core/groups.ts";
import type { Guardrail, Plan } from "../model/plan.ts";
import { normalQuantile } from "../stats/special.ts";
import type { MetricModel } from "./assumptions.ts";
import { shareBelow } from "./logNormal.ts";

/** What the feature does to a metric: all of it, times a factor; so much more; or so much more in each hour. */
export interface Harm {
  readonly metric: string;
  readonly change: { by: "factor"; factor: number } | { by: "amount"; amount: number } | { by: "trend"; perHour: number };
}

/** What the metric is like with the feature, so long after the harm began. */
export function harmed(model: MetricModel, { change }: Harm, hours = 0): MetricModel {
  const moved = (value: number): number => {
    switch (change.by) {
      case "factor":
        return value * change.factor;
      case "amount":
        return value + change.amount;
      case "trend":
        return value + change.perHour * hours;
      default:
        return change satisfies never;
    }
  };
  switch (model.kind) {
    case "rate":
      return { ...model, rate: Math.min(1, Math.max(0, moved(model.rate))) };
    case "values":
      return { ...model, median: moved(model.median) };
    case "level":
      return { ...model, level: moved(model.level) };
    default:
      return model satisfies never;
  }
}

/** Sizes that a user would like to know of. */
const RISES = { rate: [1.5, 2, 3, 5, 10], values: [1.1, 1.25, 1.5, 2, 3], level: [1.1, 1.5, 2, 3] };
const FALLS = { rate: [0.9, 0.8, 0.67, 0.5, 0.1], values: [0.95, 0.9, 0.8, 0.67, 0.5], level: [0.9, 0.67, 0.5] };
const TRENDS = [2, 5, 10];

/** A range of harms for each metric that some guardrail watches, in the directions that it watches. */
export function usualHarms(plan: Plan, models: Readonly<Record<string, MetricModel>>): Harm[] {
  return Object.keys(models).flatMap((metric) => {
    const limits = plan.guardrails.filter((each) => each.metric === metric).map(({ limit }) => limit);
    const model = models[metric]!;
    const factors = (sizes: readonly number[]): Harm[] =>
      sizes
        .filter((factor) => model.kind !== "rate" || model.rate * factor < 1)
        .map((factor) => ({ metric, change: { by: "factor", factor } }));
    const trends = limits.flatMap((limit) => ("perHour" in limit ? [limit.perHour] : []));
    return [
      ...(limits.some(({ form }) => form === "max" || form === "maxIncrease") ? factors(RISES[model.kind]) : []),
      ...(limits.some(({ form }) => form === "min" || form === "maxDecrease") ? factors(FALLS[model.kind]) : []),
      ...TRENDS.flatMap((times): Harm[] =>
        trends.slice(0, 1).map((perHour) => ({ metric, change: { by: "trend", perHour: times * perHour } })),
      ),
    ];
  });
}

/** Whether a harm is beyond what a guardrail allows: one that is not need not be found. */
export function isBeyond(guardrail: Guardrail, model: MetricModel, harm: Harm): boolean {
  if (guardrail.metric !== harm.metric) return false;
  const { limit, quantile } = guardrail;
  const worse = harmed(model, harm);
  const [was, is] = [figureOf(model, quantile), figureOf(worse, quantile)];
  if ("perHour" in limit) return harm.change.by === "trend" && harm.change.perHour > limit.perHour;
  // A level that goes on rising passes any limit, sooner or later.
  if (harm.change.by === "trend") return limit.form === "max" || limit.form === "maxIncrease";
  const upwards = limit.form === "max" || limit.form === "maxIncrease";
  const passes = (value: number, line: number) => (upwards ? value > line * (1 + 1e-9) : value < line * (1 - 1e-9));
  if ("rate" in limit) return passes(is, limit.rate);
  if ("value" in limit) return passes(is, limit.value);
  if (model.kind === "values" && model.bounds && quantile === undefined && isRelative(guardrail)) {
    const slower = (values: MetricModel, bound: number) => (values.kind === "values" ? 1 - shareBelow(values, bound) : 0);
    return model.bounds.some((bound) => slower(worse, bound) > slower(model, bound) * (1 + limit.amount) * (1 + 1e-9));
  }
  const sign = upwards ? 1 : -1;
  return passes(is, limit.by === "ratio" ? was * (1 + sign * limit.amount) : was + sign * limit.amount);
}

/** What a limit is about: a rate, a level, a mean, or a quantile. */
function figureOf(model: MetricModel, quantile: number | undefined): number {
  switch (model.kind) {
    case "rate":
      return model.rate;
    case "level":
      return model.level;
    case "values":
      return model.median * Math.exp(quantile === undefined ? model.spread ** 2 / 2 : model.spread * normalQuantile(quantile));
    default:
      return model satisfies never;
  }
}

/** A harm as one would ask for it, in the metric's own unit: `errors=x2`, `heap=+10/h`. */
export function harmKey({ metric, change }: Harm): string {
  const signed = (amount: number) => `${amount < 0 ? "" : "+"}${amount}`;
  switch (change.by) {
    case "factor":
      return `${metric}=x${change.factor}`;
    case "amount":
      return `${metric}=${signed(change.amount)}`;
    case "trend":
      return `${metric}=${signed(change.perHour)}/h`;
    default:
      return change satisfies never;
  }
}
