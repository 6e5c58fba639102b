import { step } from "../../src/engine/advance.ts";
import type { ConnectedSource } from "../../src/engine/context.ts";
import type { Interval, Measured, MeasureRequest } from "../../src/metrics/port.ts";
import type { Value } from "../../src/model/measurement.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { Begun } from "../engine/worlds.ts";
import { createWorld, fileOf, MINUTE, planOf, relative, SECOND, type World } from "../support/world.ts";

/** As `begun`, with another source of numbers. */
export async function begunOn(
  plan: Plan,
  source: Partial<ConnectedSource>,
  measure: (world: World, request: MeasureRequest) => Measured,
): Promise<Begun> {
  const world = createWorld();
  const runner = world.runner("anna");
  const { engine } = runner;
  const { connectSources } = engine;
  engine.connectSources = (of, folder) => {
    const own = { measure: async (requests: readonly MeasureRequest[]) => requests.map((request) => measure(world, request)) };
    return Object.fromEntries(
      Object.entries(connectSources(of, folder)).map(([name, each]) => [name, { ...each, ...source, source: own }]),
    );
  };
  const look = () => step(engine, "checkout", { file: fileOf(plan), adopt: false });
  await look();
  return {
    world,
    runner,
    file: fileOf(plan),
    lookAfter(milliseconds) {
      world.time += milliseconds;
      return look();
    },
  };
}

const nothingMissing = { queries: [], missing: [], withoutEvents: [] };

/** Knows its counters now, and wants back what it read before. */
export function measureCounters(world: World, { cursor, cohorts }: MeasureRequest): Measured {
  const totals = Object.fromEntries(cohorts.map(({ cohort }) => [cohort, world.truth(cohort)]));
  const now = { at: world.time, totals };
  if (cursor === undefined) return { status: "baseline", sent: nothingMissing, at: world.time, totals, cursor: now };
  const before = cursor as typeof now;
  const counts = Object.fromEntries(
    Object.entries(totals).map(([cohort, { events, total }]) => {
      const old = before.totals[cohort]!;
      return [cohort, { events: events - old.events, total: total - old.total }];
    }),
  );
  return { status: "measured", sent: nothingMissing, intervals: [{ from: before.at, to: world.time, counts }], cursor: now };
}

/** A plan with a guardrail of every kind. */
export const everything = planOf({
  audience: {
    ...planOf().audience,
    units: 20_000,
    segments: { staff: { rule: { attribute: "email", endsWith: "@example.com" }, units: 200 } },
  },
  metrics: {
    errors: { source: "shop", kind: "rate", grouped: true, events: {}, total: {}, users: {} },
    basket: { source: "shop", kind: "mean", unit: "EUR", grouped: true, count: {}, sum: {}, sumSquares: {} },
    latency: { source: "shop", kind: "histogram", unit: "s", grouped: true, buckets: {} },
    heap: { source: "shop", kind: "gauge", unit: "MiB", grouped: true, value: {} },
    site: { source: "shop", kind: "rate", grouped: false, events: {}, total: {} },
  },
  guardrails: [
    ...planOf().guardrails,
    relative,
    { id: "basket", metric: "basket", limit: { form: "maxDecrease", by: "ratio", amount: 0.05 }, onBreach: "rollback" },
    { id: "p95", metric: "latency", quantile: 0.95, limit: { form: "maxIncrease", by: "value", amount: 0.05 }, onBreach: "rollback" },
    { id: "slowdown", metric: "latency", limit: { form: "maxIncrease", by: "ratio", amount: 0.1 }, onBreach: "rollback" },
    { id: "heap", metric: "heap", limit: { form: "max", value: 900 }, failures: { count: 3, of: 5 }, onBreach: "pause" },
    {
      id: "heap before",
      metric: "heap",
      limit: { form: "maxIncrease", by: "ratio", amount: 0.5 },
      versus: { before: 60 * MINUTE },
      onBreach: "pause",
    },
    {
      id: "site before",
      metric: "site",
      limit: { form: "maxIncrease", by: "ratio", amount: 0.5 },
      versus: { before: 60 * MINUTE },
      onBreach: "pause",
    },
  ],
  goals: [{ id: "more", metric: "basket", limit: { form: "maxIncrease", by: "ratio", amount: 0.1 } }],
  stages: [
    { name: "staff", exposure: { testers: true, everyone: 0, segments: { staff: 100_000 } }, bake: 3 * MINUTE, minSamples: 0 },
    { name: "5%", exposure: { testers: true, everyone: 5_000, segments: { staff: 100_000 } }, bake: 5 * MINUTE, minSamples: 0 },
    { name: "50%", exposure: { testers: true, everyone: 50_000, segments: { staff: 100_000 } }, bake: 5 * MINUTE, minSamples: 0 },
  ],
});

/** The shares of requests that a cohort has in that world. */
const sizes: Record<string, number> = { treatment: 300, control: 5_700, everyone: 6_000 };

/** Has something of each kind, and wavers from interval to interval. */
export function measureEverything(_: World, { kind, numbers, cohorts, intervals }: MeasureRequest): Measured {
  const measured = intervals.map(({ from, to }): Interval => {
    const wave = ((from / SECOND) % 7) / 7;
    const valueOf = (total: number): Value => {
      switch (kind) {
        case "rate":
          return { events: Math.round(total * 0.004 * (1 + wave)), total };
        case "mean":
          return { count: total, sum: total * (50 + wave), sumSquares: total * 3_000 };
        case "histogram":
          return { buckets: [0.5, 0.3, 0.15, 0.05].map((share) => Math.round(total * share)) };
        case "gauge":
          return { level: 400 + 10 * wave };
      }
    };
    const counts = Object.fromEntries(
      cohorts.map(({ cohort }) => [cohort, valueOf(Math.round(((to - from) / MINUTE) * (sizes[cohort] ?? 60)))]),
    );
    return { from, to, counts, ...(numbers.users !== undefined && { users: { treatment: 15, control: 285 } }) };
  });
  const sent = { ...nothingMissing, newest: intervals.at(-1)!.to };
  return { sent, status: "measured", intervals: measured, ...(kind === "histogram" && { bounds: [0.1, 0.15, 0.2] }) };
}
