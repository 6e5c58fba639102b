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

/** Increments of one metric over the interval `(from, to]`, by cohort. Never totals. */
export const measurementSchema = z.strictObject({
  from: instantSchema,
  to: instantSchema,
  /** The interval overlaps a change of exposure: it counts for harm only. */
  mixed: z.boolean(),
  counts: z.partialRecord(cohortSchema, countsSchema),
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
    cursor: z.unknown().optional(),
  }),
  z.strictObject({ status: z.literal("baseline"), through: instantSchema, cursor: z.unknown() }),
  z.strictObject({ status: z.literal("notYet") }),
  z.strictObject({ status: z.literal("noData"), reason: z.string() }),
  z.strictObject({ status: z.literal("error"), reason: z.string() }),
]);
export type MetricReading = z.infer<typeof metricReadingSchema>;
