import type { Baseline, Cohort } from "../model/measurement.ts";
import type { Limit, Metric, RelativeLimit } from "../model/plan.ts";
import { rateInterval } from "../stats/intervals.ts";
import { quantileBucket } from "../stats/quantile.ts";
import type { Choice, Judged } from "./choice.ts";
import type { Figures, Method } from "./method.ts";
import { levelChangeMethod } from "./methods/levelChange.ts";
import { percent, quantity } from "./numbers.ts";
import { bucketsIn, countsIn, sumsIn } from "./values.ts";

/**
 * A limit against the time before the run: a fixed limit, once that time was measured. Its own uncertainty is on the side
 * of doing nothing. It cannot tell harm from whatever else is different now, an hour of the day among them.
 */
export function againstThePast(judged: Judged, limit: RelativeLimit, choose: (judged: Judged) => Choice): Choice {
  const { metricName, metric, baseline, guardrail } = judged;
  if (baseline === undefined) return { verdict: "inconclusive", reason: `${metricName} was not measured yet as it was before the run` };
  if (typeof baseline === "string") return { verdict: "noData", reason: `what ${metricName} was before the run is not known: ${baseline}` };

  const when = `in the ${spanText(baseline)} before`;
  if (metric.kind === "gauge") {
    const levels = baseline.levels?.[cohortOf(metric)] ?? [];
    if (levels.length === 0) return { verdict: "noData", reason: `${metricName} showed nothing ${when}` };
    return { method: levelChangeMethod({ metricName, unit: metric.unit }, limit, { levels, when }) };
  }
  const line = lineOf(judged, baseline, limit);
  if ("reason" in line) return { verdict: line.verdict, reason: line.reason };
  const { versus: _, detect: __, ...rest } = guardrail;
  const choice = choose({ ...judged, guardrail: { ...rest, limit: line.limit } });
  return "method" in choice ? { method: besidePast(choice.method, { control: line.was, versus: when }) } : choice;
}

/** The cohort that had no feature then: all of them. */
function cohortOf({ grouped }: Metric): Cohort {
  return grouped ? "control" : "everyone";
}

interface Line {
  limit: Limit;
  /** What the metric was then, as text. */
  was: string;
}

type NoLine = { verdict: "notJudgeable" | "noData"; reason: string };

function lineOf(
  { metricName, metric, guardrail, bounds }: Judged,
  { counts, bounds: boundsThen }: Baseline,
  limit: RelativeLimit,
): Line | NoLine {
  const value = counts[cohortOf(metric)];
  const form = limit.form === "maxIncrease" ? "max" : "min";
  const sign = limit.form === "maxIncrease" ? 1 : -1;
  const moved = (was: number) => (limit.by === "ratio" ? was * (1 + sign * limit.amount) : was + sign * limit.amount);
  const nothing: NoLine = {
    verdict: "noData",
    reason: `${metricName} had no requests before the run, so there is nothing to compare with`,
  };
  switch (metric.kind) {
    case "rate": {
      const then = countsIn(value);
      const interval = rateInterval(then);
      if (!interval) return nothing;
      const rate = moved(interval[sign > 0 ? 1 : 0]);
      const was = percent(then.events / then.total);
      if (rate > 0 && rate < 1) return { limit: { form, rate }, was };
      return {
        verdict: "notJudgeable",
        reason: `${metricName} was ${was} before the run, and cannot ${sign > 0 ? "rise" : "fall"} so far`,
      };
    }
    case "mean": {
      const { count, sum } = sumsIn(value);
      if (count <= 0) return nothing;
      return { limit: { form, value: moved(sum / count) }, was: quantity(sum / count, metric.unit) };
    }
    case "histogram": {
      const known = boundsThen ?? bounds;
      if (guardrail.quantile === undefined)
        return { verdict: "notJudgeable", reason: `${metricName} can only be compared with the past by a quantile` };
      const then = known && quantileBucket({ bounds: known, counts: bucketsIn(value, known.length + 1) }, guardrail.quantile);
      if (!then) return nothing;
      const bound = known.find((each) => each >= moved(then.atMost) * (1 - 1e-9));
      if (bound === undefined)
        return {
          verdict: "notJudgeable",
          reason: `no bucket of ${metricName} is wide enough: its ${percent(guardrail.quantile)} quantile was above ${quantity(then.above, metric.unit)} before the run`,
        };
      return { limit: { form: "max", value: bound }, was: `at most ${quantity(then.atMost, metric.unit)}` };
    }
    case "gauge":
      return nothing;
    default:
      return metric satisfies never;
  }
}

/** The same method, whose sentences name what was before. */
function besidePast(method: Method, past: Pick<Figures, "control" | "versus">): Method {
  return {
    ...method,
    name: `${method.name}, past`,
    figures: (sums, memory) => ({
      ...method.figures(sums, memory),
      control: past.control,
      ...(past.versus !== undefined && { versus: past.versus }),
    }),
  };
}

const HOUR = 3_600_000;

function spanText({ from, to }: Baseline): string {
  const minutes = Math.round((to - from) / 60_000);
  return minutes >= 60 ? `${Math.round((to - from) / HOUR)} h` : `${minutes} min`;
}
