import { z } from "zod";
import { cohortSchema, countsSchema, instantSchema } from "../model/measurement.ts";

/** What the source of one metric answered. */
export const metricAnswerSchema = z.strictObject({
  metric: z.string(),
  source: z.string(),
  /** `baseline`: a source without history, whose counts are those since its process began. */
  status: z.enum(["measured", "baseline", "noData", "error"]),
  /** Why there are no numbers. */
  reason: z.string().optional(),
  /** What the counts are about; absent for a baseline. */
  interval: z.strictObject({ from: instantSchema, to: instantSchema }).optional(),
  groups: z.array(
    z.strictObject({
      cohort: cohortSchema,
      /** What `{{group}}` stood for; empty for a metric without groups. */
      label: z.string(),
      counts: countsSchema.optional(),
      /** The source has no series of the total for this label. */
      missing: z.boolean(),
      /** The source has no series of the events for this label. */
      withoutEvents: z.boolean(),
    }),
  ),
  /** What was sent. */
  queries: z.array(z.string()),
  /** How old the newest number was, in milliseconds, where the source tells. */
  age: z.number().optional(),
});
export type MetricAnswer = z.infer<typeof metricAnswerSchema>;

/** What every metric of a plan answers now. */
export const metricsSchema = z.strictObject({
  schema: z.literal("rollout.metrics/1"),
  rollout: z.string(),
  metrics: z.array(metricAnswerSchema),
});
export type MetricsReport = z.infer<typeof metricsSchema>;
