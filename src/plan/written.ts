import { z } from "zod";
import { onBreachSchema } from "../model/plan.ts";
import { secret } from "../model/secret.ts";
import {
  durationField,
  failuresField,
  fractionField,
  holdoutField,
  limitField,
  nameField,
  periodField,
  quantileField,
  samplesField,
  scalarField,
  semverField,
  shareField,
  textField,
  textOrSecretField,
  trafficField,
  unitField,
  variantField,
  wordField,
} from "./fields.ts";
import { mendedBy, missedAs } from "./issues.ts";

/** A plan as people write it: the skeleton, with the options of adapters and their queries opaque. */

function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, { error: "expected a list" });
}

function filledList<Item extends z.ZodType>(item: Item) {
  return list(item).min(1, { error: "expected a list that is not empty" });
}

/** Every form of a rule, each with the keys of `extra` as well. */
function ruleForms<Extra extends z.core.$ZodLooseShape>(extra: Extra) {
  const attribute = { ...extra, attribute: textField(200) };
  return z.union([
    z.strictObject({ ...attribute, in: filledList(scalarField()) }),
    z.strictObject({ ...attribute, notIn: filledList(scalarField()) }),
    z.strictObject({ ...attribute, equals: scalarField() }),
    z.strictObject({ ...attribute, startsWith: textField() }),
    z.strictObject({ ...attribute, endsWith: textField() }),
    z.strictObject({ ...attribute, contains: textField() }),
    z.strictObject({ ...attribute, above: z.number() }),
    z.strictObject({ ...attribute, below: z.number() }),
    z.strictObject({ ...attribute, semver: semverField() }),
    z.strictObject({ ...attribute, inFile: textField(1_000) }),
    z.strictObject({ ...extra, all: filledList(ruleField) }),
    z.strictObject({ ...extra, any: filledList(ruleField) }),
    z.strictObject({ ...extra, not: ruleField }),
  ]);
}

/** A rule as it is written: that of a file without the file's values. */
export type WrittenRule =
  | { attribute: string; in: (string | number | boolean)[] }
  | { attribute: string; notIn: (string | number | boolean)[] }
  | { attribute: string; equals: string | number | boolean }
  | { attribute: string; startsWith: string }
  | { attribute: string; endsWith: string }
  | { attribute: string; contains: string }
  | { attribute: string; above: number }
  | { attribute: string; below: number }
  | { attribute: string; semver: string }
  | { attribute: string; inFile: string }
  | { all: WrittenRule[] }
  | { any: WrittenRule[] }
  | { not: WrittenRule };

const ruleField: z.ZodType<WrittenRule> = z.lazy(() => ruleForms({}));

const units = mendedBy(
  z
    .number({ error: "expected a whole number above zero" })
    .int({ error: "expected a whole number above zero" })
    .positive({ error: "expected a whole number above zero" }),
  () => "write how many there are, in digits: 50000",
);

/** Its own options are read by the adapter that `type` names. */
const adapter = z.looseObject({ type: z.string({ error: "expected text" }) });

const query = z.record(z.string(), z.unknown());

const flag = z.strictObject({
  backend: adapter,
  key: textField(200).optional(),
  treatment: variantField().prefault("on"),
  control: variantField().prefault("off"),
  unit: z.strictObject({ attribute: textField(200) }).optional(),
  propagation: durationField().optional(),
  writeWithin: periodField().prefault("30s"),
});

const audience = z.strictObject({
  eligible: ruleField.optional(),
  exclude: list(nameField()).prefault([]),
  testers: list(nameField()).prefault([]),
  holdout: holdoutField().prefault("0%"),
  units: units.optional(),
  traffic: trafficField().optional(),
  segments: z.record(nameField(), ruleForms({ units: units.optional() })).prefault({}),
});

const anyMetric = {
  source: wordField(),
  groups: z.literal("none").optional(),
  labels: z.strictObject({ treatment: variantField(), control: variantField() }).optional(),
  users: query.optional(),
};
const unit = unitField().optional();

const sumSquares = missedAs(query, {
  message:
    "a mean needs `sumSquares`: without the spread of its values no difference can be judged (a summary has `_sum` and `_count` alone)",
  mend: "export a counter of the squares, or use a histogram, or a rate of those slower than a limit",
});

const metric = z.discriminatedUnion("kind", [
  z.strictObject({ ...anyMetric, kind: z.literal("rate"), events: query, total: query }),
  z.strictObject({ ...anyMetric, kind: z.literal("mean"), unit, count: query, sum: query, sumSquares }),
  z.strictObject({ ...anyMetric, kind: z.literal("histogram"), unit, buckets: query }),
  z.strictObject({ ...anyMetric, kind: z.literal("gauge"), unit, value: query }),
]);

const versus = z.union([
  mendedBy(z.literal("control", { error: "expected control, or how long before the rollout" }), () => "write control, or { before: 24h }"),
  z.strictObject({ before: periodField() }),
]);

const anyGuardrail = {
  metric: wordField(),
  quantile: quantileField().optional(),
  failures: failuresField().optional(),
  versus: versus.optional(),
  require: z.literal("clear").optional(),
  proof: z.literal("strict").optional(),
  detect: limitField().optional(),
  onBreach: onBreachSchema.optional(),
  stages: filledList(textField(200)).optional(),
};

const guardrail = z.union([
  z.strictObject({ ...anyGuardrail, max: limitField() }),
  z.strictObject({ ...anyGuardrail, min: limitField() }),
  z.strictObject({ ...anyGuardrail, maxIncrease: limitField() }),
  z.strictObject({ ...anyGuardrail, maxDecrease: limitField() }),
  z.strictObject({ ...anyGuardrail, maxTrend: limitField() }),
]);

const anyGoal = {
  metric: wordField(),
  quantile: z.never({ error: "goals are of rates and means, not of quantiles: make it a rate of those faster than a limit" }).optional(),
};

const goal = z.union([
  z.strictObject({ ...anyGoal, minIncrease: limitField() }),
  z.strictObject({ ...anyGoal, minDecrease: limitField() }),
  z.strictObject({ ...anyGoal, min: limitField() }),
  z.strictObject({ ...anyGoal, max: limitField() }),
]);

const policy = z.strictObject({
  falseRollback: fractionField().prefault("5%"),
  poll: periodField().prefault("1m"),
  onBreach: onBreachSchema.prefault("rollback"),
  onInconclusive: z.enum(["advance", "hold", "pause"]).prefault("advance"),
  onBlind: z.enum(["advance", "hold", "pause"]).prefault("hold"),
  sampleRatio: z.enum(["users", "requests", "off"]).prefault("users"),
  onNoData: z.strictObject({ hold: durationField().prefault("30m"), then: z.enum(["pause", "rollback"]).prefault("pause") }).prefault({}),
});

const ledger = z.strictObject({ signingKey: secret() });

const expose = z.union([
  shareField(),
  z
    .strictObject({ segments: filledList(nameField()).optional(), percent: shareField().optional() })
    .refine(({ segments, percent }) => segments !== undefined || percent !== undefined, {
      error: "an exposure needs `segments`, `percent` or both",
    }),
]);

const bake = durationField().prefault("30m");

const minSamples = samplesField().prefault(0);

/** What a stage has that is written as a percentage alone. */
export const stageDefaults = z.object({ bake, minSamples }).parse({});

const stage = z.union([shareField(), z.strictObject({ name: textField(200).optional(), expose, bake, minSamples })]);

const version = mendedBy(z.literal(1, { error: "expected 1, the only version of the plan language" }), () => "write `version: 1`");

/** The skeleton of a plan. Its output is in the model's units. */
export const writtenPlanSchema = z.strictObject({
  version,
  rollout: nameField(),
  owner: textField().optional(),
  hypothesis: textField().optional(),
  risks: list(textField()).prefault([]),
  flag,
  audience: audience.prefault({}),
  sources: z.record(wordField(), adapter).prefault({}),
  metrics: z.record(wordField(), metric).prefault({}),
  guardrails: list(guardrail).prefault([]),
  goals: list(goal).prefault([]),
  policy: policy.prefault({}),
  ledger: ledger.optional(),
  heartbeat: textOrSecretField().optional(),
  stages: filledList(stage),
});
export type WrittenPlan = z.output<typeof writtenPlanSchema>;
