import { duration } from "../core/words.ts";
import type { Cohort, Instant, Value } from "../model/measurement.ts";
import type { MetricKind } from "../model/plan.ts";
import type { MetricAnswer, MetricsReport } from "./metrics.schema.ts";
import { usersText, valueText } from "./metricValues.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

type ByCohort = Partial<Record<Cohort, Value>>;
type Users = Partial<Record<Cohort, number>>;

/** What a source answered, as the engine says it. */
interface Answer {
  metric: string;
  source: string;
  kind: MetricKind;
  unit?: string;
  countsUsers: boolean;
  labels: { cohort: Cohort; label: string }[];
  measured: { sent: { queries: string[]; newest?: Instant; missing: Cohort[]; withoutEvents: Cohort[] } } & (
    | { status: "measured"; intervals: { from: Instant; to: Instant; counts: ByCohort; users?: Users }[]; bounds?: number[] }
    | { status: "baseline"; totals: ByCohort; users?: Users; bounds?: number[] }
    | { status: "noData" | "error"; reason: string }
  );
}

/** The result of asking all metrics of a plan at `at`. */
export function metricsReport(rollout: string, answers: readonly Answer[], at: Instant): MetricsReport {
  return { schema: "rollout.metrics/2", rollout, metrics: answers.map((answer) => answerOf(answer, at)) };
}

function answerOf({ metric, source, kind, unit, countsUsers, labels, measured }: Answer, at: Instant): MetricAnswer {
  const { queries, newest, missing, withoutEvents } = measured.sent;
  const interval = measured.status === "measured" ? measured.intervals[0] : undefined;
  const counts = measured.status === "baseline" ? measured.totals : interval?.counts;
  const users = measured.status === "baseline" ? measured.users : interval?.users;
  const bounds = "bounds" in measured ? measured.bounds : undefined;
  return {
    metric,
    source,
    kind,
    ...(unit !== undefined && { unit }),
    status: measured.status,
    ...("reason" in measured && { reason: measured.reason }),
    ...(interval && { interval: { from: interval.from, to: interval.to } }),
    ...(bounds && { bounds }),
    groups: labels.map(({ cohort, label }) => ({
      cohort,
      label,
      ...(counts?.[cohort] && { counts: counts[cohort] }),
      ...(users?.[cohort] !== undefined && { users: users[cohort] }),
      missing: missing.includes(cohort),
      withoutEvents: withoutEvents.includes(cohort),
      withoutUsers: countsUsers && counts !== undefined && users?.[cohort] === undefined,
    })),
    queries,
    ...(newest !== undefined && { age: Math.max(0, at - newest) }),
  };
}

/** It, for the terminal. */
export function metricsView({ metrics }: MetricsReport, style: Style = plainStyle): string {
  if (metrics.length === 0) return "the plan has no metrics\n";
  return metrics.map((answer) => `${answerLines(answer, style).join("\n")}\n`).join("\n");
}

function answerLines(answer: MetricAnswer, style: Style): string[] {
  const { metric, source, status, reason, groups, queries, age } = answer;
  const fresh = age === undefined ? "" : `, the newest number ${duration(age)} old`;
  const isRead = status === "measured" || status === "baseline";
  const state = isRead
    ? style.green(whenOf(answer))
    : style.red(`${status === "error" ? "error" : "no data"}: ${terminalText(reason ?? "")}`);
  const width = Math.max(0, ...groups.map(({ cohort }) => cohort.length));
  return [
    `${style.bold(terminalText(metric))}  from ${terminalText(source)}, ${state}${fresh}`,
    ...groups.map((group) => {
      const { cohort, label, counts, users } = group;
      const numbers = counts ? terminalText(valueText(counts, answer)) : "nothing";
      const notes = notesOf(group, answer);
      const shown = label === "" ? "" : ` "${terminalText(label)}"`;
      return `  ${cohort.padEnd(width)}${shown}  ${numbers}${usersText(users)}${notes.length > 0 ? style.yellow(`  (${notes.join("; ")})`) : ""}`;
    }),
    ...queries.map((query) => style.dim(`  sent: ${terminalText(query)}`)),
  ];
}

/** What time the numbers are about. */
function whenOf({ kind, status, interval }: MetricAnswer): string {
  if (status === "baseline") return kind === "gauge" ? "now" : "since its process began";
  if (!interval) return "";
  return kind === "gauge" ? "at the end" : `in ${duration(interval.to - interval.from)}`;
}

const MAIN = { rate: "total", mean: "count", histogram: "buckets", gauge: "value" } as const;

function notesOf({ missing, withoutEvents, withoutUsers }: MetricAnswer["groups"][number], { kind }: MetricAnswer): string[] {
  return [
    ...(missing ? [`no series of the ${MAIN[kind]} has this label`] : []),
    ...(withoutEvents ? ["no series of the events has this label"] : []),
    ...(withoutUsers ? ["no series of the users is there"] : []),
  ];
}
