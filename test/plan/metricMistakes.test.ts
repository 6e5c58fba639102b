import { describe, expect, test } from "vitest";
import { diagnosticsOf, kinds, read, shortly, withLine } from "./fakes.ts";

/** What stands in place of a line of the plan with all kinds, and all that is said of it. */
type Row = [mistake: string, replacement: string, ...said: string[]];

function eachIn(line: string, rows: Row[], written: (replacement: string) => string) {
  test.each(rows)("%s", async (_, replacement, ...said) => {
    const text = withLine(line, written(replacement), kinds);
    expect((await read(text)).valid).toBe(false);
    const shown = (await diagnosticsOf(text)).map(shortly);
    expect(shown).toHaveLength(said.length);
    for (const [index, sentence] of said.entries()) expect(shown[index]).toContain(sentence);
  });
}

const x = `{ counter: 'x{g="{{group}}"}' }`;

describe("metrics, whose kind says which numbers they are made of", () => {
  const queue = `  queue: { source: prod, kind: gauge, value: { gauge: 'l{g="{{group}}"}' } }`;
  const rows: Row[] = [
    [
      "a misspelt kind",
      `source: prod, kind: histogrm, buckets: ${x}`,
      "20:32 expected rate, mean, histogram or gauge → did you mean `histogram`?",
    ],
    [
      "a kind that there is not",
      `source: prod, kind: summary, count: ${x}`,
      "20:32 expected rate, mean, histogram or gauge → write rate, mean, histogram or gauge",
    ],
    ["no kind, where the numbers tell it", `source: prod, buckets: ${x}`, "20:3 the key `kind` is missing → add `kind: histogram`"],
    ["no kind, and no numbers", "source: prod", "20:3 the key `kind` is missing → add `kind: …`: rate, mean, histogram or gauge"],
    ["a misspelt `kind`", `source: prod, kid: histogram, buckets: ${x}`, "20:26 `kid` is not a key here → did you mean `kind`?"],
    [
      "the numbers of another kind",
      `source: prod, kind: mean, events: ${x}, total: ${x}`,
      "20:32 `events` and `total` go with `kind: rate`, not with `kind: mean` → write `kind: rate`, or use `count`, `sum` and `sumSquares`",
    ],
    [
      "a key of other kinds",
      `source: prod, kind: rate, unit: ms, events: ${x}, total: ${x}`,
      "20:38 `unit` is not a key of `kind: rate` → remove it; it goes with `kind` mean, histogram or gauge",
    ],
    [
      "a mean of unknown spread",
      `source: prod, kind: mean, count: ${x}, sum: ${x}`,
      "20:3 a mean needs `sumSquares`: without the spread of its values no difference can be judged (a summary has `_sum` and `_count` alone) → export a counter of the squares, or use a histogram, or a rate of those slower than a limit",
    ],
    [
      "a misspelt `sumSquares`",
      `source: prod, kind: mean, count: ${x}, sum: ${x}, sumSqares: ${x}`,
      "20:116 `sumSqares` is not a key here → did you mean `sumSquares`?",
    ],
    [
      "a kind that the source does not have",
      `source: page, kind: gauge, value: ${x}`,
      "20:32 a page source has no metrics of the kind gauge → its metrics are: rate, mean",
    ],
    [
      "a query of another kind of number",
      `source: prod, kind: gauge, value: ${x}`,
      "20:39 the key `gauge` is missing → add `gauge: …`",
      "20:48 `counter` is not a key here → the keys here are: gauge",
    ],
    [
      "a level of both groups at once",
      "source: prod, kind: gauge, value: { gauge: x }",
      "20:39 this query asks for both groups at once: {{group}} is missing",
    ],
    [
      "users of both groups at once",
      `source: prod, kind: histogram, buckets: ${x}, users: { counter: u }`,
      "20:85 this query asks for both groups at once: {{group}} is missing",
    ],
    [
      "users of no group",
      "source: prod, kind: gauge, groups: none, value: { gauge: x }, users: { counter: u }",
      "20:74 a metric with `groups: none` cannot tell how many users each group has → remove `users`, or remove `groups: none`",
    ],
    [
      "percent as a unit",
      `source: prod, kind: gauge, unit: "%", value: { gauge: '{{group}}' }`,
      "20:45 expected a unit: a word such as ms, MiB or EUR → leave `unit` out, and write limits as plain numbers: 80",
    ],
    [
      "two words as a unit",
      `source: prod, kind: gauge, unit: a b, value: { gauge: '{{group}}' }`,
      "20:45 expected a unit: a word such as ms, MiB or EUR",
    ],
  ];
  eachIn(queue, rows, (metric) => `  queue: { ${metric} }`);
});

describe("guardrails, whose metric says which forms and units they have", () => {
  const guard = "  - { metric: errors, max: 0.1% }";
  const rows: Row[] = [
    [
      "a trend of a rate",
      "metric: errors, maxTrend: 5/h",
      "22:23 `errors` is a rate, which has no `maxTrend` → write `max`, `min`, `maxIncrease` or `maxDecrease`",
    ],
    [
      "a floor of a histogram",
      "metric: latency, quantile: 95%, min: 5ms",
      "22:39 `latency` is a histogram, which has no `min` → write `max` or `maxIncrease`",
    ],
    [
      "a quantile of a rate",
      "metric: errors, max: 1%, quantile: 95%",
      "22:32 `quantile` is of histograms, and `errors` is a rate → remove it, or make the metric a histogram",
    ],
    [
      "failures of a rate",
      "metric: errors, max: 1%, failures: 3 of 5",
      "22:32 `failures` counts the readings of a gauge, and `errors` is a rate → remove it: what is counted is judged by all that was measured",
    ],
    [
      "failures of a trend",
      "metric: heap, maxTrend: 5MiB/h, failures: 3 of 5",
      "22:39 `failures` goes with `max` and `min`, not with `maxTrend` → remove it",
    ],
    [
      "more failures than readings",
      "metric: heap, max: 800MiB, failures: 6 of 5",
      "22:44 expected how many of the last readings, such as 3 of 5 (at most 100) → write how many of how many: 3 of 5",
    ],
    [
      "a bare number for a value with a unit",
      "metric: latency, quantile: 95%, max: 500",
      "22:44 expected a value with its unit, such as 200ms, found the number 500 → write it with its unit: 500s, 500ms",
    ],
    [
      "a bare number for a size",
      "metric: heap, max: 800",
      "22:26 expected a value with its unit, such as 800MiB, found the number 800 → write it with its unit: 800B, 800KiB, 800MiB",
    ],
    [
      "a bare number for a change",
      "metric: basket, maxDecrease: 5",
      "22:36 expected a change against the control with its unit, such as 20% or 20EUR, found the number 5 → write it with its unit: 5EUR, 5%",
    ],
    [
      "a duration for a size",
      "metric: heap, max: 50ms",
      "22:26 `heap` is measured in B, and this is a duration → write it in B, KB, KiB, MB, MiB, GB or GiB",
    ],
    [
      "a unit that converts to nothing",
      "metric: basket, max: 20USD",
      "22:28 `basket` is measured in EUR, which USD does not convert to → write it in EUR",
    ],
    [
      "a unit of a plain number",
      "metric: queue, max: 100ms",
      "22:27 `queue` has no unit, so its limits are plain numbers → write 100, or give the metric `unit: ms`",
    ],
    ["a share of a mean", "metric: basket, max: 20%", "22:28 expected a value with its unit, such as 20EUR → write a number with EUR"],
    [
      "points of a mean",
      "metric: basket, maxIncrease: 5pp",
      "22:36 points (pp) are of rates, and `basket` is a mean → write a ratio such as 10%, or an amount: 20EUR",
    ],
    [
      "a change below nothing",
      "metric: basket, maxIncrease: -5EUR",
      "22:36 expected a change against the control of at least 0 → write how much more is allowed: 20% or 20EUR",
    ],
    [
      "a mean that falls by all of it",
      "metric: basket, maxDecrease: 100%",
      "22:36 expected a change against the control of at least 0, and below 100%",
    ],
    [
      "no limit at all",
      "metric: errors, max: [1]",
      "22:28 expected a limit, found a list → write a number with its unit, such as 0.1%, 50ms or 5MiB/h",
    ],
    [
      "a ceiling of a whole histogram",
      "metric: latency, max: 500ms",
      "22:24 the `max` of a histogram is that of a quantile → add a quantile, such as `quantile: 95%`",
    ],
    [
      "a slowdown by an amount",
      "metric: latency, maxIncrease: 50ms",
      "22:37 expected a ratio such as 10%, since no quantile is named → write a ratio, or say of which quantile it is: `quantile: 95%`",
    ],
    [
      "a quantile as a fraction",
      "metric: latency, quantile: 0.95, max: 500ms",
      "22:34 expected a quantile as a percentage, above 0% and below 100%, found the number 0.95 → write it as a percentage: 95%",
    ],
    [
      "a quantile as it is called",
      "metric: latency, quantile: p99, max: 500ms",
      "22:34 expected a quantile as a percentage, above 0% and below 100% → write it as a percentage: 99%",
    ],
    [
      "a trend without time",
      "metric: heap, maxTrend: 5MiB",
      "22:31 expected a rise over time, such as 5MiB/h → say in what time: 5MiB/h, 5MiB/min, 5MiB/s or 5MiB/d",
    ],
    [
      "a trend without a unit",
      "metric: heap, maxTrend: 5/h",
      "22:31 expected a value with its unit, such as 800MiB/h → write it with its unit: 5B/h, 5KiB/h, 5MiB/h",
    ],
    [
      "a trend of nothing",
      "metric: heap, maxTrend: 0B/h",
      "22:31 expected a rise over time, such as 5MiB/h, above 0 → write how fast it may rise",
    ],
    [
      "the past of a source without history",
      "metric: scraped, maxIncrease: 1%, versus: { before: 24h }",
      "22:41 a page source has no history, so nobody knows what `scraped` was before → compare with the control, or ask a source with history (numbers)",
    ],
    [
      "a fixed limit that is compared",
      "metric: errors, max: 1%, versus: control",
      "22:32 `max` is compared with nothing, so it has no `versus` → remove it, or use `maxIncrease` or `maxDecrease`",
    ],
    [
      "a trend that is compared",
      "metric: heap, maxTrend: 5MiB/h, versus: { before: 24h }",
      "22:39 `maxTrend` is compared with nothing, so it has no `versus`",
    ],
    [
      "a comparison with a time alone",
      "metric: errors, maxIncrease: 1%, versus: 24h",
      "22:48 expected control, or how long before the rollout → write control, or { before: 24h }",
    ],
    [
      "a control that is not there",
      "metric: site, maxIncrease: 1%, versus: control",
      "22:21 `site` has no groups, so there is no control to compare with",
    ],
    [
      "a misspelt past",
      "metric: site, maxIncrease: 1%, versus: { befor: 24h }",
      "22:48 `befor` is not a key here → did you mean `before`?",
    ],
    [
      "harm within the limit",
      "metric: errors, maxIncrease: 20%, detect: 20%",
      "22:49 this is within the limit, and so no harm → write the harm that each stage should be able to see, above 20%",
    ],
    [
      "harm above a floor",
      "metric: errors, min: 99%, detect: 99.5%",
      "22:41 this is within the limit, and so no harm → write the harm that each stage should be able to see, below 99%",
    ],
    [
      "harm in points where the limit is a ratio",
      "metric: errors, maxIncrease: 20%, detect: 1pp",
      "22:49 `detect` is written otherwise than the limit, so nobody can tell which allows more → write it as the limit is written: 20%",
    ],
    [
      "harm to detect in a quantile",
      "metric: latency, quantile: 95%, maxIncrease: 50ms, detect: 90ms",
      "22:58 how much of a quantile can be detected depends on the values themselves → remove `detect`",
    ],
    [
      "harm to detect against the past",
      "metric: site, maxIncrease: 1%, versus: { before: 24h }, detect: 5%",
      "22:63 how much can be detected is only known against a control or a fixed limit → remove `detect`",
    ],
    [
      "harm to detect in a gauge",
      "metric: heap, max: 800MiB, detect: 900MiB",
      "22:34 `detect` is of what is counted, and `heap` is a gauge → remove it",
    ],
    ["another requirement", "metric: errors, maxIncrease: 20%, require: clean", "22:50 expected clear → did you mean `clear`?"],
    [
      "a proof of points",
      "metric: errors, maxIncrease: 0.5pp, proof: strict",
      "22:43 only the ratio of a rate or a histogram to the control's has a stricter test → remove it, or write the limit as such a ratio: `maxIncrease: 20%`",
    ],
    [
      "a proof of a mean",
      "metric: basket, maxIncrease: 10%, proof: strict",
      "22:41 only the ratio of a rate or a histogram to the control's has a stricter test → remove it",
    ],
    [
      "a proof of a quantile",
      "metric: latency, quantile: 95%, maxIncrease: 50ms, proof: strict",
      "22:58 only the ratio of a rate or a histogram to the control's has a stricter test → remove it",
    ],
    [
      "a misspelt metric hides no other mistake",
      "metric: hep, max: 50ms",
      "22:15 `hep` is none of the metrics of this plan → did you mean `heap`?",
      "22:25 `heap` is measured in B, and this is a duration",
    ],
    [
      "the same value in two units",
      "metric: latency, quantile: 95%, max: 500ms }\n  - { metric: latency, quantile: 95.0%, max: 0.5s",
      "23:5 the guardrail `latency p95 max 500ms` comes twice → keep one of the two",
    ],
  ];
  eachIn(guard, rows, (guardrail) => `  - { ${guardrail} }`);
});

describe("goals", () => {
  const goal = "  - { metric: basket, minIncrease: 5% }";
  const rows: Row[] = [
    ["a limit for a goal", "metric: basket, maxIncrease: 5%", "24:23 `maxIncrease` is not a key here → did you mean `minIncrease`?"],
    [
      "no goal",
      "metric: basket",
      "24:5 one of the keys `minIncrease`, `minDecrease`, `min` or `max` is missing → add the one that is meant",
    ],
    ["two goals in one", "metric: errors, min: 10%, max: 30%", "24:33 `min` and `max` exclude each other → keep one of them"],
    ["an unknown metric", "metric: bsket, min: 20EUR", "24:15 `bsket` is none of the metrics of this plan → did you mean `basket`?"],
    [
      "a bare number",
      "metric: basket, min: 20",
      "24:28 expected a value with its unit, such as 20EUR, found the number 20 → write it with its unit: 20EUR",
    ],
    [
      "a lift without a control",
      "metric: site, minIncrease: 3%",
      "24:21 `site` has no groups, so there is no control to compare with → use `min` or `max`, or give the metric's queries {{group}}",
    ],
    [
      "a histogram",
      "metric: latency, minDecrease: 10%",
      "24:15 goals are of rates and means, and `latency` is a histogram → name a rate or a mean",
    ],
    [
      "a quantile",
      "metric: latency, quantile: 95%, minDecrease: 10%",
      "24:34 goals are of rates and means, not of quantiles → make it a rate of those faster than a limit",
    ],
    [
      "the same goal twice",
      "metric: basket, min: 20EUR }\n  - { metric: basket, min: 20.0 EUR",
      "25:5 the goal `basket min 20EUR` comes twice → keep one of the two",
    ],
  ];
  eachIn(goal, rows, (written) => `  - { ${written} }`);
});

describe("policy and stages", () => {
  const canary = "  - { expose: 1%, name: canary }";
  const rows: Row[] = [
    ["samples that almost are auto", "minSamples: automatic", "26:45 expected auto, or a whole number → did you mean `auto`?"],
    [
      "samples in words",
      "minSamples: many",
      "26:45 expected auto, or a whole number → write auto, or how many treated requests to wait for, in digits: 1000",
    ],
    ["fewer samples than none", "minSamples: -1", "26:45 expected auto, or a whole number, found the number -1"],
  ];
  eachIn(canary, rows, (samples) => `  - { expose: 1%, name: canary, ${samples} }`);

  test("an action that there is not", async () => {
    const text = withLine("stages:", "policy: { onBlind: advanc, sampleRatio: user }\nstages:", kinds);
    expect((await diagnosticsOf(text)).map(shortly)).toEqual([
      "25:20 expected advance, hold or pause → did you mean `advance`?",
      "25:41 expected users, requests or off → did you mean `users`?",
    ]);
  });
});
