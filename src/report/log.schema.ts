import { z } from "zod";
import { actorSchema, entrySchema, hashSchema } from "../model/entry.ts";

/** One entry as it stands in the ledger, with the hash of its stored bytes. `log --json` prints one a line. */
export const logEntrySchema = z.strictObject({ schema: z.literal("rollout.log/1"), hash: hashSchema, entry: entrySchema });
export type LogEntry = z.infer<typeof logEntrySchema>;

const seqSchema = z.number().int().min(1);

/** What the signatures of a ledger say to whoever gave the keys; without keys nothing is `verified`. */
export const signaturesSchema = z.strictObject({
  /** By key: how many entries it signed, and the last. `verified`: the key was given, and each of its signatures holds. */
  by: z.array(z.strictObject({ key: hashSchema, verified: z.boolean(), entries: seqSchema, last: seqSchema })),
  /** The last entry that a given key signed; it vouches that all before it was there, and was as it is. */
  upTo: seqSchema.optional(),
  /** Entries without a signature of their own, and what kinds are among them. */
  unsigned: z.array(z.strictObject({ from: seqSchema, to: seqSchema, kinds: z.array(z.string()) })),
  /** Entries that neither a given key nor a given head vouches for: the last 20. Empty where no key was given. */
  after: z.array(z.strictObject({ seq: seqSchema, kind: z.string(), actor: actorSchema })),
});
export type Signatures = z.infer<typeof signaturesSchema>;

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
  /** Absent where no key was given and no entry is signed. */
  signatures: signaturesSchema.optional(),
});
export type Verification = z.infer<typeof verificationSchema>;
