import { z } from "zod";
import { instantSchema } from "./measurement.ts";

/** What a look says of one guardrail. */
export const verdictKindSchema = z.enum(["clear", "breach", "inconclusive", "notJudgeable", "noTraffic", "noData", "error"]);
export type VerdictKind = z.infer<typeof verdictKindSchema>;

/**
 * `estimate`, `interval` and `limit` are in the unit of the guardrail's form: a rate, a ratio to the control, or a
 * difference of rates; `evidence` is ln E against its null, `threshold` the ln E of a breach.
 */
export const verdictSchema = z.strictObject({
  guardrail: z.string(),
  metric: z.string(),
  verdict: verdictKindSchema,
  sentence: z.string(),
  estimate: z.number().optional(),
  interval: z.tuple([z.number(), z.number()]).optional(),
  limit: z.number().optional(),
  evidence: z.number().optional(),
  threshold: z.number().optional(),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** What a judge remembers of one guardrail from look to look; its content is the judge's own. */
export const evidenceSchema = z.looseObject({ alpha: z.number().gt(0).lt(1) });
export type Evidence = z.infer<typeof evidenceSchema>;

/** What a stage waits for, in the order in which they speak. */
export const gateNameSchema = z.enum(["breach", "drift", "data", "bake", "samples", "verdicts", "plan", "pause"]);
export type GateName = z.infer<typeof gateNameSchema>;

export const gateSchema = z.strictObject({
  gate: gateNameSchema,
  status: z.enum(["open", "waiting", "failed"]),
  sentence: z.string(),
  /** When it can open at the earliest, where that is known. */
  until: instantSchema.optional(),
});
export type Gate = z.infer<typeof gateSchema>;

/** What a breach has cost, for people: who met it, what went wrong beyond the control's rate, for how long. */
export const blastRadiusSchema = z.strictObject({
  /** Users who met the feature: about `units` × exposure; absent where the plan does not say how many there are. */
  users: z.number().optional(),
  /** Treated requests that were measured. */
  requests: z.number(),
  /** Harmful events beyond the control's rate (beyond the limit where there is no control). */
  excessEvents: z.number(),
  /** Since the first exposure of this run, in milliseconds. */
  exposedFor: z.number(),
});
export type BlastRadius = z.infer<typeof blastRadiusSchema>;

const because = { because: z.array(z.strictObject({ gate: gateNameSchema, sentence: z.string() })) };

/** What a look decided. `stage` is the index of the stage to go to. */
export const decisionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("advance"), stage: z.number().int().min(0), ...because }),
  z.strictObject({ kind: z.literal("hold"), ...because }),
  z.strictObject({ kind: z.literal("pause"), ...because, cause: z.enum(["breach", "drift", "stoppedOutside", "noData", "inconclusive"]) }),
  z.strictObject({ kind: z.literal("rollback"), ...because, cause: z.enum(["breach", "noData"]), blastRadius: blastRadiusSchema }),
  z.strictObject({ kind: z.literal("complete"), ...because }),
]);
export type Decision = z.infer<typeof decisionSchema>;
