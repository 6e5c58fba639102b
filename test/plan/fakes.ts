import { z } from "zod";
import { defineFlagBackend } from "../../src/flags/port.ts";
import { defineMetricSource } from "../../src/metrics/port.ts";
import { secret } from "../../src/model/secret.ts";
import { duration } from "../../src/model/units.ts";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import type { Plan } from "../../src/model/plan.ts";
import { readPlan, type PlanReading } from "../../src/plan/read.ts";
import type { Catalog } from "../../src/plan/reading.ts";

/** Adapters that can be described but not connected: reading a plan never connects. */
function connect(): never {
  throw new Error("reading a plan connects to nothing");
}

export const coarse = defineFlagBackend({
  name: "coarse",
  options: z.strictObject({ project: z.string(), token: secret().optional() }),
  granularity: 1,
  concurrency: "none",
  propagation: 60_000,
  cannotExpress: ({ audience }) => (audience.eligible && "below" in audience.eligible ? ["coarse knows no `below`: use `above`"] : []),
  connect,
});

export const fine = defineFlagBackend({
  name: "fine",
  options: z.strictObject({ file: z.string() }),
  granularity: 0.001,
  concurrency: "checked",
  propagation: 0,
  connect,
});

const counter: z.ZodType = z.strictObject({ counter: z.string().min(1) });

export const numbers = defineMetricSource({
  name: "numbers",
  options: z.strictObject({
    url: z.url({ error: "expected an address such as http://numbers:9090" }),
    bearer: secret().optional(),
    settle: duration().optional(),
  }),
  query: { counter, buckets: counter, gauge: z.strictObject({ gauge: z.string().min(1) }) },
  history: true,
  settle: 30_000,
  connect,
});

/** Counters of now, and nothing else. */
export const page = defineMetricSource({
  name: "page",
  options: z.strictObject({ url: z.string() }),
  query: { counter },
  history: false,
  settle: 0,
  connect,
});

export const catalog: Catalog = { flags: { coarse, fine }, sources: { numbers, page } };

/** A plan without a mistake. Parts of it are replaced by tests, whole lines at a time. */
export const good = `version: 1
rollout: new-checkout
flag:
  backend: { type: fine, file: flags.json }
audience:
  holdout: 5%
  segments:
    staff: { attribute: email, endsWith: "@example.com" }
    ring: { attribute: tenant, inFile: ring.txt }
sources:
  prod: { type: numbers, url: "http://numbers:9090", bearer: "\${env:TOKEN}" }
metrics:
  errors:
    source: prod
    kind: rate
    events: { counter: 'errors{group="{{group}}"}' }
    total: { counter: 'requests{group="{{group}}"}' }
  site: { source: prod, kind: rate, groups: none, events: { counter: errors }, total: { counter: requests } }
guardrails:
  - { metric: errors, max: 0.1% }
policy:
  poll: 1m
stages:
  - 1%
  - { name: half, expose: 50%, bake: 1h }
  - 100%
`;

/** A plan without a mistake, with a metric of each kind. */
export const kinds = `version: 1
rollout: new-checkout
flag: { backend: { type: fine, file: flags.json } }
sources:
  prod: { type: numbers, url: "http://numbers:9090" }
  page: { type: page, url: "http://page" }
metrics:
  errors: { source: prod, kind: rate, events: { counter: 'e{g="{{group}}"}' }, total: { counter: 't{g="{{group}}"}' } }
  site: { source: prod, kind: rate, groups: none, events: { counter: e }, total: { counter: t } }
  scraped: { source: page, kind: rate, events: { counter: 'e{g="{{group}}"}' }, total: { counter: 't{g="{{group}}"}' } }
  basket:
    source: prod
    kind: mean
    unit: EUR
    count: { counter: 'n{g="{{group}}"}' }
    sum: { counter: 's{g="{{group}}"}' }
    sumSquares: { counter: 'q{g="{{group}}"}' }
  latency: { source: prod, kind: histogram, unit: s, buckets: { counter: 'b{g="{{group}}"}' } }
  heap: { source: prod, kind: gauge, unit: B, value: { gauge: 'h{g="{{group}}"}' } }
  queue: { source: prod, kind: gauge, value: { gauge: 'l{g="{{group}}"}' } }
guardrails:
  - { metric: errors, max: 0.1% }
goals:
  - { metric: basket, minIncrease: 5% }
stages:
  - { expose: 1%, name: canary }
  - 100%
`;

/** A plan with one line replaced by others, the good one unless another is named. Fails when there is no such line. */
export function withLine(line: string, replacement: string, plan = good): string {
  if (!plan.includes(`${line}\n`)) throw new Error(`the plan has no line ${line}`);
  return plan.replace(`${line}\n`, replacement === "" ? "" : `${replacement}\n`);
}

export const files: Record<string, string> = { "ring.txt": "a\nb\n" };

export function read(text: string, options: { files?: Record<string, string>; catalog?: Catalog } = {}): Promise<PlanReading> {
  const held = options.files ?? files;
  return readPlan(text, {
    file: "plan.yaml",
    catalog: options.catalog ?? catalog,
    readFile: async (path) => (Object.hasOwn(held, path) ? held[path] : undefined),
  });
}

export async function planOf(text: string, options: Parameters<typeof read>[1] = {}): Promise<Plan> {
  const reading = await read(text, options);
  if (!reading.valid) throw new Error(reading.diagnostics.map(shortly).join("\n"));
  return reading.plan;
}

/** All that is said of a text, errors and warnings. */
export async function diagnosticsOf(text: string, options: Parameters<typeof read>[1] = {}): Promise<Diagnostic[]> {
  const reading = await read(text, options);
  return reading.valid ? reading.warnings : reading.diagnostics;
}

/** A diagnostic as one line: `9:3 message → mend`. */
export function shortly({ range, message, mend }: Diagnostic): string {
  return `${range.line}:${range.column} ${message} → ${mend}`;
}
