import { z } from "zod";
import { entrySchema, hashSchema } from "../model/entry.ts";

/** One entry as it stands in the ledger, with the hash of its stored bytes. `log --json` prints one a line. */
export const logEntrySchema = z.strictObject({ schema: z.literal("rollout.log/1"), hash: hashSchema, entry: entrySchema });
export type LogEntry = z.infer<typeof logEntrySchema>;

/** What the check of a ledger's chain came to. A chain that does not hold is an error, with exit status 7. */
export const verificationSchema = z.strictObject({
  schema: z.literal("rollout.log-verify/1"),
  rollout: z.string(),
  entries: z.number().int().min(1),
  head: z.strictObject({ seq: z.number().int().min(1), hash: hashSchema }),
  /** The entry that the given head is; absent where none was given. */
  given: z.strictObject({ seq: z.number().int().min(1), hash: hashSchema }).optional(),
  /** Where every look was judged again: how many said the same, and how many another version of the judge had judged. */
  replayed: z.strictObject({ looks: z.number().int().min(0), others: z.number().int().min(0) }).optional(),
});
export type Verification = z.infer<typeof verificationSchema>;
