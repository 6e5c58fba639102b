import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Counts, Value } from "../../src/model/measurement.ts";
import type { Measured, MetricSource } from "../../src/metrics/port.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import { faults, startServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { gaugeStories } from "./gaugeStories.ts";
import { histogramStories } from "./histogramStories.ts";
import { meanStories } from "./meanStories.ts";
import { BEGIN, requestFor, type Expected, type Story, type ToldStory } from "./metricStory.ts";
import { rateStories } from "./rateStories.ts";

/** What every metric source has to do, as stories: a service's series over time, and what looks have to make of them. */

export interface MetricFixture {
  /** Makes the stories true. */
  tell(stories: ToldStory[]): Promise<{
    /** Connects to where this story is shown, as it is `at` seconds after the beginning. */
    source(story: ToldStory, at: number): MetricSource<NumberQuery>;
    close(): Promise<void>;
  }>;
  history: boolean;
  /** Connects to some server, with a secret to authenticate by. */
  connect(url: string, secret: string): MetricSource<NumberQuery>;
}

const stories: Story[] = [...rateStories, ...meanStories, ...histogramStories, ...gaugeStories];

const CANARY = "canary-9b1c/T0p+secret=";

function valuesOf(expected: Extract<Expected, { counts: unknown } | { values: unknown }>): Partial<Record<string, Value>> {
  if ("values" in expected) return expected.values;
  const [events, total, controlEvents, controlTotal] = expected.counts;
  return { treatment: { events, total }, control: { events: controlEvents, total: controlTotal } satisfies Counts };
}

export function metricSourceConformance(name: string, fixture: MetricFixture): void {
  describe(`${name}, as every metric source:`, () => {
    const told = stories.map((story, index): ToldStory => ({ ...story, metric: `story_${index}` }));
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
        requestFor({ ...b, metric: "nothing" }, [{ from: BEGIN, to: BEGIN + 60_000 }], undefined),
      ];
      const answers = await source.measure(requests, { deadline: 5000 });
      expect(answers.map(({ status }) => status)).toEqual([fixture.history ? "measured" : "baseline", "noData"]);
      expect(answers[0]!.sent.queries.join("\n")).toContain(`${a.metric}_requests_total{variant="on",code=~"5.."}`);
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

    async function expectError(source: MetricSource<NumberQuery>, deadline: number): Promise<void> {
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
  if ("counts" in expected || "values" in expected) {
    if (measured.status !== "measured") throw new Error(`expected numbers, got ${JSON.stringify(measured)}`);
    expect(measured.intervals.map(({ from, to }) => ({ from, to }))).toEqual([interval]);
    expect(measured.intervals[0]!.counts).toEqual(valuesOf(expected));
    expect(measured.intervals[0]!.users).toEqual("users" in expected ? expected.users : undefined);
    expect(measured.bounds).toEqual("bounds" in expected ? expected.bounds : undefined);
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
