import type { Cohort, Instant, Measurement, MetricReading, Value } from "../model/measurement.ts";
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
  const treated = treatedTally(guardrail, measurement, state);
  const control = tallyOf(measurement.counts.control);
  const users = treatedUsers(measurement);
  if (treated.total === 0 || (isRelative(guardrail) && control.total === 0)) return progress;
  const clean = !measurement.mixed && measurement.from >= state.bakeFrom;
  return {
    baked: progress.baked + Math.max(0, measurement.to - Math.max(measurement.from, state.bakeFrom)),
    samples: progress.samples + (clean ? treated.total : 0),
    requests: progress.requests + treated.total,
    ...((users !== undefined || progress.users !== undefined) && { users: (progress.users ?? 0) + (users ?? 0) }),
    excessEvents: progress.excessEvents + excess(guardrail, treated, control),
  };
}

/** How many requests, values or readings a value stands for, and of a rate how many of them were events. */
export interface Tally {
  events?: number;
  total: number;
}

/** The tally of what one cohort had; nothing of nothing. */
export function tallyOf(value: Value | undefined): Tally {
  if (!value) return { total: 0 };
  if ("total" in value) return { events: value.events, total: value.total };
  if ("count" in value) return { total: value.count };
  return { total: "buckets" in value ? value.buckets.reduce((sum, count) => sum + count, 0) : 1 };
}

/**
 * Everybody who has the feature for an absolute limit; the randomised treatment alone where it is compared. A number for
 * everybody is about nobody with the feature while it is off.
 */
function treatedTally(guardrail: Guardrail, { counts }: Measurement, { exposure }: State): Tally {
  const absolute = !isRelative(guardrail);
  let sum: Tally = { total: 0 };
  for (const cohort of Object.keys(counts) as Cohort[]) {
    const counted = cohort === "treatment" || (absolute && (isSegment(cohort) || (cohort === "everyone" && !isOff(exposure))));
    if (!counted) continue;
    const { events, total } = tallyOf(counts[cohort]);
    sum = { ...addedEvents(sum.events, events), total: sum.total + total };
  }
  return sum;
}

function addedEvents(sum: number | undefined, events: number | undefined): { events?: number } {
  return sum === undefined && events === undefined ? {} : { events: (sum ?? 0) + (events ?? 0) };
}

function treatedUsers({ users }: Measurement): number | undefined {
  const treated = Object.entries(users ?? {}).filter(([cohort]) => cohort === "treatment" || isSegment(cohort));
  return treated.length === 0 ? undefined : treated.reduce((sum, [, count]) => sum + (count ?? 0), 0);
}

function isSegment(cohort: string): boolean {
  return cohort.startsWith("segment:");
}

/** Harmful events of a rate beyond the control's own rate in the same interval, or beyond the limit where there is no control. */
function excess({ limit }: Guardrail, treated: Tally, control: Tally): number {
  if (treated.events === undefined) return 0;
  const fewerIsWorse = limit.form === "min" || limit.form === "maxDecrease";
  const limitRate = "rate" in limit ? limit.rate : 0;
  const expectedRate = control.total > 0 ? (control.events ?? 0) / control.total : limitRate;
  const beyond = treated.events - expectedRate * treated.total;
  return fewerIsWorse ? -beyond : beyond;
}

/** Since when nobody has looked, while somebody has the feature; nothing while nobody has it. */
export function unguardedSince(state: State): Instant | undefined {
  if (state.end) return undefined;
  if (isOff(state.exposure)) {
    // The first write was begun and its outcome is not known: somebody may have the feature already.
    return state.intent && !isOff(state.intent.to) ? state.intent.at : undefined;
  }
  return Math.max(state.lastLook?.at ?? 0, state.firstExposedAt ?? 0, state.startedAt);
}
