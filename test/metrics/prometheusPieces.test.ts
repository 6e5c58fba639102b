import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Measured, MeasureRequest } from "../../src/metrics/port.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import type { Value } from "../../src/model/measurement.ts";
import type { MetricKind } from "../../src/model/plan.ts";
import { BEGIN } from "../conformance/metricStory.ts";
import { startServer } from "../support/faultyServer.ts";
import { requireProgram } from "../support/programs.ts";
import { startPrometheus, type Prometheus } from "../support/prometheus.ts";
import { bucketsOf, histogramArbitrary, historyArbitrary, LE, truthOf } from "./histories.ts";
import { cohorts, connect, one, queriesOf, recording, sample, within } from "./prometheusServer.ts";

/** Many short intervals in one look: as few queries as for one, and each number in its interval. */

const installed = requireProgram("prometheus") !== undefined && requireProgram("promtool", "prometheus") !== undefined;

const numbers: Record<MetricKind, (metric: string) => MeasureRequest<NumberQuery>["numbers"]> = {
  rate: (metric) => ({ events: { counter: `${metric}{v="{{group}}",code=~"5.."}` }, total: { counter: `${metric}{v="{{group}}"}` } }),
  mean: (metric) => ({
    count: { counter: `${metric}_count{v="{{group}}"}` },
    sum: { counter: `${metric}_sum{v="{{group}}"}` },
    sumSquares: { counter: `${metric}_squares{v="{{group}}"}` },
  }),
  histogram: (metric) => ({ buckets: { counter: `${metric}_bucket{v="{{group}}"}` } }),
  gauge: (metric) => ({ value: { gauge: `${metric}{v="{{group}}"}`, over: "sum" } }),
};

function request(kind: MetricKind, metric: string, intervals: MeasureRequest["intervals"]): MeasureRequest<NumberQuery> {
  return { metric, kind, numbers: numbers[kind](metric), cohorts, intervals, cursor: undefined };
}

/** So many pieces of so many seconds, one after the other. */
function pieces(from: number, count: number, seconds: number) {
  return Array.from({ length: count }, (_, index) => within(from + index * seconds, from + (index + 1) * seconds));
}

function valuesOf(measured: Measured): { treatment?: Value; control?: Value }[] {
  if (measured.status !== "measured") throw new Error(`expected numbers, got ${JSON.stringify(measured)}`);
  return measured.intervals.map(({ counts: { treatment, control } }) => ({ ...(treatment && { treatment }), ...(control && { control }) }));
}

test("of thousands of series a shorter piece is asked for at once, so that it fits into an answer", async () => {
  const series = Array.from({ length: 4000 }, (_, path) => ({ metric: { path: String(path) }, value: [BEGIN / 1000, "1"] }));
  const server = await startServer((_, response) => {
    const isStart = /query=last_over_time/.test(server.requests.at(-1)!.body);
    const data = isStart ? { resultType: "vector", result: series } : { resultType: "matrix", result: [] };
    response.end(JSON.stringify({ status: "success", data }));
  });
  try {
    await one(connect(server.url), request("histogram", "time", pieces(0, 10, 60)));
    const [start, ...ranges] = queriesOf(server).filter((query) => query.includes('v="on"'));
    expect(start).toContain("last_over_time");
    // Seven minutes and a half hold seven pieces; the last answer reaches back as far as staleness is looked for.
    expect(ranges.map((query) => /\[\d+s\]/.exec(query)?.[0])).toEqual(["[420s]", "[180s]"]);
  } finally {
    await server.close();
  }
});

describe.skipIf(!installed)("a real Prometheus, asked for many pieces at once", () => {
  const histories = fc.sample(historyArbitrary(), { seed: 43, numRuns: 10 });
  const histograms = fc.sample(histogramArbitrary(), { seed: 44, numRuns: 10 });
  const scrapes = Array.from({ length: 481 }, (_, index) => index * 15);
  let server: Prometheus;
  beforeAll(async () => {
    const lines: string[] = [];
    const add = (series: string, value: (at: number) => number | string, from = 0, to = 7200) => {
      for (const at of scrapes) if (at >= from && at <= to) lines.push(sample(series, value(at), at));
    };
    for (const v of ["on", "off"]) {
      add(`steady_total{v="${v}",code="200"}`, (at) => at * 2);
      add(`steady_total{v="${v}",code="500"}`, (at) => at / 15);
      // Values of 3, one a second.
      add(`pay_count{v="${v}"}`, (at) => at);
      add(`pay_sum{v="${v}"}`, (at) => at * 3);
      add(`pay_squares{v="${v}"}`, (at) => at * 9);
      for (const [index, le] of LE.entries()) add(`time_bucket{v="${v}",le="${le}"}`, (at) => at * (index + 1));
      add(`heap{v="${v}",i="a"}`, (at) => at);
    }
    add('heap{v="on",i="b"}', () => 1000, 0, 3000);
    add('odd{v="on"}', (at) => (at < 600 ? "NaN" : 5));
    add('odd{v="off"}', () => 5);
    add('late{v="off"}', () => 1);
    add('late{v="on"}', () => 1, 3600);
    for (const [index, { series }] of histories.entries())
      for (const [labels, values] of series) for (const [at, value] of values) lines.push(sample(`rate_${index}{${labels}}`, value, at));
    for (const [index, { series }] of histograms.entries()) {
      for (const [labels, values] of series) {
        for (const [at, cumulative] of values)
          for (const [which, le] of LE.entries())
            lines.push(sample(`histogram_${index}_bucket{${labels},le="${le}"}`, cumulative[which]!, at));
      }
    }
    server = await startPrometheus({ samples: `${lines.join("")}# EOF\n` });
  });
  afterAll(async () => server?.stop());

  const counted = async (asked: MeasureRequest<NumberQuery>[]) => {
    const between = await recording(server.url);
    const measured = await connect(between.url).measure(asked, { deadline: 10_000 });
    await between.close();
    return { queries: queriesOf(between).length, measured };
  };

  test.each<[MetricKind, string, { one: number; ten: number; hour: number }]>([
    // Of two cohorts each selector: the start, and one answer for up to 15 minutes of samples.
    ["rate", "steady_total", { one: 14, ten: 8, hour: 20 }],
    ["mean", "pay", { one: 20, ten: 12, hour: 30 }],
    ["histogram", "time", { one: 8, ten: 4, hour: 10 }],
    ["gauge", "heap", { one: 2, ten: 2, hour: 8 }],
  ])("a %s needs no more queries for ten minutes one by one than for all at once", async (kind, metric, expected) => {
    const whole = await counted([request(kind, metric, [within(3600, 4200)])]);
    const minutes = await counted([request(kind, metric, pieces(3600, 10, 60))]);
    const hour = await counted([request(kind, metric, pieces(3600, 60, 60))]);
    expect({ one: whole.queries, ten: minutes.queries, hour: hour.queries }).toEqual(expected);
    expect(minutes.queries).toBeLessThanOrEqual(whole.queries);
    expect(valuesOf(hour.measured[0]!).slice(0, 10)).toEqual(valuesOf(minutes.measured[0]!));
    if (kind === "gauge") expect(valuesOf(minutes.measured[0]!).at(-1)).toEqual(valuesOf(whole.measured[0]!)[0]);
  });

  test("numbers of two metrics that are the same are asked for once", async () => {
    const asked = request("rate", "steady_total", pieces(3600, 10, 60));
    expect((await counted([asked, { ...asked, metric: "other" }])).queries).toBe(8);
  });

  test("each piece has what was counted in it, by kind", async () => {
    const intervals = pieces(3600, 20, 60);
    const all = async (kind: MetricKind, metric: string) => valuesOf(await one(connect(server.url), request(kind, metric, intervals)));
    const both = (value: Value) => ({ treatment: value, control: value });
    expect(await all("rate", "steady_total")).toEqual(intervals.map(() => both({ events: 4, total: 124 })));
    expect(await all("mean", "pay")).toEqual(intervals.map(() => both({ count: 60, sum: 180, sumSquares: 540 })));
    expect(await all("histogram", "time")).toEqual(intervals.map(() => both({ buckets: [60, 60, 60] })));
    expect(await all("gauge", "heap")).toEqual(intervals.map(({ to }) => both({ level: (to - BEGIN) / 1000 })));
  });

  test("long pieces share what tells whether something fell", async () => {
    const asked = request("histogram", "time", pieces(600, 10, 600));
    const { queries, measured } = await counted([asked]);
    expect(queries).toBe(2 * (1 + 10 + 1 + 1)); // The start, ten ends, the falls, and how old the numbers are.
    expect(valuesOf(measured[0]!)).toEqual(
      asked.intervals.map(() => ({ treatment: { buckets: [600, 600, 600] }, control: { buckets: [600, 600, 600] } })),
    );
  });

  test.each([2400, 2990])("a replica that vanished has no part in the level of an interval that it began (%d)", async (from) => {
    const ends = [3000, 3100, 3120, 3121, 3600];
    const levels = await Promise.all(
      ends.map(async (to) => valuesOf(await one(connect(server.url), request("gauge", "heap", [within(from, to)])))[0]!.treatment),
    );
    // It counts as alive for the two minutes after which a sample is stale.
    expect(levels).toEqual([{ level: 4000 }, { level: 4090 }, { level: 4120 }, { level: 3120 }, { level: 3600 }]);
  });

  test("a cohort is absent where it showed nothing yet, and one whose gauge was no number then", async () => {
    const late = valuesOf(await one(connect(server.url), request("gauge", "late", pieces(3480, 4, 60))));
    expect(late.map(({ treatment }) => treatment)).toEqual([undefined, { level: 1 }, { level: 1 }, { level: 1 }]);
    expect(late.every(({ control }) => control !== undefined)).toBe(true);
    const odd = valuesOf(await one(connect(server.url), request("gauge", "odd", pieces(480, 4, 60))));
    expect(odd.map(({ treatment }) => treatment)).toEqual([undefined, { level: 5 }, { level: 5 }, { level: 5 }]);
    expect(await one(connect(server.url), request("gauge", "odd", pieces(480, 1, 60)))).toMatchObject({
      status: "noData",
      reason: 'odd{v="on"} is NaN, which is no level',
    });
  });

  test.each<[string, () => MeasureRequest<NumberQuery>, string]>([
    ["a histogram", () => request("histogram", "time", pieces(7200, 3, 60)), "buckets"],
    ["a mean", () => request("mean", "pay", pieces(7200, 3, 60)), "count"],
    ["a gauge", () => request("gauge", "heap", pieces(7200, 3, 60)), "value"],
  ])("%s that is stale is no data, with the time of the newest sample", async (_, asked, number) => {
    expect(await one(connect(server.url, { staleAfter: 100_000 }), asked())).toMatchObject({
      status: "noData",
      reason: expect.stringContaining(`stale since ${new Date(BEGIN + 7_200_000).toISOString()}: no newer sample of the ${number};`),
      sent: { newest: BEGIN + 7_200_000 },
    });
  });

  // From the start, or some seconds later, in pieces of a quarter of a minute to ten.
  const looks = fc.record({
    index: fc.integer({ min: 0, max: 9 }),
    from: fc.integer({ min: 0, max: 1200 }),
    lengths: fc.array(fc.oneof(fc.constantFrom(15, 60, 60, 60, 300), fc.integer({ min: 1, max: 600 })), { minLength: 1, maxLength: 40 }),
  });
  const intervalsOf = ({ from, lengths }: { from: number; lengths: number[] }) => {
    let at = from;
    return lengths.map((length) => within(at, Math.min((at += length), 6000))).filter((each) => each.from < each.to);
  };

  test("whatever happened and however it is cut, each request is counted once, in its piece", async () => {
    const source = connect(server.url, { staleAfter: 600_000 });
    await fc.assert(
      fc.asyncProperty(looks, async ({ index, ...cut }) => {
        const intervals = intervalsOf(cut);
        const found = valuesOf(await one(source, request("rate", `rate_${index}`, intervals)));
        const truth = intervals.map(({ from, to }) => {
          const [events, total, controlEvents, controlTotal] = truthOf(histories[index]!, from - BEGIN, to - BEGIN);
          return { treatment: { events, total }, control: { events: controlEvents, total: controlTotal } };
        });
        expect(found).toEqual(truth);
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  test("whatever happened and however it is cut, each value is counted once, in its bucket and its piece", async () => {
    const source = connect(server.url, { staleAfter: 600_000 });
    await fc.assert(
      fc.asyncProperty(looks, async ({ index, ...cut }) => {
        const intervals = intervalsOf(cut);
        const found = valuesOf(await one(source, request("histogram", `histogram_${index}`, intervals)));
        const truth = intervals.map(({ from, to }) => {
          const of = (variant: string) => ({ buckets: bucketsOf(histograms[index]!, variant, from - BEGIN, to - BEGIN) });
          return { treatment: of("on"), control: of("off") };
        });
        expect(found).toEqual(truth);
      }),
      { numRuns: 40, seed: 8 },
    );
  });
});
