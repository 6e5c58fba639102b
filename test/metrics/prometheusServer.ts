import { systemClock } from "../../src/io/clock.ts";
import type { Measured, MeasureRequest, MetricSource } from "../../src/metrics/port.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import { BEGIN } from "../conformance/metricStory.ts";
import { startServer, type TestServer } from "../support/faultyServer.ts";
import { realTools } from "../support/tools.ts";

/** How tests ask a Prometheus, and tell it what it knows. */

export const cohorts: MeasureRequest["cohorts"] = [
  { cohort: "treatment", label: "on" },
  { cohort: "control", label: "off" },
];

export function connect(url: string, more: Partial<Parameters<typeof prometheus.connect>[0]> = {}) {
  return prometheus.connect({ url, ...more }, realTools({ clock: systemClock }));
}

/** An interval in seconds since the beginning. */
export function within(from: number, to: number): { from: number; to: number } {
  return { from: BEGIN + Math.round(from * 1000), to: BEGIN + Math.round(to * 1000) };
}

/** A sample as OpenMetrics has it, with its time in seconds since the beginning. */
export function sample(series: string, value: number | string, at: number): string {
  return `${series} ${value} ${(BEGIN / 1000 + at).toFixed(3)}\n`;
}

export async function one(source: MetricSource<NumberQuery>, asked: MeasureRequest<NumberQuery>): Promise<Measured> {
  return (await source.measure([asked], { deadline: 10_000 }))[0]!;
}

/** The expressions that a server was asked for. */
export function queriesOf({ requests }: Pick<TestServer, "requests">): string[] {
  return requests.map(({ body }) => {
    const form = new URLSearchParams(body);
    return `${form.get("query")} at ${form.get("time")}`;
  });
}

/** Passes everything on to a server, and remembers it. */
export async function recording(url: string) {
  const server = await startServer((_, response) => {
    const { path, body } = server.requests.at(-1)!;
    void fetch(url + path, { method: "POST", body: new URLSearchParams(body) })
      .then((answer) => answer.text())
      .then((text) => response.end(text));
  });
  return server;
}
