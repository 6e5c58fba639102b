import type { Plan } from "../../src/model/plan.ts";
import { sizeOf, type PlanSize, type StageSize } from "../../src/simulate/size.ts";
import { expectedWith, type SizeOptions } from "../../src/simulate/sizeExpected.ts";
import type { GuardrailSize } from "../../src/simulate/sizeGuardrail.ts";
import { planOf } from "../plan/fakes.ts";

/** A plan of 6,000 requests a minute, with these guardrails and stages. */
export function textOf(
  guardrails: readonly string[],
  {
    audience = "units: 50000, traffic: 6000/min",
    policy = "",
    stages = "[1%, 50%]",
  }: { audience?: string; policy?: string; stages?: string } = {},
): string {
  return `version: 1
rollout: new-checkout
flag: { backend: { type: fine, file: flags.json } }
audience: { ${audience} }
sources:
  prod: { type: numbers, url: "http://numbers:9090" }
metrics:
  errors: { source: prod, kind: rate, events: { counter: 'e{g="{{group}}"}' }, total: { counter: 't{g="{{group}}"}' } }
  found: { source: prod, kind: rate, events: { counter: 'f{g="{{group}}"}' }, total: { counter: 't{g="{{group}}"}' } }
  site: { source: prod, kind: rate, groups: none, events: { counter: e }, total: { counter: t } }
  basket:
    source: prod
    kind: mean
    unit: EUR
    count: { counter: 'n{g="{{group}}"}' }
    sum: { counter: 's{g="{{group}}"}' }
    sumSquares: { counter: 'q{g="{{group}}"}' }
  latency: { source: prod, kind: histogram, unit: s, buckets: { counter: 'b{g="{{group}}"}' } }
  heap: { source: prod, kind: gauge, unit: B, value: { gauge: 'h{g="{{group}}"}' } }
guardrails:
${guardrails.map((guardrail) => `  - { ${guardrail} }\n`).join("")}policy: { poll: 1m${policy === "" ? "" : `, ${policy}`} }
stages: ${stages}
`;
}

export async function sized(
  guardrails: readonly string[],
  about: Parameters<typeof textOf>[1] & { options?: SizeOptions } = {},
): Promise<{ plan: Plan; size: PlanSize }> {
  const plan = await planOf(textOf(guardrails, about));
  return { plan, size: sizePlan(plan, about.options) };
}

export function sizePlan(plan: Plan, options: SizeOptions = {}): PlanSize {
  const asked = expectedWith(plan, options, (name) => `no ${name}`);
  return sizeOf(asked.plan, asked.expected);
}

export type Requests = Extract<GuardrailSize, { kind: "requests" }>;

/** What a guardrail, the first unless another is named, can see at a stage. */
export function requestsAt({ stages }: PlanSize, stage: number, guardrail = 0): Requests {
  const own = (stages[stage] as StageSize).guardrails[guardrail];
  if (own?.kind !== "requests") throw new Error(`it is not sized by requests: ${JSON.stringify(own)}`);
  return own;
}
