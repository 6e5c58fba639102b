import { z } from "zod";
import { actorSchema } from "./entry.ts";
import { nameSchema } from "./exposure.ts";
import { instantSchema } from "./measurement.ts";

/** A rollback that was done while the ledger could not be reached, kept beside it until it can be recorded. */
export const spooledRollbackSchema = z.strictObject({
  version: z.literal(1),
  /** 32 hex digits: tells one from another. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** The store that it belongs into. */
  store: z.string().max(2_000),
  rollout: nameSchema,
  /** The run that was rolled back, where its ledger had been read. */
  run: z.number().int().min(1).optional(),
  /** When the flag was read back as off. */
  at: instantSchema,
  actor: actorSchema,
  reason: z.string().max(10_000),
  /** The flag's revision then. */
  revision: z.string(),
});
export type SpooledRollback = z.infer<typeof spooledRollbackSchema>;
