import { z } from "zod";

/** What preparing a store came to. */
export const storeInitSchema = z.strictObject({
  schema: z.literal("rollout.store-init/1"),
  store: z.string(),
  /** A sentence for each thing; none where nothing is needed. */
  done: z.array(z.string()),
});
export type StoreInitReport = z.infer<typeof storeInitSchema>;
