import { describe, expect, test } from "vitest";
import { mendName } from "../../src/plan/suggest.ts";
import { Mistake } from "../../src/simulate/cells.ts";
import { observationReader } from "../../src/simulate/observation.ts";
import { rowReader } from "../../src/simulate/rows.ts";
import { seriesFor, type SeriesEvent } from "../../src/simulate/series.ts";
import type { MetricReading } from "../../src/model/measurement.ts";
import { HOUR, MINUTE, planOf } from "../support/world.ts";

const plan = planOf({
  audience: { exclude: [], testers: [], holdout: 0, segments: { staff: { rule: { attribute: "email", endsWith: "@example.com" } } } },
  metrics: {
    errors: { source: "shop", kind: "rate", grouped: true, events: {}, total: {} },
    basket: { source: "shop", kind: "mean", grouped: true, count: {}, sum: {}, sumSquares: {} },
    latency: { source: "shop", kind: "histogram", unit: "s", grouped: true, buckets: {} },
    heap: { source: "shop", kind: "gauge", grouped: true, value: {} },
    site: { source: "shop", kind: "rate", grouped: false, events: {}, total: {} },
  },
});
const watching = (...metrics: string[]) => ({
  ...plan,
  guardrails: metrics.map((metric) => ({ ...plan.guardrails[0]!, id: metric, metric })),
});

/** What a series makes of some lines; throws `Mistake`. */
function eventsOf(lines: readonly (string | object)[], of = watching("errors")): SeriesEvent[] {
  const { read } = rowReader();
  const observe = observationReader(of, mendName);
  const series = seriesFor(of);
  const events = lines.flatMap((line) => {
    const row = read(typeof line === "string" ? line : JSON.stringify(line));
    if (typeof row === "string") throw new Mistake(row);
    return row ? series.add(observe(row)) : [];
  });
  return [...events, ...series.end()];
}

function readingsOf(lines: readonly (string | object)[], of = watching("errors")): Record<string, MetricReading>[] {
  return eventsOf(lines, of).flatMap((event) => (event.kind === "look" ? [event.look.metrics] : []));
}

function mistakeIn(lines: readonly (string | object)[], of = watching("errors")): { message: string; mend: string | undefined } {
  try {
    eventsOf(lines, of);
  } catch (error) {
    if (error instanceof Mistake) return { message: error.message, mend: error.mend };
    throw error;
  }
  throw new Error("there is no mistake in it");
}

const BEGIN = Date.UTC(2026, 0, 1);
const at = (minute: number) => new Date(BEGIN + minute * MINUTE).toISOString();
const line = (minute: number, group = "treatment", changes: object = {}) => ({
  series: "r17",
  at: at(minute),
  metric: "errors",
  group,
  segment: null,
  events: 3,
  total: 60,
  ...changes,
});
const of = (events: number, total: number) => ({ events, total });

describe("a series", () => {
  test("is a look for each instant, whose interval begins where the last one ended, in the plan's first stage", () => {
    const events = eventsOf([line(1), line(1, "control", { total: 5_940 }), line(2), line(4)]);
    expect(events.map((event) => event.kind)).toEqual(["begin", "look", "look", "look"]);
    expect(events[0]).toEqual({ kind: "begin", at: BEGIN, stage: 0, recorded: false });
    expect(readingsOf([line(1), line(1, "control", { total: 5_940 }), line(2), line(4)]).map(({ errors }) => errors)).toEqual([
      {
        status: "measured",
        through: BEGIN + MINUTE,
        measurements: [{ from: BEGIN, to: BEGIN + MINUTE, mixed: false, counts: { treatment: of(3, 60), control: of(3, 5_940) } }],
      },
      expect.objectContaining({ measurements: [expect.objectContaining({ from: BEGIN + MINUTE, to: BEGIN + 2 * MINUTE })] }),
      expect.objectContaining({ measurements: [expect.objectContaining({ from: BEGIN + 2 * MINUTE, to: BEGIN + 4 * MINUTE })] }),
    ]);
  });

  test("of one look has an interval of the plan's poll, unless it says where it begins", () => {
    expect(eventsOf([line(10)])[0]).toMatchObject({ at: BEGIN + 9 * MINUTE });
    expect(eventsOf([line(10, "treatment", { from: at(2) })])[0]).toMatchObject({ at: BEGIN + 2 * MINUTE });
  });

  test("has no data of a judged metric where a look has no line of it, and what it is told where it has", () => {
    const [first, second, third, fourth] = readingsOf([
      line(1),
      { at: at(2), metric: "site", events: 1, total: 10 },
      { at: at(3), metric: "errors", status: "error", reason: "timeout" },
      { at: at(4) },
    ]);
    expect(first!["errors"]!.status).toBe("measured");
    expect(second).toEqual({ errors: { status: "noData", reason: "the look has no line of it" } });
    expect(third).toEqual({ errors: { status: "error", reason: "timeout" } });
    expect(fourth).toEqual({ errors: { status: "noData", reason: "the look has no line of it" } });
  });

  test("may tell several intervals to one look, and users", () => {
    const look = { look: at(3) };
    const [only] = readingsOf([
      line(1, "treatment", { ...look, users: 7 }),
      line(1, "control", look),
      line(2, "treatment", { ...look, mixed: true }),
    ]);
    expect(only!["errors"]).toMatchObject({
      through: BEGIN + 2 * MINUTE,
      measurements: [{ counts: { treatment: of(3, 60), control: of(3, 60) }, users: { treatment: 7 } }, { mixed: true }],
    });
  });

  test("has numbers of every kind", () => {
    const kinds = watching("basket", "latency", "heap", "site");
    const about = (metric: string, numbers: object) => ({
      at: at(1),
      metric,
      ...(metric === "site" ? {} : { group: "treatment" }),
      ...numbers,
    });
    const [first] = readingsOf(
      [
        about("basket", { count: 2, sum: 30, sumSquares: 500 }),
        about("latency", { buckets: { "1": 50, "0.1": 30, "+Inf": 60 } }),
        about("heap", { value: -1.5 }),
        about("site", { events: 1, total: 9 }),
        { at: at(1), metric: "heap", group: "treatment", segment: "staff", value: 2 },
      ],
      kinds,
    );
    const countsOf = (metric: string) => (first![metric] as { measurements: { counts: unknown }[] }).measurements[0]!.counts;
    expect(countsOf("basket")).toEqual({ treatment: { count: 2, sum: 30, sumSquares: 500 } });
    expect(countsOf("latency")).toEqual({ treatment: { buckets: [30, 20, 10] } });
    expect(first!["latency"]).toMatchObject({ bounds: [0.1, 1] });
    expect(countsOf("heap")).toEqual({ treatment: { level: -1.5 }, "segment:staff": { level: 2 } });
    expect(countsOf("site")).toEqual({ everyone: { events: 1, total: 9 } });
  });

  test("is told what a metric was before, at the look that comes next", () => {
    const [, first, second] = eventsOf([
      { at: at(0), metric: "errors", group: "control", events: 9, total: 900, before: "1h" },
      line(1),
      line(2),
    ]);
    const key = `errors ${HOUR}`;
    expect(first).toMatchObject({ look: { baselines: { [key]: { from: BEGIN - HOUR, to: BEGIN, counts: { control: of(9, 900) } } } } });
    expect(second).toMatchObject({ look: { baselines: {} } });
  });

  test("that begins with a stage changes when its lines say so", () => {
    const events = eventsOf([{ at: at(0), stage: "off" }, { at: at(1) }, { from: at(1), at: at(2), stage: "5%" }, line(3)]);
    expect(events.map((event) => (event.kind === "look" ? "look" : `${event.kind} ${event.stage}`))).toEqual([
      "begin -1",
      "look",
      "stage 0",
      "look",
    ]);
  });
});

test("CSV says the same as JSON, in any order of columns", () => {
  const csv = [
    "\uFEFFmetric,at,series,group,events,total,buckets,reason,status",
    `errors,${at(1)},r17,treatment,3,60,,,`,
    "",
    `latency,${at(1)},r17,treatment,,,"{""0.1"":30,""+Inf"":60}",,`,
    `errors,${at(2)},r17,,,,,"down, ""again""",noData`,
  ];
  const json = [
    { series: "r17", at: at(1), metric: "errors", group: "treatment", events: 3, total: 60 },
    { series: "r17", at: at(1), metric: "latency", group: "treatment", buckets: { "0.1": 30, "+Inf": 60 } },
    { series: "r17", at: at(2), metric: "errors", status: "noData", reason: 'down, "again"' },
  ];
  const both = watching("errors", "latency");
  expect(eventsOf(csv, both)).toEqual(eventsOf(json, both));
});

test.each<[string, (string | object)[], string, string?]>([
  ["a metric that is not there", [line(1, "treatment", { metric: "eror" })], 'the plan has no metric "eror"', "did you mean `errors`?"],
  ["a key that is not there", [line(1, "treatment", { evnets: 3 })], '"evnets" is no key of an observation', "did you mean `events`?"],
  ["a segment that is not there", [line(1, "treatment", { segment: "stuff" })], 'the plan has no segment "stuff"', "did you mean `staff`?"],
  ["a stage that is not there", [{ at: at(0), stage: "50%" }], 'the plan has no stage "50%"'],
  ["text that is no JSON", ['{"at":'], "it is not JSON"],
  ["JSON that is no object", [line(1), "[1]"], "it is JSON, but no object"],
  ["a first line that is neither", ["errors are fine"], "the first line is neither an object"],
  [
    "a row that is too short",
    ["at,metric,events,total", "2026-01-01T00:01:00Z,errors,1"],
    "it has 3 cells, and the first line names 4 columns",
  ],
  ["a quote that is not closed", ["at,reason", '2026-01-01T00:01:00Z,"down'], "a quoted cell does not end on its line"],
  ["no instant", [line(1, "treatment", { at: "today" })], '"at" is no instant: "today"', "write it with its zone: 2026-01-01T00:01:00Z"],
  ["an instant without a zone", [line(1, "treatment", { at: "2026-01-01T00:01:00" })], '"at" is no instant'],
  ["a day that is none", [line(1, "treatment", { at: "2026-13-01T00:01:00Z" })], '"at" is no instant'],
  ["no end", [{ metric: "errors" }], '"at" is missing'],
  [
    "numbers of another kind",
    [line(1, "treatment", { value: 3 })],
    '"value" is no number of a rate',
    "errors is a rate: it has events and total",
  ],
  ["half of the numbers", [line(1, "treatment", { total: null })], '"total" is missing', "errors is a rate: it has events and total"],
  ["no numbers", [line(1, "treatment", { events: null, total: null })], "there are no numbers of errors"],
  ["more events than requests", [line(1, "treatment", { events: 61 })], "there are more events (61) than there were in total (60)"],
  ["a negative count", [line(1, "treatment", { events: -1 })], '"events" is negative: -1'],
  ["text for a count", [line(1, "treatment", { events: "3" })], '"events" is no number: "3"'],
  ["no group", [line(1, "treatment", { group: null })], '"group" is missing', "it is treatment or control"],
  ["a group of the plan's own", [line(1, "enabled")], '"group" is neither treatment nor control: enabled'],
  ["everyone where there are groups", [line(1, "everyone")], "errors has groups"],
  ["a group where there are none", [{ at: at(1), metric: "site", group: "control", events: 1, total: 9 }], "site has no groups"],
  ["a control in a whole segment", [line(1, "control", { segment: "staff" })], "a whole segment that has the feature is not the control"],
  ["one line twice", [line(1), line(1)], "errors of treatment is there twice", "add the lines up"],
  [
    "a line that is too late",
    [line(2), line(1)],
    `it is earlier than the line before it in its series (${at(2)})`,
    "sort each series by time",
  ],
  ["an end before the beginning", [line(1, "treatment", { from: at(2) })], "the interval ends before it begins"],
  [
    "both numbers and a status",
    [line(1), { at: at(1), metric: "errors", status: "noData" }],
    "errors has both numbers and a status at this look",
  ],
  ["a status that is none", [{ at: at(1), metric: "errors", status: "down" }], '"status" is none of noData, error, notYet and baseline'],
  ["buckets that fall", [{ at: at(1), metric: "latency", group: "control", buckets: { "1": 9, "+Inf": 8 } }], "the buckets do not rise"],
  [
    "buckets without the last",
    [{ at: at(1), metric: "latency", group: "control", buckets: { "1": 9 } }],
    'the bucket "+Inf" is missing, which holds all values',
  ],
  [
    "other buckets in one look",
    ["treatment", "control"].map((group, index) => ({ at: at(1), metric: "latency", group, buckets: { [String(index)]: 9, "+Inf": 9 } })),
    "its buckets have other bounds than those of the line before it",
  ],
  ["a stage in the midst", [line(1), { at: at(2), stage: "25%" }], "a change of stage in a series that did not begin with one"],
  ["a time before that is none", [line(1, "control", { before: "a day" })], '"before" is no duration: "a day"'],
])("%s is told", (_, lines, message, mend) => {
  const found = mistakeIn(lines);
  expect(found.message).toContain(message);
  if (mend !== undefined) expect(found.mend).toBe(mend);
});
