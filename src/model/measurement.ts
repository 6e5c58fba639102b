import { z } from "zod";

/** Epoch milliseconds, as a clock said. */
export const instantSchema = z.number().int();
export type Instant = z.infer<typeof instantSchema>;

/**
 * Whom a number is about: `treatment` and `control` are the two groups of the randomised split, `segment:NAME` a whole
 * segment that has the feature by rule, `everyone` a metric without groups.
 */
export const cohortSchema = z.union([
  z.literal("treatment"),
  z.literal("control"),
  z.literal("everyone"),
  z.templateLiteral(["segment:", z.string()]),
]);
export type Cohort = z.infer<typeof cohortSchema>;

/** Increments of a rate over an interval: how many of `total` were `events`. Whole and not negative. */
export const countsSchema = z.strictObject({ events: z.number().min(0), total: z.number().min(0) });
export type Counts = z.infer<typeof countsSchema>;

/** Increments of a mean: how many values there were, their sum and the sum of their squares, in the metric's unit. */
export const sumsSchema = z.strictObject({ count: z.number().min(0), sum: z.number(), sumSquares: z.number().min(0) });
export type Sums = z.infer<typeof sumsSchema>;

/** Increments of a histogram: how many values fell into each bucket (not cumulative); one more than there are bounds. */
export const bucketsSchema = z.strictObject({ buckets: z.array(z.number().min(0)).min(1).max(1001) });
export type Buckets = z.infer<typeof bucketsSchema>;

/** The upper bounds of a histogram's buckets but the last, ascending, in the metric's unit. */
export const boundsSchema = z.array(z.number()).max(1000);

/** A gauge is no increment: what it showed at the end of the interval, in its unit. */
export const levelSchema = z.strictObject({ level: z.number() });
export type Level = z.infer<typeof levelSchema>;

/** What one cohort had in one interval; which of these it is, the metric's kind says. */
export const valueSchema = z.union([countsSchema, sumsSchema, bucketsSchema, levelSchema]);
export type Value = z.infer<typeof valueSchema>;

/** Increments of one metric over the interval `(from, to]`, by cohort. Never totals. */
export const measurementSchema = z.strictObject({
  from: instantSchema,
  to: instantSchema,
  /** The interval overlaps a change of exposure: it counts for harm only. */
  mixed: z.boolean(),
  counts: z.partialRecord(cohortSchema, valueSchema),
  /** Units (users) that were counted for the first time at this exposure, where the metric counts them. */
  users: z.partialRecord(cohortSchema, z.number().min(0)).optional(),
});
export type Measurement = z.infer<typeof measurementSchema>;

/**
 * What one look learned of one metric.
 * - `measured`: the increments since the last successful measurement; `through` is the new end, `cursor` what a source
 *   without history wants back at the next look
 * - `baseline`: a source without history was read for the first time; there is nothing to subtract yet
 * - `notYet`: the interval is still empty (the source has to settle)
 * - `noData`: the source answered, but not with numbers that can be used
 * - `error`: the source did not answer
 */
export const metricReadingSchema = z.discriminatedUnion("status", [
  z.strictObject({
    status: z.literal("measured"),
    through: instantSchema,
    measurements: z.array(measurementSchema),
    /** Of a histogram, where they are not those that were recorded last. */
    bounds: boundsSchema.optional(),
    cursor: z.unknown().optional(),
  }),
  z.strictObject({ status: z.literal("baseline"), through: instantSchema, bounds: boundsSchema.optional(), cursor: z.unknown() }),
  z.strictObject({ status: z.literal("notYet") }),
  z.strictObject({ status: z.literal("noData"), reason: z.string() }),
  z.strictObject({ status: z.literal("error"), reason: z.string() }),
]);
export type MetricReading = z.infer<typeof metricReadingSchema>;

/**
 * What a metric was before the run exposed anybody, for a guardrail that compares with the past. It is measured once.
 * Increments are those of the whole time; of a gauge there are its levels, evenly apart.
 */
export const baselineSchema = z.strictObject({
  from: instantSchema,
  to: instantSchema,
  counts: z.partialRecord(cohortSchema, valueSchema),
  levels: z.partialRecord(cohortSchema, z.array(z.number())).optional(),
  bounds: boundsSchema.optional(),
});
export type Baseline = z.infer<typeof baselineSchema>;

/** By what a baseline is found in a look and in the state. */
export function baselineKey(metric: string, before: number): string {
  return `${metric} ${before}`;
}
