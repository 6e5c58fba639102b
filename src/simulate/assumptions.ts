import type { Guardrail, Metric, Plan } from "../model/plan.ts";
import { normalQuantile } from "../stats/special.ts";

/**
 * What a simulation takes a metric to be like, with the feature or without, while it does no harm.
 * - `rate`: the share of events
 * - `values`: log-normal, the unit of the metric; `spread` is the standard deviation of their logarithm. Of a histogram
 *   `bounds` are those of its buckets.
 * - `level`: of a gauge, whose readings waver by the share `spread`
 */
export type MetricModel =
  | { kind: "rate"; rate: number }
  | { kind: "values"; median: number; spread: number; bounds?: readonly number[] }
  | { kind: "level"; level: number; spread: number };

/** How the requests come in over time. */
export type Shape = "steady" | "daily" | "bursts";

/** What a simulation takes the world to be like. */
export interface Assumptions {
  /** Requests a minute of everybody. */
  readonly traffic: number;
  /** Milliseconds from look to look. */
  readonly lookEvery: number;
  readonly shape: Shape;
  /** How much the rate of each group varies from look to look by itself: a coefficient of variation. */
  readonly overdispersion: number;
  /** Events come in clusters of this size on average; 1: each by itself. */
  readonly clusters: number;
  /** The share of looks that get no data; the next one gets it as well. */
  readonly missing: number;
  /** How long after the first exposure a harm begins, in milliseconds. */
  readonly onset: number;
  readonly metrics: Readonly<Record<string, MetricModel>>;
}

/** What a user may say of a metric, in its unit; what is left out is taken from the plan's limits. */
export interface SaidOfMetric {
  base?: number;
  spread?: number;
  bounds?: readonly number[];
}

/** A rate of which no limit says anything. */
const ASSUMED_RATE = 0.01;
/** Log-normal values spread so much: a p95 of 2.3 medians. */
const ASSUMED_SPREAD = 0.5;
const ASSUMED_WAVER = 0.02;

/** What a metric is taken to be like: half of a limit that it must stay below, twice one that it must stay above. */
export function modelOf(name: string, { metrics, guardrails }: Pick<Plan, "metrics" | "guardrails">, said: SaidOfMetric = {}): MetricModel {
  const metric: Metric = metrics[name]!;
  const own = guardrails.filter((each) => each.metric === name);
  switch (metric.kind) {
    case "rate":
      return { kind: "rate", rate: said.base ?? rateBy(own) };
    case "mean":
    case "histogram": {
      const spread = said.spread ?? ASSUMED_SPREAD;
      const median = said.base ?? medianBy(own, spread);
      if (metric.kind === "mean") return { kind: "values", median, spread };
      return { kind: "values", median, spread, bounds: said.bounds ?? boundsBy(own, median, spread) };
    }
    case "gauge":
      return { kind: "level", level: said.base ?? levelBy(own), spread: said.spread ?? ASSUMED_WAVER };
    default:
      return metric satisfies never;
  }
}

function rateBy(guardrails: readonly Guardrail[]): number {
  const limits = guardrails.flatMap(({ limit }) => ("rate" in limit ? [limit] : []));
  const most = Math.min(...limits.filter(({ form }) => form === "max").map(({ rate }) => rate));
  const least = Math.max(...limits.filter(({ form }) => form === "min").map(({ rate }) => rate));
  if (most < 1) return least > most / 2 ? (least + most) / 2 : most / 2;
  return least > 0 ? (least + 1) / 2 : ASSUMED_RATE;
}

function medianBy(guardrails: readonly Guardrail[], spread: number): number {
  for (const { limit, quantile } of guardrails) {
    if (!("value" in limit)) continue;
    const wanted = limit.form === "max" ? limit.value / 2 : limit.value * 2;
    // A quantile, or the mean, which is above the median.
    return wanted / Math.exp(quantile === undefined ? spread ** 2 / 2 : spread * normalQuantile(quantile));
  }
  const amounts = guardrails.flatMap(({ limit }) => ("by" in limit && limit.by === "value" && limit.amount > 0 ? [limit.amount] : []));
  return amounts.length > 0 ? 2 * Math.min(...amounts) : 100;
}

function levelBy(guardrails: readonly Guardrail[]): number {
  for (const { limit } of guardrails) if ("value" in limit) return limit.form === "max" ? limit.value / 2 : limit.value * 2;
  for (const { limit } of guardrails) if ("perHour" in limit) return 20 * limit.perHour;
  const amounts = guardrails.flatMap(({ limit }) => ("by" in limit && limit.by === "value" && limit.amount > 0 ? [limit.amount] : []));
  return amounts.length > 0 ? 10 * Math.min(...amounts) : 100;
}

const MOST_BOUNDS = 40;
/** Bounds of which each is so many times the one before, where no limit asks for finer ones. */
const BOUND_STEP = 2 ** 0.5;

/** Buckets as fine as the limits ask for, up to where a value in a thousand is. */
function boundsBy(guardrails: readonly Guardrail[], median: number, spread: number): number[] {
  const highest = median * Math.exp(spread * normalQuantile(0.999)) * 1.5;
  const rises = guardrails.flatMap(({ limit }) => ("by" in limit && limit.by === "value" && limit.amount > 0 ? [limit.amount / 2] : []));
  const limits = guardrails.flatMap(({ limit }) => ("value" in limit ? [limit.value] : []));
  const step = Math.max(Math.min(...rises), highest / MOST_BOUNDS);
  const bounds = new Set(limits);
  if (rises.length > 0)
    for (let index = 1; index * step < highest && index <= MOST_BOUNDS; index++) bounds.add(Number((index * step).toPrecision(6)));
  else for (let bound = median / 4; bound < highest; bound *= BOUND_STEP) bounds.add(Number(bound.toPrecision(3)));
  return [...bounds].sort((a, b) => a - b);
}
