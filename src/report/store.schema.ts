import { z } from "zod";
import { hashSchema } from "../model/entry.ts";

/** What preparing a store came to. */
export const storeInitSchema = z.strictObject({
  schema: z.literal("rollout.store-init/1"),
  store: z.string(),
  /** A sentence for each thing; none where nothing is needed. */
  done: z.array(z.string()),
});
export type StoreInitReport = z.infer<typeof storeInitSchema>;

const ledgerFields = {
  rollout: z.string(),
  entries: z.number().int().min(1),
  head: z.strictObject({ seq: z.number().int().min(1), hash: hashSchema }),
};

/** What copying ledgers came to. */
export const storeCopySchema = z.strictObject({
  schema: z.literal("rollout.store-copy/1"),
  from: z.string(),
  to: z.string(),
  /** `added`: how many entries the other store did not have before; `ended`: nobody goes on with it. */
  ledgers: z.array(z.strictObject({ ...ledgerFields, added: z.number().int().min(0), ended: z.boolean() })),
});
export type StoreCopyReport = z.infer<typeof storeCopySchema>;

/** A ledger that was put into a file. */
export const archiveSchema = z.strictObject({ schema: z.literal("rollout.log-archive/1"), file: z.string(), ...ledgerFields });
export type ArchiveReport = z.infer<typeof archiveSchema>;
