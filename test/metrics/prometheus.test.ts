import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Measured, MeasureRequest } from "../../src/metrics/port.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import { prometheusApi } from "../../src/metrics/prometheus-api.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import type { Counts } from "../../src/model/measurement.ts";
import { systemClock } from "../../src/io/clock.ts";
import { metricSourceConformance } from "../conformance/metrics.ts";
import { BEGIN, type ToldStory } from "../conformance/metricStory.ts";
import { startCounterProcess, type CounterProcess } from "../support/counterProcess.ts";
import { startServer } from "../support/faultyServer.ts";
import { historyArbitrary, truthOf } from "./histories.ts";
import { cohorts, connect, one, queriesOf, recording, sample, within } from "./prometheusServer.ts";
import { freePort } from "../support/ports.ts";
import { requireProgram } from "../support/programs.ts";
import { startPrometheus, type Prometheus } from "../support/prometheus.ts";
import { realTools, settableClock } from "../support/tools.ts";

const installed = requireProgram("prometheus") !== undefined && requireProgram("promtool", "prometheus") !== undefined;
const clock = systemClock;

function request(metric: string, intervals: MeasureRequest["intervals"]): MeasureRequest<NumberQuery> {
  return {
    metric,
    kind: "rate",
    numbers: { events: { counter: `${metric}{v="{{group}}",code=~"5.."}` }, total: { counter: `${metric}{v="{{group}}"}` } },
    cohorts,
    intervals,
    cursor: undefined,
  };
}

function countsOf(measured: Measured): [number, number, number, number][] {
  if (measured.status !== "measured") throw new Error(`expected numbers, got ${JSON.stringify(measured)}`);
  return measured.intervals.map(({ counts }) => {
    const { treatment, control } = counts as Record<"treatment" | "control", Counts>;
    return [treatment.events, treatment.total, control.events, control.total];
  });
}

describe.skipIf(!installed)("a real Prometheus", () => {
  metricSourceConformance("prometheus", {
    history: true,
    async tell(stories) {
      const lines = stories.flatMap(({ metric, shown }) =>
        shown.flatMap(({ at, series }) =>
          series === "dead" ? [] : Object.entries(series).map(([name, value]) => sample(`${metric}${name}`, value, at)),
        ),
      );
      const server = await startPrometheus({ samples: `${lines.join("")}# EOF\n` });
      return { source: (_: ToldStory) => connect(server.url), close: server.stop };
    },
    connect: (url, secret) =>
      prometheus.connect(prometheus.options.parse({ url, bearer: "${env:TOKEN}" }), realTools({ clock, env: { TOKEN: secret } })),
  });

  describe("with known samples", () => {
    const histories = fc.sample(historyArbitrary(), { seed: 42, numRuns: 25 });
    let server: Prometheus;
    beforeAll(async () => {
      const lines: string[] = [];
      const add = (metric: string, labels: string, values: [at: number, value: number | string][]) => {
        for (const [at, value] of values) lines.push(sample(`${metric}{${labels}}`, value, at));
      };
      // Every 15 s; a restart between two looks, after 110 was counted.
      add("restart_total", 'v="on",code="200"', [[0, 100], [15, 105], [30, 110], [45, 3], [60, 8]]); // prettier-ignore
      add("restart_total", 'v="off",code="200"', [[0, 1], [60, 1]]); // prettier-ignore
      // Hours with a restart, with a pause, and with none.
      const hours = Array.from({ length: 721 }, (_, index) => index * 15);
      add("long_total", 'v="on",code="200",i="a"', hours.map((at) => [at, at < 6000 ? at : at - 6000])); // prettier-ignore
      add("long_total", 'v="on",code="500",i="a"', hours.filter((at) => at < 300 || at > 2400).map((at) => [at, at / 15])); // prettier-ignore
      add("long_total", 'v="off",code="200",i="b"', hours.map((at) => [at, at * 2])); // prettier-ignore
      add("long_total", 'v="off",code="500",i="c"', hours.filter((at) => at > 1000 && at < 5000).map((at) => [at, at - 1000])); // prettier-ignore
      // A restart between the last sample before an interval and the first inside it, that then counts past the old value.
      add("border_total", 'v="on",code="200"', [[0, 100], [30, 5], [900, 200]]); // prettier-ignore
      // Storage that begins in the middle of a service's life.
      add("young_total", 'v="on",code="200"', hours.filter((at) => at >= 600).map((at) => [at, 1_000_000 + at])); // prettier-ignore
      for (const [index, history] of histories.entries())
        for (const [labels, values] of history.series) add(`random_${index}_total`, labels, values);
      server = await startPrometheus({ samples: `${lines.join("")}# EOF\n` });
    });
    afterAll(async () => server?.stop());

    test("what was counted before a restart inside the interval is not lost", async () => {
      expect(countsOf(await one(connect(server.url), request("restart_total", [within(0, 60)])))).toEqual([[0, 18, 0, 0]]);
    });

    test("the sample at the very border of two intervals belongs to the first, once", async () => {
      const measured = await one(
        connect(server.url),
        request("restart_total", [within(0, 15), within(15, 29.999), within(29.999, 30), within(30, 60)]),
      );
      expect(countsOf(measured).map(([, total]) => total)).toEqual([5, 0, 5, 8]);
    });

    test("a long interval is exact over restarts, pauses, births and series that vanish", async () => {
      const measured = await one(connect(server.url), request("long_total", [within(10, 10_800)]));
      // On: 200s to 5985, then 0 to 4800; 500s to 720 with a pause. Off: 2 a second; 500s up to 3995, then gone.
      expect(countsOf(measured)).toEqual([[720, 5985 + 4800 + 720, 3995, 21_600 + 3995]]);
      expect(measured.sent.newest).toBe(BEGIN + 10_800_000);
    });

    test("a long interval without a restart asks for its ends alone", async () => {
      const asked = request("long_total", [within(10, 5400)]);
      const measured = await one(connect(server.url), asked);
      expect(countsOf(measured)[0]![3]).toBe(10_800 + 3995);
      // Two cohorts, two selectors: start, end and restarts of each, and how old the total is.
      expect(measured.sent.queries).toHaveLength(2 * (3 + 4));
    });

    test("a restart right at the start of a long interval is seen", async () => {
      expect(countsOf(await one(connect(server.url), request("border_total", [within(15, 900)])))[0]![1]).toBe(200);
    });

    test("a server whose memory begins inside the interval does not count what was before", async () => {
      for (const interval of [within(400, 690), within(0, 3600)]) {
        const measured = await one(connect(server.url), request("young_total", [interval]));
        expect(countsOf(measured)[0]![1]).toBe((interval.to - BEGIN) / 1000 - 600);
      }
    });

    test("stale is no data, with the time of the newest sample", async () => {
      const at = 10_800 + 121;
      expect(await one(connect(server.url), request("long_total", [within(10_790, at)]))).toMatchObject({
        status: "noData",
        reason: expect.stringContaining(`stale since ${new Date(BEGIN + 10_800_000).toISOString()}`),
        sent: { newest: BEGIN + 10_800_000 },
      });
      expect((await one(connect(server.url), request("long_total", [within(10_790, at - 1)]))).status).toBe("measured");
      expect((await one(connect(server.url), request("long_total", [within(10_000, at + 400)]))).status).toBe("noData");
      expect((await one(connect(server.url, { staleAfter: 3_600_000 }), request("long_total", [within(10_000, at + 400)]))).status).toBe(
        "measured",
      );
    });

    test("nothing is asked twice in a look", async () => {
      const intervals = [within(60, 120), within(120, 180), within(180, 240)];
      const server2 = await recording(server.url);
      try {
        await connect(server2.url).measure([request("long_total", intervals), request("long_total", intervals)], { deadline: 10_000 });
        const queries = queriesOf(server2);
        expect(new Set(queries).size).toBe(queries.length);
        expect(queries).toHaveLength(4 * (1 + 1)); // For each selector the start, and the samples of all intervals.
      } finally {
        await server2.close();
      }
    });

    test("whatever happened and whenever one looks, each sample is counted once, in its interval", async () => {
      const source = connect(server.url, { staleAfter: 600_000 });
      const last = 6000;
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: histories.length - 1 }),
          fc.uniqueArray(
            fc.oneof(
              fc.integer({ min: 0, max: last / 15 }).map((scrape) => scrape * 15_000),
              fc.integer({ min: 0, max: last * 1000 }),
            ),
            { minLength: 2, maxLength: 12 },
          ),
          fc.integer({ min: 1, max: 4 }),
          async (index, instants, atOnce) => {
            const times = instants.sort((a, b) => a - b);
            const intervals = times.slice(1).map((to, at) => ({ from: BEGIN + times[at]!, to: BEGIN + to }));
            // Some looks ask for several intervals at once, as after a change of exposure.
            for (let at = 0; at < intervals.length; at += atOnce) {
              const asked = intervals.slice(at, at + atOnce);
              const counted = countsOf(await one(source, request(`random_${index}_total`, asked)));
              expect(counted).toEqual(asked.map(({ from, to }) => truthOf(histories[index]!, from - BEGIN, to - BEGIN)));
            }
          },
        ),
        { numRuns: 60, seed: 7 },
      );
    });

    test("an answer of another kind, a refused query and a warning are errors in Prometheus' own words", async () => {
      const api = prometheusApi({ url: `${server.url}/`, headers: {} }, realTools({ clock }), 10_000);
      const at = BEGIN + 60_000;
      await expect(api.query("sum(", at, "vector")).rejects.toThrow(/refused the query \(status 400\): .*parse error/);
      await expect(api.query("long_total * on(v) long_total", at, "vector")).rejects.toThrow(/\(status 422\)/);
      await expect(api.query("1/0", at, "vector")).rejects.toThrow("answered with a scalar where a vector was expected");
      await expect(api.query("long_total[1m]", at, "vector")).rejects.toThrow("answered with a matrix where a vector was expected");
      expect(await api.query("sum(missing)", at, "vector")).toEqual([]);
    });

    test.each([
      ["ahead of", 3_600_000],
      ["behind", -3_600_000],
    ])("a clock an hour %s the server's asks for nothing: it would be of another time", async (words, offset) => {
      const connected = prometheus.connect({ url: server.url }, realTools({ clock: settableClock(Date.now() + offset) }));
      expect(await one(connected, request("long_total", [within(0, 60)]))).toMatchObject({
        status: "error",
        reason: expect.stringMatching(`clock of this machine is 3(599|600|601) s ${words} that of http`),
      });
    });
  });

  describe("that scrapes a real process every second", () => {
    let server: Prometheus;
    let shop: CounterProcess;
    let port: number;
    const add = (code: string, variant: string, by: number) => shop.add(`live_total{v="${variant}",code="${code}"}`, by);
    beforeAll(async () => {
      port = await freePort();
      shop = await startCounterProcess(port);
      await add("200", "off", 1000);
      await add("200", "on", 10);
      server = await startPrometheus({ targets: [shop.target] });
      await waitFor(async () => (await countSeries(server.url)) > 0);
    });
    afterAll(async () => {
      await shop?.kill();
      await server?.stop();
    });

    test("every request is counted once over looks, a restart and a birth, and a dead process is stale", async () => {
      const source = connect(server.url, { staleAfter: 4000 });
      const sum = [0, 0, 0, 0];
      let from = Date.now();
      const look = async () => {
        const to = Date.now();
        const measured = await one(source, request("live_total", [{ from, to }]));
        for (const [index, count] of countsOf(measured)[0]!.entries()) sum[index] = sum[index]! + count;
        from = to;
      };
      await add("200", "on", 5);
      await add("500", "on", 2);
      await look();
      await add("200", "off", 30);
      await sleep(2500);
      await look();
      expect(sum).toEqual([2, 7, 0, 30]);

      await shop.kill();
      shop = await startCounterProcess(port);
      await add("200", "on", 4);
      await add("200", "off", 7);
      await add("503", "off", 1);
      await sleep(2500);
      await look();
      expect(sum).toEqual([2, 11, 1, 38]);

      await shop.kill();
      await waitFor(async () => (await one(source, request("live_total", [{ from, to: Date.now() }]))).status !== "measured");
      expect(await one(source, request("live_total", [{ from, to: Date.now() }]))).toMatchObject({
        status: "noData",
        reason: expect.stringMatching(/^stale (since|for more than)/),
      });
    });

    test("a server that hangs is an error at the deadline, and answers again after", async () => {
      const to = Date.now();
      const source = connect(server.url, { staleAfter: 60_000 });
      server.freeze();
      const begun = performance.now();
      try {
        const answer = (await source.measure([request("live_total", [{ from: to - 5000, to }])], { deadline: 500 }))[0]!;
        expect(answer).toMatchObject({
          status: "error",
          reason: expect.stringMatching(/did not answer within 0\.\d+ s|did not answer within 0.5 s/),
        });
        expect(performance.now() - begun).toBeLessThan(1500);
      } finally {
        server.resume();
      }
      expect((await one(source, request("live_total", [{ from: to - 5000, to }]))).status).toBe("measured");
    });
  });
});

describe("an answer that is not all there", () => {
  const success = (data: unknown, more = {}) => JSON.stringify({ status: "success", data, ...more });
  test.each([
    [
      "a warning",
      success({ resultType: "vector", result: [] }, { warnings: ["store gateway down"] }),
      /answered in part: store gateway down/,
    ],
    ["partial storage", success({ resultType: "vector", result: [] }, { isPartial: true }), /answered in part/],
    [
      "an error with status 200",
      JSON.stringify({ status: "error", errorType: "timeout", error: "query timed out" }),
      /refused the query \(status 200\): query timed out/,
    ],
    ["no data", success(undefined), /answered with a nothing/],
    ["a string", success({ resultType: "string", result: [1, "x"] }), /a string where a vector was expected/],
    ["values that are numbers", success({ resultType: "vector", result: [{ metric: {}, value: [1, 5] }] }), /cannot be read/],
    ["empty values", success({ resultType: "vector", result: [{ metric: {}, value: [1, ""] }] }), /cannot be read/],
    ["null", "null", /something else than Prometheus' JSON/],
  ])("such as %s is an error", async (_, body, reason) => {
    const server = await startServer((__, response) => response.end(body));
    try {
      expect(await one(connect(server.url), request("x_total", [within(0, 60)]))).toMatchObject({
        status: "error",
        reason: expect.stringMatching(reason),
      });
    } finally {
      await server.close();
    }
  });

  test("a secret is hidden also where the server's words are cut in the middle of it", async () => {
    const secret = "hunter2-hunter2-hunter2-hunter2";
    const server = await startServer((__, response) =>
      response.writeHead(400).end(JSON.stringify({ status: "error", error: `${"x".repeat(285)} ${secret}` })),
    );
    try {
      const source = prometheus.connect(
        prometheus.options.parse({ url: server.url, username: "me", password: "${env:P}" }),
        realTools({ clock, env: { P: secret } }),
      );
      const measured = await one(source, request("x_total", [within(0, 60)]));
      expect(server.requests[0]!.headers["authorization"]).toBe(`Basic ${Buffer.from(`me:${secret}`).toString("base64")}`);
      expect(JSON.stringify(measured)).not.toContain("hunter2");
    } finally {
      await server.close();
    }
  });

  test("at most 20 requests run at once, and those that find no time are errors", async () => {
    let running = 0;
    let most = 0;
    const server = await startServer((_, response) => {
      most = Math.max(most, ++running);
      setTimeout(() => {
        running--;
        response.end(success({ resultType: "vector", result: [] }));
      }, 150);
    });
    try {
      const requests = Array.from({ length: 40 }, (_, index) => request(`m${index}_total`, [within(0, 60)]));
      const begun = performance.now();
      const answers = await connect(server.url).measure(requests, { deadline: 400 });
      expect(performance.now() - begun).toBeLessThan(1000);
      expect(most).toBe(20);
      expect(answers.every(({ status }) => status === "error")).toBe(true);
    } finally {
      await server.close();
    }
  });
});

test.each<[string, string]>([
  ["rate(x_total[5m])", "is a function"],
  ["sum by (v) (x_total)", "not part of a selector"],
  ["x_total[5m]", "has no range"],
  ["x_total offset 5m", "not part of a selector"],
  ['{v="on"}', "name of the metric is missing"],
])("a query such as %s is refused with what to write", (counter, message) => {
  const { error } = prometheus.query.counter!.safeParse({ counter });
  expect(error?.issues[0]?.message).toContain(message);
  expect(error?.issues[0]?.message).toContain('write http_requests_total{variant="{{group}}"'.slice(6));
});

async function countSeries(url: string): Promise<number> {
  const answer = (await (await fetch(`${url}/api/v1/query?query=live_total`)).json()) as { data: { result: unknown[] } };
  return answer.data.result.length;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) if (await holds()) return;
  throw new Error("it did not happen in 20 s");
}
