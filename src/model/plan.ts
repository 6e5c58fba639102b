import { z } from "zod";
import { exposureSchema, nameSchema, shareSchema } from "./exposure.ts";

/** A plan in its normal form: all units converted (milliseconds, shares, fractions), defaults filled in, secrets still references. */

const scalarSchema = z.union([z.string(), z.number(), z.boolean()]);
const attributeSchema = z.string().min(1).max(200);

/** Who matches a segment. Strict types: `1` is not `"1"`; a missing attribute matches nothing but `notIn` and `not`. */
export type Rule =
  | { attribute: string; in: Scalar[] }
  | { attribute: string; notIn: Scalar[] }
  | { attribute: string; equals: Scalar }
  | { attribute: string; startsWith: string }
  | { attribute: string; endsWith: string }
  | { attribute: string; contains: string }
  | { attribute: string; above: number }
  | { attribute: string; below: number }
  /** Comparators separated by spaces, all of which must hold: `>=7.4.0 <8.0.0`. */
  | { attribute: string; semver: string }
  /** `values` is the content of the file when the plan was read: one value a line, so that it is part of the plan's hash. */
  | { attribute: string; inFile: string; values: string[] }
  | { all: Rule[] }
  | { any: Rule[] }
  | { not: Rule };
export type Scalar = z.infer<typeof scalarSchema>;

export const ruleSchema: z.ZodType<Rule> = z.lazy(() =>
  z.union([
    z.strictObject({ attribute: attributeSchema, in: z.array(scalarSchema) }),
    z.strictObject({ attribute: attributeSchema, notIn: z.array(scalarSchema) }),
    z.strictObject({ attribute: attributeSchema, equals: scalarSchema }),
    z.strictObject({ attribute: attributeSchema, startsWith: z.string() }),
    z.strictObject({ attribute: attributeSchema, endsWith: z.string() }),
    z.strictObject({ attribute: attributeSchema, contains: z.string() }),
    z.strictObject({ attribute: attributeSchema, above: z.number() }),
    z.strictObject({ attribute: attributeSchema, below: z.number() }),
    z.strictObject({ attribute: attributeSchema, semver: z.string() }),
    z.strictObject({ attribute: attributeSchema, inFile: z.string(), values: z.array(z.string()) }),
    z.strictObject({ all: z.array(ruleSchema).min(1) }),
    z.strictObject({ any: z.array(ruleSchema).min(1) }),
    z.strictObject({ not: ruleSchema }),
  ]),
);

export const segmentSchema = z.strictObject({ rule: ruleSchema, units: z.number().int().positive().optional() });
export type Segment = z.infer<typeof segmentSchema>;

/** `type` names the adapter; the other keys are its own options, secrets as references (`${env:X}`, `${file:…}`). */
export const adapterOptionsSchema = z.looseObject({ type: z.string() });
export type AdapterOptions = z.infer<typeof adapterOptionsSchema>;

/** Milliseconds. */
const durationSchema = z.number().int().min(0);

export const audienceSchema = z.strictObject({
  /** Who may get the feature at all; absent: everybody. */
  eligible: ruleSchema.optional(),
  /** Names of segments that never get it. */
  exclude: z.array(nameSchema),
  /** Names of segments that always have it while it is not off, outside the statistics. */
  testers: z.array(nameSchema),
  /** The share of the eligible that does not get it before the end. */
  holdout: shareSchema,
  /** How many units (users) there are. */
  units: z.number().int().positive().optional(),
  /** Requests per minute over everybody. */
  traffic: z.number().positive().optional(),
  segments: z.record(nameSchema, segmentSchema),
});
export type Audience = z.infer<typeof audienceSchema>;

export const flagSchema = z.strictObject({
  backend: adapterOptionsSchema,
  key: z.string().min(1).max(200),
  /** The names of the two variants of the randomised split. */
  treatment: z.string().min(1),
  control: z.string().min(1),
  /** What is bucketed; absent: the SDK's targeting key. */
  unit: z.strictObject({ attribute: attributeSchema }).optional(),
  /** How long the slowest client may serve the old exposure after a change. */
  propagation: durationSchema,
  /** The deadline of a write, from its intent. */
  writeWithin: durationSchema.min(1),
});
export type Flag = z.infer<typeof flagSchema>;

/** A number's query is its source's own; it was checked against the source's schema when the plan was read. */
export const querySchema = z.record(z.string(), z.unknown());
export type Query = z.infer<typeof querySchema>;

export const metricSchema = z.strictObject({
  source: z.string(),
  kind: z.literal("rate"),
  /** False when the metric is one number for everybody (`groups: none`). */
  grouped: z.boolean(),
  /** What `{{group}}` stands for, if the plan says so; absent: the names of the flag's variants, and those of whole segments. */
  labels: z.strictObject({ treatment: z.string(), control: z.string() }).optional(),
  events: querySchema,
  total: querySchema,
});
export type Metric = z.infer<typeof metricSchema>;

export const onBreachSchema = z.enum(["rollback", "pause", "notify"]);
export type OnBreach = z.infer<typeof onBreachSchema>;

/** `max` and `min` are fractions (0.001 is 0.1 %); an amount is a fraction of the control's rate, or of one (`points`). */
export const limitSchema = z.discriminatedUnion("form", [
  z.strictObject({ form: z.enum(["max", "min"]), rate: z.number().gt(0).lt(1) }),
  z.strictObject({ form: z.enum(["maxIncrease", "maxDecrease"]), by: z.enum(["ratio", "points"]), amount: z.number().min(0) }),
]);
export type Limit = z.infer<typeof limitSchema>;

export const guardrailSchema = z.strictObject({
  /** The guardrail as text, unique in the plan: `errors max 0.1%`. */
  id: z.string(),
  metric: z.string(),
  limit: limitSchema,
  /** What a breach does. Filled in from the policy; `pause` for a metric without groups unless the plan says otherwise. */
  onBreach: onBreachSchema,
  /** Names of the stages it covers; absent: every stage. */
  stages: z.array(z.string()).optional(),
});
export type Guardrail = z.infer<typeof guardrailSchema>;

export const policySchema = z.strictObject({
  /** The chance, at most, that a harmless run is ever rolled back. */
  falseRollback: z.number().gt(0).lt(1),
  poll: durationSchema.min(1),
  onInconclusive: z.enum(["advance", "hold", "pause"]),
  onNoData: z.strictObject({ hold: durationSchema, then: z.enum(["pause", "rollback"]) }),
});
export type Policy = z.infer<typeof policySchema>;

export const stageSchema = z.strictObject({
  name: z.string().min(1).max(200),
  /** Cumulative: who is in at an earlier stage is in here too. */
  exposure: exposureSchema,
  bake: durationSchema,
  /** Treated requests that each judgeable guardrail must have seen in this stage. */
  minSamples: z.number().int().min(0),
});
export type Stage = z.infer<typeof stageSchema>;

export const planSchema = z.strictObject({
  version: z.literal(1),
  rollout: nameSchema,
  owner: z.string().optional(),
  hypothesis: z.string().optional(),
  risks: z.array(z.string()),
  flag: flagSchema,
  audience: audienceSchema,
  sources: z.record(z.string(), adapterOptionsSchema),
  metrics: z.record(z.string(), metricSchema),
  guardrails: z.array(guardrailSchema),
  policy: policySchema,
  stages: z.array(stageSchema).min(1),
});
export type Plan = z.infer<typeof planSchema>;
