import type { Story } from "./metricStory.ts";

/** Stories of means, which three counters make: of a payment's value, say. */

const NUMBERS = ["count", "sum", "sumSquares"] as const;

/** The three counters of one variant, or of one of its replicas; nothing for one that is not shown. */
function mean(labels: string, ...values: (string | undefined)[]): Record<string, string> {
  return Object.fromEntries(
    NUMBERS.flatMap((name, index) => (values[index] === undefined ? [] : [[`_${name}_total{${labels}}`, values[index]]])),
  );
}

const on = (...values: (string | undefined)[]) => mean('variant="on"', ...values);
const off = (...values: (string | undefined)[]) => mean('variant="off"', ...values);
const numbers = Object.fromEntries(NUMBERS.map((name) => [name, { counter: `_${name}_total{variant="{{group}}"}` }]));
const steady = { ...on("10", "50", "300"), ...off("1000", "5000", "30000") };

/** A story of two looks. */
function story(name: string, before: Record<string, string>, after: Record<string, string>, ...expected: Story["expected"]): Story {
  return {
    name,
    kind: "mean",
    numbers,
    shown: [
      { at: 0, series: before },
      { at: 60, series: after },
    ],
    looks: [0, 60],
    expected,
  };
}

export const meanStories: Story[] = [
  {
    ...story("a mean is counted exactly, interval by interval", steady, {}),
    shown: [
      { at: 0, series: steady },
      { at: 60, series: { ...on("12", "57", "325"), ...off("1004", "5004.5", "30010.25") } },
      { at: 120, series: { ...on("13", "60", "334"), ...off("1004", "5004.5", "30010.25") } },
    ],
    looks: [0, 60, 120],
    expected: [
      {
        values: {
          treatment: { count: 2, sum: 7, sumSquares: 25 },
          control: { count: 4, sum: 4.5, sumSquares: 10.25 },
        },
      },
      {
        values: {
          treatment: { count: 1, sum: 3, sumSquares: 9 },
          control: { count: 0, sum: 0, sumSquares: 0 },
        },
      },
    ],
  },
  story(
    "values that are tiny keep their digits",
    { ...on("5", "0", "0"), ...off("5", "0.001", "0.000001") },
    { ...on("7", "4e-05", "8e-10"), ...off("6", "0.003", "0.000005") },
    {
      values: {
        treatment: { count: 2, sum: 4e-5, sumSquares: 8e-10 },
        control: { count: 1, sum: 0.002, sumSquares: 4e-6 },
      },
    },
  ),
  story("no values are zero, not missing", steady, steady, {
    values: { treatment: { count: 0, sum: 0, sumSquares: 0 }, control: { count: 0, sum: 0, sumSquares: 0 } },
  }),
  story(
    "a mean of a restarted process, of a new replica and of one that vanished",
    { ...mean('variant="on",i="a"', "100", "500", "3000"), ...mean('variant="off",i="a"', "10", "50", "300"), ...off("3", "3", "3") },
    {
      ...mean('variant="on",i="a"', "2", "6", "20"),
      ...mean('variant="on",i="b"', "1", "5", "25"),
      ...mean('variant="off",i="a"', "11", "52", "304"),
    },
    { values: { treatment: { count: 3, sum: 11, sumSquares: 45 }, control: { count: 1, sum: 2, sumSquares: 4 } } },
  ),
  story(
    "a cohort without values while others have some has none",
    { ...off("10", "50", "300") },
    { ...off("11", "55", "325") },
    { values: { treatment: { count: 0, sum: 0, sumSquares: 0 }, control: { count: 1, sum: 5, sumSquares: 25 } }, missing: ["treatment"] },
  ),
  story(
    "a mean that does not exist is no data",
    { '_count_total{variant="other"}': "1" },
    { '_count_total{variant="other"}': "2" },
    { status: "noData", reason: /no series matches the count/ },
  ),
  story(
    "a count without a sum of squares is no data",
    { ...on("10", "50"), ...off("10", "50", "300") },
    { ...on("11", "55"), ...off("10", "50", "300") },
    { status: "noData", reason: /no series matches the sumSquares for treatment, although there is one of the count/ },
  ),
  story(
    "sums of squares that are too small for their sums are no data",
    steady,
    { ...on("14", "62", "330"), ...off("1000", "5000", "30000") },
    { status: "noData", reason: /no 4 values have a sum of 12 and a sum of squares of 30 \(treatment\): are the three counters/ },
  ),
  story(
    "a sum of no values is no data",
    steady,
    { ...on("10", "50", "300"), ...off("1000", "5004", "30016") },
    { status: "noData", reason: /no values were counted for control, but they have a sum of 4 and a sum of squares of 16/ },
  ),
  story(
    "half a value is no data",
    steady,
    { ...on("10.5", "51", "301"), ...off("1000", "5000", "30000") },
    {
      status: "noData",
      reason: /the count of treatment rose by 0\.5, which is no whole number/,
    },
  ),
  ...["NaN", "+Inf", "-1"].map((value) =>
    story(
      `a sum of ${value} is no data`,
      steady,
      { ...on("12", value, "325"), ...off("1000", "5000", "30000") },
      {
        status: "noData",
        reason: /_sum_total\{variant="on"\} is (NaN|Infinity|-1), which no counter can be/,
      },
    ),
  ),
  // Of twenty values of 0.1, whose squares have a sum of 0.2: beside 1e15 there is nothing between 0.125 and 0.25.
  story(
    "what only rounding makes impossible is possible",
    { ...on("1000000", "1e+10", "1e+15"), ...off("1", "1", "1") },
    { ...on("1000020", "10000000002", "1000000000000000.125"), ...off("1", "1", "1") },
    { values: { treatment: { count: 20, sum: 2, sumSquares: 0.125 }, control: { count: 0, sum: 0, sumSquares: 0 } } },
  ),
];
