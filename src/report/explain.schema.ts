import { z } from "zod";
import { diagnosticSchema } from "../model/diagnostic.ts";
import { hashSchema } from "../model/entry.ts";
import { exposureSchema } from "../model/exposure.ts";
import { ledgerSchema, onBreachSchema, policySchema } from "../model/plan.ts";

/** Milliseconds. */
const duration = z.number().min(0);

/** A guardrail at one stage: whether it can be judged there and, when it cannot, why. */
export const guardSchema = z.discriminatedUnion("judged", [
  z.strictObject({
    guardrail: z.string(),
    judged: z.literal(true),
    /** The smallest harm that it sees in the stage's bake with 80 % power: `1.9x (0.5% to 0.95%)`; absent where nobody can say. */
    sees: z.string().optional(),
  }),
  z.strictObject({ guardrail: z.string(), judged: z.literal(false), reason: z.string() }),
]);

export const stagePreviewSchema = z.strictObject({
  name: z.string(),
  /** Who has the feature, in words. */
  who: z.string(),
  exposure: exposureSchema,
  /** About how many users that is, where the plan says how many there are; at most as many when some are not eligible. */
  users: z.number().int().min(0).optional(),
  /** About how many requests of theirs a minute, where the plan says how much traffic there is. */
  requestsPerMinute: z.number().min(0).optional(),
  /** When it can begin at the earliest, from the start of the rollout. */
  begins: duration,
  /** How long it lasts at least: propagation, and bake or minimum samples, whichever takes longer; without those of `auto`. */
  lasts: duration,
  bake: duration,
  /** `auto`: as many as show the harm that the guardrails name. */
  minSamples: z.union([z.number().int().min(0), z.literal("auto")]),
  guards: z.array(guardSchema),
});
export type StagePreview = z.infer<typeof stagePreviewSchema>;

/** What a plan will do, found out without asking anybody. */
export const previewSchema = z.strictObject({
  schema: z.literal("rollout.explain/1"),
  rollout: z.string(),
  planHash: hashSchema,
  owner: z.string().optional(),
  hypothesis: z.string().optional(),
  risks: z.array(z.string()),
  flag: z.strictObject({
    backend: z.string(),
    key: z.string(),
    treatment: z.string(),
    control: z.string(),
    /** The attribute that is bucketed; absent: the SDK's targeting key. */
    unit: z.string().optional(),
    propagation: duration,
    writeWithin: duration,
  }),
  audience: z.strictObject({
    /** Who may get it at all, in words; absent: everybody. */
    eligible: z.string().optional(),
    exclude: z.array(z.string()),
    testers: z.array(z.string()),
    /** As a percentage: `5%`. */
    holdout: z.string(),
    units: z.number().optional(),
    /** Requests per minute. */
    traffic: z.number().optional(),
    segments: z.array(z.strictObject({ name: z.string(), rule: z.string(), units: z.number().optional() })),
  }),
  guardrails: z.array(
    z.strictObject({
      id: z.string(),
      /** What it demands. */
      sentence: z.string(),
      /** What it cannot tell, and what else it asks. */
      notes: z.array(z.string()),
      onBreach: onBreachSchema,
      stages: z.array(z.string()).optional(),
    }),
  ),
  goals: z.array(z.strictObject({ id: z.string(), sentence: z.string() })),
  policy: policySchema,
  /** By what the sizes of the two groups are checked, in words. */
  sampleRatio: z.string(),
  /** The reference to the key that signs the ledger's entries; absent: they are not signed. */
  ledger: ledgerSchema.optional(),
  /** Whether an address is called after every look; it may be a secret, so it is not told. */
  heartbeat: z.boolean(),
  stages: z.array(stagePreviewSchema),
  /** When everybody eligible can have it at the earliest, from the start; absent when no stage is 100 %. */
  everybodyAfter: duration.optional(),
  /** When the rollout can be complete at the earliest, from the start. */
  completeAfter: duration,
  warnings: z.array(diagnosticSchema),
});
export type Preview = z.infer<typeof previewSchema>;
