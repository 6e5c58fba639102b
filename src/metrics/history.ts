import type { Cohort, Instant } from "../model/measurement.ts";
import { addBucket, addRise, splitBound, type Cumulative, type HistogramReading } from "./buckets.ts";
import { addIncrease, counterValue, NoData, noRises } from "./counts.ts";
import { seriesText } from "./exposition.ts";
import type { Over } from "./queries.ts";
import { levelOf, type BucketsReading, type CounterReading, type GaugeReading } from "./values.ts";

/** What a metrics server knows of a selector's series around a list of intervals, and what they rose by. */

/** One series and its samples, in order of time. A value may be NaN or infinite. */
export interface Series {
  /** Without the metric's name. */
  labels: ReadonlyMap<string, string>;
  samples: { at: Instant; value: number }[];
}

export interface Samples {
  /** Each series' last value at or before the start of the first interval. */
  before: readonly Series[];
  /** One for each interval `(from, to]`: the samples inside it. */
  windows: readonly (readonly Series[])[];
  /** The time of the newest sample that was seen; −Infinity for none. */
  newest: Instant;
}

/** By series, values of a counter, or of a histogram's counters together, as `Samples` has them. */
export interface History<Value> {
  before: ReadonlyMap<string, Value>;
  windows: readonly ReadonlyMap<string, readonly Value[]>[];
}

/**
 * At the start of which intervals the server already knew the metric. A series that appears counts from 0 only then:
 * a server that began to watch within the interval (its storage was lost, the target was just added) would otherwise
 * count all that ever happened.
 */
export function knownAtStart(all: readonly Samples[], intervals: number): boolean[] {
  let known = all.some(({ before }) => before.length > 0);
  return Array.from({ length: intervals }, (_, index) => {
    const atStart = known;
    known ||= all.some(({ windows }) => (windows[index]?.length ?? 0) > 0);
    return atStart;
  });
}

function isFound({ before, windows }: Samples): boolean {
  return before.length > 0 || windows.some((window) => window.length > 0);
}

/**
 * Visits each value with the one of its series from which it goes on, also over intervals without samples, or with nothing
 * where it counts from 0. A first value of which nobody knows since when it counted is left out.
 */
function forEachRise<Value>(
  { before, windows }: History<Value>,
  known: readonly boolean[],
  visit: (interval: number, former: Value | undefined, value: Value, series: string) => void,
): void {
  const last = new Map(before);
  for (const [index, window] of windows.entries()) {
    for (const [series, values] of window) {
      for (const value of values) {
        const former = last.get(series);
        if (former !== undefined || known[index]) visit(index, former, value, series);
        last.set(series, value);
      }
    }
  }
}

/** What all series of counters together rose by in each interval: differences per series, a fall being a restart at 0. */
export function counterReading(name: string, samples: Samples, known: readonly boolean[]): CounterReading {
  const read = (window: readonly Series[]) =>
    new Map(
      window.map(({ labels, samples }) => {
        const series = seriesText(name, labels);
        return [series, samples.map(({ value }) => counterValue(series, value))] as const;
      }),
    );
  const before = new Map([...read(samples.before)].map(([series, values]) => [series, values.at(-1)!]));
  const rises = noRises(samples.windows.length);
  forEachRise({ before, windows: samples.windows.map(read) }, known, (index, former, value) => addIncrease(rises, index, former, value));
  return { found: isFound(samples), ...rises };
}

/** The histograms among series with a label `le`: those of one instant belong together. Throws `NoData` for what is none. */
export function histogramHistory(name: string, { before, windows }: Samples): History<Cumulative> {
  const last = new Map<string, Map<number, number>>();
  for (const { labels, samples } of before) {
    const { rest, bound } = splitBound(name, labels);
    const series = seriesText(name, rest);
    const cumulative = last.get(series) ?? new Map<number, number>();
    last.set(series, cumulative);
    // A server that was updated may write a bound in another way; of a counter the larger value is the later one.
    addBucket(cumulative, bound, Math.max(samples.at(-1)!.value, cumulative.get(bound) ?? 0), series);
  }
  return { before: last, windows: windows.map((window) => histogramsWithin(name, window)) };
}

function histogramsWithin(name: string, window: readonly Series[]): Map<string, Cumulative[]> {
  const all = new Map<string, Map<Instant, Map<number, number>>>();
  for (const { labels, samples } of window) {
    const { rest, bound } = splitBound(name, labels);
    const series = seriesText(name, rest);
    const instants = all.get(series) ?? new Map<Instant, Map<number, number>>();
    all.set(series, instants);
    for (const { at, value } of samples) {
      const cumulative = instants.get(at) ?? new Map<number, number>();
      instants.set(at, cumulative);
      addBucket(cumulative, bound, value, series);
    }
  }
  const inOrder = (instants: Map<Instant, Cumulative>) => [...instants].sort(([a], [b]) => a - b).map(([, cumulative]) => cumulative);
  return new Map([...all].map(([series, instants]) => [series, inOrder(instants)]));
}

/**
 * Every histogram whose bounds have to be the same. Those from before the intervals need not be: their process may be
 * gone for long; they stand in where the intervals have none.
 */
export function histogramsOf(all: readonly { cohort: Cohort; history: History<Cumulative> }[]): HistogramReading[] {
  const within = all.flatMap(({ cohort, history }) =>
    history.windows.flatMap((window) =>
      [...window].flatMap(([series, values]) => values.map((cumulative) => ({ cohort, series, cumulative }))),
    ),
  );
  if (within.length > 0) return within;
  const before = all.flatMap(({ cohort, history }) => [...history.before].map(([series, cumulative]) => ({ cohort, series, cumulative })));
  return before.slice(0, 1);
}

/** What the buckets of all series together rose by in each interval, by bound. */
export function bucketsReading(history: History<Cumulative>, known: readonly boolean[], bounds: readonly number[]): BucketsReading {
  const rises = history.windows.map(() => bounds.map(() => 0));
  forEachRise(history, known, (index, former, cumulative, series) => addRise(rises[index]!, bounds, former, { series, cumulative }));
  return { found: history.before.size > 0 || history.windows.some((window) => window.size > 0), rises };
}

/**
 * The level at the end of each interval: what each series showed last, no longer than `fresh` milliseconds before; one
 * that vanished earlier has no part in it. Throws `NoData` for a value that is no number in the last interval; an earlier
 * one has no level then, so that a gauge that could not be computed for a while is read again afterwards.
 */
export function gaugeReading(
  name: string,
  samples: Samples,
  { intervals, over, fresh }: { intervals: readonly { to: Instant }[]; over: Over; fresh: number },
): GaugeReading {
  const levels = samples.windows.map((window, index) => {
    const end = intervals[index]!.to;
    const last = window.flatMap(({ labels, samples }) => {
      const sample = samples.at(-1);
      return sample && sample.at >= end - fresh ? [{ labels, value: sample.value }] : [];
    });
    const odd = last.find(({ value }) => !Number.isFinite(value));
    if (odd && index === intervals.length - 1) throw new NoData(`${seriesText(name, odd.labels)} is ${odd.value}, which is no level`);
    return odd
      ? undefined
      : levelOf(
          last.map(({ value }) => value),
          over,
        );
  });
  return { found: samples.newest > -Infinity, levels };
}
