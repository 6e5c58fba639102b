import { judgedMetrics } from "../core/look.ts";
import { percent, quantity } from "../judge/numbers.ts";
import type { Metric, Plan } from "../model/plan.ts";
import { modelOf, type MetricModel } from "./assumptions.ts";
import type { MendName } from "./observation.ts";
import { simulationOf, type WrittenOptions } from "./options.ts";
import type { Usual } from "./sizeHarm.ts";

/** What a size is computed from besides the plan: how much traffic there is, and what metrics are while nothing harms them. */
export interface Expected {
  /** Requests a minute of everybody; absent: not known, so that nothing can be said of times. */
  readonly traffic: number | undefined;
  readonly metrics: Readonly<Record<string, ExpectedMetric>>;
}

export interface ExpectedMetric {
  readonly model: MetricModel;
  /** Who says so: somebody by an option, a limit of the plan, or nobody. */
  readonly source: "said" | "limit" | "assumed";
  /** Of a mean, what it is, and the standard deviation. */
  readonly mean?: number;
  readonly deviation?: number;
  /** `0.25%: half of its limit`; what a reader should know that it rests on. */
  readonly text: string;
}

/** Options of `rollout size`, as they were written: those that `rollout simulate` has by the same names. */
export type SizeOptions = Pick<WrittenOptions, "traffic" | "units" | "base" | "spread">;

/** What a plan says by itself. */
export function expectedBy(plan: Plan): Expected {
  return expected(plan, plan.audience.traffic, (name) => modelOf(name, plan), {});
}

/** What a plan and its reader say. Throws `RolloutError` (`usage`) for what is not understood. */
export function expectedWith(plan: Plan, options: SizeOptions, mendName: MendName): { plan: Plan; expected: Expected } {
  const traffic = options.traffic ?? (plan.audience.traffic === undefined ? "1/min" : undefined);
  const read = simulationOf(plan, { ...options, ...(traffic !== undefined && { traffic }) }, mendName);
  const known = options.traffic !== undefined || plan.audience.traffic !== undefined;
  const { units } = read.plan.audience;
  return {
    plan: { ...plan, audience: { ...plan.audience, ...(units !== undefined && { units }) } },
    expected: expected(plan, known ? read.assumptions.traffic : undefined, (name) => read.assumptions.metrics[name]!, options),
  };
}

function expected(plan: Plan, traffic: number | undefined, model: (name: string) => MetricModel, options: SizeOptions): Expected {
  const names = (said: string[] | undefined) => new Set((said ?? []).map((text) => text.split("=")[0]!));
  const [bases, spreads] = [names(options.base), names(options.spread)];
  const of = (name: string) => expectedMetric(plan, name, model(name), { base: bases.has(name), spread: spreads.has(name) });
  return { traffic, metrics: Object.fromEntries(judgedMetrics(plan).map((name) => [name, of(name)])) };
}

function expectedMetric(plan: Plan, name: string, model: MetricModel, said: { base: boolean; spread: boolean }): ExpectedMetric {
  const metric: Metric = plan.metrics[name]!;
  const limited = plan.guardrails.some((each) => each.metric === name && ("rate" in each.limit || "value" in each.limit));
  const source = said.base ? "said" : limited ? "limit" : "assumed";
  const because = { said: "as you say", limit: withinLimit(plan, name, model), assumed: "assumed: no limit says what it is" }[source];
  const unit = "unit" in metric ? metric.unit : undefined;
  switch (model.kind) {
    case "rate":
      return { model, source, text: `${percent(model.rate)} (${because})` };
    case "values": {
      if (metric.kind === "mean") {
        // What somebody says of a mean is the mean; a simulation draws its values around it as their median.
        const mean = said.base ? model.median : meanOf(model);
        // Values are spread as widely as they are large, unless somebody says else: bills, durations, baskets.
        const deviation = mean * (said.spread ? model.spread : 1);
        const spread = said.spread ? `a standard deviation of ${percent(deviation / mean)}` : "a standard deviation as large as it is";
        const text = source === "assumed" ? `of any size, with ${spread}` : `${quantity(mean, unit)} (${because}), with ${spread}`;
        return { model, source, mean, deviation, text };
      }
      const bounds = model.bounds?.length ?? 0;
      const text = `log-normal, median ${quantity(model.median, unit)}, spread ${percent(model.spread)}, ${bounds + 1} buckets (${because})`;
      return { model, source, text };
    }
    case "level":
      return { model, source, text: "a gauge: it is sized by its readings" };
    default:
      return model satisfies never;
  }
}

/** How it was taken from the limits (`modelOf`). */
function withinLimit({ guardrails }: Plan, name: string, model: MetricModel): string {
  const half = guardrails.some(
    ({ metric, limit }) => metric === name && model.kind === "rate" && "rate" in limit && limit.rate / 2 === model.rate,
  );
  return half ? "half of its limit" : "well within its limits";
}

/** A rate or a mean as harms are told by it. */
export function usualOf({ model, source, mean = 0 }: ExpectedMetric, unit: string | undefined): Usual {
  if (model.kind === "rate") return { kind: "rate", unit: undefined, base: model.rate, known: true };
  return { kind: "mean", unit, base: mean, known: source !== "assumed" };
}

function meanOf({ median, spread }: Extract<MetricModel, { kind: "values" }>): number {
  return median * Math.exp(spread ** 2 / 2);
}
