import { describe, expect, test } from "vitest";
import { metricSources } from "../../src/metrics/index.ts";
import { askedFor, queries } from "../../src/metrics/queries.ts";
import { formatSelector } from "../../src/metrics/selector.ts";
import { NUMBERS, type NumberKind } from "../../src/model/plan.ts";

test("both sources read every kind of number", () => {
  const kinds = new Set(["counter", ...Object.values(NUMBERS).flatMap((numbers) => Object.values(numbers))]);
  for (const { query } of Object.values(metricSources)) expect(new Set(Object.keys(query))).toEqual(kinds);
});

test("a gauge is the mean of its series unless it says otherwise", () => {
  expect(queries.gauge.parse({ gauge: "heap" })).toEqual({ gauge: "heap", over: "mean" });
  expect(queries.gauge.parse({ gauge: "heap", over: "max" })).toEqual({ gauge: "heap", over: "max" });
});

describe("a query that cannot be used is refused with what to write:", () => {
  test.each<[NumberKind, unknown, string]>([
    ["buckets", { counter: 'time_bucket{v="{{group}}",le="0.5"}' }, "with all of its buckets: leave out the label le"],
    ["buckets", { counter: 'time_bucket{le=~"0.*"}' }, "leave out the label le"],
    [
      "buckets",
      { counter: "histogram_quantile(0.9, x)" },
      'write a plain selector such as http_request_duration_seconds_bucket{variant="{{group}}"}',
    ],
    ["buckets", { gauge: "time_bucket" }, "Unrecognized key"],
    [
      "counter",
      { counter: "rate(x_total[5m])" },
      'such as http_requests_total{variant="{{group}}",code=~"5.."}; its counters are subtracted for you',
    ],
    [
      "gauge",
      { gauge: "avg(heap)" },
      'such as process_resident_memory_bytes{variant="{{group}}"}; `over` says how its series become one number',
    ],
    ["gauge", { gauge: '{__name__=~"a|b"}' }, "a gauge is one metric"],
    ["gauge", { counter: "heap" }, "Unrecognized key"],
    ["gauge", { gauge: "heap", over: "median" }, "Invalid option"],
    ["gauge", { gauge: { x: "y" } }, "expected a selector in quotes, such as 'process_resident_memory_bytes"],
  ])("%s %j", (kind, query, message) => {
    const { success, error } = queries[kind].safeParse(query);
    expect(success).toBe(false);
    expect(error?.issues.map((issue) => issue.message).join("; ")).toContain(message);
  });
});

test("one bucket alone is a counter", () => {
  expect(queries.counter.safeParse({ counter: 'time_bucket{v="{{group}}",le="0.5"}' }).success).toBe(true);
});

test("a metric is asked for number by number in each cohort, users last", () => {
  const asked = askedFor({
    metric: "pay",
    kind: "rate",
    numbers: { users: { counter: 'users{v="{{group}}"}' }, events: { counter: 'bad{v="{{group}}"}' }, total: { counter: "all" } },
    cohorts: [
      { cohort: "treatment", label: "on" },
      { cohort: "control", label: "off" },
    ],
    intervals: [],
    cursor: undefined,
  });
  expect(asked.map(({ cohort, name, selector }) => `${cohort} ${name} ${formatSelector(selector)}`)).toEqual([
    'treatment events bad{v="on"}',
    "treatment total all",
    'treatment users users{v="on"}',
    'control events bad{v="off"}',
    "control total all",
    'control users users{v="off"}',
  ]);
});
