import { count, duration } from "../core/words.ts";
import type { Cohort, Counts, Instant } from "../model/measurement.ts";
import type { MetricAnswer, MetricsReport } from "./metrics.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

type ByCohort = Partial<Record<Cohort, Counts>>;

/** What a source answered, as the engine says it. */
interface Answer {
  metric: string;
  source: string;
  labels: { cohort: Cohort; label: string }[];
  measured: { sent: { queries: string[]; newest?: Instant; missing: Cohort[]; withoutEvents: Cohort[] } } & (
    | { status: "measured"; intervals: { from: Instant; to: Instant; counts: ByCohort }[] }
    | { status: "baseline"; totals: ByCohort }
    | { status: "noData" | "error"; reason: string }
  );
}

/** The result of asking all metrics of a plan at `at`. */
export function metricsReport(rollout: string, answers: readonly Answer[], at: Instant): MetricsReport {
  return { schema: "rollout.metrics/1", rollout, metrics: answers.map((answer) => answerOf(answer, at)) };
}

function answerOf({ metric, source, labels, measured }: Answer, at: Instant): MetricAnswer {
  const { queries, newest, missing, withoutEvents } = measured.sent;
  const interval = measured.status === "measured" ? measured.intervals[0] : undefined;
  const counts = measured.status === "baseline" ? measured.totals : interval?.counts;
  return {
    metric,
    source,
    status: measured.status,
    ...("reason" in measured && { reason: measured.reason }),
    ...(interval && { interval: { from: interval.from, to: interval.to } }),
    groups: labels.map(({ cohort, label }) => ({
      cohort,
      label,
      ...(counts?.[cohort] && { counts: counts[cohort] }),
      missing: missing.includes(cohort),
      withoutEvents: withoutEvents.includes(cohort),
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

function answerLines({ metric, source, status, reason, interval, groups, queries, age }: MetricAnswer, style: Style): string[] {
  const fresh = age === undefined ? "" : `, the newest number ${duration(age)} old`;
  const what = {
    measured: interval ? `in ${duration(interval.to - interval.from)}` : "",
    baseline: "since its process began",
    noData: "no data",
    error: "error",
  }[status];
  const state = status === "measured" || status === "baseline" ? style.green(what) : style.red(`${what}: ${terminalText(reason ?? "")}`);
  const width = Math.max(0, ...groups.map(({ cohort }) => cohort.length));
  return [
    `${style.bold(terminalText(metric))}  from ${terminalText(source)}, ${state}${fresh}`,
    ...groups.map(({ cohort, label, counts, missing, withoutEvents }) => {
      const numbers = counts ? countsText(counts) : "nothing";
      const notes = [
        ...(missing ? ["no series of the total has this label"] : []),
        ...(withoutEvents ? ["no series of the events has this label"] : []),
      ];
      const shown = label === "" ? "" : ` "${terminalText(label)}"`;
      return `  ${cohort.padEnd(width)}${shown}  ${numbers}${notes.length > 0 ? style.yellow(`  (${notes.join("; ")})`) : ""}`;
    }),
    ...queries.map((query) => style.dim(`  sent: ${terminalText(query)}`)),
  ];
}

function countsText({ events, total }: Counts): string {
  const rate = total > 0 ? `, ${Number(((100 * events) / total).toPrecision(3))}%` : "";
  return `${count(events)} of ${count(total)}${rate}`;
}
