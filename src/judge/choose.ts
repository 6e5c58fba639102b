import type { Limit, Metric, RelativeLimit } from "../model/plan.ts";
import type { Choice, Judged } from "./choice.ts";
import type { HistogramView } from "./histogramView.ts";
import { againstThePast } from "./past.ts";
import { ceilingMethod } from "./methods/ceiling.ts";
import { levelChangeMethod } from "./methods/levelChange.ts";
import { levelLimitMethod } from "./methods/levelLimit.ts";
import { levelTrendMethod } from "./methods/levelTrend.ts";
import { meanChangeMethod, type MeanView } from "./methods/meanChange.ts";
import { meanLimitMethod } from "./methods/meanLimit.ts";
import { pointsMethod } from "./methods/points.ts";
import { quantileRiseMethod } from "./methods/quantileRise.ts";
import { ratioMethod } from "./methods/ratio.ts";
import { slowdownMethod } from "./methods/slowdown.ts";
import { quantity } from "./numbers.ts";
import { rateOf, shareAbove } from "./rates.ts";

/** The method that a limit calls for, by the metric's kind and the limit's form. */
export function methodFor(judged: Judged): Choice {
  const { metricName, metric, guardrail } = judged;
  const { limit } = guardrail;
  if (guardrail.versus) return againstThePast(judged, limit as RelativeLimit, methodFor);
  const view: MeanView = { metricName, unit: metric.kind === "rate" ? undefined : metric.unit };
  switch (metric.kind) {
    case "rate":
      return rateMethod(metricName, guardrail);
    case "mean":
      if ("value" in limit) return { method: meanLimitMethod(view, limit, guardrail) };
      return "by" in limit ? { method: meanChangeMethod(view, limit, guardrail) } : noSuch(metric, limit);
    case "histogram":
      return histogramMethod(judged, view);
    case "gauge":
      if ("value" in limit) return { method: levelLimitMethod(view, limit, guardrail.failures) };
      if ("perHour" in limit) return { method: levelTrendMethod(view, limit) };
      return "by" in limit ? { method: levelChangeMethod(view, limit) } : noSuch(metric, limit);
    default:
      return metric satisfies never;
  }
}

function rateMethod(metricName: string, guardrail: Judged["guardrail"]): Choice {
  const { limit } = guardrail;
  const view = rateOf(metricName);
  if ("rate" in limit) return { method: ceilingMethod(view, limit, guardrail) };
  if (!("by" in limit) || limit.by === "value") return noSuch({ kind: "rate" }, limit);
  if (limit.form === "maxDecrease" && limit.by === "ratio" && limit.amount >= 1)
    return { verdict: "notJudgeable", reason: `${metricName} cannot fall by more than 100%` };
  // "No more points at all" is the hypothesis "not above the control", for which there is the better test.
  if (limit.by === "points" && limit.amount > 0) return { method: pointsMethod(view, limit, guardrail) };
  return { method: ratioMethod(view, limit, guardrail) };
}

function histogramMethod({ metricName, guardrail, bounds }: Judged, { unit }: MeanView): Choice {
  const { limit, quantile } = guardrail;
  if (!bounds) return { verdict: "inconclusive", reason: `the buckets of ${metricName} are not known yet` };
  if (bounds.length === 0)
    return { verdict: "notJudgeable", reason: `${metricName} has one bucket only, so nothing is known of its values` };
  const view: HistogramView = { metricName, unit, bounds };
  if (quantile === undefined) {
    if (!("by" in limit) || limit.by !== "ratio") return noSuch({ kind: "histogram" }, limit);
    return { method: slowdownMethod(view, limit, guardrail) };
  }
  if ("by" in limit) return { method: quantileRiseMethod(view, quantile, limit) };
  if (!("value" in limit)) return noSuch({ kind: "histogram" }, limit);
  const index = bounds.findIndex((bound) => Math.abs(bound - limit.value) <= 1e-9 * Math.max(1, Math.abs(bound)));
  if (index < 0) return { verdict: "notJudgeable", reason: noBound(view, limit.value) };
  // "The p95 is at most 500 ms" is "at most 5 % are above 500 ms".
  const share = { form: limit.form, rate: Number((1 - quantile).toPrecision(12)) };
  const subject = `${metricName} above ${quantity(limit.value, unit)}`;
  return { method: ceilingMethod(shareAbove(subject, index, bounds.length + 1), share, {}) };
}

function noBound({ metricName, unit, bounds }: HistogramView, value: number): string {
  const near = [bounds.findLast((bound) => bound < value), bounds.find((bound) => bound > value)].filter((bound) => bound !== undefined);
  return `${quantity(value, unit)} is no bound of a bucket of ${metricName}, and within a bucket nothing is known: the nearest are ${near.map((bound) => quantity(bound, unit)).join(" and ")}`;
}

function noSuch({ kind }: Pick<Metric, "kind">, { form }: Limit): Choice {
  return { verdict: "notJudgeable", reason: `a ${kind} cannot be judged by ${form} of this kind` };
}
