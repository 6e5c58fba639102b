import { EVERYBODY, type Exposure } from "../model/exposure.ts";
import type { Measurement, MetricReading } from "../model/measurement.ts";
import type { Limit, Metric } from "../model/plan.ts";
import type { Counts } from "../stats/ratio.ts";
import { addCounts, addSteps } from "./evidence.ts";
import type { Step } from "./sequential.ts";

/** What a reading says to a guardrail: steps to weigh (none: nothing new), or why there is nothing to weigh. */
export type Admitted =
  { kind: "steps"; steps: Step[] } | { kind: "nothing"; verdict: "noData" | "error" | "notJudgeable" | "noTraffic"; reason: string };

export interface Asked {
  limit: Limit;
  metric: Metric;
  metricName: string;
  exposure: Exposure;
  split: boolean;
  reading: MetricReading;
}

/** Whether a limit compares with the control. */
export function isRelative(limit: Limit): boolean {
  return limit.form === "maxIncrease" || limit.form === "maxDecrease";
}

/** Decides whether a reading counts at all, and picks the cohorts that the limit is about. */
export function admit(asked: Asked): Admitted {
  const { metric, metricName, reading } = asked;
  const nothing = (verdict: "noData" | "error" | "notJudgeable" | "noTraffic", reason: string): Admitted => ({
    kind: "nothing",
    verdict,
    reason,
  });
  if (reading.status === "noData") return nothing("noData", `there are no numbers for ${metricName}: ${reading.reason}`);
  if (reading.status === "error") return nothing("error", `${metricName} could not be read: ${reading.reason}`);
  const why = notJudgeableBecause(asked);
  if (why) return nothing("notJudgeable", why);
  if (reading.status !== "measured" || reading.measurements.length === 0) return { kind: "steps", steps: [] };

  const wrong = reading.measurements.map(wrongCounts).find((text) => text !== undefined);
  if (wrong) return nothing("error", `${metricName} gave counts that cannot be: ${wrong}`);
  const steps = reading.measurements.map((measurement) => stepOf(measurement, asked));
  const seen = addSteps({ treatment: NONE, control: NONE }, steps);
  if (seen.treatment.total === 0) {
    return nothing(
      "noTraffic",
      `there were no requests${metric.grouped ? " with the feature" : ""} since the last look, so ${metricName} cannot be judged`,
    );
  }
  if (isRelative(asked.limit) && seen.control.total === 0) {
    return nothing(
      "noTraffic",
      `there were no requests without the feature since the last look, so there is nothing to compare ${metricName} with`,
    );
  }
  return { kind: "steps", steps };
}

const NONE: Counts = { events: 0, total: 0 };

/** Absolute limits are about everybody who has the feature: each cohort keeps the limit under the null, so their sum does. */
function stepOf({ counts, mixed }: Measurement, { limit, metric }: Asked): Step {
  const control = counts.control ?? NONE;
  if (!metric.grouped) return { mixed, groups: { treatment: counts.everyone ?? NONE, control: NONE } };
  let treatment = counts.treatment ?? NONE;
  if (!isRelative(limit)) {
    for (const [cohort, more] of Object.entries(counts)) if (cohort.startsWith("segment:")) treatment = addCounts(treatment, more ?? NONE);
  }
  return { mixed, groups: { treatment, control } };
}

function wrongCounts({ counts }: Measurement): string | undefined {
  for (const [cohort, of = NONE] of Object.entries(counts)) {
    const { events, total } = of;
    const possible = Number.isFinite(events) && Number.isFinite(total) && events >= 0 && events <= total;
    if (!possible) return `${events} events of ${total} requests (${cohort})`;
  }
  return undefined;
}

/** Why an exposure, or the metric or limit itself, leaves nothing to judge; counts of before the first exposure are nobody's. */
function notJudgeableBecause({ limit, metric, metricName, exposure, split }: Asked): string | undefined {
  const segments = Object.keys(exposure.segments).sort();
  const nobody = exposure.everyone === 0 && segments.length === 0;
  if (nobody && !exposure.testers) return `nobody has the feature yet, so the numbers of ${metricName} say nothing about it`;
  if (!isRelative(limit)) {
    return nobody && metric.grouped ? `only testers have the feature, and they are outside the statistics of ${metricName}` : undefined;
  }
  if (!metric.grouped) return `${metricName} is one number for everybody, so there is no control to compare with`;
  if (limit.form === "maxDecrease" && limit.by === "ratio" && limit.amount >= 1) return `${metricName} cannot fall by more than 100%`;
  if (split) return undefined;
  if (exposure.everyone === EVERYBODY)
    return `everybody has the feature and nobody is held out, so there is no control to compare ${metricName} with`;
  if (nobody) return `only testers have the feature, and they are outside the statistics of ${metricName}`;
  const whole = segments.filter((name) => exposure.segments[name] === EVERYBODY);
  if (exposure.everyone === 0 && whole.length === segments.length) {
    return `only whole segments have the feature (${whole.join(", ")}), so there is no randomised control to compare ${metricName} with`;
  }
  return `treatment and control are not randomised at this exposure, so ${metricName} cannot be compared`;
}
