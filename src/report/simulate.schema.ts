import { z } from "zod";
import { hashSchema } from "../model/entry.ts";

/** Milliseconds. */
const duration = z.number().min(0);

/** How many of the runs, their share, and its 95 % interval. */
const shareSchema = z.strictObject({ count: z.number().int(), share: z.number(), interval: z.tuple([z.number(), z.number()]) });
/** Half of the runs have no more; nine in ten have no more. */
const spreadSchema = z.strictObject({ median: z.number(), p90: z.number() });
/** What rolled back or paused (a guardrail's id, or another cause), or the gate that unfinished ones wait for, and how often. */
const because = z.record(z.string(), z.number().int());

/** What a metric was taken to be like. Values and levels are in its unit; `spread` is of the logarithm of values, and a share of a level. */
export const metricModelSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("rate"), rate: z.number() }),
  z.strictObject({ kind: z.literal("values"), median: z.number(), spread: z.number(), bounds: z.array(z.number()).optional() }),
  z.strictObject({ kind: z.literal("level"), level: z.number(), spread: z.number() }),
]);

export const simulatedHarmSchema = z.strictObject({
  metric: z.string(),
  /** As `--harm` takes it, in the metric's own unit: `errors=x2`. */
  harm: z.string(),
  becomes: metricModelSchema,
  /** Guardrails that allow no such harm; where there are none it need not be found. */
  beyond: z.array(z.string()),
  runs: z.number().int(),
  /** Stopped before the harm began; all that follows is of the other runs. */
  stoppedBefore: z.number().int(),
  rolledBack: shareSchema,
  paused: shareSchema,
  missed: shareSchema,
  because,
  /** Milliseconds from the beginning of the harm until it was stopped. */
  after: spreadSchema.nullable(),
  /** What met the harm, to the end where it was missed. */
  requests: spreadSchema,
  users: spreadSchema.nullable(),
});

/** What becomes of a plan on users that are made up. */
export const simulateSchema = z.strictObject({
  schema: z.literal("rollout.simulate/1"),
  rollout: z.string(),
  planHash: hashSchema,
  /** How many rollouts of each kind. The same seed gives the same figures. */
  runs: z.number().int(),
  seed: z.number().int(),
  assumptions: z.strictObject({
    /** Requests a minute. */
    traffic: z.number(),
    units: z.number().int().nullable(),
    lookEvery: duration,
    shape: z.enum(["steady", "daily", "bursts"]),
    overdispersion: z.number(),
    clusters: z.number().int(),
    missing: z.number(),
    onset: duration,
    metrics: z.record(z.string(), metricModelSchema),
  }),
  /** Rollouts that do no harm: what was rolled back was so for nothing. Times are milliseconds from the first exposure. */
  healthy: z.strictObject({
    runs: z.number().int(),
    rolledBack: shareSchema,
    paused: shareSchema,
    complete: shareSchema,
    /** Not over after three times as many looks as its bakes ask for. */
    unfinished: shareSchema,
    because,
    everybodyAfter: spreadSchema.nullable(),
    completeAfter: spreadSchema.nullable(),
  }),
  harms: z.array(simulatedHarmSchema),
});
export type SimulateReport = z.infer<typeof simulateSchema>;
export type SimulatedHarm = z.infer<typeof simulatedHarmSchema>;
