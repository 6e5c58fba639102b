import { z } from "zod";
import { diagnosticSchema } from "../model/diagnostic.ts";
import { hashSchema } from "../model/entry.ts";

export const planValidationSchema = z.discriminatedUnion("valid", [
  /** The diagnostics of a valid plan are warnings. */
  z.strictObject({
    file: z.string(),
    valid: z.literal(true),
    rollout: z.string(),
    planHash: hashSchema,
    diagnostics: z.array(diagnosticSchema),
  }),
  z.strictObject({ file: z.string(), valid: z.literal(false), diagnostics: z.array(diagnosticSchema) }),
]);
export type PlanValidation = z.infer<typeof planValidationSchema>;

/** What is wrong with each of some plans. */
export const validationSchema = z.strictObject({
  schema: z.literal("rollout.validate/1"),
  /** Whether all of them are valid. */
  valid: z.boolean(),
  plans: z.array(planValidationSchema),
});
export type Validation = z.infer<typeof validationSchema>;
