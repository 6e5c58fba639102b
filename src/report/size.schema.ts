import { z } from "zod";
import { hashSchema } from "../model/entry.ts";

/** Milliseconds. */
const duration = z.number().min(0);
const requests = z.number().int().min(0);
/** A part of the chance of a false rollback. */
const alpha = z.number().gt(0).lt(1);

/** A harm: as its limit writes it, what the rate, the mean or the quantile then is, and both in words. */
export const sizedHarmSchema = z.strictObject({
  /** A rate, a value or an amount of change; of a ratio how many times as much. */
  size: z.number(),
  becomes: z.number().optional(),
  /** `1.9x`, `0.95%`, `+0.4pp`, `+12 EUR`. */
  short: z.string(),
  /** `1.9x (0.5% to 0.95%)`. */
  text: z.string(),
});

export const sizeMendSchema = z.strictObject({
  change: z.enum(["bake", "share", "minSamples", "detect", "guardrails", "traffic", "stages"]),
  /** Milliseconds, a share in thousandths of a percent, how many guardrails, how many times the traffic. */
  to: z.number().optional(),
  text: z.string(),
});

/** What one guardrail can see at one stage. */
export const guardrailSizeSchema = z.discriminatedUnion("kind", [
  z.strictObject({ guardrail: z.string(), kind: z.enum(["notJudged", "notSized"]), reason: z.string() }),
  z.strictObject({
    guardrail: z.string(),
    kind: z.literal("requests"),
    alpha,
    /** Treated requests in the bake; absent where the traffic is not known. */
    inBake: requests.optional(),
    /** The smallest harm that it sees in the bake, with 80 % power and with 90 %; absent where it sees none. */
    sees80: sizedHarmSchema.optional(),
    sees90: sizedHarmSchema.optional(),
    names: sizedHarmSchema,
    /** What it takes to see the named harm with 80 % power: treated requests, … */
    needs: requests.optional(),
    /** … users who make so many in the bake, … */
    users: requests.optional(),
    /** … and so long at the stage as it is. */
    takes: duration.optional(),
    /** `waits`: the stage waits for as many. `blind`: it is over before. `never`: no number would do. `unknown`: no traffic. */
    can: z.enum(["sees", "waits", "blind", "never", "unknown"]),
    /** Why no number of requests would do. */
    because: z.string().optional(),
    /** Where it cannot see what it names, what would help; any of these by itself. */
    mends: z.array(sizeMendSchema).readonly(),
    /** Whether a rollout under way knows what it needs, so that `minSamples: auto` and `onBlind` wait for it. */
    sizedInRun: z.boolean(),
    /** What is assumed of it at every stage. */
    note: z.string().optional(),
  }),
  z.strictObject({
    guardrail: z.string(),
    kind: z.literal("readings"),
    alpha,
    /** Readings in the bake, and how many it takes before anything can be said. */
    inBake: requests,
    needs: requests,
    takes: duration,
    can: z.enum(["sees", "blind"]),
    sentence: z.string(),
  }),
]);
export type GuardrailSizeReport = z.infer<typeof guardrailSizeSchema>;

export const stageSizeSchema = z.strictObject({
  name: z.string(),
  bake: duration,
  /** Whether users meet the feature here, and not testers alone. */
  hasUsers: z.boolean(),
  /** Whether some guardrail would see ten times what it allows. */
  tellsAnything: z.boolean(),
  guardrails: z.array(guardrailSizeSchema).readonly(),
});
export type StageSizeReport = z.infer<typeof stageSizeSchema>;

/** How small a harm each stage can see, and what it takes to see the harm that its guardrails name. */
export const sizeSchema = z.strictObject({
  schema: z.literal("rollout.size/1"),
  planHash: hashSchema,
  rollout: z.string(),
  /** Requests a minute of everybody, and how many users they are. */
  traffic: z.number().optional(),
  units: z.number().int().optional(),
  falseRollback: alpha,
  /** What each metric is taken to be while nothing harms it. */
  expected: z.array(z.strictObject({ metric: z.string(), text: z.string() })).readonly(),
  stages: z.array(stageSizeSchema).readonly(),
  /** What else the sizes rest on, and what would make them say more. */
  notes: z.array(z.string()).readonly(),
});
export type SizeReport = z.infer<typeof sizeSchema>;
