import { z } from "zod";
import { flagSnapshotSchema } from "../model/flag.ts";
import { blastRadiusSchema, gateSchema, goalVerdictSchema, splitCheckSchema, verdictSchema } from "../model/verdict.ts";
import { errorSchema } from "./error.schema.ts";
import { standingSchema } from "./standing.schema.ts";

/** Why a rollout stands where it stands, and what it waits for. */
export const statusSchema = standingSchema.extend({
  schema: z.literal("rollout.status/1"),
  /** Why, in a sentence. */
  sentence: z.string(),
  startedAt: z.number().int(),
  /** The stage that comes next. */
  next: z.string().optional(),
  /** A change of exposure that is under way, or was left unfinished. */
  underWay: z.strictObject({ purpose: z.string(), to: z.string(), since: z.number().int() }).optional(),
  lastLook: z
    .strictObject({
      at: z.number().int(),
      flag: flagSnapshotSchema,
      gates: z.array(gateSchema),
      verdicts: z.array(verdictSchema),
      goals: z.array(goalVerdictSchema),
      splitChecks: z.array(splitCheckSchema),
    })
    .optional(),
  /** What the last breach has cost, where it was one that the last look decided on. */
  blastRadius: blastRadiusSchema.optional(),
  /** How long nobody has looked, in milliseconds, while somebody has the feature. */
  unguardedFor: z.number().optional(),
  /** The plan file differs from the plan of the run. */
  planDiffers: z.boolean(),
});
export type Status = z.infer<typeof statusSchema>;

/** All rollouts of a store. One whose ledger is damaged says so. */
export const statusListSchema = z.strictObject({
  schema: z.literal("rollout.status-list/1"),
  store: z.string(),
  rollouts: z.array(z.union([statusSchema, z.strictObject({ rollout: z.string(), code: errorSchema.shape.code, error: z.string() })])),
});
export type StatusList = z.infer<typeof statusListSchema>;
