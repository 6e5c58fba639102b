import { judgedMetrics } from "../core/look.ts";
import { RolloutError } from "../errors.ts";
import type { Metric, Plan } from "../model/plan.ts";
import { convert, parseAmount, parseDuration, parsePercent, parsePoints, unitsLike } from "../model/units.ts";
import { modelOf, type Assumptions, type SaidOfMetric, type Shape } from "./assumptions.ts";
import { usualHarms, type Harm } from "./harm.ts";
import type { MendName } from "./observation.ts";
import type { Simulation } from "./simulation.ts";

/** What a user may say of a simulation, as it was written; what is left out is taken from the plan, or from habit. */
export interface WrittenOptions {
  traffic?: string;
  units?: string;
  look?: string;
  shape?: Shape;
  overdispersion?: string;
  clusters?: string;
  missing?: string;
  onset?: string;
  runs?: string;
  seed?: string;
  /** Each `METRIC=…`. */
  base?: string[];
  spread?: string[];
  buckets?: string[];
  harm?: string[];
}

/** The simulation that is asked for. Throws `RolloutError` (`usage`) for what is not understood. */
export function simulationOf(written: Plan, options: WrittenOptions, mendName: MendName): Simulation {
  const units = options.units === undefined ? written.audience.units : wholeIn("--units", options.units, 1);
  const plan: Plan = {
    ...written,
    audience: { ...written.audience, ...(units !== undefined && { units }) },
    // Exposures change between two intervals, so that none is mixed.
    flag: { ...written.flag, propagation: 0 },
  };
  const judged = judgedMetrics(plan);
  if (judged.length === 0) throw usage("the plan has no guardrails, so there is nothing to simulate", "Add a guardrail to it.");

  const noHarm = options.harm?.includes(NO_HARM) ?? false;
  const named = (option: "base" | "spread" | "buckets" | "harm") =>
    (options[option] ?? []).map((text) => ({ option: `--${option}`, text, ...metricIn(`--${option}`, text, plan, judged, mendName) }));
  const said = new Map<string, SaidOfMetric>(judged.map((name) => [name, {}]));
  for (const { option, name, metric, value } of named("base")) said.get(name)!.base = amountIn(option, name, metric, value);
  for (const { option, name, metric, value } of named("spread")) {
    if (metric.kind === "rate")
      throw usage(`${option}: ${name} is a rate, which has no spread`, "--overdispersion is how much rates vary.");
    said.get(name)!.spread = fractionIn(option, value);
  }
  for (const { option, name, metric, value } of named("buckets")) {
    if (metric.kind !== "histogram") throw usage(`${option}: ${name} is no histogram`, "Give the bounds of a histogram's buckets.");
    const bounds = value.split(",").map((bound) => amountIn(option, name, metric, bound.trim()));
    said.get(name)!.bounds = [...new Set(bounds)].sort((a, b) => a - b);
  }
  const metrics = Object.fromEntries(judged.map((name) => [name, modelOf(name, plan, said.get(name))]));
  const asked = noHarm
    ? []
    : named("harm").map(({ option, name, metric, value }): Harm => ({
        metric: name,
        change: changeIn(option, name, metric, value),
      }));
  const assumptions: Assumptions = {
    traffic: trafficOf(plan, options.traffic),
    lookEvery: options.look === undefined ? plan.policy.poll : spanIn("--look", options.look),
    shape: options.shape ?? "steady",
    overdispersion: options.overdispersion === undefined ? 0 : variationIn("--overdispersion", options.overdispersion),
    clusters: options.clusters === undefined ? 1 : wholeIn("--clusters", options.clusters, 1),
    missing: options.missing === undefined ? 0 : fractionIn("--missing", options.missing),
    onset: options.onset === undefined ? 0 : spanIn("--onset", options.onset),
    metrics,
  };
  refuseLateOnset(plan, assumptions);
  return {
    plan,
    assumptions,
    harms: options.harm ? asked : usualHarms(plan, metrics),
    runs: options.runs === undefined ? RUNS : wholeIn("--runs", options.runs, 1),
    seed: options.seed === undefined ? 1 : wholeIn("--seed", options.seed, 0),
  };
}

const RUNS = 1000;
/** For healthy rollouts alone. */
const NO_HARM = "none";

function refuseLateOnset(plan: Plan, { onset }: Assumptions): void {
  const lasts = plan.stages.reduce((sum, { bake }) => sum + bake, 0);
  if (onset > 0 && onset >= lasts)
    throw usage("--onset: the rollout is over before the harm begins", "Let it begin within the bakes of the plan.");
}

function trafficOf({ audience }: Plan, text: string | undefined): number {
  if (text === undefined) {
    if (audience.traffic !== undefined) return audience.traffic;
    throw usage("how many requests there are is not known", "Say it with --traffic 6000/min, or in the plan as audience.traffic.");
  }
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\/(s|min|h)$/.exec(text.replace(/\s/g, "")) ?? [];
  const perMinute = { s: 60, min: 1, h: 1 / 60 }[unit as "s" | "min" | "h"];
  if (amount !== undefined && perMinute !== undefined && Number(amount) > 0) return Number(amount) * perMinute;
  throw usage(`--traffic: "${text}" is no number of requests in a time`, "Write it with its unit: 6000/min.");
}

function metricIn(option: string, text: string, { metrics }: Plan, judged: string[], mendName: MendName) {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw usage(`${option}: "${text}" names no metric`, `Write METRIC=VALUE, such as ${judged[0]}=…`);
  if (!judged.includes(name)) throw usage(`${option}: no guardrail watches a metric "${name}"`, mendName(name, judged, "metrics"));
  return { name, value, metric: metrics[name]! };
}

/** A rate as a fraction, or an amount in the metric's own unit. */
function amountIn(option: string, name: string, metric: Metric, text: string): number {
  if (metric.kind === "rate") {
    const rate = parsePercent(text);
    if (rate !== undefined && rate > 0 && rate < 1) return rate;
    throw usage(`${option}: ${name} is a rate, and "${text}" is no percentage between 0% and 100%`, `Write it so: ${name}=0.5%`);
  }
  const amount = quantityIn(text, metric.unit);
  if (amount !== undefined && amount > 0) return amount;
  const unit = metric.unit === undefined ? "has no unit" : `is measured in ${unitsLike(metric.unit).join(", ")}`;
  throw usage(`${option}: ${name} ${unit}, and "${text}" is no such amount above 0`, `Write it so: ${name}=100${metric.unit ?? ""}`);
}

function quantityIn(text: string, unit: string | undefined): number | undefined {
  const parsed = parseAmount(text);
  if (!parsed) return undefined;
  if (unit === undefined) return parsed.unit === undefined ? parsed.amount : undefined;
  return parsed.unit === undefined ? undefined : convert(parsed.amount, parsed.unit, unit);
}

function changeIn(option: string, name: string, metric: Metric, text: string): Harm["change"] {
  const [, factor] = /^[x×*](\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (factor !== undefined && Number(factor) > 0) return { by: "factor", factor: Number(factor) };
  const [, sign, size, perHour] = /^([+-])(.+?)(\/h)?$/.exec(text) ?? [];
  if (size !== undefined) {
    const amount = metric.kind === "rate" ? parsePoints(size) : quantityIn(size, metric.unit);
    const signed = amount === undefined ? undefined : sign === "-" ? -amount : amount;
    if (signed !== undefined && perHour === undefined) return { by: "amount", amount: signed };
    if (signed !== undefined && metric.kind === "gauge") return { by: "trend", perHour: signed };
  }
  const unit = metric.kind === "rate" ? "" : (metric.unit ?? "");
  const own = { rate: ["+0.5pp"], mean: [`+10${unit}`], histogram: [`+10${unit}`], gauge: [`+10${unit}`, `+10${unit}/h`] }[metric.kind];
  throw usage(
    `${option}: "${text}" is no harm that ${name} can have`,
    `Write ${["x2", "x0.5", ...own].map((each) => `${name}=${each}`).join(", ")}.`,
  );
}

function fractionIn(option: string, text: string): number {
  const fraction = parsePercent(text);
  if (fraction !== undefined) return fraction;
  throw usage(`${option}: "${text}" is no percentage`, "Write it with its sign: 10%.");
}

function variationIn(option: string, text: string): number {
  const variation = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parsePercent(text);
  if (variation !== undefined && variation <= 5) return variation;
  throw usage(`${option}: "${text}" is no coefficient of variation`, "0.5 is a rate that is usually within half of itself.");
}

function spanIn(option: string, text: string): number {
  const span = parseDuration(text);
  if (span !== undefined && span > 0) return span;
  throw usage(`${option}: "${text}" is no duration`, "Write it with its unit: 1m, 45m, 1h30m.");
}

function wholeIn(option: string, text: string, least: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least) return number;
  throw usage(`${option}: "${text}" is no whole number${least > 0 ? ` above ${least - 1}` : ""}`);
}

function usage(message: string, hint?: string): RolloutError {
  return new RolloutError("usage", message, hint === undefined ? {} : { hint });
}
