import { EVERYBODY } from "../model/exposure.ts";
import type { Question } from "../model/judge.ts";
import type { Measurement, Value } from "../model/measurement.ts";
import type { Step } from "./method.ts";
import { addValues, impossible, sizeOf } from "./values.ts";

/**
 * What a reading says to a limit: steps to weigh (none: nothing new), or why there is nothing to weigh. `teaches` are
 * intervals in which nobody had the feature: they say what the noise is.
 */
export type Admitted =
  | { kind: "steps"; steps: Step[] }
  | { kind: "nothing"; verdict: "noData" | "error" | "notJudgeable" | "noTraffic"; reason: string; teaches: Value[] };

export interface Candidate extends Pick<Question, "metric" | "exposure" | "split" | "reading"> {
  metricName: string;
  /** Whether the limit compares with the control at the same time. */
  compares: boolean;
}

/** Decides whether a reading counts at all, and picks the cohorts that the limit is about. */
export function admit(candidate: Candidate): Admitted {
  const { metric, metricName, reading, compares } = candidate;
  const nothing = (verdict: Extract<Admitted, { kind: "nothing" }>["verdict"], reason: string, teaches: Value[] = []): Admitted => ({
    kind: "nothing",
    verdict,
    reason,
    teaches,
  });
  if (reading.status === "noData") return nothing("noData", `there are no numbers for ${metricName}: ${reading.reason}`);
  if (reading.status === "error") return nothing("error", `${metricName} could not be read: ${reading.reason}`);
  const measurements = reading.status === "measured" ? reading.measurements : [];
  const wrong = measurements.map((measurement) => wrongIn(measurement)).find((text) => text !== undefined);
  if (wrong) return nothing("error", `${metricName} gave counts that cannot be: ${wrong}`);
  const why = notJudgeableBecause(candidate);
  if (why)
    return nothing("notJudgeable", why, compares ? measurements.flatMap(({ counts, mixed }) => (mixed ? [] : (counts.control ?? []))) : []);
  if (measurements.length === 0) return { kind: "steps", steps: [] };

  const steps = measurements.map((measurement) => stepOf(measurement, candidate));
  const feature = metric.grouped ? " with the feature" : "";
  const what = metric.kind === "rate" ? "requests" : metric.kind === "gauge" ? "readings" : "values";
  if (steps.every(({ treatment }) => sizeOf(treatment) === 0))
    return nothing("noTraffic", `there were no ${what}${feature} since the last look, so ${metricName} cannot be judged`);
  if (compares && steps.every(({ control }) => sizeOf(control) === 0)) {
    return nothing(
      "noTraffic",
      `there were no ${what} without the feature since the last look, so there is nothing to compare ${metricName} with`,
    );
  }
  return { kind: "steps", steps };
}

/** Fixed limits are about everybody who has the feature: each cohort keeps the limit under the null, so their sum does. */
function stepOf({ to, counts, mixed }: Measurement, { compares, metric }: Candidate): Step {
  if (!metric.grouped) return { at: to, mixed, treatment: counts.everyone, control: undefined };
  const whole = Object.entries(counts).flatMap(([cohort, value]) => (cohort.startsWith("segment:") && value ? [value] : []));
  const treatment = compares ? counts.treatment : whole.reduce<Value | undefined>((sum, value) => addValues(value, sum), counts.treatment);
  return { at: to, mixed, treatment, control: counts.control };
}

function wrongIn({ counts }: Measurement): string | undefined {
  for (const [cohort, value] of Object.entries(counts)) {
    const wrong = value && impossible(value);
    if (wrong !== undefined) return `${wrong} (${cohort})`;
  }
  return undefined;
}

/** Why an exposure, or the metric itself, leaves nothing to judge; counts of before the first exposure are nobody's. */
function notJudgeableBecause({ metric, metricName, exposure, split, compares }: Candidate): string | undefined {
  const segments = Object.keys(exposure.segments).sort();
  const nobody = exposure.everyone === 0 && segments.length === 0;
  if (nobody && !exposure.testers) return `nobody has the feature yet, so the numbers of ${metricName} say nothing about it`;
  if (!compares) {
    return nobody && metric.grouped ? `only testers have the feature, and they are outside the statistics of ${metricName}` : undefined;
  }
  if (!metric.grouped) return `${metricName} is one number for everybody, so there is no control to compare with`;
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
