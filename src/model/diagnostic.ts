import { z } from "zod";

/** Where in a file: lines and columns count from 1, columns in UTF-16 code units; the end is exclusive. */
export const rangeSchema = z.strictObject({
  line: z.number().int().min(1),
  column: z.number().int().min(1),
  endLine: z.number().int().min(1),
  endColumn: z.number().int().min(1),
});
export type Range = z.infer<typeof rangeSchema>;

/**
 * What is wrong, or doubtful, in a file that a person wrote: enough to print a frame without the file at hand.
 * Nothing in it may be a secret: what stands where a secret belongs is masked before the value is made.
 */
export const diagnosticSchema = z.strictObject({
  severity: z.enum(["error", "warning"]),
  file: z.string(),
  range: rangeSchema,
  /** The place in the plan: `stages[2].bake`; empty for the plan as a whole. */
  path: z.string(),
  message: z.string(),
  /** What to do about it. */
  mend: z.string(),
  /** The offending text; absent when nothing stands there, or when it has to stay hidden. */
  text: z.string().optional(),
  /** The line as it was written (cut when it is long); `from` and `to` are the offsets in `text` to underline. */
  excerpt: z.strictObject({ text: z.string(), from: z.number().int().min(0), to: z.number().int().min(0) }),
});
export type Diagnostic = z.infer<typeof diagnosticSchema>;
