import { z } from "zod";
import { messageOf } from "../errors.ts";
import type { Cohort } from "../model/measurement.ts";
import { duration } from "../model/units.ts";
import { assemble } from "./counts.ts";
import { hasSeries, increments, knownAtStart, type SeriesHistory } from "./history.ts";
import { address, authorization, checkCredentials, credentials } from "./options.ts";
import { defineMetricSource, type Measured, type MeasureRequest, type Sent } from "./port.ts";
import { prometheusApi, type PrometheusApi, type Series } from "./prometheus-api.ts";
import { NoData, readHistory, readStart, type TimedHistory } from "./prometheus-history.ts";
import { counterQuery, forGroup, formatSelector, parseSelector, type CounterQuery } from "./selector.ts";

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
  query: counterQuery,
  history: true,
  settle: DEFAULT_SETTLE,
  connect(given, tools) {
    const headers = authorization(given, tools.reveal);
    const staleAfter = given.staleAfter ?? DEFAULT_STALE_AFTER;
    return {
      async measure(requests, { deadline }) {
        const api = askedOnce(prometheusApi({ url: given.url, headers }, tools, deadline));
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

async function measureOne(request: MeasureRequest<CounterQuery>, api: PrometheusApi, staleAfter: number): Promise<Measured> {
  const sent: Sent = { queries: [], missing: [], withoutEvents: [] };
  const ask: PrometheusApi["query"] = (expression, time, expect) => {
    const text = `${expression}  # at ${new Date(time).toISOString()}`;
    if (!sent.queries.includes(text)) sent.queries.push(text);
    return api.query(expression, time, expect);
  };
  try {
    const { intervals } = request;
    const from = intervals[0]?.from;
    if (from === undefined) return { sent, status: "measured", intervals: [] };
    const events = parseSelector(request.events.counter);
    const total = parseSelector(request.total.counter);
    const cohorts = request.cohorts.map(({ cohort, label }) => ({
      cohort,
      events: formatSelector(forGroup(events, label)),
      total: formatSelector(forGroup(total, label)),
    }));
    const known = async () => {
      const starts = await Promise.all(cohorts.map((each) => readStart(each.total, from, ask)));
      return starts.some(({ size }) => size > 0);
    };
    const reading = { intervals, ask, known };
    const read = await Promise.all(
      cohorts.map(async (each): Promise<Read> => {
        const [ofTotal, ofEvents] = await Promise.all([readHistory(each.total, reading, staleAfter), readHistory(each.events, reading, 0)]);
        return { cohort: each.cohort, total: ofTotal, events: ofEvents };
      }),
    );
    const newest = Math.max(...read.map(({ total }) => total.newest));
    return judgeAge(fold(request, read, sent), newest, request, staleAfter);
  } catch (error) {
    const reason = messageOf(error);
    return { sent, status: error instanceof NoData ? "noData" : "error", reason };
  }
}

type Read = { cohort: Cohort; total: TimedHistory; events: TimedHistory };

function fold({ intervals }: MeasureRequest<CounterQuery>, read: Read[], sent: Sent): Measured {
  const known = knownAtStart(
    read.map(({ total }) => total),
    intervals.length,
  );
  const reading = (history: SeriesHistory) => ({ found: hasSeries(history), increments: increments(history, known) });
  const assembled = assemble(
    read.map(({ cohort, total, events }) => ({ cohort, total: reading(total), events: reading(events) })),
    intervals.length,
  );
  const complete: Sent = { ...sent, missing: assembled.missing, withoutEvents: assembled.withoutEvents };
  if (assembled.status === "noData") return { sent: complete, status: "noData", reason: assembled.reason };
  return {
    sent: complete,
    status: "measured",
    intervals: intervals.map(({ from, to }, index) => ({ from, to, counts: assembled.counts[index]! })),
  };
}

/** A server answers for a dead exporter as well: only a sample that is young enough shows that somebody counts. */
function judgeAge(measured: Measured, newest: number, { intervals }: MeasureRequest<CounterQuery>, staleAfter: number): Measured {
  const sent: Sent = newest > -Infinity ? { ...measured.sent, newest } : measured.sent;
  const to = intervals.at(-1)?.to;
  if (measured.status !== "measured" || to === undefined || newest >= to - staleAfter) return { ...measured, sent };
  const since = newest > -Infinity ? `since ${new Date(newest).toISOString()}` : `for more than ${staleAfter / 1000} s`;
  const reason = `stale ${since}: no newer sample of the total; is the exporter alive? (staleAfter is ${staleAfter / 1000} s)`;
  return { sent, status: "noData", reason };
}
