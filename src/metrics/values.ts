import type { Cohort, Sums, Value } from "../model/measurement.ts";
import { NUMBERS, type MetricKind, type NumberName } from "../model/plan.ts";
import { perBucket } from "./buckets.ts";
import { exact, exactDigits, type Rises } from "./counts.ts";
import { MAIN, type Over } from "./queries.ts";

/** From what the selectors of a metric gave to its values, by interval and cohort; and which numbers cannot be. */

/** What one selector of counters gave for one cohort. */
export interface CounterReading extends Rises {
  /** Whether there was any series. */
  found: boolean;
}

/** What the selector of a histogram gave: in each interval, how much the cumulative counters rose, by bound. */
export interface BucketsReading {
  found: boolean;
  rises: number[][];
}

/** What the selector of a gauge gave: its level at the end of each interval, where it showed one. */
export interface GaugeReading {
  found: boolean;
  levels: (number | undefined)[];
}

/** What all selectors of a metric gave for one cohort. A counter of users that is absent is not known yet. */
export interface CohortReading {
  cohort: Cohort;
  counters: Partial<Record<NumberName, CounterReading>>;
  buckets?: BucketsReading;
  gauge?: GaugeReading;
}

interface Completeness {
  missing: Cohort[];
  withoutEvents: Cohort[];
}

export type Assembled = Completeness &
  (
    | { status: "counted"; counts: Partial<Record<Cohort, Value>>[]; users: Partial<Record<Cohort, number>>[] | undefined }
    | { status: "noData"; reason: string }
  );

/**
 * The values of every interval by cohort. A cohort without series while others have some has zero (of a gauge: it is
 * absent); a metric without any series, or with values that cannot be, has no numbers that can be used.
 */
export function assemble(kind: MetricKind, readings: readonly CohortReading[], intervals: number): Assembled {
  const missing = readings.filter((reading) => !isFound(reading, MAIN[kind])).map(({ cohort }) => cohort);
  const found = readings.filter((reading) => isFound(reading, MAIN[kind]));
  const withoutEvents = kind === "rate" ? found.filter((reading) => !isFound(reading, "events")).map(({ cohort }) => cohort) : [];
  const noData = (reason: string): Assembled => ({ status: "noData", reason, missing, withoutEvents });
  if (missing.length === readings.length) return noData(`no series matches the ${MAIN[kind]}`);
  if (kind !== "rate") {
    // No errors is what a healthy service has, but no count is without its sum.
    for (const reading of found) {
      const name = (Object.keys(NUMBERS[kind]) as NumberName[]).find((each) => !isFound(reading, each));
      if (name) return noData(`no series matches the ${name} for ${reading.cohort}, although there is one of the ${MAIN[kind]}`);
    }
  }

  const counts: Partial<Record<Cohort, Value>>[] = [];
  for (let index = 0; index < intervals; index++) {
    const byCohort: Partial<Record<Cohort, Value>> = {};
    for (const reading of readings) {
      const value = valueOf(kind, reading, index);
      if (typeof value === "string") return noData(value);
      if (value) byCohort[reading.cohort] = value;
    }
    counts.push(byCohort);
  }
  return { status: "counted", counts, users: usersOf(readings, intervals), missing, withoutEvents };
}

function isFound({ counters, buckets, gauge }: CohortReading, name: NumberName): boolean {
  const reading = name === "buckets" ? buckets : name === "value" ? gauge : counters[name];
  return reading?.found ?? false;
}

/** One cohort's value in one interval, nothing where a gauge shows none; or why it cannot be. */
function valueOf(kind: MetricKind, { cohort, counters, buckets, gauge }: CohortReading, index: number): Value | string | undefined {
  const rise = (name: NumberName) => counters[name]?.rises[index] ?? 0;
  switch (kind) {
    case "rate": {
      const count = { events: exact(rise("events")), total: exact(rise("total")) };
      if (count.events <= count.total) return count;
      return `more events than there were in total for ${cohort}: ${count.events} of ${count.total}`;
    }
    case "mean": {
      const doubt = (name: NumberName) => counters[name]?.doubt[index] ?? 0;
      const sums = { count: exact(rise("count")), sum: exactDigits(rise("sum")), sumSquares: exactDigits(rise("sumSquares")) };
      return impossible(sums, doubt("sum"), doubt("sumSquares"), cohort) ?? sums;
    }
    case "histogram":
      return { buckets: perBucket(buckets?.rises[index] ?? []) };
    case "gauge": {
      const level = gauge?.levels[index];
      return level === undefined ? undefined : { level };
    }
    default:
      return kind satisfies never;
  }
}

/** Why no values have these sums, if so; sums that only rounding sets apart are possible. */
function impossible({ count, sum, sumSquares }: Sums, ofSum: number, ofSquares: number, cohort: Cohort): string | undefined {
  if (!Number.isInteger(count)) return `the count of ${cohort} rose by ${count}, which is no whole number of values`;
  // A process that adds value by value rounds each time.
  const [low, high] = [Math.max(0, sum - ofSum * (count + 1)), sumSquares + ofSquares * (count + 1)];
  if (count === 0 && (low > 0 || sumSquares > ofSquares)) {
    return `no values were counted for ${cohort}, but they have a sum of ${sum} and a sum of squares of ${sumSquares}`;
  }
  // Cauchy–Schwarz: (Σ v)² ≤ n Σ v².
  if (low * low <= high * count * (1 + 1e-9)) return undefined;
  return `no ${count} values have a sum of ${sum} and a sum of squares of ${sumSquares} (${cohort}): are the three counters of the same values, in one unit?`;
}

/** Nothing when nobody was ever counted: that is not the same as nobody in this interval. */
function usersOf(readings: readonly CohortReading[], intervals: number): Partial<Record<Cohort, number>>[] | undefined {
  const counted = readings.filter(({ counters }) => counters.users);
  if (!counted.some(({ counters }) => counters.users?.found)) return undefined;
  return Array.from({ length: intervals }, (_, index) =>
    Object.fromEntries(counted.map(({ cohort, counters }) => [cohort, exact(counters.users!.rises[index] ?? 0)])),
  );
}

/** One number for all series of a gauge; nothing without any. */
export function levelOf(values: readonly number[], over: Over): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((all, value) => all + value, 0);
  switch (over) {
    case "mean":
      return exactDigits(sum / values.length);
    case "sum":
      return exactDigits(sum);
    case "max":
      return Math.max(...values);
    case "min":
      return Math.min(...values);
    default:
      return over satisfies never;
  }
}
