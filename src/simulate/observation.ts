import { baselineKey, type Cohort, type Instant, type MetricReading, type Value } from "../model/measurement.ts";
import type { Metric, Plan } from "../model/plan.ts";
import { COLUMNS, type Row } from "./rows.ts";
import { countIn, flagIn, instantIn, Mistake, numbersIn, spanIn, textIn, valueIn } from "./cells.ts";

/**
 * One line of a file of observations.
 *
 * What somebody writes who has measurements:
 * `{"series":"r17","at":"2026-01-01T00:01:00Z","metric":"errors","group":"treatment","segment":null,"events":3,"total":60}`
 * - `at` is the end of an interval, and all lines of a series with one `at` are one look. The interval begins where the
 *   metric's last one ended; `from` says otherwise.
 * - `events` and `total` of a rate; `count`, `sum` and `sumSquares` of a mean; `buckets` of a histogram, cumulative as
 *   Prometheus' are: `{"0.1":30,"+Inf":60}` is 30 values up to 0.1 and 60 in all; `value` of a gauge. All but the last are
 *   increments of the interval, never totals.
 * - `group` is `treatment`, `control`, or `everyone` for a metric without groups; with `segment` the line is about that
 *   whole segment. `users` counts users who were met for the first time at this exposure.
 * - `status` (`noData` or `error`, with `reason`) says that a look got nothing of a metric. A judged metric of which a look
 *   has no line at all is `noData`; a line with nothing but `at` is a look without any.
 * - `before` (`24h`) makes it what the metric was in the so long a time before the run, which ends at `at`; of a gauge
 *   `values` are its levels then. It is told to the first look that comes after.
 *
 * What the export of a ledger has besides, so that its looks are decided as they were:
 * - `look`, the instant of the look where that is not the interval's end: a look may rest on several intervals, and on
 *   none of some metric (`status` `notYet` or `baseline`); `mixed: true`, the interval overlaps a change of exposure
 * - `stage`: the flag was changed to this stage, from `from` to `at`. A series that begins with such a line (`off`: nobody
 *   has the feature) moves when its lines say so; any other begins in the first stage and moves when the look decides so.
 * - `flag: "unreadable"` with `reason`
 */
export type Observation =
  | ({ kind: "values"; look: Instant; mixed: boolean } & Measured)
  | ({ kind: "baseline"; look: Instant | undefined; key: string; values: number[] | undefined } & Measured)
  | { kind: "noBaseline"; look: Instant | undefined; key: string; reason: string }
  | { kind: "status"; look: Instant; metric: string; reading: MetricReading }
  | { kind: "flag"; look: Instant; reason: string }
  | { kind: "look"; look: Instant }
  /** `stage` is its index; −1 is off. */
  | { kind: "stage"; at: Instant; from: Instant; stage: number };

interface Measured {
  metric: string;
  from: Instant | undefined;
  at: Instant;
  /** Whom it is about; absent: an interval in which nobody was counted. */
  cohort: Cohort | undefined;
  value: Value | undefined;
  /** Of a histogram. */
  bounds: number[] | undefined;
  users: number | undefined;
}

/** Finds the known name that was probably meant, and says so. */
export type MendName = (word: string, known: readonly string[], plural: string) => string;

/** Reads the rows of a file for a plan. The returned function throws `Mistake`. */
export function observationReader(plan: Plan, mendName: MendName): (row: Row) => Observation {
  const known = new Set<string>(COLUMNS);
  const metrics = Object.keys(plan.metrics).sort();
  const stages = plan.stages.map(({ name }) => name);

  const stageOf = (name: string): number => {
    const index = stages.indexOf(name);
    if (index >= 0 || name === OFF) return index;
    throw new Mistake(`the plan has no stage "${name}"`, mendName(name, stages, "stages"));
  };
  const metricOf = (name: string): Metric => {
    const metric = plan.metrics[name];
    if (metric && metrics.includes(name)) return metric;
    throw new Mistake(`the plan has no metric "${name}"`, mendName(name, metrics, "metrics"));
  };
  const segmentOf = (name: string): Cohort => {
    if (Object.hasOwn(plan.audience.segments, name)) return `segment:${name}`;
    throw new Mistake(`the plan has no segment "${name}"`, mendName(name, Object.keys(plan.audience.segments).sort(), "segments"));
  };

  return (row) => {
    for (const key in row) if (!known.has(key)) throw new Mistake(`"${key}" is no key of an observation`, mendName(key, COLUMNS, "keys"));
    const at = instantIn(row, "at");
    if (at === undefined) throw new Mistake(`"at" is missing`, "it is the end of the interval: 2026-01-01T00:01:00Z");
    const from = instantIn(row, "from");
    if (from !== undefined && from > at) throw new Mistake(`the interval ends before it begins`, "`from` is its beginning, `at` its end");
    const look = instantIn(row, "look") ?? at;
    const reason = textIn(row, "reason") ?? "it is not said why";

    const stage = textIn(row, "stage");
    if (stage !== undefined) return { kind: "stage", at, from: from ?? at, stage: stageOf(stage) };
    if (row["flag"] !== undefined) {
      if (row["flag"] !== "unreadable") throw new Mistake(`"flag" is not "unreadable"`);
      return { kind: "flag", look, reason };
    }
    const name = textIn(row, "metric");
    if (name === undefined) {
      const stray = Object.keys(row).find((key) => !["series", "at", "look"].includes(key));
      if (stray !== undefined) throw new Mistake(`"metric" is missing`, mendName("", metrics, "metrics"));
      return { kind: "look", look };
    }
    const metric = metricOf(name);
    const before = spanIn(row, "before");
    const baseline = before !== undefined && { key: baselineKey(name, before), look: row["look"] === undefined ? undefined : look };
    if (row["status"] !== undefined) {
      return baseline
        ? { kind: "noBaseline", ...baseline, reason }
        : { kind: "status", look, metric: name, reading: readingIn(row["status"], look, reason) };
    }
    const measured = measuredIn(row, name, metric, { at, from }, segmentOf);
    if (!baseline) return { kind: "values", look, mixed: flagIn(row, "mixed"), ...measured };
    return { kind: "baseline", ...baseline, values: numbersIn(row, "values"), ...measured, from: from ?? at - before };
  };
}

/** Of no stage. */
export const OFF = "off";

function readingIn(status: unknown, look: Instant, reason: string): MetricReading {
  switch (status) {
    case "noData":
    case "error":
      return { status, reason };
    case "notYet":
      return { status };
    case "baseline":
      return { status, through: look, cursor: undefined };
    default:
      throw new Mistake(`"status" is none of noData, error, notYet and baseline`, "leave it out where there are numbers");
  }
}

function measuredIn(
  row: Row,
  name: string,
  metric: Metric,
  { at, from }: Pick<Measured, "at" | "from">,
  segmentOf: (name: string) => Cohort,
): Measured {
  const cohort = cohortIn(row, name, metric, segmentOf);
  const found = valueIn(row, name, metric.kind);
  const users = countIn(row, "users");
  const isThere = found !== undefined || users !== undefined;
  if (cohort === undefined && isThere && metric.grouped) throw new Mistake(`"group" is missing`, "it is treatment or control");
  if (!isThere && (cohort !== undefined || from === undefined)) {
    throw new Mistake(`there are no numbers of ${name}`, "what could not be measured is said with a status: noData");
  }
  return {
    metric: name,
    at,
    from,
    cohort: isThere ? (cohort ?? "everyone") : undefined,
    value: found?.value,
    bounds: found?.bounds,
    users,
  };
}

function cohortIn(row: Row, name: string, { grouped }: Metric, segmentOf: (name: string) => Cohort): Cohort | undefined {
  const group = textIn(row, "group");
  const segment = textIn(row, "segment");
  if (!grouped) {
    if (segment !== undefined || (group !== undefined && group !== "everyone")) {
      throw new Mistake(`${name} has no groups`, `its "group" is everyone`);
    }
    return group;
  }
  if (group === "everyone") throw new Mistake(`${name} has groups`, `its "group" is treatment or control`);
  if (group !== undefined && group !== "treatment" && group !== "control") {
    throw new Mistake(`"group" is neither treatment nor control: ${group}`, "a metric without groups has everyone");
  }
  if (segment === undefined) return group;
  if (group === "control") throw new Mistake("a whole segment that has the feature is not the control", `its "group" is treatment`);
  return segmentOf(segment);
}
