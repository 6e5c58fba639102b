import type { Instant } from "../model/measurement.ts";
import { seriesText } from "./exposition.ts";
import type { Samples, Series } from "./history.ts";
import type { PrometheusApi } from "./prometheus-api.ts";

/** Which samples of a selector are asked for, so that few queries give exact counts. */

const MINUTE = 60_000;

/** How far back the value is looked for from which a series goes on. One that was silent for longer counts as new. */
const LOOKBACK = 60 * MINUTE;
/** Up to here an interval's samples are read as they are; of a longer one only the ends, unless a series fell in it. */
const SHORT = 5 * MINUTE;
/** The longest piece of samples that is asked for at once, of so many series; of more a shorter one, so that it fits into an answer. */
const PIECE = 15 * MINUTE;
const SERIES = 2000;

type Ask = PrometheusApi["query"];

export interface Span {
  from: Instant;
  to: Instant;
}

export interface Reading {
  /** In order and without gaps; not empty. */
  intervals: readonly Span[];
  ask: Ask;
  /** At least so far before the end of the last interval is looked at, to know how old the numbers are. */
  age: number;
}

/** The part of an answer that is one interval's. */
type Window = readonly Series[];

interface Read {
  windows: Window[];
  newest: Instant;
}

/** Each series' last value at or before `from`. */
export function readStart(selector: string, from: Instant, ask: Ask): Promise<Series[]> {
  return ask(`last_over_time(${selector}[${promDuration(LOOKBACK)}])`, from, "vector");
}

/**
 * Asks for all that is needed of a selector of counters: the last values before the first interval, the samples of short
 * intervals, and the ends of long ones.
 *
 * @param known whether the metric was there at the start of the first interval
 */
export async function readCounters(selector: string, reading: Reading, known: () => Promise<boolean>): Promise<Samples> {
  const { intervals, ask } = reading;
  const before = await readStart(selector, intervals[0]!.from, ask);
  const piece = Math.floor(PIECE * Math.min(1, SERIES / before.length));
  const read = await readStretches(reading, piece, (stretch, age) =>
    stretch.long ? readEnds(selector, stretch, { ...reading, piece, age, known }) : readSamples(selector, stretch, ask, age),
  );
  return { before, ...read };
}

/**
 * Asks for what a selector of gauges shows at the end of each interval: for the samples of short intervals, and for those of
 * the last `age` milliseconds of each long one.
 */
export async function readGauges(selector: string, reading: Reading): Promise<Samples> {
  const { ask, age } = reading;
  const read = await readStretches(reading, PIECE, async (stretch) => {
    const parts = stretch.long ? stretch.intervals.map((interval) => [interval]) : [stretch.intervals];
    const lengthOf = (part: readonly Span[]) => (stretch.long ? age : Math.max(age, part.at(-1)!.to - part[0]!.from));
    const answers = await Promise.all(parts.map((part) => ask(range(selector, lengthOf(part)), part.at(-1)!.to, "matrix")));
    return { windows: parts.flatMap((part, index) => cut([answers[index]!], part)), newest: newestOf(answers.flat()) };
  });
  return { before: [], ...read };
}

/** Neighbouring intervals that are read together: short ones by their samples, long ones by their ends. */
interface Stretch extends Span {
  long: boolean;
  intervals: Span[];
}

/** Reads all stretches of the intervals side by side; the last with the age that it has to reach back. */
async function readStretches(
  { intervals, age }: Reading,
  piece: number,
  read: (stretch: Stretch, age: number) => Promise<Read>,
): Promise<Read> {
  const stretches = stretchesOf(intervals, piece);
  const all = await Promise.all(stretches.map((stretch, index) => read(stretch, index === stretches.length - 1 ? age : 0)));
  return { windows: all.flatMap(({ windows }) => windows), newest: Math.max(...all.map(({ newest }) => newest)) };
}

/** As many short intervals as one answer has the samples of are a stretch, and all long ones that follow each other. */
function stretchesOf(intervals: readonly Span[], piece: number): Stretch[] {
  const stretches: Stretch[] = [];
  for (const interval of intervals) {
    const { from, to } = interval;
    const long = to - from > SHORT;
    const last = stretches.at(-1);
    if (last?.long === long && (long || to - last.from <= piece)) {
      last.intervals.push(interval);
      last.to = to;
    } else stretches.push({ long, from, to, intervals: [interval] });
  }
  return stretches;
}

/** All samples of a stretch, by one query. */
async function readSamples(selector: string, { from, to, intervals }: Stretch, ask: Ask, age: number): Promise<Read> {
  const answer = await ask(range(selector, Math.max(to - from, age)), to, "matrix");
  return { windows: cut([answer], intervals), newest: newestOf(answer) };
}

/** The last values of each interval of a stretch; all of its samples where a series fell or is new, piece by piece. */
async function readEnds(
  selector: string,
  { from, to, intervals }: Stretch,
  { ask, piece, age, known, ...reading }: Reading & { piece: number; known: () => Promise<boolean> },
): Promise<Read> {
  const sinceStart = to - reading.intervals[0]!.from + LOOKBACK;
  const [ends, resets, tail] = await Promise.all([
    // Not the instant value: a series that vanished inside the interval counts up to its last sample.
    Promise.all(intervals.map((each) => ask(`last_over_time(${range(selector, each.to - each.from)})`, each.to, "vector"))),
    // From the earliest value that is known, so that a fall from before the interval is seen.
    ask(`resets(${range(selector, sinceStart)}) > 0`, to, "vector"),
    age > 0 ? ask(range(selector, age), to, "matrix") : [],
  ]);
  const newest = newestOf(tail);
  if (resets.length === 0 && (await known())) return { windows: ends, newest };
  // What a series had counted before it fell, or since it was first seen, is between the ends: all samples are needed.
  const pieces: Promise<Series[]>[] = [];
  for (let start = from; start < to; start += piece) {
    const end = Math.min(start + piece, to);
    pieces.push(ask(range(selector, end - start), end, "matrix"));
  }
  return { windows: cut(await Promise.all(pieces), intervals), newest };
}

/**
 * The samples of each interval `(from, to]`. The sample at exactly `from` belongs to the interval before; one at the
 * border of two answers comes with both (a range includes its start up to Prometheus 2) and counts once.
 */
function cut(answers: readonly (readonly Series[])[], intervals: readonly Span[]): Window[] {
  const windows = intervals.map(() => new Map<string, Series>());
  const reached = new Map<string, Instant>();
  for (const { labels, samples } of answers.flat()) {
    const series = seriesText("", labels);
    let newest = reached.get(series) ?? intervals[0]!.from;
    let index = 0;
    for (const sample of samples) {
      if (sample.at <= newest) continue;
      newest = sample.at;
      while (index < intervals.length && sample.at > intervals[index]!.to) index++;
      const window = windows[index];
      if (!window) break;
      const known = window.get(series);
      if (known) known.samples.push(sample);
      else window.set(series, { labels, samples: [sample] });
    }
    reached.set(series, newest);
  }
  return windows.map((window) => [...window.values()]);
}

function newestOf(series: readonly Series[]): Instant {
  return series.reduce((newest, { samples }) => Math.max(newest, samples.at(-1)?.at ?? -Infinity), -Infinity);
}

function range(selector: string, milliseconds: number): string {
  return `${selector}[${promDuration(Math.max(milliseconds, 1))}]`;
}

function promDuration(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
