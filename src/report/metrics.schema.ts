import { z } from "zod";
import { boundsSchema, cohortSchema, instantSchema, valueSchema } from "../model/measurement.ts";

/** What the source of one metric answered. */
export const metricAnswerSchema = z.strictObject({
  metric: z.string(),
  source: z.string(),
  kind: z.enum(["rate", "mean", "histogram", "gauge"]),
  /** What its values are measured in. */
  unit: z.string().optional(),
  /** `baseline`: a source without history, whose counts are those since its process began. */
  status: z.enum(["measured", "baseline", "noData", "error"]),
  /** Why there are no numbers. */
  reason: z.string().optional(),
  /** What the counts are about; absent for a baseline. A gauge shows its level at the end. */
  interval: z.strictObject({ from: instantSchema, to: instantSchema }).optional(),
  /** The upper bounds of a histogram's buckets, in its unit, without the last (∞). */
  bounds: boundsSchema.optional(),
  groups: z.array(
    z.strictObject({
      cohort: cohortSchema,
      /** What `{{group}}` stood for; empty for a metric without groups. */
      label: z.string(),
      /** What the metric is made of: of a rate `events` and `total`, and so on; absent where the source shows nothing. */
      counts: valueSchema.optional(),
      /** How many users were counted, where the metric counts them and the source has a series of them. */
      users: z.number().min(0).optional(),
      /** The source has no series at all for this label (of a rate: none of its total). */
      missing: z.boolean(),
      /** The source has no series of the events for this label. */
      withoutEvents: z.boolean(),
      /** The metric counts users, but the source has no series of them, for any label. */
      withoutUsers: z.boolean(),
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
  schema: z.literal("rollout.metrics/2"),
  rollout: z.string(),
  metrics: z.array(metricAnswerSchema),
});
export type MetricsReport = z.infer<typeof metricsSchema>;
