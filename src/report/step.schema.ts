import { z } from "zod";
import { decisionSchema, gateSchema, goalVerdictSchema, verdictSchema } from "../model/verdict.ts";
import { standingSchema, withoutLedgerSchema } from "./standing.schema.ts";

/** What one step of a rollout came to, and where it stands now. */
export const stepSchema = standingSchema.extend({
  schema: z.enum(["rollout.advance/1", "rollout.run/1", "rollout.demo/1"]),
  /**
   * - `holding`, `pausedBefore`: nothing moved, the gates say why
   * - `finishedRollback`: a rollback that another command began was finished
   * - `ended`: the run was over before; nothing was written
   * - `lost`: somebody else wrote the ledger meanwhile; nothing was done
   * - `abandoned`: the stage was to be moved and was not
   */
  outcome: z.enum([
    "advanced",
    "complete",
    "paused",
    "rolledBack",
    "holding",
    "pausedBefore",
    "finishedRollback",
    "ended",
    "lost",
    "abandoned",
  ]),
  /** Why, in a sentence. */
  sentence: z.string(),
  decision: decisionSchema.optional(),
  gates: z.array(gateSchema),
  verdicts: z.array(verdictSchema),
  goals: z.array(goalVerdictSchema),
  /** How long nobody had looked before, in milliseconds, while somebody had the feature. */
  unguardedFor: z.number().optional(),
  /** It was rolled back, but that is not in the ledger yet. */
  unrecorded: withoutLedgerSchema.optional(),
});
export type StepReport = z.infer<typeof stepSchema>;

/** What a step would find and decide; nothing was written. */
export const rehearsalSchema = z.discriminatedUnion("would", [
  z.strictObject({
    schema: z.literal("rollout.advance-dry-run/1"),
    would: z.literal("start"),
    rollout: z.string(),
    exposed: z.string(),
    first: z.string(),
  }),
  z.strictObject({ schema: z.literal("rollout.advance-dry-run/1"), would: z.literal("nothing"), ...standingSchema.shape }),
  z.strictObject({
    schema: z.literal("rollout.advance-dry-run/1"),
    would: z.enum(["advance", "hold", "pause", "rollback", "complete"]),
    ...standingSchema.shape,
    decision: decisionSchema,
    gates: z.array(gateSchema),
    verdicts: z.array(verdictSchema),
  }),
]);
export type RehearsalReport = z.infer<typeof rehearsalSchema>;
