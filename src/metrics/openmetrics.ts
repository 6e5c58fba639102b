import { z } from "zod";
import { messageOf } from "../errors.ts";
import type { Tools } from "../io/port.ts";
import type { Cohort } from "../model/measurement.ts";
import { duration } from "../model/units.ts";
import { commonBounds, refuseChange } from "./buckets.ts";
import { NoData } from "./counts.ts";
import { readCursor, writeCursor, type Cursor } from "./cursor.ts";
import { parseExposition, type Exposition } from "./exposition.ts";
import {
  findHistograms,
  readBuckets,
  readCounter,
  readGauge,
  STARTED,
  targetState,
  type Mode,
  type TargetState,
} from "./openmetrics-page.ts";
import { address, authorization, certificates, checkCredentials, credentials } from "../model/access.ts";
import { defineMetricSource, type Measured, type MeasureRequest, type Sent } from "./port.ts";
import { askedFor, MAIN, queries, type Asked, type NumberQuery } from "./queries.ts";
import { formatSelector } from "./selector.ts";
import { assemble, type CohortReading } from "./values.ts";

/**
 * A service's own `/metrics`, read without a metrics server between: every replica is scraped once at each look, and its
 * counters are subtracted from those of the look before, series by series.
 */

const options = z
  .strictObject({
    url: address()
      .optional()
      .describe("The service's metrics page. One replica behind a balancer is not all of them: list every replica in urls."),
    urls: z.array(address()).min(1).max(200).optional().describe("The metrics pages of all replicas."),
    ...credentials,
    settle: duration().optional().describe("How far the numbers on the page lag behind. Default 0s: a process counts at once."),
  })
  .superRefine((given, context) => {
    checkCredentials(given, context);
    if ((given.url === undefined) === (given.urls === undefined)) {
      context.addIssue({ code: "custom", message: "expected either url, or urls with the addresses of all replicas" });
    }
    if (given.urls && new Set(given.urls).size < given.urls.length) {
      context.addIssue({ code: "custom", path: ["urls"], message: "an address is listed twice: its numbers would count twice" });
    }
  });

export const openmetrics = defineMetricSource({
  name: "openmetrics",
  options,
  query: queries,
  history: false,
  settle: 0,
  connect(given, tools) {
    const targets = given.urls ?? [given.url!];
    const headers = {
      // What a person sees who opens the page; it has the names that a person then writes into a plan.
      accept: "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5",
      ...authorization(given, tools.reveal),
    };
    const ca = certificates(given, tools.files.read);
    return {
      async measure(requests, { deadline }) {
        const prepared = requests.map((request): Prepared => ({ request, asked: askedFor(request) }));
        const wanted = new Set([STARTED, ...prepared.flatMap(({ asked }) => asked.map(({ selector }) => selector.name))]);
        const pages = new Map<string, Exposition>();
        const failures: string[] = [];
        await Promise.all(
          targets.map(async (target) => {
            const page = await scrape(target, { headers, ca, deadline }, wanted, tools);
            if (typeof page === "string") failures.push(page);
            else pages.set(target, page);
          }),
        );
        const at = tools.clock.now() - (given.settle ?? 0);
        // In the order in which they are listed, not in which they answered.
        const ordered = new Map(targets.flatMap((target) => (pages.has(target) ? [[target, pages.get(target)!] as const] : [])));
        return prepared.map((metric) => {
          const sent: Sent = { queries: queriesOf(metric, targets), missing: [], withoutEvents: [] };
          // Some of the replicas are not all of them.
          if (failures.length > 0) return { sent, status: "error", reason: failures.sort().join("; ") };
          try {
            return measureOne(metric, ordered, at, { ...sent, newest: at }, tools.redact);
          } catch (error) {
            if (!(error instanceof NoData)) throw error;
            return { sent: { ...sent, newest: at }, status: "noData", reason: error.message };
          }
        });
      },
    };
  },
});

/** More would make every look of the ledger megabytes long. */
const MAX_SERIES = 10_000;

interface Prepared {
  request: MeasureRequest<NumberQuery>;
  asked: Asked[];
}

function queriesOf({ asked }: Prepared, targets: string[]): string[] {
  return [...targets.map((target) => `GET ${target}`), ...new Set(asked.map(({ selector }) => formatSelector(selector)))];
}

/** The page, or a sentence that says what was wrong with it. */
async function scrape(
  target: string,
  { headers, ca, deadline }: { headers: Record<string, string>; ca: () => Promise<string | undefined>; deadline: number },
  wanted: ReadonlySet<string>,
  { http, redact }: Tools,
): Promise<Exposition | string> {
  try {
    const { status, headers: answered, body } = await http.send({ method: "GET", url: target, headers, deadline, ca: await ca() });
    if (status !== 200) return `${target} answered with status ${status}`;
    const type = answered["content-type"] ?? "";
    const page = parseExposition(body, wanted, type.startsWith("application/openmetrics-text"));
    if (!("problem" in page)) return page;
    return redact(`the answer of ${target} cannot be used: ${page.problem}`);
  } catch (error) {
    return redact(messageOf(error));
  }
}

/** One metric at this look: a baseline, or what it rose by since the look of its cursor. Throws `NoData`. */
function measureOne(metric: Prepared, pages: ReadonlyMap<string, Exposition>, now: number, sent: Sent, redact: Tools["redact"]): Measured {
  const { kind, cohorts, cursor } = metric.request;
  const before = lookBefore(metric, readCursor(cursor));
  const targets = [...pages].map(([target, page]) => targetState(target, page, before?.targets.get(target)));
  const modeOf = (asked: Asked): Mode => (!before ? "sum" : isKnown(metric, asked, before) ? "increase" : "remember");
  const { readings, bounds } = readAll(metric, targets, modeOf, redact);
  if (bounds && before?.bounds) refuseChange(before.bounds, bounds);

  const { missing, withoutEvents, ...assembled } = assemble(kind, readings, 1);
  const complete = { ...sent, missing, withoutEvents };
  if (assembled.status === "noData") {
    const misspelt = missing.length === cohorts.length ? hint(metric, pages) : "";
    return { sent: complete, status: "noData", reason: assembled.reason + misspelt };
  }
  const next: Cursor = {
    at: now,
    selectors: new Set(metric.asked.filter((asked) => asked.kind !== "gauge").map(({ selector }) => formatSelector(selector))),
    bounds,
    targets: new Map(targets.map(({ target, next }) => [target, next])),
  };
  const remembered = sizeOf(next);
  if (remembered > MAX_SERIES) {
    const reason = `the selectors match ${remembered} series; at most ${MAX_SERIES} can be remembered from look to look: ask for fewer, or use a metrics server`;
    return { sent: complete, status: "noData", reason };
  }
  const counts = assembled.counts[0]!;
  const users = assembled.users && { users: assembled.users[0]! };
  const more = { sent: complete, cursor: writeCursor(next), ...(bounds && { bounds }) };
  if (!before) return { ...more, status: "baseline", at: now, totals: counts, ...users };
  // After a clock was set back the counts are real, but the time between is not known.
  return { ...more, status: "measured", intervals: [{ from: Math.min(before.at, now), to: now, counts, ...users }] };
}

/** What the pages of all targets say of each cohort, and the bounds that all histograms have, ∞ left out. Throws `NoData`. */
function readAll(
  { request, asked }: Prepared,
  targets: readonly TargetState[],
  modeOf: (asked: Asked) => Mode,
  redact: Tools["redact"],
): { readings: CohortReading[]; bounds: number[] | undefined } {
  const found = new Map(asked.flatMap((each) => (each.kind === "buckets" ? [[each, findHistograms(each, targets, redact)] as const] : [])));
  const bounds = commonBounds([...found.values()].flatMap((on) => on.flatMap(({ histograms }) => histograms)));
  const readings = request.cohorts.map(({ cohort }): CohortReading => {
    const reading: CohortReading = { cohort, counters: {} };
    for (const each of asked.filter((number) => number.cohort === cohort)) {
      const histograms = found.get(each);
      if (each.kind === "gauge") reading.gauge = readGauge(each, targets, redact);
      else if (each.kind === "counter") {
        const counter = readCounter(each, targets, modeOf(each), redact);
        // Users that are asked for anew are not nobody: they are not known.
        if (each.name !== "users" || modeOf(each) !== "remember") reading.counters[each.name] = counter;
      } else if (histograms && bounds) reading.buckets = readBuckets(histograms, bounds, modeOf(each));
    }
    return reading;
  });
  return { readings, bounds: bounds?.slice(0, -1) };
}

/** The look from which this one goes on. A cursor of other selectors is no help: all of it would count from 0. */
function lookBefore(metric: Prepared, cursor: Cursor | undefined): Cursor | undefined {
  return cursor && metric.request.cohorts.some(({ cohort }) => isCohortKnown(metric, cohort, cursor)) ? cursor : undefined;
}

/** Whether a number can be told from what it was. Those of a cohort that are compared with each other are, or none of them. */
function isKnown(metric: Prepared, { cohort, name, selector }: Asked, before: Cursor): boolean {
  return name === "users" ? before.selectors.has(formatSelector(selector)) : isCohortKnown(metric, cohort, before);
}

function isCohortKnown({ asked }: Prepared, cohort: Cohort, { selectors }: Cursor): boolean {
  const compared = asked.filter((each) => each.cohort === cohort && each.name !== "users" && each.kind !== "gauge");
  return compared.every(({ selector }) => selectors.has(formatSelector(selector)));
}

/** How many numbers a cursor holds. */
function sizeOf({ targets }: Cursor): number {
  let size = 0;
  for (const { series, histograms } of targets.values()) {
    size += series.size;
    for (const values of histograms.values()) size += values.length;
  }
  return size;
}

/** A name that was nearly right. */
function hint({ request, asked }: Prepared, pages: ReadonlyMap<string, Exposition>): string {
  const name = asked.find((each) => each.name === MAIN[request.kind])?.selector.name ?? "";
  for (const { names } of pages.values()) {
    if (names.has(name)) return `: ${name} is there, but not with these labels`;
    const near = [`${name}_total`, `${name}_bucket`, name.replace(/_total$/, "")].find((other) => other !== name && names.has(other));
    if (near) return `: there is no ${name}, but there is ${near}`;
  }
  return name === "" ? "" : `: there is no ${name}`;
}
