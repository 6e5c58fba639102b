import { z } from "zod";
import { inOneLine } from "../errors.ts";
import type { Tools } from "../io/port.ts";
import { limited } from "./concurrency.ts";
import type { Series } from "./history.ts";

/** The part of Prometheus' HTTP API that is needed: `POST /api/v1/query`. */

export interface PrometheusApi {
  /**
   * The series of an expression at a time; times are epoch milliseconds. Throws an `Error` whose message is safe to show: no answer, an answer of
   * another kind than `expect`, a refusal, a warning (the answer is then not all there is).
   */
  query(expression: string, time: number, expect: "vector" | "matrix"): Promise<Series[]>;
}

/**
 * As far as the clocks of the server and of this machine may be apart. A wrong clock here would ask for another time than
 * the one in which the change was made: for a future of which nothing is known, or for what was before.
 */
const CLOCK_TOLERANCE = 60_000;

/** Of one answer; twenty may be in memory at once. */
const MAX_BYTES = 16 * 1024 * 1024;
const AT_ONCE = 20;

const envelopeSchema = z.looseObject({
  status: z.string(),
  data: z.looseObject({ resultType: z.string(), result: z.unknown() }).optional(),
  error: z.string().optional(),
  warnings: z.array(z.string()).optional(),
  /** VictoriaMetrics says so when some of its storage did not answer. */
  isPartial: z.boolean().optional(),
});

/** All queries of one look share `deadline` (milliseconds from now) and at most 20 of them run at once. */
export function prometheusApi(
  { url, headers, ca }: { url: string; headers: Record<string, string>; ca?: () => Promise<string | undefined> },
  { http, clock, redact }: Pick<Tools, "http" | "clock" | "redact">,
  deadline: number,
): PrometheusApi {
  const end = clock.monotonic() + deadline;
  const turn = limited(AT_ONCE);
  const address = `${url.replace(/\/+$/, "")}/api/v1/query`;
  return {
    query: (expression, time, expect) =>
      turn(async () => {
        const left = Math.floor(end - clock.monotonic());
        if (left <= 0) throw new Error(`${address} was not asked in time: the look's ${deadline / 1000} s were over`);
        const asked = clock.now();
        const response = await http.send({
          method: "POST",
          url: address,
          headers: { ...headers, accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
          body: new URLSearchParams({ query: expression, time: (time / 1000).toFixed(3), timeout: `${left}ms` }).toString(),
          deadline: left,
          // A query changes nothing, and all tries together end with the look.
          repeatable: true,
          maxBytes: MAX_BYTES,
          ca: await ca?.(),
        });
        const gap = clockGap(response.headers["date"], asked, clock.now());
        if (Math.abs(gap) > CLOCK_TOLERANCE) throw new Error(wrongClock(address, gap));
        // What a server says is quoted, so a secret that it repeats is hidden before the text is cut.
        const quoted = (text: string) => inOneLine(redact(text));
        const envelope = readEnvelope(response.body);
        if (!envelope) throw new Error(`${address} answered ${notOurs(response.status, response.body)}`);
        if (envelope.status !== "success" || response.status !== 200) {
          throw new Error(`${address} refused the query (status ${response.status}): ${quoted(envelope.error ?? "it gave no reason")}`);
        }
        if (envelope.warnings?.length) throw new Error(`${address} answered in part: ${quoted(envelope.warnings.join("; "))}`);
        if (envelope.isPartial) throw new Error(`${address} answered in part: some of its storage did not answer`);
        const type = envelope.data?.resultType;
        if (type !== expect) throw new Error(`${address} answered with a ${quoted(type ?? "nothing")} where a ${expect} was expected`);
        const series = readSeries(envelope.data?.result, expect);
        if (!series) throw new Error(`${address} answered with a ${expect} that cannot be read`);
        return series;
      }),
  };
}

/** By how many milliseconds our clock is ahead of the server's, whose answer was made between two of our instants. */
function clockGap(date: string | undefined, asked: number, answered: number): number {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return 0;
  return asked > theirs ? asked - theirs : Math.min(0, answered - theirs);
}

function wrongClock(address: string, gap: number): string {
  const apart = `${Math.round(Math.abs(gap) / 1000)} s ${gap > 0 ? "ahead of" : "behind"}`;
  return `the clock of this machine is ${apart} that of ${address}: set it right, or the wrong time would be measured`;
}

function readEnvelope(body: string): z.infer<typeof envelopeSchema> | undefined {
  try {
    return envelopeSchema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

function notOurs(status: number, body: string): string {
  const what = /^\s*</.test(body) ? "an HTML page" : body.trim() === "" ? "nothing" : "something else than Prometheus' JSON";
  const why = status === 401 || status === 403 ? ": the credentials were not accepted" : "";
  return `with status ${status} and ${what}${why}`;
}

/** Read by hand: an answer may have a hundred thousand samples. Nothing, when anything is not as it should be. */
function readSeries(result: unknown, expect: "vector" | "matrix"): Series[] | undefined {
  if (!Array.isArray(result)) return undefined;
  const all: Series[] = [];
  for (const entry of result as unknown[]) {
    if (typeof entry !== "object" || entry === null) return undefined;
    const { metric, value, values } = entry as { metric?: unknown; value?: unknown; values?: unknown };
    const list = expect === "vector" ? [value] : values;
    if (typeof metric !== "object" || metric === null || !Array.isArray(list)) return undefined;
    const labels = new Map<string, string>();
    for (const [label, text] of Object.entries(metric)) {
      if (typeof text !== "string") return undefined;
      if (label !== "__name__") labels.set(label, text);
    }
    const samples: Series["samples"] = [];
    for (const pair of list as unknown[]) {
      if (!Array.isArray(pair) || typeof pair[0] !== "number" || typeof pair[1] !== "string" || pair[1] === "") return undefined;
      samples.push({ at: Math.round(pair[0] * 1000), value: Number(pair[1].endsWith("Inf") ? `${pair[1]}inity` : pair[1]) });
    }
    all.push({ labels, samples });
  }
  return all;
}
