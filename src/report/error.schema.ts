import { z } from "zod";

/** Why a command failed; `code` goes with the exit status. */
export const errorSchema = z.strictObject({
  schema: z.literal("rollout.error/1"),
  code: z.enum(["unexpected", "usage", "invalidPlan", "refused", "unreachable", "damaged", "rollbackFailed", "interrupted"]),
  message: z.string(),
  /** What to do next. */
  hint: z.string().optional(),
});
export type ErrorReport = z.infer<typeof errorSchema>;
