import { increase } from "./counts.ts";

/** What a metrics server knows of a selector's series around a list of intervals, and what they rose by. */

/** By series, its values inside one interval `(from, to]`, in order. */
export type Window = ReadonlyMap<string, readonly number[]>;

export interface SeriesHistory {
  /** By series, the last value at or before the start of the first interval. */
  before: ReadonlyMap<string, number>;
  /** One for each interval. */
  windows: readonly Window[];
}

/** Whether there was any series at all. */
export function hasSeries({ before, windows }: SeriesHistory): boolean {
  return before.size > 0 || windows.some((window) => window.size > 0);
}

/**
 * At the start of which intervals the server already knew the metric. A series that appears counts from 0 only then:
 * a server that began to watch within the interval (its storage was lost, the target was just added) would otherwise
 * count all that ever happened.
 */
export function knownAtStart(histories: readonly SeriesHistory[], intervals: number): boolean[] {
  let known = histories.some(({ before }) => before.size > 0);
  return Array.from({ length: intervals }, (_, index) => {
    const atStart = known;
    known ||= histories.some(({ windows }) => (windows[index]?.size ?? 0) > 0);
    return atStart;
  });
}

/**
 * What all series together rose by in each interval: differences per series, a fall being a restart at 0. A series that
 * paused goes on from its last value, also over intervals without samples.
 */
export function increments({ before, windows }: SeriesHistory, known: readonly boolean[]): number[] {
  const last = new Map(before);
  return windows.map((window, index) => {
    let sum = 0;
    for (const [series, values] of window) {
      for (const value of values) {
        const former = last.get(series);
        if (former !== undefined || known[index]) sum += increase(former, value);
        last.set(series, value);
      }
    }
    return sum;
  });
}
