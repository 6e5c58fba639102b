import type { Instant } from "../model/measurement.ts";
import type { State, Timeline } from "../model/state.ts";

/**
 * Clocks disagree, and nothing in a ledger says which one is right. Entries within a minute of each other share a
 * timeline. A greater step back, or the return from one, changes the timeline: how far each metric was measured belongs
 * to the timeline (so that neither clock counts what it counted before, and a clock a day ahead blinds nobody), and all
 * that waits begins to wait again (so that no jump ends a bake or a patience early).
 */

/** How far clocks of different machines may be apart without anything being done about it. */
const TOLERANCE = 60_000;
/** How many clocks that disagree are remembered. */
const MOST_TIMELINES = 4;

/** The state with its instants on the timeline of an entry written at `at`. */
export function onTimelineOf(state: State, at: Instant): State {
  const known = [present(state), ...state.timelines].filter((timeline) => timeline.at <= at + TOLERANCE);
  const chosen = known.reduce<Timeline | undefined>((best, timeline) => (best && best.at >= timeline.at ? best : timeline), undefined);
  if (chosen && chosen.at === state.at) return { ...state, at: Math.max(state.at, at) };

  const others = [present(state), ...state.timelines.filter((timeline) => timeline !== chosen)].slice(0, MOST_TIMELINES);
  const metrics = Object.fromEntries(
    Object.entries(state.metrics).map(([name, metric]) => {
      const through = chosen?.through[name] ?? Math.min(metric.through, at);
      return [name, { ...metric, through, ...(metric.missing && { missing: { ...metric.missing, since: at } }) }];
    }),
  );
  return {
    ...state,
    at,
    timelines: others,
    metrics,
    bakeFrom: at,
    progress: Object.fromEntries(Object.entries(state.progress).map(([id, progress]) => [id, { ...progress, baked: 0 }])),
    changes: state.changes.map((change) => ({
      from: Math.min(change.from, at),
      ...(change.until !== undefined && { until: Math.min(change.until, at) }),
    })),
    ...(state.intent && { intent: { ...state.intent, ...restarted(state.intent, at) } }),
    ...(state.firstExposedAt !== undefined && { firstExposedAt: Math.min(state.firstExposedAt, at) }),
    startedAt: Math.min(state.startedAt, at),
  };
}

function present(state: State): Timeline {
  return { at: state.at, through: Object.fromEntries(Object.entries(state.metrics).map(([name, metric]) => [name, metric.through])) };
}

/** An open intent gets its whole time again, counted by the new clock. */
function restarted(intent: { at: Instant; deadline: Instant }, at: Instant): { at: Instant; deadline: Instant } {
  return { at, deadline: at + (intent.deadline - intent.at) };
}
