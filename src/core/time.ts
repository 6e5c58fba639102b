import type { Instant } from "../model/measurement.ts";
import type { State } from "../model/state.ts";

/**
 * Clocks disagree, and nothing in a ledger says which one is right. What was measured is dated by the source, so that it
 * is the same for all clocks: none counts again what another has counted, and none blinds another. All else is dated by
 * the clock of whoever wrote the entry. Entries within a minute of each other share a timeline. A greater step back, or
 * the return from one, changes the timeline, and all that waits begins to wait again (so that no such jump ends a bake or
 * a patience early, and none makes it endless).
 */

/** How far clocks of different machines may be apart without anything being done about it. */
export const TOLERANCE = 60_000;
/** How many clocks that disagree are remembered. */
const MOST_TIMELINES = 4;

/** The latest instant of the timeline that an entry written at `at` is on; nothing where none of those that are known is. */
function timelineOf({ at: latest, timelines }: State, at: Instant): Instant | undefined {
  const known = [latest, ...timelines].filter((timeline) => timeline <= at + TOLERANCE);
  return known.length > 0 ? Math.max(...known) : undefined;
}

/** How long it is since the last entry by the clock that says `at`; 0 where no entry was written by it. */
export function elapsedSince(state: State, at: Instant): number {
  return Math.max(0, at - (timelineOf(state, at) ?? at));
}

/** The state with its instants on the timeline of an entry written at `at`. */
export function onTimelineOf(state: State, at: Instant): State {
  const chosen = timelineOf(state, at);
  if (chosen === state.at) return { ...state, at: Math.max(state.at, at) };

  const others = [state.at, ...state.timelines.filter((timeline) => timeline !== chosen)].slice(0, MOST_TIMELINES);
  const metrics = Object.fromEntries(
    Object.entries(state.metrics).map(([name, metric]) => {
      // A scraped source knows the time by its reader's clock alone; what it counted is safe in its cursor.
      const through = metric.cursor === undefined ? metric.through : Math.min(metric.through, at);
      return [name, { ...metric, through, ...(metric.missing && { missing: { ...metric.missing, since: at } }) }];
    }),
  );
  const next: State = {
    ...state,
    at,
    timelines: others,
    metrics,
    bakeFrom: at + remaining(state, state.bakeFrom),
    progress: Object.fromEntries(Object.entries(state.progress).map(([id, progress]) => [id, { ...progress, baked: 0 }])),
    ...(state.intent && { intent: { ...state.intent, ...restarted(state.intent, at) } }),
    ...(state.firstExposedAt !== undefined && { firstExposedAt: Math.min(state.firstExposedAt, at) }),
    startedAt: Math.min(state.startedAt, at),
  };
  return { ...next, changes: undated(next, at, Math.max(0, ...state.changes.map(({ until }) => remaining(state, until)))) };
}

/**
 * The instant of an entry beside what was measured: it was written after that, so a clock that says otherwise is behind.
 */
export function besideMeasured(state: State, at: Instant): Instant {
  return Math.max(at, ...Object.values(state.metrics).map(({ through }) => through));
}

/** How long it is until an instant by the clock that wrote it. */
function remaining(state: State, until: Instant = state.at): number {
  return Math.max(0, until - state.at);
}

/**
 * When, by the clock that counts now, the changes so far were made is not known: all that is not measured yet is mixed,
 * and so is what comes while a change still spreads.
 */
function undated(state: State, at: Instant, spreading: number): State["changes"] {
  const measured = Object.values(state.metrics).map(({ through }) => through);
  if (measured.length === 0) return [];
  const from = Math.min(...measured);
  const underWay = state.changes.some((change) => change.until === undefined);
  return [{ from, ...(!underWay && { until: besideMeasured(state, at) + spreading }) }];
}

/** An open intent gets its whole time again, counted by the new clock. */
function restarted(intent: { at: Instant; deadline: Instant }, at: Instant): { at: Instant; deadline: Instant } {
  return { at, deadline: at + (intent.deadline - intent.at) };
}
