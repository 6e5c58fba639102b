import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cohort, Counts } from "../../src/model/measurement.ts";
import type { Measured, MeasureRequest, MetricSource } from "../../src/metrics/port.ts";
import type { CounterQuery } from "../../src/metrics/selector.ts";
import { faults, startServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";

/** What every metric source has to do, as stories: a service's counters over time, and what looks have to make of them. */

/** Epoch milliseconds at which all stories begin. */
export const BEGIN = 1_700_000_000_000;

export interface Story {
  name: string;
  /**
   * What the service shows, by seconds since the beginning: by labels, the value as text. `dead`: it no longer answers.
   * Looks see what was shown last, so a change between two looks has to be shown at the second.
   */
  shown: { at: number; series: Record<string, string> | "dead" }[];
  /** Seconds since the beginning; the first only says where counting begins. */
  looks: number[];
  /** Labels inside the braces; by default errors are codes of 500 and more. */
  events?: string;
  total?: string;
  /** What `{{group}}` stands for; by default on and off. */
  labels?: { treatment: string; control: string };
  expected: Expected[];
}

/** Events and total of the treatment, then of the control; or why there are none. */
type Expected =
  | { counts: [number, number, number, number]; missing?: Cohort[]; withoutEvents?: Cohort[] }
  | { status: "noData"; reason: RegExp }
  /** The target is dead: a source says so in its own way, but never with numbers. */
  | { status: "blind" };

export interface ToldStory extends Story {
  /** The metric's name: of its own, so that all stories can be told at once. */
  metric: string;
}

export interface MetricFixture {
  /** Makes the stories true. */
  tell(stories: ToldStory[]): Promise<{
    /** Connects to where this story is shown, as it is `at` seconds after the beginning. */
    source(story: ToldStory, at: number): MetricSource<CounterQuery>;
    close(): Promise<void>;
  }>;
  history: boolean;
  /** Connects to some server, with a secret to authenticate by. */
  connect(url: string, secret: string): MetricSource<CounterQuery>;
}

const on = (code: string) => `variant="on",code="${code}"`;
const off = (code: string) => `variant="off",code="${code}"`;
const steady = { [on("200")]: "100", [on("500")]: "5", [off("200")]: "1000", [off("500")]: "10" };
const later = { [on("200")]: "150", [on("500")]: "7", [off("200")]: "1500", [off("500")]: "20" };
const strange = 'we"ird\\ {{group}} $& name';

/** A label's value in the text format. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

export const stories: Story[] = [
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
      { at: 0, series: { 'variant="other",code="200"': "5" } },
      { at: 60, series: { 'variant="other",code="200"': "9" } },
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
          'variant="on",kind="all"': "10",
          'variant="on",kind="bad"': "10",
          'variant="off",kind="all"': "10",
          'variant="off",kind="bad"': "0",
        },
      },
      {
        at: 60,
        series: {
          'variant="on",kind="all"': "15",
          'variant="on",kind="bad"': "17",
          'variant="off",kind="all"': "20",
          'variant="off",kind="bad"': "0",
        },
      },
    ],
    looks: [0, 60],
    events: 'variant="{{group}}",kind="bad"',
    total: 'variant="{{group}}",kind="all"',
    expected: [{ status: "noData", reason: /more events than there were in total for treatment: 7 of 5/ }],
  },
  {
    name: "a group's label is taken literally, whatever is in it",
    shown: [
      { at: 0, series: { [`variant="${escaped(strange)}",code="200"`]: "1", 'variant="o.*",code="200"': "1", [off("200")]: "5" } },
      { at: 60, series: { [`variant="${escaped(strange)}",code="200"`]: "4", 'variant="o.*",code="200"': "3", [off("200")]: "9" } },
    ],
    looks: [0, 60],
    total: 'variant=~"{{group}}|never"',
    labels: { treatment: strange, control: "o.*" },
    expected: [{ counts: [0, 3, 0, 2], withoutEvents: ["treatment", "control"] }],
  },
  {
    name: "selectors match as Prometheus matches: whole values, and a label that is not there is empty",
    shown: [
      {
        at: 0,
        series: {
          'variant="on",code="500"': "0",
          'variant="on",code="1500"': "0",
          'variant="on"': "0",
          'variant="on",code="404",path="/x"': "0",
        },
      },
      {
        at: 60,
        series: {
          'variant="on",code="500"': "1",
          'variant="on",code="1500"': "2",
          'variant="on"': "4",
          'variant="on",code="404",path="/x"': "8",
        },
      },
    ],
    looks: [0, 60],
    events: 'variant="{{group}}",code=~"5..|",path=""',
    total: 'variant="{{group}}",code!="404",code!~"9.*",path!~".+"',
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
];

const CANARY = "canary-9b1c/T0p+secret=";

/** A request as the engine makes it. */
export function requestFor(story: ToldStory, intervals: MeasureRequest["intervals"], cursor: unknown): MeasureRequest<CounterQuery> {
  const { treatment, control } = story.labels ?? { treatment: "on", control: "off" };
  return {
    metric: story.metric,
    events: { counter: `${story.metric}{${story.events ?? 'variant="{{group}}",code=~"5.."'}}` },
    total: { counter: `${story.metric}{${story.total ?? 'variant="{{group}}"'}}` },
    cohorts: [
      { cohort: "treatment", label: treatment },
      { cohort: "control", label: control },
    ],
    intervals,
    cursor,
  };
}

function asList(counts: Partial<Record<Cohort, Counts>>): number[] {
  return (["treatment", "control"] as const).flatMap((cohort) => [counts[cohort]!.events, counts[cohort]!.total]);
}

export function metricSourceConformance(name: string, fixture: MetricFixture): void {
  describe(`${name}, as every metric source:`, () => {
    const told = stories.map((story, index): ToldStory => ({ ...story, metric: `story_${index}_requests_total` }));
    let world: Awaited<ReturnType<MetricFixture["tell"]>>;
    beforeAll(async () => {
      world = await fixture.tell(told);
    });
    afterAll(async () => {
      await world?.close();
    });

    test.each(told.map((story) => [story.name, story] as const))("%s", async (_, story) => {
      let cursor: unknown;
      let from = story.looks[0]!;
      if (!fixture.history) {
        const [first] = await world.source(story, from).measure([requestFor(story, [], undefined)], { deadline: 5000 });
        if (first!.status === "baseline") cursor = first!.cursor;
      }
      for (const [index, expected] of story.expected.entries()) {
        const to = story.looks[index + 1]!;
        const interval = { from: BEGIN + from * 1000, to: BEGIN + to * 1000 };
        const [measured] = await world.source(story, to).measure([requestFor(story, [interval], cursor)], { deadline: 5000 });
        expectMeasured(measured!, expected, interval);
        if (measured!.status !== "measured") continue;
        cursor = JSON.parse(JSON.stringify(measured!.cursor ?? null));
        from = to;
      }
    });

    test("all metrics of a look are answered in their order", async () => {
      const [a, b] = [told[0]!, told[9]!];
      const source = world.source(a, 60);
      const requests = [
        requestFor(a, [{ from: BEGIN, to: BEGIN + 60_000 }], undefined),
        requestFor({ ...b, metric: "nothing_total" }, [{ from: BEGIN, to: BEGIN + 60_000 }], undefined),
      ];
      const answers = await source.measure(requests, { deadline: 5000 });
      expect(answers.map(({ status }) => status)).toEqual([fixture.history ? "measured" : "baseline", "noData"]);
      expect(answers[0]!.sent.queries.join("\n")).toContain(`${a.metric}{variant="on",code=~"5.."}`);
    });

    describe("a server that fails is an error, in time, and tells no secret:", () => {
      test.each(Object.keys(faults))("%s", async (fault) => {
        const server = await startServer(faults[fault]!);
        try {
          await expectError(fixture.connect(server.url, CANARY), /hang|drip|silence/.test(fault) ? 500 : 10_000);
          expect(server.requests[0]!.headers["authorization"]).toBe(`Bearer ${CANARY}`);
        } finally {
          await server.close();
        }
      });

      test("nothing listens", async () => expectError(fixture.connect(`http://127.0.0.1:${await freePort()}`, CANARY), 5000));
    });

    async function expectError(source: MetricSource<CounterQuery>, deadline: number): Promise<void> {
      const begun = performance.now();
      const interval = { from: BEGIN, to: BEGIN + 60_000 };
      const requests = [0, 1, 2].map((index) => requestFor(told[index]!, [interval], undefined));
      const answers = await source.measure(requests, { deadline });
      expect(performance.now() - begun).toBeLessThan(deadline + 1000);
      expect(answers).toHaveLength(3);
      for (const answer of answers) {
        if (answer.status !== "error") throw new Error(`expected an error, got ${JSON.stringify(answer)}`);
        expect(answer.reason).not.toBe("");
        expect(answer.reason.length).toBeLessThan(600);
        expect(JSON.stringify(answer)).not.toMatch(/canary|T0p|secret=/i);
      }
    }
  });
}

function expectMeasured(measured: Measured, expected: Expected, interval: { from: number; to: number }): void {
  if ("counts" in expected) {
    if (measured.status !== "measured") throw new Error(`expected numbers, got ${JSON.stringify(measured)}`);
    expect(measured.intervals.map(({ from, to }) => ({ from, to }))).toEqual([interval]);
    expect(asList(measured.intervals[0]!.counts)).toEqual(expected.counts);
    expect(measured.sent.missing).toEqual(expected.missing ?? []);
    expect(measured.sent.withoutEvents).toEqual(expected.withoutEvents ?? []);
    return;
  }
  if (expected.status === "blind") {
    expect(["noData", "error"]).toContain(measured.status);
    return;
  }
  expect(measured).toMatchObject({ status: expected.status, reason: expect.stringMatching(expected.reason) });
}
