import { cohortsOf } from "../core/groups.ts";
import type { Measured, MeasureRequest } from "../metrics/port.ts";
import type { Instant, Measurement, MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { ChangeWindow, State } from "../model/state.ts";
import { TOLERANCE } from "../core/time.ts";
import type { ConnectedSource, Engine } from "./context.ts";

/** How long a look may wait for its sources, in milliseconds. */
export const MEASURE_DEADLINE = 20_000;

/** The metrics that some guardrail of the plan judges. */
export function judgedMetrics(plan: Plan): string[] {
  return [...new Set(plan.guardrails.map((guardrail) => guardrail.metric))].sort();
}

/** Asks each source once for all of its metrics, all sources side by side. */
export async function ask(
  plan: Plan,
  sources: Record<string, ConnectedSource>,
  names: string[],
  parts: (name: string, source: ConnectedSource) => Pick<MeasureRequest, "intervals" | "cursor"> | undefined,
  deadline: number = MEASURE_DEADLINE,
): Promise<Record<string, Measured>> {
  const answers: Record<string, Measured> = {};
  const sourceOf = (name: string) => plan.metrics[name]!.source;
  await Promise.all(
    [...new Set(names.map(sourceOf))].map(async (sourceName) => {
      const metrics = names.filter((name) => sourceOf(name) === sourceName);
      const connected = sources[sourceName]!;
      const requests = metrics.flatMap((metric): MeasureRequest[] => {
        const part = parts(metric, connected);
        const { events, total } = plan.metrics[metric]!;
        if (!part) return [];
        return [
          { metric, events: connected.parseQuery(events), total: connected.parseQuery(total), cohorts: cohortsOf(plan, metric), ...part },
        ];
      });
      if (requests.length === 0) return;
      const measured = await connected.source.measure(requests, { deadline });
      requests.forEach((request, index) => {
        answers[request.metric] = measured[index]!;
      });
    }),
  );
  return answers;
}

/** Every judged metric since the end of its own last successful measurement. */
export async function measureAll(
  engine: Engine,
  state: State,
  sources: Record<string, ConnectedSource>,
): Promise<Record<string, MetricReading>> {
  const { plan } = state;
  const now = engine.clock.now();
  const elapsed = Math.max(0, now - state.at);
  const names = judgedMetrics(plan);
  const readings: Record<string, MetricReading> = {};
  const answers = await ask(plan, sources, names, (name, { history, settle }) => {
    const known = state.metrics[name];
    if (!history) return { intervals: [], cursor: known?.cursor };
    // A clock that is behind what was measured cannot say how far to ask, only how much time went by. It asks for a little
    // more, to catch up with what went by before its first look.
    const behind = known && known.through > now + TOLERANCE;
    const to = behind ? known.through + elapsed + TOLERANCE : now - settle;
    if (!known) {
      // A metric that came with a change of the plan begins here.
      const others = Object.values(state.metrics).map(({ through }) => through);
      const through = others.length > 0 ? Math.min(to, Math.max(...others)) : to;
      readings[name] = { status: "measured", through, measurements: [] };
      return undefined;
    }
    if (to <= known.through) {
      readings[name] = { status: "notYet" };
      return undefined;
    }
    return { intervals: cutAtChanges({ from: known.through, to }, windowsOf(state)), cursor: undefined };
  });
  for (const [name, measured] of Object.entries(answers)) readings[name] = readingOf(upToNewest(measured), state);
  return readings;
}

/**
 * An answer without what lies after its newest sample: nothing is known of that yet, and a clock that is ahead would have
 * it counted as seen.
 */
function upToNewest(measured: Measured): Measured {
  const { newest } = measured.sent;
  if (measured.status !== "measured" || newest === undefined) return measured;
  const intervals = measured.intervals.filter(({ from }) => from < newest).map((each) => ({ ...each, to: Math.min(each.to, newest) }));
  return { ...measured, intervals };
}

/** What the state keeps of an answer. */
function readingOf(measured: Measured, state: State): MetricReading {
  switch (measured.status) {
    case "measured": {
      const windows = windowsOf(state);
      const measurements = measured.intervals.map(({ from, to, counts }): Measurement => ({
        from,
        to,
        mixed: windows.some((window) => overlaps(window, { from, to })),
        counts,
      }));
      const through = measurements.at(-1)?.to;
      if (through === undefined) return { status: "notYet" };
      return { status: "measured", through, measurements, ...(measured.cursor !== undefined && { cursor: measured.cursor }) };
    }
    case "baseline":
      return { status: "baseline", through: measured.at, cursor: measured.cursor };
    case "noData":
    case "error":
      return { status: measured.status, reason: measured.reason };
    default:
      return measured satisfies never;
  }
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
