import { z } from "zod";
import { entryDataSchemas, hashSchema } from "./entry.ts";
import { exposureSchema } from "./exposure.ts";
import { flagSnapshotSchema } from "./flag.ts";
import { baselineSchema, boundsSchema, instantSchema } from "./measurement.ts";
import { planSchema } from "./plan.ts";
import { evidenceSchema, gateSchema, goalVerdictSchema, pauseCauseSchema, splitCheckSchema, verdictSchema } from "./verdict.ts";

/**
 * What the entries of a ledger add up to. It is computed from them alone, never judged anew. An entry may carry the state
 * after it, a checkpoint, from which whoever reads the ledger's end can begin; so it has a schema, as all that is read.
 */

const seqSchema = z.number().int().min(1);
const stageSchema = z.number().int().min(-1);

const openIntentSchema = z.strictObject({
  seq: seqSchema,
  at: instantSchema,
  purpose: entryDataSchemas.intent.shape.purpose,
  from: exposureSchema,
  to: exposureSchema,
  stage: stageSchema,
  deadline: instantSchema,
  reason: z.string(),
  /** What was under way when this intent overtook it: their writers may still write until their deadlines. */
  overtook: z.array(z.strictObject({ to: exposureSchema, deadline: instantSchema })),
});
export type OpenIntent = z.infer<typeof openIntentSchema>;

const pauseSchema = z.strictObject({
  /** `person`: somebody asked for it; otherwise what a look found. */
  cause: z.union([z.literal("person"), pauseCauseSchema]),
  sentence: z.string(),
  at: instantSchema,
  seq: seqSchema,
});
export type Pause = z.infer<typeof pauseSchema>;

const metricStateSchema = z.strictObject({
  /** The end of the last successful measurement, by the source's own time where it has a history. */
  through: instantSchema,
  cursor: z.unknown().exactOptional(),
  /** Of a histogram, the bounds of its buckets. */
  bounds: boundsSchema.exactOptional(),
  /** Since when it has not been measured, and why, while it is not. */
  missing: z.strictObject({ since: instantSchema, reason: z.string() }).exactOptional(),
});
export type MetricState = z.infer<typeof metricStateSchema>;

/** What a guardrail has seen of the present stage, and of the run for its blast radius. */
const progressSchema = z.strictObject({
  /** Measured milliseconds after the change, with traffic. */
  baked: z.number(),
  /** Treated requests in intervals that lie wholly after the change. */
  samples: z.number(),
  /** Treated requests since the run's start. */
  requests: z.number(),
  /** Users with the feature that a metric counted, since the run's start. */
  users: z.number().exactOptional(),
  /** Harmful events beyond what the control's rate (or the limit) explains, since the run's start. */
  excessEvents: z.number(),
});
export type Progress = z.infer<typeof progressSchema>;

/** While exposures change, numbers are mixed. `until` is absent while the change is under way. */
const changeWindowSchema = z.strictObject({ from: instantSchema, until: instantSchema.exactOptional() });
export type ChangeWindow = z.infer<typeof changeWindowSchema>;

const { decision } = entryDataSchemas.look.shape;

const lookSummarySchema = z.strictObject({
  seq: seqSchema,
  at: instantSchema,
  flag: flagSnapshotSchema,
  verdicts: z.array(verdictSchema),
  goals: z.array(goalVerdictSchema),
  splitChecks: z.array(splitCheckSchema),
  gates: z.array(gateSchema),
  decision,
});
export type LookSummary = z.infer<typeof lookSummarySchema>;

export const stateSchema = z.strictObject({
  rollout: z.string(),
  /** The last entry: its number and the hash of its stored bytes. */
  head: z.strictObject({ seq: seqSchema, hash: hashSchema }),
  /** The number of the last entry that carries a checkpoint. */
  checkpointAt: seqSchema.exactOptional(),
  run: z.number().int().min(1),
  /** The latest instant on the present timeline. */
  at: instantSchema,
  /** What other clocks had got to: runners whose clocks disagree by more than a minute each have their own. */
  timelines: z.array(instantSchema),
  plan: planSchema,
  planHash: z.string(),
  /** The folder of the plan file, relative to the root of the repository. */
  folder: z.string(),
  /** How many shares of the false-rollback budget have been opened: the first plan's, one for each change after it. */
  budgets: z.number().int().min(0),
  startedAt: instantSchema,
  /** Index of the stage whose exposure was applied last; −1 before the first and after a rollback. */
  stage: stageSchema,
  /** What the flag must say. */
  exposure: exposureSchema,
  /** From when the stage's bake counts: its change applied and propagated. */
  bakeFrom: instantSchema,
  firstExposedAt: instantSchema.exactOptional(),
  changes: z.array(changeWindowSchema),
  intent: openIntentSchema.exactOptional(),
  /** Writes of our own that were overtaken or given up and may still land, by the intent each belongs to. */
  late: z.array(z.strictObject({ intent: seqSchema, to: exposureSchema })),
  pause: pauseSchema.exactOptional(),
  /** A person resumed a stage that was paused because its verdicts were undecided: they no longer keep it. */
  goesOnUndecided: z.literal(true).exactOptional(),
  /** A person resumed a stage that was paused because it sees too little: that no longer keeps it. */
  goesOnBlind: z.literal(true).exactOptional(),
  /** Guardrails whose breach nobody has answered yet. */
  breach: z.strictObject({ guardrails: z.array(z.string()), at: instantSchema }).exactOptional(),
  /** Guardrails that an incident of everybody broke; they begin again when a person resumes. */
  shared: z.array(z.string()).exactOptional(),
  /** The rollbacks without a ledger that are recorded by now, the last of them: none is recorded twice. */
  spooled: z.array(z.string()).exactOptional(),
  metrics: z.record(z.string(), metricStateSchema),
  progress: z.record(z.string(), progressSchema),
  /**
   * By guardrail, by goal and by what is split; see `core/look.ts`. Whoever reads a ledger only to show it has it as it
   * was at the last checkpoint.
   */
  evidence: z.record(z.string(), evidenceSchema),
  /** What metrics were before the run, by `baselineKey`. */
  baselines: z.record(z.string(), baselineSchema),
  /** The version of the judge that looked last. */
  judge: z.string().exactOptional(),
  lastLook: lookSummarySchema.exactOptional(),
  end: z
    .strictObject({
      outcome: z.union([z.literal("rolledBack"), entryDataSchemas.ended.shape.outcome]),
      reason: z.string(),
      at: instantSchema,
    })
    .exactOptional(),
});
export type State = z.infer<typeof stateSchema>;
