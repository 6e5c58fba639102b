import { cohortsOf } from "../core/groups.ts";
import { judgedMetrics, missingBaselines } from "../core/look.ts";
import type { Measured, MeasureRequest } from "../metrics/port.ts";
import type { Baseline, Cohort, Instant, Measurement, MetricReading, Value } from "../model/measurement.ts";
import { NUMBERS, type Metric, type NumberKind, type NumberName, type Plan, type Query } from "../model/plan.ts";
import type { ChangeWindow, State } from "../model/state.ts";
import { elapsedSince, onTimelineOf, TOLERANCE } from "../core/time.ts";
import type { ConnectedSource, Engine } from "./context.ts";

/** How long a look may wait for its sources, in milliseconds. */
export const MEASURE_DEADLINE = 20_000;

/** What to ask a source for; several of one metric are told apart by their keys. */
export interface Asked extends Pick<MeasureRequest, "intervals" | "cursor"> {
  key: string;
  metric: string;
}

/** Asks each source once for all that is wanted of it, all sources side by side; answers come by key. */
export async function ask(
  plan: Plan,
  sources: Record<string, ConnectedSource>,
  asked: readonly Asked[],
  deadline: number = MEASURE_DEADLINE,
): Promise<Record<string, Measured>> {
  const answers: Record<string, Measured> = {};
  const sourceOf = ({ metric }: Asked) => plan.metrics[metric]!.source;
  await Promise.all(
    [...new Set(asked.map(sourceOf))].map(async (name) => {
      const own = asked.filter((each) => sourceOf(each) === name);
      const connected = sources[name]!;
      const requests = own.map(({ metric, intervals, cursor }): MeasureRequest => {
        const { kind } = plan.metrics[metric]!;
        return { metric, kind, numbers: numbersOf(plan.metrics[metric]!, connected), cohorts: cohortsOf(plan, metric), intervals, cursor };
      });
      const measured = await connected.source.measure(requests, { deadline });
      own.forEach(({ key }, index) => {
        answers[key] = measured[index]!;
      });
    }),
  );
  return answers;
}

/** The queries of a metric, as its source's schemas read them. */
function numbersOf(metric: Metric, { parseQuery }: ConnectedSource): MeasureRequest["numbers"] {
  const asked = Object.entries(NUMBERS[metric.kind]) as [NumberName, NumberKind][];
  if (metric.users) asked.push(["users", "counter"]);
  const queries = metric as Partial<Record<NumberName, Query>>;
  return Object.fromEntries(asked.map(([name, kind]) => [name, parseQuery(queries[name] ?? {}, kind)]));
}

/** What a look reads. */
export interface Readings {
  metrics: Record<string, MetricReading>;
  /** What metrics were before the run, where that is asked for and not known yet; a text says why it cannot be known. */
  baselines: Record<string, Baseline | string>;
}

/** Every judged metric since the end of its own last successful measurement, and the baselines that are still missing. */
export async function measureAll(engine: Engine, before: State, sources: Record<string, ConnectedSource>): Promise<Readings> {
  const now = engine.clock.now();
  const state = onTimelineOf(before, now);
  const elapsed = elapsedSince(before, now);
  const { plan } = state;
  const metrics: Record<string, MetricReading> = {};
  const asked: Asked[] = [];
  for (const metric of judgedMetrics(plan)) {
    const part = partOf(state, metric, sources[plan.metrics[metric]!.source]!, now, elapsed);
    if ("status" in part) metrics[metric] = part;
    else asked.push({ key: metric, metric, ...part });
  }
  const missing = missingBaselines(state);
  for (const { key, metric, before } of missing) {
    const { settle } = sources[plan.metrics[metric]!.source]!;
    const to = Math.min(now - settle, state.firstExposedAt ?? now);
    const whole = { from: to - before, to };
    asked.push({ key, metric, cursor: undefined, intervals: plan.metrics[metric]!.kind === "gauge" ? inPieces(whole, LEVELS) : [whole] });
  }
  const answers = await ask(plan, sources, asked);
  const baselines = Object.fromEntries(missing.map(({ key }) => [key, baselineOf(answers[key]!)]));
  for (const { key, metric } of asked) {
    if (key === metric) metrics[metric] = readingOf(upToNewest(answers[key]!), state, metric);
  }
  return { metrics, baselines };
}

/** Which part of a metric's history is still to be measured, or that there is none. */
function partOf(
  state: State,
  name: string,
  { history, settle }: ConnectedSource,
  now: Instant,
  elapsed: number,
): Pick<MeasureRequest, "intervals" | "cursor"> | MetricReading {
  const known = state.metrics[name];
  if (!history) return { intervals: [], cursor: known?.cursor };
  // A clock that is behind what was measured cannot say how far to ask, only how much time went by. It asks for a little
  // more, to catch up with what went by before its first look.
  const behind = known && known.through > now + TOLERANCE;
  const to = behind ? known.through + elapsed + TOLERANCE : now - settle;
  if (!known) {
    // A metric that came with a change of the plan begins here.
    const others = Object.values(state.metrics).map(({ through }) => through);
    return { status: "measured", through: others.length > 0 ? Math.min(to, Math.max(...others)) : to, measurements: [] };
  }
  if (to <= known.through) return { status: "notYet" };
  const pieces = cutAtChanges({ from: known.through, to }, windowsOf(state));
  return { intervals: pieces.flatMap((piece) => inPieces(piece, state.plan.policy.poll)), cursor: undefined };
}

/** Of a gauge's past so many levels are read. */
const LEVELS = { count: 60 };
/** No look asks for more pieces of an unchanged time: what was missed for days comes in longer ones. */
const MOST_PIECES = 60;

/**
 * An interval in equal pieces of about the poll's length: the judge learns from look to look how much the numbers vary by
 * themselves, so that ten minutes in which nobody looked are to it what ten looks would have been.
 */
export function inPieces(interval: Span, size: number | { count: number }): Span[] {
  const { from, to } = interval;
  const wanted = typeof size === "number" ? Math.round((to - from) / size) : size.count;
  const pieces = Math.max(1, Math.min(MOST_PIECES, wanted, to - from));
  const cut = (index: number) => from + Math.round(((to - from) * index) / pieces);
  return Array.from({ length: pieces }, (_, index) => ({ from: cut(index), to: cut(index + 1) }));
}

/** The answer about the time before the run as one value; why there is none where there is none. */
function baselineOf(measured: Measured): Baseline | string {
  if (measured.status !== "measured") return "reason" in measured ? measured.reason : "its source keeps no history";
  const { intervals, bounds } = measured;
  const [first, last] = [intervals[0], intervals.at(-1)];
  if (!first || !last) return "nothing was measured";
  const span = { from: first.from, to: last.to, ...(bounds && { bounds }) };
  if (intervals.length === 1) return { ...span, counts: first.counts };
  const levels: Partial<Record<Cohort, number[]>> = {};
  for (const { counts } of intervals) {
    for (const [cohort, value] of Object.entries(counts) as [Cohort, Value][])
      if ("level" in value) (levels[cohort] ??= []).push(value.level);
  }
  return { ...span, counts: last.counts, levels };
}

/**
 * An answer without what lies after its newest sample: nothing is known of that yet, and a clock that is ahead would have
 * it counted as seen.
 */
function upToNewest(measured: Measured): Measured {
  const { newest } = measured.sent;
  if (measured.status !== "measured" || newest === undefined) return measured;
  // What a page has counted since a clock that was ahead read it last has no length, and yet is all there is of it.
  const known = measured.intervals.filter(({ from, to }) => from < newest || to <= newest);
  const intervals = known.map((each) => ({ ...each, to: Math.min(each.to, newest) }));
  return { ...measured, intervals };
}

/** What the state keeps of an answer. */
function readingOf(measured: Measured, state: State, name: string): MetricReading {
  switch (measured.status) {
    case "measured": {
      const windows = windowsOf(state);
      const measurements = measured.intervals.map(({ from, to, counts, users }): Measurement => ({
        from,
        to,
        // Without a length it is not known when it was, so perhaps before a change.
        mixed: from === to || windows.some((window) => overlaps(window, { from, to })),
        counts,
        ...(users && { users }),
      }));
      const through = measurements.at(-1)?.to;
      if (through === undefined) return { status: "notYet" };
      const { cursor } = measured;
      return { status: "measured", through, measurements, ...newBounds(measured, state, name), ...(cursor !== undefined && { cursor }) };
    }
    case "baseline":
      return { status: "baseline", through: measured.at, ...newBounds(measured, state, name), cursor: measured.cursor };
    case "noData":
    case "error":
      return { status: measured.status, reason: measured.reason };
    default:
      return measured satisfies never;
  }
}

/** The bounds of a histogram, where the ledger has not told them before. */
function newBounds({ bounds }: { bounds?: number[] }, state: State, name: string): { bounds?: number[] } {
  const known = state.metrics[name]?.bounds;
  const same = bounds && known && bounds.length === known.length && bounds.every((bound, index) => bound === known[index]);
  return bounds && !same ? { bounds } : {};
}

interface Span {
  from: Instant;
  to: Instant;
}

function windowsOf(state: State): Span[] {
  return state.changes.map(({ from, until }: ChangeWindow) => ({ from, to: until ?? Number.MAX_SAFE_INTEGER }));
}

function overlaps(a: Span, b: Span): boolean {
  return a.from < b.to && b.from < a.to;
}

/** The interval in pieces that lie wholly inside or wholly outside of each window. */
export function cutAtChanges(interval: Span, windows: Span[]): Span[] {
  const cuts = windows.flatMap(({ from, to }) => [from, to]).filter((cut) => cut > interval.from && cut < interval.to);
  const ends = [...new Set([...cuts, interval.to])].sort((a, b) => a - b);
  return ends.map((to, index) => ({ from: ends[index - 1] ?? interval.from, to }));
}
