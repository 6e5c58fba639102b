import type { Story } from "./metricStory.ts";

/** Stories of gauges: of the memory of a service's replicas, say. */

const level = (variant: string, replica: string) => `_bytes{variant="${variant}",i="${replica}"}`;

/** What both replicas of both variants show; nothing for one that is not there. */
function replicas(levels: { on?: (string | undefined)[]; off?: (string | undefined)[] }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(levels).flatMap(([variant, values]) =>
      values.flatMap((value, index) => (value === undefined ? [] : [[level(variant, "ab"[index]!), value]])),
    ),
  );
}

/** Three looks, of which the first begins. */
function story(name: string, shown: Story["shown"][number]["series"][], ...expected: Story["expected"]): Story {
  return {
    name,
    kind: "gauge",
    numbers: { value: { gauge: '_bytes{variant="{{group}}"}', over: "mean" } },
    shown: shown.map((series, index) => ({ at: index * 60, series })),
    looks: [0, ...expected.map((_, index) => (index + 1) * 60)],
    expected,
  };
}

const steady = replicas({ on: ["100", "300"], off: ["10", "20"] });
const values = (treatment: number, control: number) => ({ values: { treatment: { level: treatment }, control: { level: control } } });

export const gaugeStories: Story[] = [
  story(
    "a gauge shows its level at the end of each interval, and may fall",
    [steady, replicas({ on: ["1000", "2000"], off: ["5", "6"] }), replicas({ on: ["-1.5", "0"], off: ["1e+06", "2e+06"] })],
    values(1500, 5.5),
    values(-0.75, 1_500_000),
  ),
  ...(["mean", "sum", "max", "min"] as const).map((over, index) => ({
    ...story(`the ${over} of all replicas`, [steady, steady], values([200, 400, 300, 100][index]!, [15, 30, 20, 10][index]!)),
    numbers: { value: { gauge: '_bytes{variant="{{group}}"}', over } },
  })),
  story(
    "a replica that vanished has no part in the level, one that is new has",
    [steady, replicas({ on: ["100", "300"], off: ["10", undefined] }), replicas({ on: ["100", "500"], off: ["10", "30"] })],
    values(200, 10),
    values(300, 20),
  ),
  story(
    "a cohort that shows nothing is absent, not zero",
    [replicas({ off: ["10", "20"] }), replicas({ off: ["10", "20"] }), replicas({ on: ["0"], off: ["10", "20"] })],
    { values: { control: { level: 15 } }, missing: ["treatment"] },
    values(0, 15),
  ),
  {
    ...story(
      "users are counted beside a gauge, those of a new series from 0",
      [
        { ...steady, '_users_total{variant="off"}': "100" },
        { ...steady, '_users_total{variant="off"}': "104", '_users_total{variant="on"}': "3" },
      ],
      { ...values(200, 15), users: { treatment: 3, control: 4 } },
    ),
    numbers: { value: { gauge: '_bytes{variant="{{group}}"}', over: "mean" }, users: { counter: '_users_total{variant="{{group}}"}' } },
  },
  story("a gauge that does not exist is no data", [{}, {}], { status: "noData", reason: /no series matches the value/ }),
  ...["NaN", "+Inf", "-Inf"].map((value) =>
    story(`a gauge of ${value} is no data`, [steady, replicas({ on: ["100", value], off: ["10", "20"] })], {
      status: "noData",
      reason: /_bytes\{i="b",variant="on"\} is (NaN|Infinity|-Infinity), which is no level/,
    }),
  ),
  {
    ...story("a dead target has no level", []),
    shown: [
      { at: 0, series: steady },
      { at: 60, series: steady },
      { at: 65, series: "dead" },
    ],
    looks: [0, 60, 240],
    expected: [values(200, 15), { status: "blind" }],
  },
];
