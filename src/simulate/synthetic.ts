import { judgedMetrics } from "../core/look.ts";
import { addValues } from "../judge/values.ts";
import type { Baseline, Cohort, Instant, Measurement, Value } from "../model/measurement.ts";
import type { Metric, Plan } from "../model/plan.ts";
import type { Assumptions, MetricModel, Shape } from "./assumptions.ts";
import type { Shares } from "./groups.ts";
import { harmed, type Harm } from "./harm.ts";
import { bucketChances, drawBuckets, drawSums } from "./logNormal.ts";
import type { Random } from "./random.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What users did in one interval. */
export interface Interval {
  /** By metric. */
  measurements: Record<string, Measurement>;
  /** Requests of both groups, and all with the feature. */
  requests: { treatment: number; control: number };
  treated: number;
}

/** Users that are made up, in one run. */
export interface SyntheticUsers {
  /** What they did in an interval, which follows the last one. */
  interval(shares: Shares, from: Instant, to: Instant): Interval;
  /** What a metric was in so long a time before the run. */
  before(metric: string, span: number): Baseline;
}

/** @param harm what the feature does from `onset` on, if it does any */
export function syntheticUsers(plan: Plan, assumptions: Assumptions, harm: Harm | undefined, random: Random): SyntheticUsers {
  const { traffic, overdispersion, clusters, metrics: models } = assumptions;
  const judged = judgedMetrics(plan);
  const trafficAt = trafficOver(assumptions.shape, random);
  const wavers = new Map<string, number>();
  let steadilyWorse: MetricModel | undefined;

  return {
    interval(shares, from, to) {
      const mean = (traffic * trafficAt(from, to) * (to - from)) / MINUTE;
      const requests = (share: number) => (share > 0 ? random.poisson(mean * share) : 0);
      const segments = Object.entries(shares.segments).map(([name, share]) => [name, requests(share)] as const);
      const [treatment, control, rest] = [requests(shares.treatment), requests(shares.control), requests(shares.rest)];
      const exposed = treatment + segments.reduce((sum, [, total]) => sum + total, 0);
      const measurements: Record<string, Measurement> = {};
      for (const name of judged) {
        const healthy = models[name]!;
        const bad = harm?.metric === name && to > assumptions.onset ? withHarm(healthy, to) : healthy;
        const noise = { treatment: noiseOf(healthy), control: noiseOf(healthy) };
        const with_ = (key: string, total: number) => draw(name, bad, total, noise.treatment, key);
        const without = (key: string, total: number) => draw(name, healthy, total, noise.control, key);
        const counts: Partial<Record<Cohort, Value>> = {};
        const put = (cohort: Cohort, value: Value | undefined) => {
          if (value) counts[cohort] = value;
        };
        if (plan.metrics[name]!.grouped) {
          put("treatment", with_("treatment", treatment));
          put("control", without("control", control));
          for (const [segment, total] of segments) put(`segment:${segment}`, with_(segment, total));
        } else {
          put("everyone", addValues(with_("with", exposed), without("without", control + rest)));
        }
        measurements[name] = { from, to, mixed: false, counts };
      }
      return { measurements, requests: { treatment, control }, treated: exposed };
    },
    before(name, span) {
      const metric: Metric = plan.metrics[name]!;
      const cohort: Cohort = metric.grouped ? "control" : "everyone";
      const model = models[name]!;
      const total = Math.round((traffic * span) / MINUTE);
      const value = draw(name, model, total, 1, "before")!;
      const known = {
        from: -span,
        to: 0,
        counts: { [cohort]: value },
        ...(model.kind === "values" && model.bounds && { bounds: [...model.bounds] }),
      };
      if (model.kind !== "level") return known;
      return { ...known, levels: { [cohort]: Array.from({ length: LEVELS }, () => levelOf(name, model, "before")) } };
    },
  };

  function withHarm(healthy: MetricModel, to: Instant): MetricModel {
    if (harm!.change.by === "trend") return harmed(healthy, harm!, (to - assumptions.onset) / HOUR);
    return (steadilyWorse ??= harmed(healthy, harm!));
  }

  function noiseOf(model: MetricModel): number {
    return model.kind === "rate" ? random.gamma(overdispersion) : 1;
  }

  /** What so many requests gave; nothing of a gauge that nobody is there to show. */
  function draw(name: string, model: MetricModel, total: number, noise: number, key: string): Value | undefined {
    switch (model.kind) {
      case "rate":
        return { events: eventsOf(total, Math.min(1, model.rate * noise)), total };
      case "values":
        return model.bounds ? { buckets: drawBuckets(random, chancesOf(model), total) } : drawSums(random, model, total);
      case "level":
        return total > 0 ? { level: levelOf(name, model, key) } : undefined;
      default:
        return model satisfies never;
    }
  }

  function eventsOf(total: number, rate: number): number {
    if (clusters <= 1) return random.binomial(total, rate);
    return Math.min(total, random.poisson(clusters * random.poisson((total * rate) / clusters)));
  }

  /** A gauge goes on from where it was. */
  function levelOf(name: string, { level, spread }: Extract<MetricModel, { kind: "level" }>, key: string): number {
    const known = wavers.get(`${name} ${key}`);
    const waver = known === undefined ? random.normal() : PERSISTENCE * known + Math.sqrt(1 - PERSISTENCE ** 2) * random.normal();
    wavers.set(`${name} ${key}`, waver);
    return level * (1 + spread * waver);
  }
}

/** Of a gauge's past so many levels are read, as in a rollout. */
const LEVELS = 60;
/** The correlation of a gauge with itself a look before. */
const PERSISTENCE = 0.5;

const chances = new WeakMap<object, number[]>();

/** The same model is drawn from in every run. */
function chancesOf(model: Extract<MetricModel, { kind: "values" }>): number[] {
  const known = chances.get(model) ?? bucketChances(model, model.bounds ?? []);
  chances.set(model, known);
  return known;
}

/** By how much the traffic swings within a day, to either side. */
const SWING = 0.6;
/** A burst is so many times the usual traffic, begins so often, and lasts so long, on average. */
const BURST = { times: 4, every: 60 * MINUTE, lasts: 5 * MINUTE };

/** How many times the usual traffic there is in an interval. */
function trafficOver(shape: Shape, random: Random): (from: Instant, to: Instant) => number {
  switch (shape) {
    case "steady":
      return () => 1;
    case "daily": {
      const start = random.uniform() * DAY;
      return (from, to) => 1 - SWING * Math.cos((2 * Math.PI * (start + (from + to) / 2)) / DAY);
    }
    case "bursts": {
      let bursting = false;
      return (from, to) => {
        const stays = Math.exp(-(to - from) / (bursting ? BURST.lasts : BURST.every));
        if (random.uniform() > stays) bursting = !bursting;
        return bursting ? BURST.times : 1;
      };
    }
    default:
      return shape satisfies never;
  }
}
