import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { HttpResponse } from "../../src/io/port.ts";
import type { MeasureRequest } from "../../src/metrics/port.ts";
import type { Counts } from "../../src/model/measurement.ts";
import { openmetrics } from "../../src/metrics/openmetrics.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import { metricSourceConformance } from "../conformance/metrics.ts";
import { BEGIN, type ToldStory } from "../conformance/metricStory.ts";
import { startCounterProcess } from "../support/counterProcess.ts";
import { startServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { realTools } from "../support/tools.ts";
import { clock, cohorts, cursorOf, pages, request } from "./pages.ts";

metricSourceConformance("openmetrics", {
  history: false,
  async tell() {
    let now: [ToldStory, number] | undefined;
    const server = await startServer((request, response) => {
      const [story, at] = now!;
      const shown = story.shown.findLast((scrape) => scrape.at <= at)!;
      if (shown.series === "dead") {
        request.socket.destroy();
        return;
      }
      response.setHeader("content-type", "text/plain; version=0.0.4");
      response.end(
        Object.entries(shown.series).reduce((text, [series, value]) => `${text}${story.metric}${series} ${value}\n`, "# HELP x y\n"),
      );
    });
    const connected = openmetrics.connect({ url: server.url }, realTools({ clock }));
    return {
      source: (story, at) => ({
        measure(requests, options) {
          now = [story, at];
          clock.set(BEGIN + at * 1000);
          return connected.measure(requests, options);
        },
      }),
      close: server.close,
    };
  },
  connect: (url, secret) =>
    openmetrics.connect(openmetrics.options.parse({ url, bearer: "${env:TOKEN}" }), realTools({ clock, env: { TOKEN: secret } })),
});

const page = (on200: number, on500: number, more = "") =>
  `req_total{v="on",code="200"} ${on200}\nreq_total{v="on",code="500"} ${on500}\n${more}`;

describe("a scraped page", () => {
  test("gives a baseline first, with the totals since its process began", async () => {
    const { look } = pages({ "http://a/": page(9, 1, 'req_total{v="off",code="200"} 5\n') });
    expect(await look()).toMatchObject({
      status: "baseline",
      at: clock.now(),
      totals: { treatment: { events: 1, total: 10 }, control: { events: 0, total: 5 } },
      sent: { queries: expect.arrayContaining(["GET http://a/", 'req_total{v="on",code=~"5.."}']), withoutEvents: ["control"] },
    });
  });

  test("is asked for once, for all metrics of a look", async () => {
    const { source, asked } = pages({ "http://a/": page(1, 1), "http://b/": page(1, 1) });
    await source.measure([request(undefined), request(undefined), request(undefined)], { deadline: 1000 });
    expect(asked.sort()).toEqual(["http://a/", "http://b/"]);
  });

  test("makes an interval from the last look to now less what it lags behind", async () => {
    clock.set(BEGIN);
    const { look, shown } = pages({ "http://a/": page(1, 1) }, 5000);
    const first = await look();
    clock.set(BEGIN + 60_000);
    shown["http://a/"] = page(11, 2);
    expect(await look(cursorOf(first))).toMatchObject({
      status: "measured",
      intervals: [{ from: BEGIN - 5000, to: BEGIN + 55_000, counts: { treatment: { events: 1, total: 11 } } }],
    });
  });

  test("after the clock was set back has an empty interval with the real counts, and goes on from there", async () => {
    clock.set(BEGIN);
    const { look, shown } = pages({ "http://a/": page(1, 1) });
    const first = await look();
    clock.set(BEGIN - 86_400_000);
    shown["http://a/"] = page(2, 1);
    const second = await look(cursorOf(first));
    expect(second).toMatchObject({
      intervals: [{ from: BEGIN - 86_400_000, to: BEGIN - 86_400_000, counts: { treatment: { events: 0, total: 1 } } }],
    });
    clock.set(BEGIN - 86_340_000);
    expect(await look(cursorOf(second))).toMatchObject({ intervals: [{ from: BEGIN - 86_400_000, to: BEGIN - 86_340_000 }] });
  });

  test("of one replica that fails makes the whole look an error", async () => {
    const { look, shown } = pages({ "http://a/": page(1, 1), "http://b/": page(1, 1) });
    const cursor = cursorOf(await look());
    shown["http://b/"] = { status: 503 };
    expect(await look(cursor)).toMatchObject({ status: "error", reason: "http://b/ answered with status 503" });
  });

  test("of a replica that was added counts from its first reading on", async () => {
    const first = pages({ "http://a/": page(100, 0) });
    const cursor = cursorOf(await first.look());
    const both = pages({ "http://a/": page(110, 0), "http://b/": page(5000, 50) });
    const second = await both.look(cursor);
    expect(second).toMatchObject({ intervals: [{ counts: { treatment: { events: 0, total: 10 } } }] });
    both.shown["http://b/"] = page(5001, 52);
    expect(await both.look(cursorOf(second))).toMatchObject({ intervals: [{ counts: { treatment: { events: 2, total: 3 } } }] });
  });

  test("counts nothing for a cohort that is asked for anew until the next look", async () => {
    const staff = (value: number) => page(1, 1, `req_total{v="on-staff",code="500"} ${value}\n`);
    const { look, shown } = pages({ "http://a/": staff(7000) });
    const cursor = cursorOf(await look());
    const changes: Partial<MeasureRequest<NumberQuery>> = { cohorts: [...cohorts, { cohort: "segment:staff", label: "on-staff" }] };
    const second = await look(cursor, changes);
    expect(second).toMatchObject({ intervals: [{ counts: { "segment:staff": { events: 0, total: 0 } } }] });
    shown["http://a/"] = staff(7003);
    expect(await look(cursorOf(second), changes)).toMatchObject({ intervals: [{ counts: { "segment:staff": { events: 3, total: 3 } } }] });
  });

  test("of a process that began anew and counted past its old value counts from 0", async () => {
    const started = (at: number) => `process_start_time_seconds ${at}\n`;
    const { look, shown } = pages({ "http://a/": page(10, 1, started(1000)) });
    const cursor = cursorOf(await look());
    shown["http://a/"] = page(12, 3, started(1060.25));
    expect(await look(cursor)).toMatchObject({ intervals: [{ counts: { treatment: { events: 3, total: 15 } } }] });
    shown["http://a/"] = page(12, 3, started(1000.9));
    expect(await look(cursor)).toMatchObject({ intervals: [{ counts: { treatment: { events: 2, total: 4 } } }] });
  });

  test.each<[string, string | Partial<HttpResponse>, string, RegExp]>([
    ["a misspelt name", "req_totals 1\nreq 2\n", "noData", /no series matches the total: there is no req_total, but there is req$/],
    ["labels that fit nothing", 'req_total{v="other"} 1\n', "noData", /req_total is there, but not with these labels/],
    ["a gauge", `# TYPE req_total gauge\n${page(1, 1)}`, "noData", /req_total is a gauge, not a counter/],
    ["a series twice", page(1, 1) + page(1, 1), "noData", /req_total\{code="500",v="on"\} is shown twice/],
    ["a line that was cut", 'req_total{v="on",code="200"} 12', "error", /ends in the middle of a line/],
    [
      "OpenMetrics that was cut",
      { body: page(1, 1), headers: { "content-type": "application/openmetrics-text; version=1.0.0" } },
      "error",
      /without # EOF/,
    ],
    ["HTML with status 200", "<html>\n<body>Log in</body></html>\n", "error", /an HTML page, not metrics/],
    ["something else", "hello\n", "error", /line 1 is not a sample: hello/],
    ["an empty page", "", "noData", /there is no req_total/],
  ])("with %s says so", async (_, body, status, reason) => {
    const { look } = pages({ "http://a/": body });
    expect(await look()).toMatchObject({ status, reason: expect.stringMatching(reason) });
  });

  test("with more series than a ledger should remember is no data", async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => `req_total{v="on",path="${index}"} 1\n`).join("");
    expect(await pages({ "http://a/": many }).look()).toMatchObject({ status: "noData", reason: expect.stringContaining("10001 series") });
  });
});

describe("a cursor from the ledger", () => {
  test("is small", async () => {
    const { look } = pages({ "http://a/": page(1, 1, "unrelated_total 1\nprocess_start_time_seconds 1000\n") });
    const cursor = cursorOf(await look());
    expect(JSON.stringify(cursor)).not.toContain("unrelated");
    expect(JSON.stringify(cursor).length).toBeLessThan(400);
  });

  test.each([
    null,
    "x",
    {},
    [],
    { version: 2 },
    { version: 1, at: "now", selectors: [], targets: [] },
    { version: 1, at: 1, selectors: [], targets: [["http://a/", 0, [["x", -1]]]] },
  ])("that is not ours (%j) begins anew", async (cursor) => {
    expect((await pages({ "http://a/": page(1, 1) }).look(cursor)).status).toBe("baseline");
  });

  test("may be anything without harm", async () => {
    const { look } = pages({ "http://a/": page(1, 1) });
    await fc.assert(
      fc.asyncProperty(fc.anything({ withNullPrototype: true }), async (cursor) => {
        expect((await look(cursor)).status).toBe("baseline");
      }),
    );
  });
});

/** Two processes with a few series, over some steps: what each step counts, and who begins anew. */
const histories = fc.record({
  saysStart: fc.boolean(),
  restarts: fc.boolean(),
  steps: fc.array(
    fc.record({
      look: fc.boolean(),
      processes: fc.tuple(
        ...[0, 1].map(() =>
          fc.record({
            restart: fc.integer({ min: 0, max: 5 }),
            adds: fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 50 }))),
          }),
        ),
      ),
    }),
    { minLength: 1, maxLength: 30 },
  ),
});

test("whatever happens and whenever one looks: nothing is counted twice, and nothing is lost that was still to be seen", async () => {
  const names = ['v="on",code="200"', 'v="on",code="500"', 'v="off",code="200"', 'v="off",code="503"'];
  await fc.assert(
    fc.asyncProperty(histories, async ({ saysStart, restarts, steps }) => {
      const addresses = ["http://a/", "http://b/"];
      const processes = addresses.map(() => ({ started: 1000, counters: new Map<string, number>(), sinceLook: new Map<string, number>() }));
      const connected = pages(Object.fromEntries(addresses.map((address) => [address, ""])));
      const show = () => {
        for (const [index, { started, counters }] of processes.entries()) {
          const lines = [...counters].map(([series, value]) => `req_total{${series}} ${value}\n`);
          connected.shown[addresses[index]!] = `${saysStart ? `process_start_time_seconds ${started}\n` : ""}${lines.join("")}`;
        }
      };
      // So that there is something from the start; it never counts again.
      processes[0]!.counters.set('v="off",code="204"', 1);
      show();
      let cursor = cursorOf(await connected.look());
      for (const [index, step] of steps.entries()) {
        for (const [which, { restart, adds }] of step.processes.entries()) {
          const process = processes[which]!;
          if (restarts && restart === 0) {
            process.counters.clear();
            process.sinceLook.clear(); // What it counted since the last look is lost with it.
            process.started = 1000 + (index + 1) * 10;
            if (which === 0) process.counters.set('v="off",code="204"', 1);
            if (which === 0) process.sinceLook.set('v="off",code="204"', 1);
          }
          for (const [name, by] of adds) {
            process.counters.set(names[name]!, (process.counters.get(names[name]!) ?? 0) + by);
            process.sinceLook.set(names[name]!, (process.sinceLook.get(names[name]!) ?? 0) + by);
          }
        }
        if (!step.look) continue;
        show();
        const measured = await connected.look(cursor);
        if (measured.status !== "measured") throw new Error(JSON.stringify(measured));
        cursor = cursorOf(measured);
        const truth = (variant: string, codes: RegExp) =>
          processes
            .flatMap(({ sinceLook }) => [...sinceLook])
            .reduce((sum, [name, by]) => (name.includes(`"${variant}"`) && codes.test(name) ? sum + by : sum), 0);
        const { treatment, control } = measured.intervals[0]!.counts as Record<"treatment" | "control", Counts>;
        for (const [counts, variant] of [
          [treatment, "on"],
          [control, "off"],
        ] as const) {
          if (saysStart || !restarts) expect(counts).toEqual({ events: truth(variant, /code="5/), total: truth(variant, /./) });
          else {
            // A restart that nobody told of and that counted past the old value looks like going on: less, never more.
            expect(counts.events).toBeLessThanOrEqual(truth(variant, /code="5/));
            expect(counts.total).toBeLessThanOrEqual(truth(variant, /./));
          }
        }
        for (const { sinceLook } of processes) sinceLook.clear();
      }
    }),
    { numRuns: 300 },
  );
});

describe("a real process", () => {
  const running: { kill(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const each of running) await each.kill();
  });

  test("is counted over its own restart", async () => {
    const port = await freePort();
    let shop = await startCounterProcess(port);
    running.push(shop);
    const source = openmetrics.connect({ url: shop.url }, realTools({ clock }));
    const look = async (cursor?: unknown) => (await source.measure([request(cursor)], { deadline: 5000 }))[0]!;
    await shop.add('req_total{v="on",code="200"}', 5);
    let measured = await look();
    await shop.add('req_total{v="on",code="500"}', 2);
    measured = await look(cursorOf(measured));
    expect(measured).toMatchObject({ intervals: [{ counts: { treatment: { events: 2, total: 2 } } }] });
    const cursor = cursorOf(measured);
    await shop.kill();
    expect(await look(cursor)).toMatchObject({ status: "error", reason: expect.stringContaining("nothing listens there") });
    await new Promise((resolve) => setTimeout(resolve, 1100)); // So that it begins more than a second later.
    shop = await startCounterProcess(port);
    running.push(shop);
    await shop.add('req_total{v="on",code="200"}', 9);
    expect(await look(cursor)).toMatchObject({ intervals: [{ counts: { treatment: { events: 0, total: 9 } } }] });
  });
});

test.each<[unknown, string]>([
  [{}, "either url, or urls"],
  [{ url: "http://a", urls: ["http://b"] }, "either url, or urls"],
  [{ urls: ["http://a", "http://a"] }, "listed twice"],
  [{ url: "http://u:p@a" }, "does not belong in an address"],
  [{ url: "http://a/${env:X}" }, "cannot hold a reference"],
  [{ url: "ftp://a" }, "begins with http"],
  [{ url: "http://a", bearer: "the-token-itself" }, "reference to a secret"],
  [{ url: "http://a", headers: { Authorization: "Bearer abc" } }, "reference only"],
  [{ url: "http://a", headers: { "X-Key": "Key ${env:X}" } }, "whole value"],
  [{ url: "http://a", headers: { "X-Key": "a\nb" } }, "one line"],
  [{ url: "http://a", username: "me" }, "belong together"],
  [{ url: "http://a", settle: 5 }, "duration"],
  [{ url: "http://a", unknown: 1 }, "Unrecognized key"],
])("options %j are refused", (options, message) => {
  const { success, error } = openmetrics.options.safeParse(options);
  expect(success).toBe(false);
  expect(JSON.stringify(error?.issues)).toContain(message);
});
