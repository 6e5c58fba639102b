import type { z } from "zod";
import type { Tools } from "../io/port.ts";
import type { Cohort, Counts, Instant } from "../model/measurement.ts";

/** One metric to measure; `Query` is what the source's `query` schema gives for one number. */
export interface MeasureRequest<Query = unknown> {
  metric: string;
  events: Query;
  total: Query;
  /** Whom to ask for, and what `{{group}}` stands for in each; a metric without groups has `everyone` alone, with an empty label. */
  cohorts: { cohort: Cohort; label: string }[];
  /** For a source with history: the intervals `(from, to]` to ask for, in order and without gaps. */
  intervals: { from: Instant; to: Instant }[];
  /** For a source without history: what it returned as `cursor` last time. */
  cursor: unknown;
}

/** The increments of one interval, by cohort. A cohort that the source has no series of, while it has others, has zero. */
export interface Interval {
  from: Instant;
  to: Instant;
  counts: Partial<Record<Cohort, Counts>>;
}

/** What was sent, for people who write a query: secrets are not in it. */
export interface Sent {
  queries: string[];
  /**
   * When the newest number that was used was written, by the source's own time. A source with history tells it with every
   * `measured`: how far was measured is then the same for all clocks, those that are ahead too.
   */
  newest?: Instant;
  /** Cohorts for which the source had no series of the total at all. */
  missing: Cohort[];
  /** Cohorts for which the source had no series of the events. */
  withoutEvents: Cohort[];
}

/**
 * - `measured`: all intervals that were asked for
 * - `baseline`: a source without history was read for the first time; `totals` are the counts since its process began
 * - `noData`: an empty answer, NaN, a dead or stale target
 */
export type Measured = { sent: Sent } & (
  | { status: "measured"; intervals: Interval[]; cursor?: unknown }
  | { status: "baseline"; at: Instant; cursor: unknown; totals: Partial<Record<Cohort, Counts>> }
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
  /** How one number of a metric is asked for: `{ counter: … }`. */
  query: Number;
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
