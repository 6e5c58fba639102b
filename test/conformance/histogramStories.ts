import type { Story } from "./metricStory.ts";

/** Stories of classic histograms: of how long requests took, say. */

/** The counters of one histogram, by what `le` says. */
function histogram(labels: string, counters: Record<string, number | string>): Record<string, string> {
  return Object.fromEntries(Object.entries(counters).map(([le, value]) => [`_seconds_bucket{${labels},le="${le}"}`, String(value)]));
}

const on = (counters: Record<string, number | string>) => histogram('variant="on"', counters);
const off = (counters: Record<string, number | string>) => histogram('variant="off"', counters);
const of = (small: number, medium: number, all: number) => ({ "0.1": small, "0.5": medium, "+Inf": all });
const steady = { ...on(of(10, 15, 16)), ...off(of(1000, 1500, 1600)) };
const bounds = [0.1, 0.5];

/** A story of two looks. */
function story(name: string, before: Record<string, string>, after: Record<string, string>, ...expected: Story["expected"]): Story {
  return {
    name,
    kind: "histogram",
    numbers: { buckets: { counter: '_seconds_bucket{variant="{{group}}"}' } },
    shown: [
      { at: 0, series: before },
      { at: 60, series: after },
    ],
    looks: [0, 60],
    expected,
  };
}

const values = (treatment: number[], control: number[]) => ({ treatment: { buckets: treatment }, control: { buckets: control } });

export const histogramStories: Story[] = [
  {
    ...story("a histogram is counted exactly, bucket by bucket and interval by interval", steady, {}),
    shown: [
      { at: 0, series: steady },
      { at: 60, series: { ...on(of(12, 20, 22)), ...off(of(1000, 1500, 1607)) } },
      { at: 120, series: { ...on(of(12, 21, 23)), ...off(of(1001, 1501, 1608)) } },
    ],
    looks: [0, 60, 120],
    expected: [
      { values: values([2, 3, 1], [0, 0, 7]), bounds },
      { values: values([0, 1, 0], [1, 0, 0]), bounds },
    ],
  },
  story("a histogram without traffic has zeros", steady, steady, { values: values([0, 0, 0], [0, 0, 0]), bounds }),
  story(
    "bounds are numbers, however they are written, and in any order",
    { ...on({ "+Inf": 1, "5e-1": 1, "0.10": 1 }), ...off({ "1e-1": 0, "+Inf": 0, "0.5": 0 }) },
    { ...on({ "+Inf": 4, "5e-1": 2, "0.10": 2 }), ...off({ "1e-1": 1, "+Inf": 3, "0.5": 2 }) },
    { values: values([1, 0, 2], [1, 1, 1]), bounds },
  ),
  story(
    // The buckets below what it had counted last fell, the one at ∞ rose past it.
    "when one bucket fell the whole histogram began again",
    steady,
    { ...on(of(1, 2, 30)), ...off(of(1000, 1500, 1600)) },
    { values: values([1, 1, 28], [0, 0, 0]), bounds },
  ),
  {
    ...story("a histogram that is born counts from 0, one that vanishes goes on where it was", {}, {}),
    shown: [
      { at: 0, series: { ...histogram('variant="on",i="a"', of(10, 20, 30)), ...off(of(1, 1, 1)) } },
      { at: 60, series: { ...histogram('variant="on",i="b"', of(3, 3, 5)), ...off(of(1, 2, 2)) } },
      {
        at: 120,
        series: {
          ...histogram('variant="on",i="a"', of(10, 21, 31)),
          ...histogram('variant="on",i="b"', of(4, 4, 6)),
          ...off(of(1, 2, 2)),
        },
      },
    ],
    looks: [0, 60, 120],
    expected: [
      { values: values([3, 0, 2], [0, 1, 0]), bounds },
      { values: values([1, 1, 0], [0, 0, 0]), bounds },
    ],
  },
  story(
    "the histograms of several replicas are added, each by itself over its own restart",
    { ...histogram('variant="on",i="a"', of(100, 200, 300)), ...histogram('variant="on",i="b"', of(5, 5, 5)), ...off(of(1, 1, 1)) },
    { ...histogram('variant="on",i="a"', of(2, 4, 6)), ...histogram('variant="on",i="b"', of(6, 8, 11)), ...off(of(1, 1, 1)) },
    { values: values([3, 4, 5], [0, 0, 0]), bounds },
  ),
  story(
    // Written one after the other while requests came in: three were counted up to 0.1 s, of which one only above it too.
    "buckets that contradict each other give no negative count",
    { ...on(of(10, 15, 16)), ...off(of(1, 1, 1)) },
    { ...on(of(13, 16, 20)), ...off(of(1, 1, 1)) },
    { values: values([3, 0, 1], [0, 0, 0]), bounds },
  ),
  story(
    "a cohort without a histogram while others have one has zeros",
    { ...off(of(1, 1, 1)) },
    { ...off(of(1, 2, 4)) },
    { values: values([0, 0, 0], [0, 1, 2]), bounds, missing: ["treatment"] },
  ),
  story(
    "a histogram of one bucket only counts",
    { ...on({ "+Inf": 4 }), ...off({ "+Inf": 4 }) },
    { ...on({ "+Inf": 5 }), ...off({ "+Inf": 9 }) },
    { values: values([1], [5]), bounds: [] },
  ),
  story("a histogram that does not exist is no data", {}, {}, { status: "noData", reason: /no series matches the buckets/ }),
  story(
    "two groups with different bounds are no data",
    { ...on(of(1, 1, 1)), ...off({ "0.1": 1, "0.25": 1, "+Inf": 1 }) },
    { ...on(of(2, 2, 2)), ...off({ "0.1": 2, "0.25": 2, "+Inf": 2 }) },
    {
      status: "noData",
      reason: /the buckets of treatment and control have different bounds: 0\.5 only in treatment; 0\.25 only in control/,
    },
  ),
  story(
    "two replicas with different bounds are no data",
    { ...histogram('variant="on",i="a"', of(1, 1, 1)), ...histogram('variant="on",i="b"', { "0.1": 1, "+Inf": 1 }), ...off(of(1, 1, 1)) },
    { ...histogram('variant="on",i="a"', of(2, 2, 2)), ...histogram('variant="on",i="b"', { "0.1": 2, "+Inf": 2 }), ...off(of(2, 2, 2)) },
    { status: "noData", reason: /bucket\{i="a",variant="on"\}.* and .*bucket\{i="b",.*have different bounds: 0\.5 only in the first/ },
  ),
  {
    ...story("bounds that change between two looks are no data", {}, {}),
    shown: [
      { at: 0, series: steady },
      { at: 60, series: { ...on(of(12, 20, 22)), ...off(of(1000, 1500, 1607)) } },
      { at: 120, series: { ...on({ "0.1": 1, "0.25": 1, "+Inf": 1 }), ...off({ "0.1": 0, "0.25": 1, "+Inf": 1 }) } },
    ],
    looks: [0, 60, 120],
    expected: [
      { values: values([2, 3, 1], [0, 0, 7]), bounds },
      { status: "noData", reason: /the bounds of the buckets .*changed.*: .*0\.25/ },
    ],
  },
  story(
    "a histogram without a bucket at +Inf is no data",
    { ...on({ "0.1": 1, "0.5": 2 }), ...off(of(1, 2, 3)) },
    { ...on({ "0.1": 2, "0.5": 3 }), ...off(of(2, 3, 4)) },
    { status: "noData", reason: /_seconds_bucket\{variant="on"\} has no bucket le="\+Inf"/ },
  ),
  story(
    "series that are not buckets are no data",
    { '_seconds_bucket{variant="on",le="0.1"}': "1", '_seconds_bucket{variant="on"}': "5", ...off(of(1, 1, 1)) },
    { '_seconds_bucket{variant="on",le="0.1"}': "2", '_seconds_bucket{variant="on"}': "6", ...off(of(1, 1, 1)) },
    { status: "noData", reason: /has series without the label le: they are not the buckets of a histogram/ },
  ),
  story("a bound that is no number is no data", on({ slow: 1, "+Inf": 2 }), on({ slow: 2, "+Inf": 3 }), {
    status: "noData",
    reason: /le="slow" of .*_seconds_bucket is not the bound of a bucket/,
  }),
  ...["NaN", "+Inf", "-1"].map((value) =>
    story(
      `a bucket of ${value} is no data`,
      steady,
      { ...on({ "0.1": 12, "0.5": value, "+Inf": 22 }), ...off(of(1000, 1500, 1600)) },
      {
        status: "noData",
        reason: /_seconds_bucket\{variant="on"\} at le="0\.5" is (NaN|Infinity|-1), which no counter can be/,
      },
    ),
  ),
  {
    ...story("a dead target has no histogram", {}, {}),
    shown: [
      { at: 0, series: steady },
      { at: 60, series: { ...on(of(12, 20, 22)), ...off(of(1000, 1500, 1600)) } },
      { at: 65, series: "dead" },
    ],
    looks: [0, 60, 240],
    expected: [{ values: values([2, 3, 1], [0, 0, 0]), bounds }, { status: "blind" }],
  },
];
