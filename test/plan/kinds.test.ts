import { describe, expect, test } from "vitest";
import { planSchema, type Guardrail } from "../../src/model/plan.ts";
import { kinds, planOf, withLine } from "./fakes.ts";

const GUARD = "  - { metric: errors, max: 0.1% }";
const GOAL = "  - { metric: basket, minIncrease: 5% }";

async function guardrailsOf(...written: string[]): Promise<Guardrail[]> {
  return (await planOf(withLine(GUARD, written.map((each) => `  - { ${each} }`).join("\n"), kinds))).guardrails;
}

describe("the normal form of metrics", () => {
  test("is what the model says, with the queries as they are written", async () => {
    const plan = await planOf(withLine("    unit: EUR", `    unit: EUR\n    users: { counter: 'u{g="{{group}}"}' }`, kinds));
    expect(planSchema.parse(plan)).toEqual(plan);
    expect(plan.metrics["basket"]).toEqual({
      source: "prod",
      kind: "mean",
      grouped: true,
      unit: "EUR",
      count: { counter: `n{g="{{group}}"}` },
      sum: { counter: `s{g="{{group}}"}` },
      sumSquares: { counter: `q{g="{{group}}"}` },
      users: { counter: `u{g="{{group}}"}` },
    });
    expect(plan.metrics["queue"]).toEqual({ source: "prod", kind: "gauge", grouped: true, value: { gauge: `l{g="{{group}}"}` } });
  });
});

describe("the normal form of guardrails", () => {
  test("has the limits of means in the metric's unit, and of changes as a ratio or a value", async () => {
    expect(
      (await guardrailsOf("metric: basket, min: 20 EUR", "metric: basket, maxDecrease: 5%", "metric: basket, maxIncrease: 2.50EUR")).map(
        ({ id, limit }) => [id, limit],
      ),
    ).toEqual([
      ["basket min 20EUR", { form: "min", value: 20 }],
      ["basket maxDecrease 5%", { form: "maxDecrease", by: "ratio", amount: 0.05 }],
      ["basket maxIncrease 2.5EUR", { form: "maxIncrease", by: "value", amount: 2.5 }],
    ]);
  });

  test("has those of a quantile, and of the whole histogram", async () => {
    expect(
      await guardrailsOf(
        "metric: latency, quantile: 95%, max: 500ms",
        "metric: latency, quantile: 99.9%, maxIncrease: 50ms",
        "metric: latency, quantile: 95%, maxIncrease: 10%, onBreach: notify",
        "metric: latency, maxIncrease: 10%, proof: strict",
      ),
    ).toEqual([
      { id: "latency p95 max 500ms", metric: "latency", quantile: 0.95, limit: { form: "max", value: 0.5 }, onBreach: "rollback" },
      {
        id: "latency p99.9 maxIncrease 50ms",
        metric: "latency",
        quantile: 0.999,
        limit: { form: "maxIncrease", by: "value", amount: 0.05 },
        onBreach: "rollback",
      },
      {
        id: "latency p95 maxIncrease 10%",
        metric: "latency",
        quantile: 0.95,
        limit: { form: "maxIncrease", by: "ratio", amount: 0.1 },
        onBreach: "notify",
      },
      {
        id: "latency maxIncrease 10%",
        metric: "latency",
        limit: { form: "maxIncrease", by: "ratio", amount: 0.1 },
        proof: "strict",
        onBreach: "rollback",
      },
    ]);
  });

  test("has those of a gauge, with failures filled in and trends an hour; they pause", async () => {
    const guardrails = await guardrailsOf(
      "metric: heap, max: 800MiB",
      "metric: heap, max: 800MiB, failures: 3 of 5, stages: [canary]",
      "metric: heap, maxTrend: 0.1KiB/s",
      "metric: heap, maxIncrease: 10%, onBreach: rollback",
      "metric: queue, min: -2",
    );
    expect(guardrails).toEqual([
      {
        id: "heap max 800MiB",
        metric: "heap",
        limit: { form: "max", value: 838_860_800 },
        failures: { count: 1, of: 1 },
        onBreach: "pause",
      },
      {
        id: "heap max 800MiB in 3 of 5",
        metric: "heap",
        limit: { form: "max", value: 838_860_800 },
        failures: { count: 3, of: 5 },
        onBreach: "pause",
        stages: ["canary"],
      },
      { id: "heap maxTrend 360KiB/h", metric: "heap", limit: { form: "maxTrend", perHour: 368_640 }, onBreach: "pause" },
      { id: "heap maxIncrease 10%", metric: "heap", limit: { form: "maxIncrease", by: "ratio", amount: 0.1 }, onBreach: "rollback" },
      { id: "queue min -2", metric: "queue", limit: { form: "min", value: -2 }, failures: { count: 1, of: 1 }, onBreach: "pause" },
    ]);
  });

  test("compares with the control unless the past is named, which pauses", async () => {
    const guardrails = await guardrailsOf(
      "metric: errors, maxIncrease: 20%, versus: control",
      "metric: errors, maxIncrease: 50%, versus: { before: 90m }",
      "metric: site, maxIncrease: 1pp, versus: { before: 24h }",
      "metric: site, maxIncrease: 1pp, versus: { before: 7d }, onBreach: rollback",
    );
    expect(guardrails.map(({ id, versus, onBreach }) => [id, versus, onBreach])).toEqual([
      ["errors maxIncrease 20%", undefined, "rollback"],
      ["errors maxIncrease 50% versus 90m before", { before: 5_400_000 }, "pause"],
      ["site maxIncrease 1pp versus 24h before", { before: 86_400_000 }, "pause"],
      ["site maxIncrease 1pp versus 7d before", { before: 604_800_000 }, "rollback"],
    ]);
  });

  test("keeps what must be shown, by which test, and the harm to detect as a limit of the same form", async () => {
    const [required, floor, slow] = await guardrailsOf(
      "metric: errors, maxIncrease: 20%, require: clear, proof: strict, detect: 100%",
      "metric: errors, min: 90%, detect: 80%",
      "metric: latency, maxIncrease: 10%, detect: 50%",
    );
    expect(required).toMatchObject({
      id: "errors maxIncrease 20%",
      require: "clear",
      proof: "strict",
      detect: { form: "maxIncrease", by: "ratio", amount: 1 },
    });
    expect(floor?.detect).toEqual({ form: "min", rate: 0.8 });
    expect(slow?.detect).toEqual({ form: "maxIncrease", by: "ratio", amount: 0.5 });
  });
});

describe("the normal form of goals", () => {
  test("is the same line as a limit's, to be passed", async () => {
    const goals = [
      "metric: basket, minIncrease: 5%",
      "metric: errors, minDecrease: 0.1pp",
      "metric: basket, min: 20EUR",
      "metric: site, max: 0.2%",
    ];
    const plan = await planOf(withLine(GOAL, goals.map((each) => `  - { ${each} }`).join("\n"), kinds));
    expect(plan.goals).toEqual([
      { id: "basket minIncrease 5%", metric: "basket", limit: { form: "maxIncrease", by: "ratio", amount: 0.05 } },
      { id: "errors minDecrease 0.1pp", metric: "errors", limit: { form: "maxDecrease", by: "points", amount: 0.001 } },
      { id: "basket min 20EUR", metric: "basket", limit: { form: "max", value: 20 } },
      { id: "site max 0.2%", metric: "site", limit: { form: "min", rate: 0.002 } },
    ]);
    expect(planSchema.parse(plan)).toEqual(plan);
  });
});

test("policy and samples are kept as they are written", async () => {
  const text = withLine("stages:", "policy: { onBlind: pause, sampleRatio: requests }\nstages:", kinds);
  const plan = await planOf(withLine("  - { expose: 1%, name: canary }", "  - { expose: 1%, name: canary, minSamples: auto }", text));
  expect(plan.policy).toMatchObject({ onBlind: "pause", sampleRatio: "requests" });
  expect(plan.stages.map(({ minSamples }) => minSamples)).toEqual(["auto", 0]);
});
