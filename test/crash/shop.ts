import type { ReadEntry } from "../../src/app.ts";
import { tallyOf } from "../../src/core/progress.ts";
import { readCursor } from "../../src/metrics/cursor.ts";
import { startServer, type TestServer } from "../support/faultyServer.ts";

export const METRICS = ["errors", "slow"];

/** What a plan says, as YAML, whose two metrics are those of a shop. */
export function guardedBy(url: string): string {
  const metric = (name: string) =>
    `${name}: { source: shop, kind: rate, events: { counter: '${name}_total{variant="{{group}}"}' }, total: { counter: 'requests_total{variant="{{group}}"}' } }`;
  return `sources: { shop: { type: openmetrics, url: "${url}/metrics" } }
metrics:
  ${metric("errors")}
  ${metric("slow")}
guardrails: [{ metric: errors, max: 50% }, { metric: slow, max: 50% }]`;
}

/** A service that has served more requests whenever it is asked. */
export function startShop(): Promise<TestServer> {
  let asked = 0;
  return startServer((_, response) => {
    asked++;
    const lines = [
      ["requests_total", "on", 20 * asked],
      ["requests_total", "off", 30 * asked],
      ["errors_total", "on", asked],
      ["errors_total", "off", 2 * asked],
      ["slow_total", "on", 3 * asked],
      ["slow_total", "off", asked],
    ].map(([name, variant, value]) => `${name}{variant="${variant}"} ${value}\n`);
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(lines.join(""));
  });
}

export type Sums = Record<string, number>;

/** What the looks of a run counted of a metric, by series. */
export function counted(entries: readonly ReadEntry[], metric: string): Sums {
  const sums: Sums = {};
  for (const { entry } of entries) {
    const reading = entry.kind === "look" ? entry.data.metrics[metric] : undefined;
    for (const { counts } of reading?.status === "measured" ? reading.measurements : []) {
      for (const [cohort, value] of Object.entries(counts)) {
        const { events = 0, total } = tallyOf(value);
        const variant = cohort === "treatment" ? "on" : "off";
        for (const [name, count] of [
          [`${metric}_total`, events],
          ["requests_total", total],
        ] as const) {
          const series = `${name}{variant="${variant}"}`;
          sums[series] = (sums[series] ?? 0) + count;
        }
      }
    }
  }
  return sums;
}

/** What the service gave out between the first and the last reading that the ledger has of a metric, by series. */
export function givenOut(entries: readonly ReadEntry[], metric: string): Sums {
  const seriesOf = (each: ReadEntry | undefined) =>
    [...(readCursor(each?.state.metrics[metric]?.cursor)?.targets.values() ?? [])].flatMap(({ series }) => [...series]);
  const first = new Map(seriesOf(entries.find(({ entry }) => entry.kind === "started")));
  return Object.fromEntries(seriesOf(entries.at(-1)).map(([series, value]) => [series, value - (first.get(series) ?? 0)]));
}
