import { z } from "zod";
import { instantSchema } from "./measurement.ts";

/** What a look says of one guardrail. */
export const verdictKindSchema = z.enum(["clear", "breach", "inconclusive", "notJudgeable", "noTraffic", "noData", "error"]);
export type VerdictKind = z.infer<typeof verdictKindSchema>;

const tallySchema = z.strictObject({ events: z.number().optional(), total: z.number() });

/**
 * `estimate`, `interval` and `limit` are in the unit of the guardrail's form: a rate, a ratio to the control, a
 * difference, or a value in the metric's unit; `evidence` is ln E against its null, `within` that of the opposite, and
 * `threshold` the ln E of a breach.
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
  within: z.number().optional(),
  threshold: z.number().optional(),
  /** What the estimate rests on, in this stage: requests, values or readings of each group; of a rate also its events. */
  counts: z.strictObject({ treatment: tallySchema, control: tallySchema.optional() }).optional(),
  /** About how many more treated requests would tell, if all stays as it is. */
  moreRequests: z.number().optional(),
  /** How many treated requests of a stage show the harm that the guardrail names, at a power of 80 %. */
  needs: z.number().optional(),
  /** How the counts vary by more than chance, as far as it was learned. */
  noise: z.strictObject({ sentence: z.string(), probability: z.number() }).optional(),
  /** The groups differ by something that stays from look to look: it looks like harm. `margin` is the increase that would cover it. */
  autocorrelation: z.strictObject({ correlation: z.number(), margin: z.number() }).optional(),
  /** The limit is broken without the feature as well, and those who have it are not shown to be worse off. */
  sharedIncident: z.literal(true).optional(),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** What a look says of a goal: shown to be reached, shown to be missed, not known yet, or why it cannot be known. */
export const goalVerdictSchema = z.strictObject({
  goal: z.string(),
  metric: z.string(),
  verdict: z.enum(["reached", "missed", "open", "notJudgeable", "noData"]),
  sentence: z.string(),
  /** The lift (a ratio or a difference), or the value itself, and its 95 % interval. */
  estimate: z.number().optional(),
  interval: z.tuple([z.number(), z.number()]).optional(),
  limit: z.number().optional(),
});
export type GoalVerdict = z.infer<typeof goalVerdictSchema>;

/** Whether the two groups have the shares that the exposure gives them; where not, nothing that compares them is valid. */
export const splitCheckSchema = z.strictObject({
  metric: z.string(),
  of: z.enum(["users", "requests"]),
  status: z.enum(["ok", "mismatch"]),
  sentence: z.string(),
  /** ln E against the shares of the exposure; a mismatch at `threshold`. */
  evidence: z.number(),
  threshold: z.number(),
});
export type SplitCheck = z.infer<typeof splitCheckSchema>;

/** What a judge remembers of one guardrail from look to look; its content is the judge's own. */
export const evidenceSchema = z.looseObject({ alpha: z.number().gt(0).lt(1) });
export type Evidence = z.infer<typeof evidenceSchema>;

/** What a stage waits for, in the order in which they speak. */
export const gateNameSchema = z.enum(["breach", "drift", "validity", "data", "bake", "samples", "verdicts", "plan", "pause"]);
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
  /** Users who met the feature: as a metric counted them, or about `units` × exposure; absent where neither is known. */
  users: z.number().optional(),
  /** A metric counted them. */
  counted: z.literal(true).optional(),
  /** Treated requests that were measured. */
  requests: z.number(),
  /** Harmful events beyond the control's rate (beyond the limit where there is no control). */
  excessEvents: z.number(),
  /** Since the first exposure of this run, in milliseconds. */
  exposedFor: z.number(),
});
export type BlastRadius = z.infer<typeof blastRadiusSchema>;

const because = { because: z.array(z.strictObject({ gate: gateNameSchema, sentence: z.string() })) };

/** Why a look pauses. */
export const pauseCauseSchema = z.enum([
  "breach",
  "sharedIncident",
  "drift",
  "stoppedOutside",
  "sampleRatio",
  "noData",
  "inconclusive",
  "blind",
]);

/** What a look decided. `stage` is the index of the stage to go to. */
export const decisionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("advance"), stage: z.number().int().min(0), ...because }),
  z.strictObject({ kind: z.literal("hold"), ...because }),
  z.strictObject({
    kind: z.literal("pause"),
    ...because,
    cause: pauseCauseSchema,
    /** What a breach has cost. */
    blastRadius: blastRadiusSchema.optional(),
  }),
  z.strictObject({ kind: z.literal("rollback"), ...because, cause: z.enum(["breach", "noData"]), blastRadius: blastRadiusSchema }),
  z.strictObject({ kind: z.literal("complete"), ...because }),
]);
export type Decision = z.infer<typeof decisionSchema>;
