import { describe, expect, test } from "vitest";
import type { MeasureRequest } from "../../src/metrics/port.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import { clock, cohorts, cursorOf, pages } from "./pages.ts";

/** Means, histograms, gauges and users on scraped pages: what the stories cannot tell, with several targets and cursors. */

type Changes = Partial<MeasureRequest<NumberQuery>>;

const histogram: Changes = { kind: "histogram", numbers: { buckets: { counter: 'time_bucket{v="{{group}}"}' } } };
const gauge: Changes = { kind: "gauge", numbers: { value: { gauge: 'heap{v="{{group}}"}', over: "mean" } } };
const mean: Changes = {
  kind: "mean",
  numbers: Object.fromEntries(["count", "sum", "sumSquares"].map((name) => [name, { counter: `pay_${name}{v="{{group}}"}` }])),
};

/** Cumulative counters at 0.1, 0.5 and ∞, or at other bounds. */
function buckets(variant: string, counters: number[], bounds = ["0.1", "0.5", "+Inf"]): string {
  return bounds.map((le, index) => `time_bucket{v="${variant}",le="${le}"} ${counters[index]}\n`).join("");
}

const started = (at: number) => `process_start_time_seconds ${at}\n`;

describe("a histogram on scraped pages", () => {
  test("gives a baseline with its bounds and its totals, and then increments over all replicas", async () => {
    const { look, shown } = pages({
      "http://a/": buckets("on", [1, 2, 4]),
      "http://b/": buckets("on", [10, 20, 40]) + buckets("off", [0, 0, 0]),
    });
    const first = await look(undefined, histogram);
    expect(first).toMatchObject({
      status: "baseline",
      bounds: [0.1, 0.5],
      totals: { treatment: { buckets: [11, 11, 22] }, control: { buckets: [0, 0, 0] } },
    });
    shown["http://a/"] = buckets("on", [2, 3, 5]);
    shown["http://b/"] = buckets("on", [0, 1, 3]) + buckets("off", [0, 5, 5]);
    expect(await look(cursorOf(first), histogram)).toMatchObject({
      status: "measured",
      bounds: [0.1, 0.5],
      intervals: [{ counts: { treatment: { buckets: [1, 1, 2] }, control: { buckets: [0, 5, 0] } } }],
    });
  });

  test.each<[string, string, string, string, RegExp]>([
    [
      "two replicas differ",
      buckets("on", [1, 2, 3]),
      buckets("on", [1, 2, 3], ["0.1", "0.25", "+Inf"]),
      "noData",
      /time_bucket\{v="on"\} \(http:\/\/a\/\) and time_bucket\{v="on"\} \(http:\/\/b\/\) have different bounds: 0\.5 only in the first; 0\.25 only in the second/,
    ],
    [
      "a bucket is shown twice",
      buckets("on", [1, 1, 1], ["1", "1.0", "+Inf"]),
      buckets("on", [1, 1, 1]),
      "noData",
      /le="1\.0",v="on"\} is shown twice \(http:\/\/a\/\)/,
    ],
    ["the name lacks its end", "", "time_buckets 1\n", "noData", /no series matches the buckets: there is no time_bucket$/],
    [
      "it is a gauge's",
      `# TYPE time gaugehistogram\n${buckets("on", [1, 2, 3])}`,
      buckets("on", [1, 2, 3]),
      "noData",
      /time_bucket is a gauge, not a counter/,
    ],
  ])("is no data where %s", async (_, a, b, status, reason) => {
    expect(await pages({ "http://a/": a, "http://b/": b }).look(undefined, histogram)).toMatchObject({
      status,
      reason: expect.stringMatching(reason),
    });
  });

  test("whose name was meant to end in _bucket says so", async () => {
    const asked: Changes = { ...histogram, numbers: { buckets: { counter: 'time{v="{{group}}"}' } } };
    expect(await pages({ "http://a/": buckets("on", [1, 2, 3]) }).look(undefined, asked)).toMatchObject({
      reason: "no series matches the buckets: there is no time, but there is time_bucket",
    });
  });

  test("of a process that began anew with other bounds is no data, with what changed", async () => {
    const { look, shown } = pages({ "http://a/": buckets("on", [1, 2, 4]) + started(1000) });
    const cursor = cursorOf(await look(undefined, histogram));
    shown["http://a/"] = buckets("on", [1, 2, 4], ["0.1", "0.25", "+Inf"]) + started(2000);
    expect(await look(cursor, histogram)).toMatchObject({
      status: "noData",
      reason: "the bounds of the buckets changed since the last look: 0.5 only before; 0.25 only now",
    });
  });

  test("of a process that began anew and counted past its old values counts from 0", async () => {
    const { look, shown } = pages({ "http://a/": buckets("on", [1, 2, 4]) + started(1000) });
    const cursor = cursorOf(await look(undefined, histogram));
    shown["http://a/"] = buckets("on", [3, 4, 6]) + started(2000);
    expect(await look(cursor, histogram)).toMatchObject({ intervals: [{ counts: { treatment: { buckets: [3, 1, 2] } } }] });
  });

  test("counts nothing for a cohort that is asked for anew, nor for a target that was added, until the next look", async () => {
    const staff = (all: number) => buckets("on-staff", [0, 0, all]) + buckets("on", [1, 1, 1]);
    const { look } = pages({ "http://a/": staff(7000) });
    const cursor = cursorOf(await look(undefined, histogram));
    const asked: Changes = { ...histogram, cohorts: [...cohorts, { cohort: "segment:staff", label: "on-staff" }] };
    const both = pages({ "http://a/": staff(7001), "http://b/": staff(500) });
    const second = await both.look(cursor, asked);
    expect(second).toMatchObject({
      intervals: [{ counts: { treatment: { buckets: [0, 0, 0] }, "segment:staff": { buckets: [0, 0, 0] } } }],
    });
    both.shown["http://b/"] = staff(503);
    expect(await both.look(cursorOf(second), asked)).toMatchObject({
      intervals: [{ counts: { "segment:staff": { buckets: [0, 0, 3] } } }],
    });
  });

  test("leaves a cursor that names each series once", async () => {
    const bounds = Array.from({ length: 30 }, (_, index) => String(index + 1));
    const { look } = pages({
      "http://a/": buckets(
        "on",
        Array.from({ length: 31 }, () => 1),
        [...bounds, "+Inf"],
      ),
    });
    const cursor = JSON.stringify(cursorOf(await look(undefined, histogram)));
    expect(cursor.match(/time_bucket\{v=\\"on\\"\}/g)).toHaveLength(2); // The selector, and the series.
    expect(cursor.length).toBeLessThan(500);
  });

  test.each<[string, (cursor: { bounds?: number[]; targets: unknown[][] }) => unknown]>([
    ["other bounds than values", (cursor) => ({ ...cursor, bounds: [1] })],
    ["no bounds", ({ bounds: _, ...cursor }) => cursor],
    ["a negative value", (cursor) => ({ ...cursor, targets: [[...cursor.targets[0]!.slice(0, 3), [["x", [-1, 1, 1]]]]] })],
  ])("begins anew from a cursor with %s", async (_, change) => {
    const { look } = pages({ "http://a/": buckets("on", [1, 2, 4]) });
    const cursor = cursorOf(await look(undefined, histogram));
    expect((await look(change(cursor as Parameters<typeof change>[0]), histogram)).status).toBe("baseline");
  });

  test("with more buckets than a ledger should remember is no data", async () => {
    const many = Array.from({ length: 5001 }, (_, path) =>
      ["1", "+Inf"].map((le) => `time_bucket{v="on",path="${path}",le="${le}"} 1\n`).join(""),
    ).join("");
    expect(await pages({ "http://a/": many }).look(undefined, histogram)).toMatchObject({
      status: "noData",
      reason: expect.stringContaining("10002 series"),
    });
  });
});

describe("a gauge on scraped pages", () => {
  test("shows its level over all replicas at once, and again over each interval", async () => {
    clock.set(1000);
    const { look, shown } = pages({ "http://a/": 'heap{v="on"} 100\n', "http://b/": 'heap{v="on"} 200\nheap{v="off"} -3\n' });
    const first = await look(undefined, gauge);
    expect(first).toMatchObject({ status: "baseline", at: 1000, totals: { treatment: { level: 150 }, control: { level: -3 } } });
    clock.set(61_000);
    shown["http://a/"] = 'heap{v="on"} 40\n';
    expect(await look(cursorOf(first), gauge)).toMatchObject({
      status: "measured",
      intervals: [{ from: 1000, to: 61_000, counts: { treatment: { level: 120 }, control: { level: -3 } } }],
    });
    shown["http://b/"] = "other 1\n";
    const third = await look(cursorOf(first), gauge);
    expect(third).toMatchObject({
      status: "measured",
      intervals: [{ counts: { treatment: { level: 40 } } }],
      sent: { missing: ["control"] },
    });
    expect(JSON.stringify(third)).not.toContain('"control":{');
  });

  test("remembers no more than when it was read", async () => {
    const { look } = pages({ "http://a/": 'heap{v="on"} 100\n' });
    expect(JSON.stringify(cursorOf(await look(undefined, gauge)))).not.toContain("heap");
  });

  test.each([
    ["heap", "# TYPE heap counter\n", "heap"],
    ["heap_total", "# TYPE heap counter\n", "heap_total"],
    ["heap_count", "# TYPE heap histogram\n", "heap_count"],
    ["heap_sum", "# TYPE heap summary\n", "heap_sum"],
    ["heap_bucket", "# TYPE heap histogram\n", "heap_bucket"],
  ])("is refused where %s is a counter", async (name, types, named) => {
    const { look } = pages({ "http://a/": `${types}${name}{v="on"} 100\n` });
    const asked: Changes = { kind: "gauge", numbers: { value: { gauge: `${name}{v="{{group}}"}`, over: "mean" } } };
    expect(await look(undefined, asked)).toMatchObject({ status: "noData", reason: `${named} is a counter, not a gauge` });
  });

  test.each([
    ["heap", "# TYPE heap gauge\n"],
    ["heap", "# TYPE heap summary\n"],
    ["heap_total", "# TYPE heap gauge\n"],
    ["heap_count", "# TYPE heap gaugehistogram\n"],
  ])("is read where %s is none", async (name, types) => {
    const { look } = pages({ "http://a/": `${types}${name}{v="on"} 100\n` });
    const asked: Changes = { kind: "gauge", numbers: { value: { gauge: `${name}{v="{{group}}"}`, over: "mean" } } };
    expect((await look(undefined, asked)).status).toBe("baseline");
  });
});

describe("users on scraped pages", () => {
  const counts = (requests: number, users: number) => `req_total{v="on"} ${requests}\nusers_total{v="on"} ${users}\n`;
  const total = { counter: 'req_total{v="{{group}}"}' };
  const rate: Changes = { kind: "rate", numbers: { events: total, total } };
  const withUsers: Changes = { ...rate, numbers: { ...rate.numbers, users: { counter: 'users_total{v="{{group}}"}' } } };

  test("are told with the baseline, and then counted", async () => {
    const { look, shown } = pages({ "http://a/": counts(10, 5) });
    const first = await look(undefined, withUsers);
    expect(first).toMatchObject({ status: "baseline", users: { treatment: 5, control: 0 } });
    shown["http://a/"] = counts(20, 8);
    expect(await look(cursorOf(first), withUsers)).toMatchObject({ intervals: [{ users: { treatment: 3, control: 0 } }] });
  });

  test("that are asked for anew are not known until the next look, while the rest goes on", async () => {
    const { look, shown } = pages({ "http://a/": counts(10, 5) });
    const cursor = cursorOf(await look(undefined, rate));
    shown["http://a/"] = counts(20, 8);
    const second = await look(cursor, withUsers);
    expect(second).toMatchObject({ status: "measured", intervals: [{ counts: { treatment: { total: 10 } } }] });
    expect(JSON.stringify(second)).not.toContain('"users":');
    shown["http://a/"] = counts(21, 9);
    expect(await look(cursorOf(second), withUsers)).toMatchObject({ intervals: [{ users: { treatment: 1 } }] });
  });

  test("go along with a gauge as well", async () => {
    const asked: Changes = { ...gauge, numbers: { ...gauge.numbers, users: { counter: 'users_total{v="{{group}}"}' } } };
    const { look, shown } = pages({ "http://a/": `heap{v="on"} 5\n${counts(1, 7)}` });
    const first = await look(undefined, asked);
    shown["http://a/"] = `heap{v="on"} 6\n${counts(1, 9)}`;
    expect(await look(cursorOf(first), asked)).toMatchObject({
      intervals: [{ counts: { treatment: { level: 6 } }, users: { treatment: 2, control: 0 } }],
    });
  });
});

test("a mean of two replicas, one of which began anew", async () => {
  const values = (count: number, sum: number, squares: number) =>
    `pay_count{v="on"} ${count}\npay_sum{v="on"} ${sum}\npay_sumSquares{v="on"} ${squares}\n`;
  const { look, shown } = pages({ "http://a/": values(10, 50, 300) + started(1000), "http://b/": values(1, 1, 1) });
  const first = await look(undefined, mean);
  expect(first).toMatchObject({ status: "baseline", totals: { treatment: { count: 11, sum: 51, sumSquares: 301 } } });
  shown["http://a/"] = values(11, 52, 304) + started(2000);
  shown["http://b/"] = values(2, 5, 17);
  expect(await look(cursorOf(first), mean)).toMatchObject({
    intervals: [{ counts: { treatment: { count: 12, sum: 56, sumSquares: 320 } } }],
  });
});
