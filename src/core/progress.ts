import type { Instant, Measurement, MetricReading } from "../model/measurement.ts";
import type { Guardrail } from "../model/plan.ts";
import type { Progress, State } from "../model/state.ts";
import { isOff } from "./exposure.ts";
import { isRelative } from "./groups.ts";

const NONE: Progress = { baked: 0, samples: 0, requests: 0, excessEvents: 0 };

/** What a guardrail has seen once `reading` is added. */
export function progressAfter(state: State, guardrail: Guardrail, reading: MetricReading | undefined): Progress {
  const before = state.progress[guardrail.id] ?? NONE;
  if (reading?.status !== "measured") return before;
  return reading.measurements.reduce((progress, measurement) => added(progress, guardrail, measurement, state), before);
}

/** The guardrails that watch the present stage; before the first, those of the first: what they need must be there. */
export function guardrailsOf(state: State): Guardrail[] {
  const stage = state.plan.stages[Math.max(0, state.stage)];
  return state.plan.guardrails.filter((guardrail) => !guardrail.stages || (stage !== undefined && guardrail.stages.includes(stage.name)));
}

/** A new stage has baked nothing; what the run has met stays, for the blast radius. */
export function freshStage(progress: Record<string, Progress>): Record<string, Progress> {
  return Object.fromEntries(Object.entries(progress).map(([id, each]) => [id, { ...each, baked: 0, samples: 0 }]));
}

function added(progress: Progress, guardrail: Guardrail, measurement: Measurement, state: State): Progress {
  const treated = treatedCounts(guardrail, measurement, state);
  const control = measurement.counts.control;
  const relative = isRelative(guardrail);
  if (treated.total === 0 || (relative && !control?.total)) return progress;
  const clean = !measurement.mixed && measurement.from >= state.bakeFrom;
  return {
    baked: progress.baked + Math.max(0, measurement.to - Math.max(measurement.from, state.bakeFrom)),
    samples: progress.samples + (clean ? treated.total : 0),
    requests: progress.requests + treated.total,
    excessEvents: progress.excessEvents + excess(guardrail, treated, control),
  };
}

/**
 * Everybody who has the feature for an absolute limit; the randomised treatment alone where it is compared. A number for
 * everybody is about nobody with the feature while it is off.
 */
function treatedCounts(guardrail: Guardrail, { counts }: Measurement, { exposure }: State): { events: number; total: number } {
  const absolute = !isRelative(guardrail);
  const sum = { events: 0, total: 0 };
  for (const [cohort, each] of Object.entries(counts)) {
    const counted = cohort === "treatment" || (absolute && (cohort.startsWith("segment:") || (cohort === "everyone" && !isOff(exposure))));
    if (!counted || !each) continue;
    sum.events += each.events;
    sum.total += each.total;
  }
  return sum;
}

/** Harmful events beyond the control's own rate in the same interval, or beyond the limit where there is no control. */
function excess(
  guardrail: Guardrail,
  treated: { events: number; total: number },
  control: { events: number; total: number } | undefined,
): number {
  const { limit } = guardrail;
  const fewerIsWorse = limit.form === "min" || limit.form === "maxDecrease";
  const limitRate = limit.form === "max" || limit.form === "min" ? limit.rate : 0;
  const expectedRate = control && control.total > 0 ? control.events / control.total : limitRate;
  const beyond = treated.events - expectedRate * treated.total;
  return fewerIsWorse ? -beyond : beyond;
}

/** Since when nobody has looked, while somebody has the feature; nothing while nobody has it. */
export function unguardedSince(state: State): Instant | undefined {
  if (isOff(state.exposure) || state.end) return undefined;
  return Math.max(state.lastLook?.at ?? 0, state.firstExposedAt ?? 0, state.startedAt);
}
