import { describe, expect, test } from "vitest";
import { metricsReport, metricsView } from "../../src/report/metrics.ts";
import { metricsSchema } from "../../src/report/metrics.schema.ts";
import { valueText } from "../../src/report/metricValues.ts";
import type { Value } from "../../src/model/measurement.ts";

type Answer = Parameters<typeof metricsReport>[1][number];

const AT = 1_700_000_000_000;
const labels: Answer["labels"] = [
  { cohort: "treatment", label: "on" },
  { cohort: "control", label: "off" },
];
const sent: Answer["measured"]["sent"] = { queries: ["time_bucket"], newest: AT - 12_000, missing: [], withoutEvents: [] };
const interval = { from: AT - 330_000, to: AT - 30_000 };

function answer(changes: Partial<Answer>): Answer {
  return {
    metric: "m",
    source: "prod",
    kind: "rate",
    countsUsers: false,
    labels,
    measured: { sent, status: "error", reason: "?" },
    ...changes,
  };
}

function shown(changes: Partial<Answer>): string[] {
  const report = metricsReport("checkout", [answer(changes)], AT);
  expect(metricsSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  return metricsView(report).split("\n");
}

describe("a value reads", () => {
  test.each<[Value, { unit?: string; bounds?: number[] }, string]>([
    [{ events: 4, total: 1000 }, {}, "4 of 1,000, 0.4%"],
    [{ events: 0, total: 0 }, {}, "0 of 0"],
    [{ count: 1000, sum: 12.5, sumSquares: 0.2 }, { unit: "s" }, "12.5ms on average of 1,000 values, standard deviation 6.618ms"],
    [{ count: 3, sum: 3, sumSquares: 2.999999 }, { unit: "EUR" }, "1EUR on average of 3 values, standard deviation 0EUR"],
    [{ count: 1, sum: -2, sumSquares: 4 }, {}, "-2 on average of one value"],
    [{ count: 0, sum: 0, sumSquares: 0 }, { unit: "s" }, "no values"],
    [
      { buckets: [600, 350, 49, 1] },
      { unit: "s", bounds: [0.1, 0.25, 1] },
      "1,000 values, median up to 100ms, 95th percentile in 100ms to 250ms",
    ],
    [{ buckets: [0, 1, 0, 9] }, { unit: "s", bounds: [0.1, 0.25, 1] }, "10 values, median above 1s, 95th percentile above 1s"],
    [{ buckets: [1] }, { bounds: [] }, "1 value, median in the only bucket, 95th percentile in the only bucket"],
    [{ buckets: [0, 0] }, { bounds: [1] }, "no values"],
    [{ level: 536_870_912 }, { unit: "B" }, "512MiB"],
    [{ level: -1.23456 }, {}, "-1.235"],
  ])("%j as %j", (value, measure, text) => {
    expect(valueText(value, measure)).toBe(text);
  });
});

describe("an answer shows", () => {
  test("a histogram with its users, and what was sent", () => {
    const counts = { treatment: { buckets: [3, 1] }, control: { buckets: [30, 10] } };
    const intervals = [{ ...interval, counts, users: { treatment: 1, control: 2000 } }];
    expect(
      shown({ kind: "histogram", unit: "s", countsUsers: true, measured: { sent, status: "measured", intervals, bounds: [0.5] } }),
    ).toEqual([
      "m  from prod, in 5 min, the newest number 12 s old",
      '  treatment "on"  4 values, median up to 500ms, 95th percentile above 500ms, 1 user',
      '  control   "off"  40 values, median up to 500ms, 95th percentile above 500ms, 2,000 users',
      "  sent: time_bucket",
      "",
    ]);
  });

  test("users whom no series counts", () => {
    const intervals = [{ ...interval, counts: { treatment: { events: 1, total: 2 } } }];
    expect(shown({ countsUsers: true, measured: { sent, status: "measured", intervals } })[1]).toBe(
      '  treatment "on"  1 of 2, 50%  (no series of the users is there)',
    );
  });

  test("the level of a gauge at the end, and that a cohort shows none", () => {
    const intervals = [{ ...interval, counts: { control: { level: 3 } } }];
    const lines = shown({
      kind: "gauge",
      unit: "MiB",
      measured: { sent: { ...sent, missing: ["treatment"] }, status: "measured", intervals },
    });
    expect(lines.slice(0, 3)).toEqual([
      "m  from prod, at the end, the newest number 12 s old",
      '  treatment "on"  nothing  (no series of the value has this label)',
      '  control   "off"  3MiB',
    ]);
  });

  test.each<[Answer["kind"], string]>([
    ["mean", "since its process began"],
    ["gauge", "now"],
  ])("what a scraped page shows of a %s", (kind, when) => {
    const totals = { control: kind === "gauge" ? { level: 1 } : { count: 2, sum: 2, sumSquares: 2 } };
    const [head] = shown({ kind, measured: { sent, status: "baseline", totals } });
    expect(head).toBe(`m  from prod, ${when}, the newest number 12 s old`);
  });

  test.each<["noData" | "error", string]>([
    ["noData", "no data"],
    ["error", "error"],
  ])("why there is nothing: %s", (status, words) => {
    expect(shown({ measured: { sent, status, reason: "nothing\u001B[2J there" } })[0]).toBe(
      `m  from prod, ${words}: nothing<U+001B>[2J there, the newest number 12 s old`,
    );
  });
});

test("JSON has all numbers", () => {
  const counts = { treatment: { buckets: [3, 1] } };
  const intervals = [{ ...interval, counts, users: { treatment: 4 } }];
  const asked = answer({
    kind: "histogram",
    unit: "s",
    countsUsers: true,
    measured: { sent, status: "measured", intervals, bounds: [0.5] },
  });
  expect(metricsReport("checkout", [asked], AT)).toEqual({
    schema: "rollout.metrics/2",
    rollout: "checkout",
    metrics: [
      {
        metric: "m",
        source: "prod",
        kind: "histogram",
        unit: "s",
        status: "measured",
        interval,
        bounds: [0.5],
        groups: [
          {
            cohort: "treatment",
            label: "on",
            counts: { buckets: [3, 1] },
            users: 4,
            missing: false,
            withoutEvents: false,
            withoutUsers: false,
          },
          { cohort: "control", label: "off", missing: false, withoutEvents: false, withoutUsers: true },
        ],
        queries: ["time_bucket"],
        age: 12_000,
      },
    ],
  });
});
