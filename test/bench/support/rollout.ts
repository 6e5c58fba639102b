import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectedSource, Engine } from "../../../src/engine/context.ts";
import { openLedger, type Ledger } from "../../../src/engine/ledger.ts";
import { takeLook, type Look } from "../../../src/engine/look.ts";
import { flagBackends } from "../../../src/flags/index.ts";
import type { Clock } from "../../../src/io/port.ts";
import { directoryStore } from "../../../src/ledger/directory.ts";
import type { Store } from "../../../src/ledger/port.ts";
import { metricSources } from "../../../src/metrics/index.ts";
import { OFF } from "../../../src/model/exposure.ts";
import type { Instant } from "../../../src/model/measurement.ts";
import { readPlan, type PlanReading } from "../../../src/plan/read.ts";

type ValidPlan = Extract<PlanReading, { valid: true }>;

/** A rollout in the midst of its first stage, half of the users exposed, in a ledger of its own. */
export interface MidRollout {
  /** Where the ledger is. */
  folder: string;
  ledger: Ledger;
  /** Looks as `advance` does, the flag being as it should be. Records nothing. */
  look(sources: Record<string, ConnectedSource>): Promise<Look>;
  remove(): Promise<void>;
}

/** The series of a guardrail's metric: a service with two groups and three status codes. */
export function counterOf(index: number): string {
  return `bench_${index}_requests_total`;
}

export interface PlanSize {
  /** How many guardrails on rates there are, and how many on histograms. */
  rates: number;
  histograms?: number;
  bake?: string;
}

/** A plan of many guardrails, each on a metric of its own, of each kind absolute and relative by turns. */
export async function planOf({ rates, histograms = 0, bake = "24h" }: PlanSize, url: string, settle: string): Promise<ValidPlan> {
  const indexes = Array.from({ length: rates }, (_, index) => index);
  const others = Array.from({ length: histograms }, (_, index) => index);
  const written = {
    version: 1,
    rollout: "bench",
    flag: { backend: { type: "flagd", file: "flags.json" } },
    sources: { prod: { type: "prometheus", url, settle } },
    metrics: Object.fromEntries([
      ...indexes.map((index) => [
        `errors${index}`,
        {
          source: "prod",
          kind: "rate",
          events: { counter: `${counterOf(index)}{variant="{{group}}",code=~"5.."}` },
          total: { counter: `${counterOf(index)}{variant="{{group}}"}` },
        },
      ]),
      ...others.map((index) => [
        `latency${index}`,
        { source: "prod", kind: "histogram", unit: "s", buckets: { counter: `bench_${index}_seconds_bucket{variant="{{group}}"}` } },
      ]),
    ]),
    guardrails: [
      ...indexes.map((index) => ({ metric: `errors${index}`, ...(index % 2 === 0 ? { maxIncrease: "50%" } : { max: "5%" }) })),
      ...others.map((index) => ({
        metric: `latency${index}`,
        ...(index % 2 === 0 ? { maxIncrease: "20%" } : { quantile: "95%", maxIncrease: "50ms" }),
      })),
    ],
    stages: [{ expose: "50%", bake }, "100%"],
  };
  const reading = await readPlan(JSON.stringify(written), {
    file: "bench.yaml",
    catalog: { flags: flagBackends, sources: metricSources },
    readFile: async () => undefined,
  });
  if (!reading.valid) throw new Error(reading.diagnostics.map(({ message }) => message).join("\n"));
  return reading;
}

/** Begins a rollout and applies its first stage; what is measured begins at `from`. */
export async function startMidRollout({ plan, hash }: ValidPlan, clock: Clock, from: Instant, given?: Store): Promise<MidRollout> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-bench-ledger-"));
  const store = given ?? directoryStore(folder);
  const actor = async () => ({ who: "bench", where: "here" });
  const outside = (): never => {
    throw new Error("a bench is handed what it uses");
  };
  const { signal: stop } = new AbortController();
  const spool = { put: outside, list: async () => [], remove: outside };
  const engine: Engine = {
    store,
    clock,
    actor,
    connectFlag: outside,
    connectSources: outside,
    stop,
    spool,
    tell: () => {},
    rollbackFor: 0,
    within: (_, work) => work,
  };
  const ledger = await openLedger(plan.rollout, { store, clock, actor });
  const at = from - 60_000;
  const exposure = plan.stages[0]!.exposure;
  const metrics = Object.fromEntries(
    Object.keys(plan.metrics).map((name) => [name, { status: "measured" as const, through: from, measurements: [] }]),
  );
  await ledger.append(() => ({
    kind: "started",
    at,
    data: { plan, planHash: hash, folder: ".", exposure: OFF, stage: -1, adopted: false, metrics },
  }));
  await ledger.append(() => ({
    kind: "intent",
    at,
    data: { purpose: "advance", from: OFF, to: exposure, stage: 0, deadline: at + 30_000, reason: "the first stage" },
  }));
  await ledger.append(() => ({ kind: "applied", at, data: { intent: 2, revision: "1", recovered: false } }));
  return {
    folder,
    ledger,
    look: (sources) => takeLook(engine, ledger.state!, sources, { kind: "known", exposure, revision: "1" }, false),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Records a look, and what the next one rests on is what it found. */
export async function record({ ledger }: MidRollout, { at, data }: Look): Promise<void> {
  await ledger.append(() => ({ kind: "look", at, data }));
}
