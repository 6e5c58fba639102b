import { z } from "zod";
import { actorSchema, hashSchema } from "../model/entry.ts";
import { exposureSchema, nameSchema } from "../model/exposure.ts";

/** Where a rollout stands: the part that all results about a run have in common. */
export const standingSchema = z.strictObject({
  rollout: nameSchema,
  run: z.number().int().min(1),
  /** The stage whose exposure was applied last; absent before the first and after a rollback. */
  stage: z.strictObject({ index: z.number().int().min(0), name: z.string(), of: z.number().int().min(1) }).optional(),
  /** All stages of the plan, in their order, with who has the feature there and how long they bake, in milliseconds. */
  stages: z.array(z.strictObject({ name: z.string(), exposed: z.string(), bake: z.number().int().min(0) })),
  exposure: exposureSchema,
  /** `exposure` in words: `5%`, `staff`, `off`. */
  exposed: z.string(),
  planHash: hashSchema,
  /** The last entry of the ledger. Keep it somewhere else: `rollout log verify NAME --head HASH` checks against it. */
  head: z.strictObject({ seq: z.number().int().min(1), hash: hashSchema }),
  paused: z.strictObject({ cause: z.string(), sentence: z.string(), at: z.number().int() }).optional(),
  ended: z.strictObject({ outcome: z.string(), reason: z.string(), at: z.number().int() }).optional(),
});
export type Standing = z.infer<typeof standingSchema>;

/** A rollback that was done while the ledger could not be reached. */
export const withoutLedgerSchema = z.strictObject({
  /** When the flag was read back as off. */
  at: z.number().int(),
  reason: z.string(),
  actor: actorSchema,
  /** Why the ledger could not be reached. */
  cause: z.string(),
  /** The file that keeps it until the next command from this machine records it; absent where none could be written. */
  path: z.string().optional(),
});
export type WithoutLedger = z.infer<typeof withoutLedgerSchema>;
