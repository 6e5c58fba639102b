import type { Instant } from "../model/measurement.ts";
import { valueProblem } from "./counts.ts";
import type { SeriesHistory, Window } from "./history.ts";
import type { PrometheusApi, Series } from "./prometheus-api.ts";

/** Which samples of a selector are asked for, so that few queries give exact counts. */

const MINUTE = 60_000;

/** How far back the value is looked for from which a series goes on. One that was silent for longer counts as new. */
const LOOKBACK = 60 * MINUTE;
/** Up to here an interval's samples are read as they are; of a longer one only the ends, unless a series fell in it. */
const SHORT = 5 * MINUTE;
/** The longest piece of samples that is asked for at once: thousands of series of it fit into one answer. */
const PIECE = 15 * MINUTE;

/** Numbers that cannot be used, as opposed to no answer. */
export class NoData extends Error {}

export interface TimedHistory extends SeriesHistory {
  /** The time of the newest sample that was seen; −Infinity for none. */
  newest: Instant;
}

export interface Reading {
  intervals: readonly { from: Instant; to: Instant }[];
  ask: PrometheusApi["query"];
  /** Whether the metric was there at the start of the first interval. */
  known: () => Promise<boolean>;
}

/** By series, the last value at or before `from`. */
export async function readStart(selector: string, from: Instant, ask: PrometheusApi["query"]): Promise<Map<string, number>> {
  return lastValues(selector, await ask(`last_over_time(${selector}[${promDuration(LOOKBACK)}])`, from, "vector"));
}

/**
 * Asks for all that is needed of one selector: the last values before the first interval, then each interval by itself,
 * going on from the one before. At least `age` before the end of the last interval is looked at, to know how old the
 * numbers are. Throws `NoData` for values that no counter can have.
 */
export async function readHistory(selector: string, reading: Reading, age: number): Promise<TimedHistory> {
  const { intervals, ask } = reading;
  const [before, ...read] = await Promise.all([
    readStart(selector, intervals[0]!.from, ask),
    ...intervals.map((_, index) => readInterval(selector, reading, index, index === intervals.length - 1 ? age : 0)),
  ]);
  return { before, windows: read.map(({ window }) => window), newest: Math.max(...read.map(({ newest }) => newest)) };
}

async function readInterval(
  selector: string,
  { intervals, ask, known }: Reading,
  index: number,
  age: number,
): Promise<{ window: Window; newest: Instant }> {
  const { from, to } = intervals[index]!;
  const length = to - from;
  if (length <= SHORT) {
    const series = await ask(`${selector}[${promDuration(Math.max(length, age, 1))}]`, to, "matrix");
    return { window: samplesWithin(selector, [series], from), newest: newestOf(series) };
  }
  const sinceStart = to - intervals[0]!.from + LOOKBACK;
  const [ends, resets, tail] = await Promise.all([
    // Not the instant value: a series that vanished inside the interval counts up to its last sample.
    ask(`last_over_time(${selector}[${promDuration(length)}])`, to, "vector"),
    // From the earliest value that is known, so that a fall from before the interval is seen.
    ask(`resets(${selector}[${promDuration(sinceStart)}]) > 0`, to, "vector"),
    age > 0 ? ask(`${selector}[${promDuration(age)}]`, to, "matrix") : [],
  ]);
  const newest = newestOf(tail);
  if (resets.length === 0 && (await known())) {
    const values = [...lastValues(selector, ends)].map(([series, value]) => [series, [value]] as const);
    return { window: new Map(values), newest };
  }
  // What a series had counted before it fell, or since it was first seen, is between the ends: all samples are needed.
  const pieces: Promise<Series[]>[] = [];
  for (let start = from; start < to; start += PIECE) {
    const end = Math.min(start + PIECE, to);
    pieces.push(ask(`${selector}[${promDuration(end - start)}]`, end, "matrix"));
  }
  return { window: samplesWithin(selector, await Promise.all(pieces), from), newest };
}

function lastValues(selector: string, answer: readonly Series[]): Map<string, number> {
  return new Map(answer.map(({ series, samples }) => [series, usable(selector, series, samples.at(-1)!.value)]));
}

/**
 * The values after `from`, in order. The sample at exactly `from` belongs to the interval before; one at the border of
 * two pieces comes with both (a range includes its start up to Prometheus 2) and counts once.
 */
function samplesWithin(selector: string, pieces: readonly Series[][], from: Instant): Window {
  const window = new Map<string, number[]>();
  const reached = new Map<string, Instant>();
  for (const { series, samples } of pieces.flat()) {
    for (const { at, value } of samples) {
      if (at <= (reached.get(series) ?? from)) continue;
      reached.set(series, at);
      const values = window.get(series);
      if (values) values.push(usable(selector, series, value));
      else window.set(series, [usable(selector, series, value)]);
    }
  }
  return window;
}

function newestOf(series: readonly Series[]): Instant {
  return series.reduce((newest, { samples }) => Math.max(newest, samples.at(-1)?.at ?? -Infinity), -Infinity);
}

function usable(selector: string, series: string, value: number): number {
  const problem = valueProblem(`${selector.replace(/\{.*$/s, "")}${series}`, value);
  if (problem) throw new NoData(problem);
  return value;
}

function promDuration(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
