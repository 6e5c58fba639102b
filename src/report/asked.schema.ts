import { z } from "zod";
import { standingSchema } from "./standing.schema.ts";

/** What came of something that a person asked for. */
export const askedSchema = standingSchema.extend({
  schema: z.enum(["rollout.pause/1", "rollout.resume/1", "rollout.accept/1", "rollout.rollback/1", "rollout.restart/1"]),
  /** False when it was so already and nothing was done. */
  done: z.boolean(),
  sentence: z.string(),
});
export type AskedReport = z.infer<typeof askedSchema>;
