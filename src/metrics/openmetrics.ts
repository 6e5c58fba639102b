import { z } from "zod";
import { messageOf } from "../errors.ts";
import type { Tools } from "../io/port.ts";
import type { Cohort } from "../model/measurement.ts";
import { duration } from "../model/units.ts";
import { assemble, increase, valueProblem, type CohortReading, type Reading } from "./counts.ts";
import { readCursor, writeCursor, type Cursor, type TargetCursor } from "./cursor.ts";
import { parseExposition, seriesText, type Exposition, type Sample } from "./exposition.ts";
import { address, authorization, checkCredentials, credentials } from "./options.ts";
import { defineMetricSource, type Measured, type MeasureRequest, type Sent } from "./port.ts";
import { counterQuery, forGroup, formatSelector, labelMatcher, parseSelector, type CounterQuery, type Selector } from "./selector.ts";

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
  query: counterQuery,
  history: false,
  settle: 0,
  connect(given, tools) {
    const targets = given.urls ?? [given.url!];
    const headers = {
      // What a person sees who opens the page; it has the names that a person then writes into a plan.
      accept: "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5",
      ...authorization(given, tools.reveal),
    };
    return {
      async measure(requests, { deadline }) {
        const prepared = requests.map(prepare);
        const wanted = new Set([STARTED, ...prepared.flatMap(({ selectors }) => selectors.map(({ name }) => name))]);
        const pages = new Map<string, Exposition>();
        const failures: string[] = [];
        await Promise.all(
          targets.map(async (target) => {
            const page = await scrape(target, headers, wanted, deadline, tools);
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
          return measureOne(metric, ordered, at, { ...sent, newest: at }, tools.redact);
        });
      },
    };
  },
});

/** When the process began: tells a restart that counted past the old value before anybody looked. */
const STARTED = "process_start_time_seconds";

/** More would make every look of the ledger megabytes long. */
const MAX_SERIES = 10_000;

interface PreparedCohort {
  cohort: Cohort;
  events: Selector;
  total: Selector;
}

interface Prepared {
  request: MeasureRequest<CounterQuery>;
  cohorts: PreparedCohort[];
  selectors: Selector[];
}

function prepare(request: MeasureRequest<CounterQuery>): Prepared {
  const events = parseSelector(request.events.counter);
  const total = parseSelector(request.total.counter);
  const cohorts = request.cohorts.map(({ cohort, label }) => ({ cohort, events: forGroup(events, label), total: forGroup(total, label) }));
  return { request, cohorts, selectors: cohorts.flatMap((each) => [each.events, each.total]) };
}

function queriesOf({ selectors }: Prepared, targets: string[]): string[] {
  return [...targets.map((target) => `GET ${target}`), ...new Set(selectors.map(formatSelector))];
}

/** The page, or a sentence that says what was wrong with it. */
async function scrape(
  target: string,
  headers: Record<string, string>,
  wanted: ReadonlySet<string>,
  deadline: number,
  { http, redact }: Tools,
): Promise<Exposition | string> {
  try {
    const { status, headers: answered, body } = await http.send({ method: "GET", url: target, headers, deadline });
    if (status !== 200) return `${target} answered with status ${status}`;
    const type = answered["content-type"] ?? "";
    const page = parseExposition(body, wanted, type.startsWith("application/openmetrics-text"));
    if (!("problem" in page)) return page;
    return redact(`the answer of ${target} cannot be used: ${page.problem}`);
  } catch (error) {
    return redact(messageOf(error));
  }
}

function measureOne(metric: Prepared, pages: ReadonlyMap<string, Exposition>, now: number, sent: Sent, redact: Tools["redact"]): Measured {
  const texts = new Set(metric.selectors.map(formatSelector));
  const known = (cohort: PreparedCohort, cursor: Cursor) =>
    cursor.selectors.has(formatSelector(cohort.events)) && cursor.selectors.has(formatSelector(cohort.total));
  const cursor = readCursor(metric.request.cursor);
  // A cursor of other selectors is no help: all of it would count from 0.
  const before = cursor && metric.cohorts.some((cohort) => known(cohort, cursor)) ? cursor : undefined;
  const targets = [...pages].map(([target, page]) => targetState(target, page, before?.targets.get(target)));

  const readings: CohortReading[] = [];
  for (const prepared of metric.cohorts) {
    // A cohort that is asked for anew counts nothing until the next look: its series may be old.
    const mode = !before ? "sum" : known(prepared, before) ? "increase" : "remember";
    const events = readSelector(prepared.events, targets, mode, redact);
    const total = readSelector(prepared.total, targets, mode, redact);
    const problem = events.problem ?? total.problem;
    if (problem) return { sent, status: "noData", reason: problem };
    readings.push({ cohort: prepared.cohort, events, total });
  }

  const { missing, withoutEvents, ...assembled } = assemble(readings, 1);
  const complete = { ...sent, missing, withoutEvents };
  if (assembled.status === "noData") return { sent: complete, status: "noData", reason: assembled.reason + hint(metric, pages) };
  const remembered = targets.reduce((sum, { next }) => sum + next.series.size, 0);
  if (remembered > MAX_SERIES) {
    const reason = `the selectors match ${remembered} series; at most ${MAX_SERIES} can be remembered from look to look: ask for fewer, or use a metrics server`;
    return { sent: complete, status: "noData", reason };
  }
  const counts = assembled.counts[0]!;
  const next = writeCursor({ at: now, selectors: texts, targets: new Map(targets.map(({ target, next }) => [target, next])) });
  if (!before) return { sent: complete, status: "baseline", at: now, cursor: next, totals: counts };
  // After a clock was set back the counts are real, but the time between is not known.
  return { sent: complete, status: "measured", intervals: [{ from: Math.min(before.at, now), to: now, counts }], cursor: next };
}

/** One target at this look: what its series were, what they are, and what to remember. */
interface TargetState {
  target: string;
  page: Exposition;
  /** Nothing, if it was never read before: then none of its series can be told from a new one. */
  last: ReadonlyMap<string, number> | undefined;
  next: TargetCursor;
}

function targetState(target: string, page: Exposition, before: TargetCursor | undefined): TargetState {
  const found = page.samples.get(STARTED)?.find(({ labels }) => labels.size === 0)?.value;
  const started = found !== undefined && Number.isFinite(found) ? found : undefined;
  // Clients derive it from the time of boot, which may wander by a second.
  const restarted = started !== undefined && before?.started !== undefined && started > before.started + 1;
  const last = restarted ? new Map<string, number>() : before?.series;
  return { target, page, last, next: { started, series: new Map(last) } };
}

/**
 * All series of one selector over all targets, which `next` then remembers. `sum` gives their values, `increase` what
 * they rose by, `remember` nothing.
 */
function readSelector(
  selector: Selector,
  targets: TargetState[],
  mode: "sum" | "increase" | "remember",
  redact: Tools["redact"],
): Reading & { problem?: string } {
  const matches = labelMatcher(selector);
  let sum = 0;
  let found = false;
  for (const { target, page, last, next } of targets) {
    const samples = samplesOf(page, selector, matches);
    if (samples.length > 0 && page.types.get(selector.name) === "gauge") return unusable(`${selector.name} is a gauge, not a counter`);
    const seen = new Set<string>();
    for (const { labels, value } of samples) {
      // It is remembered in the ledger, and a page may repeat in a label what it was sent.
      const series = redact(seriesText(selector.name, labels));
      const problem = seen.has(series) ? `${series} is shown twice` : valueProblem(series, value);
      if (problem) return unusable(`${problem} (${target})`);
      seen.add(series);
      found = true;
      if (mode === "sum") sum += value;
      else if (mode === "increase" && last) sum += increase(last.get(series), value);
      next.series.set(series, value);
    }
  }
  return { found, increments: [sum] };
}

function unusable(problem: string): Reading & { problem: string } {
  return { found: false, increments: [], problem };
}

function samplesOf(page: Exposition, selector: Selector, matches: (labels: ReadonlyMap<string, string>) => boolean): Sample[] {
  return (page.samples.get(selector.name) ?? []).filter(({ labels }) => matches(labels));
}

/** A name that was nearly right. */
function hint({ cohorts }: Prepared, pages: ReadonlyMap<string, Exposition>): string {
  const name = cohorts[0]?.total.name ?? "";
  for (const { names } of pages.values()) {
    if (names.has(name)) return `: ${name} is there, but not with these labels`;
    const near = [`${name}_total`, name.replace(/_total$/, "")].find((other) => other !== name && names.has(other));
    if (near) return `: there is no ${name}, but there is ${near}`;
  }
  return name === "" ? "" : `: there is no ${name}`;
}
