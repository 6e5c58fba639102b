import { z } from "zod";
import { exposureSchema, nameSchema, shareSchema } from "./exposure.ts";
import { parseSecret } from "./secret.ts";

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

const anyMetric = {
  source: z.string(),
  /** False when the metric is one number for everybody (`groups: none`). */
  grouped: z.boolean(),
  /** What `{{group}}` stands for, if the plan says so; absent: the names of the flag's variants, and those of whole segments. */
  labels: z.strictObject({ treatment: z.string(), control: z.string() }).optional(),
  /** Counts each unit (user) once for each exposure, for the check of the sample ratio. */
  users: querySchema.optional(),
};
/** What the values of a metric are measured in: `ms`, `MiB`, or any word; absent: plain numbers. */
const unit = z.string().min(1).max(40).optional();

/** By kind, the numbers that a metric is made of, each with the query that asks for it. */
export const metricSchema = z.discriminatedUnion("kind", [
  z.strictObject({ ...anyMetric, kind: z.literal("rate"), events: querySchema, total: querySchema }),
  z.strictObject({ ...anyMetric, kind: z.literal("mean"), unit, count: querySchema, sum: querySchema, sumSquares: querySchema }),
  z.strictObject({ ...anyMetric, kind: z.literal("histogram"), unit, buckets: querySchema }),
  z.strictObject({ ...anyMetric, kind: z.literal("gauge"), unit, value: querySchema }),
]);
export type Metric = z.infer<typeof metricSchema>;
export type MetricKind = Metric["kind"];

/** How a source is asked for one number: increments of counters, increments of a histogram's counters, or a level. */
export type NumberKind = "counter" | "buckets" | "gauge";
export type NumberName = "events" | "total" | "count" | "sum" | "sumSquares" | "buckets" | "value" | "users";

/** By kind of a metric, the numbers that it is made of; `users`, a counter, may come with each. */
export const NUMBERS: Readonly<Record<MetricKind, Readonly<Partial<Record<NumberName, NumberKind>>>>> = {
  rate: { events: "counter", total: "counter" },
  mean: { count: "counter", sum: "counter", sumSquares: "counter" },
  histogram: { buckets: "buckets" },
  gauge: { value: "gauge" },
};

export const onBreachSchema = z.enum(["rollback", "pause", "notify"]);
export type OnBreach = z.infer<typeof onBreachSchema>;

const absoluteForm = z.enum(["max", "min"]);
const relativeForm = z.enum(["maxIncrease", "maxDecrease"]);

/**
 * - `rate`: a fraction of a rate's total (0.001 is 0.1 %)
 * - `value`: of a mean, of a gauge, or of a histogram's quantile, in the metric's unit
 * - `amount`: a change against the control or the past: a fraction of what it has (`ratio`), a fraction of one
 *   (`points`), or so much in the metric's unit (`value`)
 * - `perHour`: how much a gauge may rise in an hour
 */
export const limitSchema = z.union([
  z.strictObject({ form: absoluteForm, rate: z.number().gt(0).lt(1) }),
  z.strictObject({ form: absoluteForm, value: z.number() }),
  z.strictObject({ form: relativeForm, by: z.enum(["ratio", "points", "value"]), amount: z.number().min(0) }),
  z.strictObject({ form: z.literal("maxTrend"), perHour: z.number().gt(0) }),
]);
export type Limit = z.infer<typeof limitSchema>;
export type RelativeLimit = Extract<Limit, { by: string }>;

const quantileSchema = z.number().gt(0).lt(1);

export const guardrailSchema = z.strictObject({
  /** The guardrail as text, unique in the plan: `errors max 0.1%`. */
  id: z.string(),
  metric: z.string(),
  limit: limitSchema,
  /** Of a histogram, what the limit is about: 0.95 for the 95th percentile; absent: the whole distribution ("any slowdown"). */
  quantile: quantileSchema.optional(),
  /** Of a gauge with a threshold: in so many of the last readings it must be beyond it. */
  failures: z.strictObject({ count: z.number().int().min(1), of: z.number().int().min(1) }).optional(),
  /** Compared with the so many milliseconds before anybody was exposed; absent: with the control. */
  versus: z.strictObject({ before: durationSchema.min(1) }).optional(),
  /** A stage may only be left once the guardrail is shown to be kept. */
  require: z.literal("clear").optional(),
  /** By the test that is proved for each kind of noise, which needs more requests. */
  proof: z.literal("strict").optional(),
  /** The harm that every stage should be able to see, in the form of the limit; absent: twice what the limit allows. */
  detect: limitSchema.optional(),
  /** What a breach does. Filled in from the policy; `pause` for a metric without groups unless the plan says otherwise. */
  onBreach: onBreachSchema,
  /** Names of the stages it covers; absent: every stage. */
  stages: z.array(z.string()).optional(),
});
export type Guardrail = z.infer<typeof guardrailSchema>;

/** An improvement that is hoped for. It decides nothing by itself. */
export const goalSchema = z.strictObject({
  /** The goal as text, unique in the plan: `addToCart minIncrease 10%`. */
  id: z.string(),
  metric: z.string(),
  /** `minIncrease` is written as `maxIncrease` and so on: the same line, hoped to be passed. */
  limit: limitSchema,
});
export type Goal = z.infer<typeof goalSchema>;

export const policySchema = z.strictObject({
  /** The chance, at most, that a harmless run is ever rolled back. */
  falseRollback: z.number().gt(0).lt(1),
  poll: durationSchema.min(1),
  onInconclusive: z.enum(["advance", "hold", "pause"]),
  /** When a stage has seen too little to show the harm that its guardrails name. */
  onBlind: z.enum(["advance", "hold", "pause"]).default("advance"),
  /** What the shares of the two groups are checked by: users that a metric counts, requests, or nothing. */
  sampleRatio: z.enum(["users", "requests", "off"]).default("users"),
  onNoData: z.strictObject({ hold: durationSchema, then: z.enum(["pause", "rollback"]) }),
});
export type Policy = z.infer<typeof policySchema>;

export const stageSchema = z.strictObject({
  name: z.string().min(1).max(200),
  /** Cumulative: who is in at an earlier stage is in here too. */
  exposure: exposureSchema,
  bake: durationSchema,
  /** Treated requests that each judgeable guardrail must have seen in this stage; `auto`: as many as show what it names. */
  minSamples: z.union([z.number().int().min(0), z.literal("auto")]),
});
export type Stage = z.infer<typeof stageSchema>;

export const ledgerSchema = z.strictObject({
  /** A reference to the ed25519 key that signs the entries. */
  signingKey: z.string().refine((text) => parseSecret(text) !== undefined, { error: "expected a reference to a secret" }),
});
export type LedgerSettings = z.infer<typeof ledgerSchema>;

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
  goals: z.array(goalSchema).default([]),
  policy: policySchema,
  ledger: ledgerSchema.optional(),
  /** An address that is called after every look that was recorded, or a reference to one; nothing decides on it. */
  heartbeat: z.string().min(1).max(2_000).optional(),
  stages: z.array(stageSchema).min(1),
});
export type Plan = z.infer<typeof planSchema>;
