import { describe, expect, test } from "vitest";
import type { ConnectedSource, Engine } from "../../src/engine/context.ts";
import { preflight } from "../../src/engine/preflight.ts";
import type { Measured, MeasureRequest } from "../../src/metrics/port.ts";
import type { Cohort, Value } from "../../src/model/measurement.ts";
import type { Guardrail, Metric } from "../../src/model/plan.ts";
import { BEGINNING, MINUTE, planOf } from "../support/world.ts";
import { expectError } from "./worlds.ts";

/** The preflight of metrics of each kind, by what a source answers for them. */

const query = { of: "pages" };
const metrics = {
  rate: { source: "shop", kind: "rate", grouped: true, events: query, total: query },
  mean: { source: "shop", kind: "mean", grouped: true, unit: "EUR", count: query, sum: query, sumSquares: query },
  histogram: { source: "shop", kind: "histogram", grouped: true, unit: "s", buckets: query },
  gauge: { source: "shop", kind: "gauge", grouped: true, unit: "MiB", value: query },
} satisfies Record<string, Metric>;

type Values = Partial<Record<Cohort, Value>>;
type Answered = Partial<Extract<Measured, { status: "measured" }>> & { counts?: Values; users?: Values; missing?: Cohort[] };

const limit = { form: "maxIncrease", by: "ratio", amount: 0.2 } as const;

/** Runs the preflight of one metric that is answered so. */
async function check(
  metric: Metric,
  answer: Measured | Answered,
  { guardrail = {}, exposed = false }: { guardrail?: Partial<Guardrail>; exposed?: boolean } = {},
) {
  const asked: MeasureRequest[] = [];
  const source: ConnectedSource = {
    history: true,
    settle: 30_000,
    parseQuery: (given) => given,
    source: {
      measure: async (requests) => {
        asked.push(...requests);
        return requests.map(({ intervals }) => ("sent" in answer ? (answer as Measured) : measured(intervals[0]!, answer as Answered)));
      },
    },
  };
  const plan = planOf({ metrics: { m: metric }, guardrails: [{ id: "m limit", metric: "m", limit, onBreach: "rollback", ...guardrail }] });
  const engine = { clock: { now: () => BEGINNING } } as Engine;
  return { ...(await preflight(engine, plan, { shop: source }, exposed)), asked };
}

function measured(interval: { from: number; to: number }, { counts = {}, missing = [], users, bounds }: Answered): Measured {
  const sent = { queries: [], missing, withoutEvents: [], newest: interval.to - 5000 };
  return {
    sent,
    status: "measured",
    ...(bounds && { bounds }),
    intervals: [{ ...interval, counts, ...(users && { users: users as never }) }],
  };
}

const same = (value: Value): Values => ({ treatment: value, control: value });
const ofNobody: Record<"rate" | "mean" | "histogram", Value> = {
  rate: { events: 0, total: 0 },
  mean: { count: 0, sum: 0, sumSquares: 0 },
  histogram: { buckets: [0, 0, 0] },
};

describe("the preflight begins to measure at the newest number", () => {
  test.each(Object.entries(metrics))("of a %s", async (kind, metric) => {
    const control: Value = kind === "gauge" ? { level: 5 } : ofNobody[kind as keyof typeof ofNobody];
    const { metrics: found, warnings, asked } = await check(metric, { counts: { control } });
    expect(found).toEqual({ m: { status: "measured", through: BEGINNING - 35_000, measurements: [] } });
    expect(warnings).toEqual([]);
    expect(asked).toMatchObject([{ kind, intervals: [{ from: BEGINNING - 30_000 - 5 * MINUTE, to: BEGINNING - 30_000 }] }]);
  });

  test("and keeps the bounds of a histogram", async () => {
    const bounds = [0.1, 0.5];
    expect((await check(metrics.histogram, { counts: same(ofNobody.histogram), bounds })).metrics).toMatchObject({
      m: { status: "measured", bounds },
    });
    const baseline: Measured = {
      sent: { queries: [], missing: [], withoutEvents: [] },
      status: "baseline",
      at: BEGINNING,
      cursor: { any: 1 },
      bounds,
      totals: { control: ofNobody.histogram },
    };
    expect((await check(metrics.histogram, baseline)).metrics).toEqual({
      m: { status: "baseline", through: BEGINNING, cursor: { any: 1 }, bounds },
    });
  });
});

describe("the preflight refuses", () => {
  test.each(Object.entries(metrics))("a %s whose control's label matches nothing", async (_, metric) => {
    await expectError(
      check(metric, { missing: ["control"] }),
      "refused",
      /m: nothing matches the control's label; \{\{group\}\} stands for "off"/,
    );
  });

  test.each<[keyof typeof ofNobody, Value, Value, RegExp]>([
    ["rate", { events: 1, total: 10 }, { events: 1, total: 9 }, /both groups have 1 of 10 in the last 5 min/],
    [
      "mean",
      { count: 10, sum: 5, sumSquares: 9 },
      { count: 9, sum: 5, sumSquares: 9 },
      /both groups have 10 values with a sum of 5 in the last 5 min/,
    ],
    ["histogram", { buckets: [4, 5, 1] }, { buckets: [4, 5, 0] }, /both groups have 10 values, the same in each bucket in the last 5 min/],
  ])("a %s of which {{group}} changes nothing, but not one of a few equal values", async (kind, value, few, says) => {
    await expectError(check(metrics[kind], { counts: same(value) }), "refused", says);
    await check(metrics[kind], { counts: same(few) });
    await check(metrics[kind], { counts: { treatment: value, control: few } });
    // With the feature given to half, both groups may well be equal.
    await check(metrics[kind], { counts: same(value) }, { exposed: true });
  });

  test("a gauge that does not show the control's level, or everyone's", async () => {
    await expectError(check(metrics.gauge, { counts: { treatment: { level: 1 } } }), "refused", /m: the control shows no level/);
    const everyone: Metric = { ...metrics.gauge, grouped: false };
    await expectError(check(everyone, {}), "refused", /m: the gauge shows no level/);
    await check(everyone, { counts: { everyone: { level: 0 } } });
  });

  test("but not two gauges that are equal", async () => {
    expect((await check(metrics.gauge, { counts: same({ level: 12 }) })).metrics).toMatchObject({ m: { status: "measured" } });
  });

  test("a fixed limit of a rate that is broken already, but no limit against the past", async () => {
    const counts: Values = { control: { events: 500, total: 1000 } };
    const fixed = { form: "max", rate: 0.01 } as const;
    await expectError(check(metrics.rate, { counts }, { guardrail: { limit: fixed } }), "refused", /m limit: .*500 of 1,000/);
    await check(metrics.rate, { counts }, { guardrail: { versus: { before: 60 * MINUTE } } });
  });
});

test("users whom nothing counts are told, and hinder nothing", async () => {
  const metric: Metric = { ...metrics.rate, users: query };
  const counts = { control: { events: 1, total: 10 } };
  expect((await check(metric, { counts })).warnings).toEqual([
    "m: the query for `users` matches no series: there was none so far, or it is misspelt",
  ]);
  expect((await check(metric, { counts, users: { control: 0 } as never })).warnings).toEqual([]);
});
