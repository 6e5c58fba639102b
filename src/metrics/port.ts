import type { z } from "zod";
import type { Tools } from "../io/port.ts";
import type { Cohort, Instant, Value } from "../model/measurement.ts";
import type { MetricKind, NumberKind, NumberName } from "../model/plan.ts";

/** One metric to measure; `Query` is what the source's `query` schemas give for one number. */
export interface MeasureRequest<Query = unknown> {
  metric: string;
  kind: MetricKind;
  /** Those of its kind (`NUMBERS`), and `users` where the metric counts them. */
  numbers: Partial<Record<NumberName, Query>>;
  /** Whom to ask for, and what `{{group}}` stands for in each; a metric without groups has `everyone` alone, with an empty label. */
  cohorts: { cohort: Cohort; label: string }[];
  /** For a source with history: the intervals `(from, to]` to ask for, in order and without gaps. */
  intervals: { from: Instant; to: Instant }[];
  /** For a source without history: what it returned as `cursor` last time. */
  cursor: unknown;
}

/**
 * What one interval had, by cohort. A cohort that the source has no series of, while it has others, has zero; of a gauge
 * it is absent, and so is one that showed nothing within the interval.
 */
export interface Interval {
  from: Instant;
  to: Instant;
  counts: Partial<Record<Cohort, Value>>;
  /** Absent where no unit was ever counted: that is not known to be none. */
  users?: Partial<Record<Cohort, number>>;
}

/** What was sent, for people who write a query: secrets are not in it. */
export interface Sent {
  queries: string[];
  /**
   * When the newest number that was used was written, by the source's own time. A source with history tells it with every
   * `measured`: how far was measured is then the same for all clocks, those that are ahead too.
   */
  newest?: Instant;
  /** Cohorts for which the source had no series at all (of a rate: of its total). */
  missing: Cohort[];
  /** Cohorts for which the source had no series of the events. */
  withoutEvents: Cohort[];
}

/**
 * - `measured`: all intervals that were asked for; `bounds` are those of a histogram's buckets, without the last (∞)
 * - `baseline`: a source without history was read for the first time; `totals` are the counts since its process began
 *   (of a gauge: what it shows)
 * - `noData`: an empty answer, NaN, a dead or stale target
 */
export type Measured = { sent: Sent } & (
  | { status: "measured"; intervals: Interval[]; bounds?: number[]; cursor?: unknown }
  | {
      status: "baseline";
      at: Instant;
      cursor: unknown;
      bounds?: number[];
      totals: Partial<Record<Cohort, Value>>;
      users?: Partial<Record<Cohort, number>>;
    }
  | { status: "noData"; reason: string }
  | { status: "error"; reason: string }
);

/** A metrics system, connected. */
export interface MetricSource<Query = unknown> {
  /**
   * Measures all requests of a look under one deadline, and answers in their order. Never throws for a single metric:
   * what went wrong is its answer.
   */
  measure(requests: MeasureRequest<Query>[], options: { deadline: number }): Promise<Measured[]>;
}

/** A metrics system, described. */
export interface MetricSourceDefinition<Options extends z.ZodType = z.ZodType, Number extends z.ZodType = z.ZodType> {
  name: string;
  options: Options;
  /** How one number of a metric is asked for, by its kind: `{ counter: … }`. What is absent the source cannot say. */
  query: Readonly<Partial<Record<NumberKind, Number>>>;
  /** Whether it can be asked for any interval, or only for now. */
  history: boolean;
  /** How old numbers must be before they are complete, in milliseconds; the option `settle` of a source overrides it. */
  settle: number;
  connect(options: z.output<Options>, tools: Tools): MetricSource<z.output<Number>>;
}

/** Gives a definition its types. */
export function defineMetricSource<Options extends z.ZodType, Number extends z.ZodType>(
  definition: MetricSourceDefinition<Options, Number>,
): MetricSourceDefinition<Options, Number> {
  return definition;
}
