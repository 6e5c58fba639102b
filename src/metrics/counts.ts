import type { Cohort, Counts } from "../model/measurement.ts";

/** What all sources that count have in common: how counters rise, and which counts cannot be believed. */

/** How much a counter rose from `before` to `now`. One that fell began again at 0, and so did one that is new. */
export function increase(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}

/** Sums of fractions kept free of binary dust: exact to a millionth. */
export function exact(sum: number): number {
  return Number(sum.toFixed(6));
}

/** What one selector gave for one cohort. */
export interface Reading {
  /** Whether there was any series. */
  found: boolean;
  /** Its increments, one for each interval. */
  increments: number[];
}

/** What both selectors of a metric gave for one cohort. */
export interface CohortReading {
  cohort: Cohort;
  events: Reading;
  total: Reading;
}

export type Assembled =
  | { status: "counted"; counts: Partial<Record<Cohort, Counts>>[]; missing: Cohort[]; withoutEvents: Cohort[] }
  | { status: "noData"; reason: string; missing: Cohort[]; withoutEvents: Cohort[] };

/**
 * The counts of every interval by cohort. A cohort without series while others have some has zero; a metric without
 * any series, or with more events than there were in total, has no numbers that can be used.
 */
export function assemble(readings: CohortReading[], intervals: number): Assembled {
  const missing = readings.filter(({ total }) => !total.found).map(({ cohort }) => cohort);
  const withoutEvents = readings.filter(({ total, events }) => total.found && !events.found).map(({ cohort }) => cohort);
  const noData = (reason: string): Assembled => ({ status: "noData", reason, missing, withoutEvents });
  if (missing.length === readings.length) return noData("no series matches the total");

  const counts: Partial<Record<Cohort, Counts>>[] = [];
  for (let index = 0; index < intervals; index++) {
    const byCohort: Partial<Record<Cohort, Counts>> = {};
    for (const { cohort, events, total } of readings) {
      const count = { events: exact(events.increments[index] ?? 0), total: exact(total.increments[index] ?? 0) };
      if (count.events > count.total)
        return noData(`more events than there were in total for ${cohort}: ${count.events} of ${count.total}`);
      byCohort[cohort] = count;
    }
    counts.push(byCohort);
  }
  return { status: "counted", counts, missing, withoutEvents };
}

/** Why a counter's value cannot be used; nothing when it can. */
export function valueProblem(series: string, value: number): string | undefined {
  if (Number.isFinite(value) && value >= 0) return undefined;
  return `${series} is ${Number.isNaN(value) ? "NaN" : value}, which no counter can be`;
}
