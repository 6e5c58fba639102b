import { z } from "zod";
import { messageOf } from "../errors.ts";
import { duration } from "../model/units.ts";
import { commonBounds } from "./buckets.ts";
import { NoData } from "./counts.ts";
import { bucketsReading, counterReading, gaugeReading, histogramHistory, histogramsOf, knownAtStart } from "./history.ts";
import type { Samples, Series } from "./history.ts";
import { address, authorization, certificates, checkCredentials, credentials } from "../model/access.ts";
import { defineMetricSource, type Measured, type MeasureRequest, type Sent } from "./port.ts";
import { prometheusApi, type PrometheusApi } from "./prometheus-api.ts";
import { readCounters, readGauges, readStart } from "./prometheus-history.ts";
import { askedFor, MAIN, queries, type Asked, type NumberQuery } from "./queries.ts";
import { formatSelector } from "./selector.ts";
import { assemble, type CohortReading } from "./values.ts";

/**
 * A Prometheus server, or one that speaks its API. Counters are read as raw samples and subtracted here, series by
 * series: `increase()` loses the first value of a new series, extrapolates to fractions, and still answers when the
 * exporter is dead.
 */

const DEFAULT_SETTLE = 30_000;
const DEFAULT_STALE_AFTER = 120_000;

const options = z
  .strictObject({
    url: address()
      .refine((text) => !text.includes("?"), { error: "the address of the server, without a query" })
      .describe("The server's address; /api/v1/query is added."),
    ...credentials,
    settle: duration().optional().describe("How old samples must be to be all there. Default 30s."),
    staleAfter: duration().optional().describe("A newest sample older than this is no data. Default 2m; more where scrapes are rarer."),
  })
  .superRefine(checkCredentials);

export const prometheus = defineMetricSource({
  name: "prometheus",
  options,
  query: queries,
  history: true,
  settle: DEFAULT_SETTLE,
  connect(given, tools) {
    const headers = authorization(given, tools.reveal);
    const ca = certificates(given, tools.files.read);
    const staleAfter = given.staleAfter ?? DEFAULT_STALE_AFTER;
    return {
      async measure(requests, { deadline }) {
        const api = askedOnce(prometheusApi({ url: given.url, headers, ca }, tools, deadline));
        return Promise.all(requests.map((request) => measureOne(request, api, staleAfter)));
      },
    };
  },
});

/** The same query at the same time is sent once, whoever asks. */
function askedOnce(api: PrometheusApi): PrometheusApi {
  const asked = new Map<string, Promise<Series[]>>();
  return {
    query(expression, time, expect) {
      const key = `${time} ${expression}`;
      const answer = asked.get(key) ?? api.query(expression, time, expect);
      asked.set(key, answer);
      return answer;
    },
  };
}

type Request = MeasureRequest<NumberQuery>;

async function measureOne(request: Request, api: PrometheusApi, staleAfter: number): Promise<Measured> {
  const sent: Sent = { queries: [], missing: [], withoutEvents: [] };
  const ask: PrometheusApi["query"] = (expression, time, expect) => {
    const text = `${expression}  # at ${new Date(time).toISOString()}`;
    if (!sent.queries.includes(text)) sent.queries.push(text);
    return api.query(expression, time, expect);
  };
  try {
    if (request.intervals.length === 0) return { sent, status: "measured", intervals: [] };
    const read = await readAll(request, ask, staleAfter);
    const newest = Math.max(...read.filter(({ name }) => name === MAIN[request.kind]).map(({ samples }) => samples.newest));
    return judgeAge(fold(request, read, staleAfter, sent), newest, request, staleAfter);
  } catch (error) {
    const reason = messageOf(error);
    return { sent, status: error instanceof NoData ? "noData" : "error", reason };
  }
}

type Read = Asked & { samples: Samples };

/** By kind, the counters that show whether the server knew the metric: the others may be new, and count from 0 then. */
function foundation(kind: Request["kind"]): Asked["name"] {
  return kind === "gauge" ? "users" : MAIN[kind];
}

async function readAll({ kind, intervals, ...request }: Request, ask: PrometheusApi["query"], staleAfter: number): Promise<Read[]> {
  const asked = askedFor({ kind, intervals, ...request });
  const basis = asked.filter(({ name }) => name === foundation(kind));
  const known = async () => {
    const starts = await Promise.all(basis.map(({ selector }) => readStart(formatSelector(selector), intervals[0]!.from, ask)));
    return starts.some(({ length }) => length > 0);
  };
  return Promise.all(
    asked.map(async (each): Promise<Read> => {
      const text = formatSelector(each.selector);
      const reading = { intervals, ask, age: each.name === MAIN[kind] ? staleAfter : 0 };
      return { ...each, samples: await (each.kind === "gauge" ? readGauges(text, reading) : readCounters(text, reading, known)) };
    }),
  );
}

/** What was read as the values of each interval. Throws `NoData`. */
function fold({ kind, intervals, cohorts }: Request, read: readonly Read[], staleAfter: number, sent: Sent): Measured {
  const known = knownAtStart(
    read.flatMap(({ name, samples }) => (name === foundation(kind) ? [samples] : [])),
    intervals.length,
  );
  const histories = read.flatMap(({ kind, cohort, selector, samples }) =>
    kind === "buckets" ? [{ cohort, history: histogramHistory(selector.name, samples) }] : [],
  );
  const bounds = commonBounds(histogramsOf(histories));
  const readings = cohorts.map(({ cohort }): CohortReading => {
    const own = read.filter((each) => each.cohort === cohort);
    const counters = own.filter((each) => each.kind === "counter");
    const gauge = own.find((each) => each.kind === "gauge");
    const histogram = histories.find((each) => each.cohort === cohort);
    return {
      cohort,
      counters: Object.fromEntries(counters.map(({ name, selector, samples }) => [name, counterReading(selector.name, samples, known)])),
      ...(histogram && bounds && { buckets: bucketsReading(histogram.history, known, bounds) }),
      ...(gauge && { gauge: gaugeReading(gauge.selector.name, gauge.samples, { intervals, over: gauge.over, fresh: staleAfter }) }),
    };
  });
  const { missing, withoutEvents, ...assembled } = assemble(kind, readings, intervals.length);
  const complete: Sent = { ...sent, missing, withoutEvents };
  if (assembled.status === "noData") return { sent: complete, status: "noData", reason: assembled.reason };
  const { counts, users } = assembled;
  return {
    sent: complete,
    status: "measured",
    ...(bounds && { bounds: bounds.slice(0, -1) }),
    intervals: intervals.map(({ from, to }, index) => ({ from, to, counts: counts[index]!, ...(users && { users: users[index]! }) })),
  };
}

/** A server answers for a dead exporter as well: only a sample that is young enough shows that somebody counts. */
function judgeAge(measured: Measured, newest: number, { kind, intervals }: Request, staleAfter: number): Measured {
  const sent: Sent = newest > -Infinity ? { ...measured.sent, newest } : measured.sent;
  const to = intervals.at(-1)?.to;
  if (measured.status !== "measured" || to === undefined || newest >= to - staleAfter) return { ...measured, sent };
  const since = newest > -Infinity ? `since ${new Date(newest).toISOString()}` : `for more than ${staleAfter / 1000} s`;
  const reason = `stale ${since}: no newer sample of the ${MAIN[kind]}; is the exporter alive? (staleAfter is ${staleAfter / 1000} s)`;
  return { sent, status: "noData", reason };
}
