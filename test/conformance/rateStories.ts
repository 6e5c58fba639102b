import { ofRequests, requests, type Story } from "./metricStory.ts";

/** Stories of counters, which all kinds but gauges are made of. */

const on = (code: string) => requests(`variant="on",code="${code}"`);
const off = (code: string) => requests(`variant="off",code="${code}"`);
const steady = { [on("200")]: "100", [on("500")]: "5", [off("200")]: "1000", [off("500")]: "10" };
const later = { [on("200")]: "150", [on("500")]: "7", [off("200")]: "1500", [off("500")]: "20" };
const laterValues = { treatment: { events: 2, total: 52 }, control: { events: 10, total: 510 } };
const users = (variant: string) => `_users_total{variant="${variant}"}`;
const withUsers = { ...ofRequests, users: { counter: users("{{group}}") } };
const strange = 'we"ird\\ {{group}} $& name';

/** A label's value in the text format. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

export const rateStories: Story[] = [
  {
    name: "known data is counted exactly, interval by interval",
    shown: [
      { at: 0, series: steady },
      { at: 60, series: later },
      { at: 120, series: { [on("200")]: "151", [on("500")]: "17", [off("200")]: "1500", [off("500")]: "20" } },
    ],
    looks: [0, 60, 120],
    expected: [{ counts: [2, 52, 10, 510] }, { counts: [10, 11, 0, 0] }],
  },
  {
    name: "a metric that does not exist is no data",
    shown: [{ at: 0, series: {} }],
    looks: [0, 60],
    expected: [{ status: "noData", reason: /no series matches the total/ }],
  },
  {
    name: "labels that match nothing are no data",
    shown: [
      { at: 0, series: { [requests('variant="other",code="200"')]: "5" } },
      { at: 60, series: { [requests('variant="other",code="200"')]: "9" } },
    ],
    looks: [0, 60],
    expected: [{ status: "noData", reason: /no series matches the total/ }],
  },
  {
    name: "a cohort without series while others have some has zero",
    shown: [
      { at: 0, series: { [off("200")]: "10", [off("500")]: "1" } },
      { at: 60, series: { [off("200")]: "20", [off("500")]: "2" } },
    ],
    looks: [0, 60],
    expected: [{ counts: [0, 0, 1, 11], missing: ["treatment"] }],
  },
  {
    name: "a total without a series of events has no events",
    shown: [
      { at: 0, series: { [on("200")]: "10", [off("200")]: "10" } },
      { at: 60, series: { [on("200")]: "20", [off("200")]: "30" } },
    ],
    looks: [0, 60],
    expected: [{ counts: [0, 10, 0, 20], withoutEvents: ["treatment", "control"] }],
  },
  {
    name: "no traffic is zero, not missing",
    shown: [
      { at: 0, series: steady },
      { at: 60, series: steady },
    ],
    looks: [0, 60],
    expected: [{ counts: [0, 0, 0, 0] }],
  },
  ...["NaN", "+Inf", "-1"].map((value): Story => ({
    name: `a value of ${value} is no data`,
    shown: [
      { at: 0, series: steady },
      { at: 60, series: { ...later, [on("500")]: value } },
    ],
    looks: [0, 60],
    expected: [{ status: "noData", reason: /variant="on".* is (NaN|Infinity|-1), which no counter can be/ }],
  })),
  {
    name: "a restarted process is not counted twice",
    shown: [
      { at: 0, series: steady },
      { at: 60, series: { [on("200")]: "30", [on("500")]: "1", [off("200")]: "1100", [off("500")]: "4" } },
      { at: 120, series: { [on("200")]: "40", [on("500")]: "1", [off("200")]: "1200", [off("500")]: "5" } },
    ],
    looks: [0, 60, 120],
    expected: [{ counts: [1, 31, 4, 104] }, { counts: [0, 10, 1, 101] }],
  },
  {
    name: "a series that is born counts from 0",
    shown: [
      { at: 0, series: { [off("200")]: "10" } },
      { at: 60, series: { [off("200")]: "20", [off("500")]: "3", [on("200")]: "5" } },
      { at: 120, series: { [off("200")]: "20", [off("500")]: "4", [on("200")]: "6", [on("503")]: "2" } },
    ],
    looks: [0, 60, 120],
    expected: [{ counts: [0, 5, 3, 13], withoutEvents: ["treatment"] }, { counts: [2, 3, 1, 1] }],
  },
  {
    name: "a series that vanishes and comes back goes on where it was",
    shown: [
      { at: 0, series: { ...steady, [on("503")]: "50" } },
      { at: 60, series: later },
      { at: 120, series: { ...later, [on("503")]: "52" } },
    ],
    looks: [0, 60, 120],
    expected: [{ counts: [2, 52, 10, 510] }, { counts: [2, 2, 0, 0] }],
  },
  {
    name: "more events than there were in total are no data",
    shown: [
      {
        at: 0,
        series: {
          [requests('variant="on",kind="all"')]: "10",
          [requests('variant="on",kind="bad"')]: "10",
          [requests('variant="off",kind="all"')]: "10",
          [requests('variant="off",kind="bad"')]: "0",
        },
      },
      {
        at: 60,
        series: {
          [requests('variant="on",kind="all"')]: "15",
          [requests('variant="on",kind="bad"')]: "17",
          [requests('variant="off",kind="all"')]: "20",
          [requests('variant="off",kind="bad"')]: "0",
        },
      },
    ],
    looks: [0, 60],
    numbers: {
      events: { counter: requests('variant="{{group}}",kind="bad"') },
      total: { counter: requests('variant="{{group}}",kind="all"') },
    },
    expected: [{ status: "noData", reason: /more events than there were in total for treatment: 7 of 5/ }],
  },
  {
    name: "a group's label is taken literally, whatever is in it",
    shown: [
      {
        at: 0,
        series: {
          [requests(`variant="${escaped(strange)}",code="200"`)]: "1",
          [requests('variant="o.*",code="200"')]: "1",
          [off("200")]: "5",
        },
      },
      {
        at: 60,
        series: {
          [requests(`variant="${escaped(strange)}",code="200"`)]: "4",
          [requests('variant="o.*",code="200"')]: "3",
          [off("200")]: "9",
        },
      },
    ],
    looks: [0, 60],
    numbers: { ...ofRequests, total: { counter: requests('variant=~"{{group}}|never"') } },
    labels: { treatment: strange, control: "o.*" },
    expected: [{ counts: [0, 3, 0, 2], withoutEvents: ["treatment", "control"] }],
  },
  {
    name: "selectors match as Prometheus matches: whole values, and a label that is not there is empty",
    shown: [
      {
        at: 0,
        series: {
          [requests('variant="on",code="500"')]: "0",
          [requests('variant="on",code="1500"')]: "0",
          [requests('variant="on"')]: "0",
          [requests('variant="on",code="404",path="/x"')]: "0",
        },
      },
      {
        at: 60,
        series: {
          [requests('variant="on",code="500"')]: "1",
          [requests('variant="on",code="1500"')]: "2",
          [requests('variant="on"')]: "4",
          [requests('variant="on",code="404",path="/x"')]: "8",
        },
      },
    ],
    looks: [0, 60],
    numbers: {
      events: { counter: requests('variant="{{group}}",code=~"5..|",path=""') },
      total: { counter: requests('variant="{{group}}",code!="404",code!~"9.*",path!~".+"') },
    },
    expected: [{ counts: [5, 7, 0, 0], missing: ["control"] }],
  },
  {
    name: "counters with fractions are exact to a millionth",
    shown: [
      { at: 0, series: { [on("200")]: "0.1", [on("500")]: "0.2", [off("200")]: "1e+06", [off("500")]: "0" } },
      { at: 60, series: { [on("200")]: "0.3", [on("500")]: "0.3", [off("200")]: "1.000001e+06", [off("500")]: "0.000001" } },
    ],
    looks: [0, 60],
    expected: [{ counts: [0.1, 0.3, 0.000001, 1.000001] }],
  },
  {
    name: "a dead target is never measured",
    shown: [
      { at: 0, series: steady },
      { at: 60, series: later },
      { at: 65, series: "dead" },
    ],
    looks: [0, 60, 240],
    expected: [{ counts: [2, 52, 10, 510] }, { status: "blind" }],
  },
  {
    name: "users are counted beside, over a restart and a birth",
    shown: [
      { at: 0, series: { ...steady, [users("on")]: "10" } },
      { at: 60, series: { ...later, [users("on")]: "14", [users("off")]: "3" } },
      { at: 120, series: { ...later, [users("on")]: "1", [users("off")]: "3" } },
    ],
    looks: [0, 60, 120],
    numbers: withUsers,
    expected: [
      { values: laterValues, users: { treatment: 4, control: 3 } },
      { values: { treatment: { events: 0, total: 0 }, control: { events: 0, total: 0 } }, users: { treatment: 1, control: 0 } },
    ],
  },
  {
    name: "users whom nothing counts are not nobody",
    shown: [
      { at: 0, series: steady },
      { at: 60, series: later },
    ],
    looks: [0, 60],
    numbers: withUsers,
    expected: [{ values: laterValues }],
  },
  {
    name: "users that cannot be are no data",
    shown: [
      { at: 0, series: { ...steady, [users("on")]: "10" } },
      { at: 60, series: { ...later, [users("on")]: "NaN" } },
    ],
    looks: [0, 60],
    numbers: withUsers,
    expected: [{ status: "noData", reason: /_users_total\{variant="on"\} is NaN, which no counter can be/ }],
  },
];
