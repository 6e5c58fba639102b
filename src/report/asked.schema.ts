import { z } from "zod";
import { standingSchema, withoutLedgerSchema } from "./standing.schema.ts";

/** What came of something that a person asked for. */
export const askedSchema = standingSchema.extend({
  schema: z.enum(["rollout.pause/1", "rollout.resume/1", "rollout.accept/1", "rollout.rollback/1", "rollout.restart/1"]),
  /** False when it was so already and nothing was done. */
  done: z.boolean(),
  sentence: z.string(),
  /** It was done, but is not in the ledger yet: `path` is the file that keeps it until then. */
  unrecorded: withoutLedgerSchema.optional(),
});
export type AskedReport = z.infer<typeof askedSchema>;

/** A rollback that was done by the plan file alone, because the ledger could not be reached: the flag is off, and that is not recorded yet. */
export const unrecordedSchema = z.strictObject({
  schema: z.literal("rollout.rollback-unrecorded/1"),
  rollout: z.string(),
  flag: z.string(),
  ...withoutLedgerSchema.shape,
});
export type UnrecordedReport = z.infer<typeof unrecordedSchema>;
