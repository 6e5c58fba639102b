import type { HttpResponse } from "../../src/io/port.ts";
import { openmetrics } from "../../src/metrics/openmetrics.ts";
import type { Measured, MeasureRequest } from "../../src/metrics/port.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import { BEGIN } from "../conformance/metricStory.ts";
import { realTools, settableClock } from "../support/tools.ts";

/** Metrics pages that exist only for a test, and a source that scrapes them. */

export const clock = settableClock(BEGIN);

const events = { counter: 'req_total{v="{{group}}",code=~"5.."}' };
const total = { counter: 'req_total{v="{{group}}"}' };
export const cohorts: MeasureRequest["cohorts"] = [
  { cohort: "treatment", label: "on" },
  { cohort: "control", label: "off" },
];

export function request(cursor: unknown, changes: Partial<MeasureRequest<NumberQuery>> = {}): MeasureRequest<NumberQuery> {
  return { metric: "errors", kind: "rate", numbers: { events, total }, cohorts, intervals: [], cursor, ...changes };
}

/** Pages by address; what is not there does not answer. */
export function pages(shown: Record<string, string | Partial<HttpResponse>>, settle?: number) {
  const asked: string[] = [];
  const tools = realTools({
    clock,
    http: {
      send: async ({ url }) => {
        asked.push(url);
        const page = shown[url];
        if (page === undefined) throw new Error(`GET ${url} failed`);
        return { status: 200, headers: {}, body: "", ...(typeof page === "string" ? { body: page } : page) };
      },
    },
  });
  const source = openmetrics.connect({ urls: Object.keys(shown), ...(settle === undefined ? {} : { settle }) }, tools);
  const look = async (cursor?: unknown, changes?: Partial<MeasureRequest<NumberQuery>>): Promise<Measured> =>
    (await source.measure([request(cursor, changes)], { deadline: 1000 }))[0]!;
  return { source, look, shown, asked };
}

export function cursorOf(measured: Measured): unknown {
  if (measured.status !== "baseline" && measured.status !== "measured") throw new Error(`no cursor: ${JSON.stringify(measured)}`);
  return JSON.parse(JSON.stringify(measured.cursor));
}
