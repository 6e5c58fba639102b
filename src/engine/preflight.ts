import { RolloutError } from "../errors.ts";
import { judgedMetrics } from "../core/look.ts";
import { duration } from "../core/words.ts";
import { limitAlreadyBroken } from "../judge/judge.ts";
import type { Measured } from "../metrics/port.ts";
import type { Cohort, Instant, MetricReading, Value } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { ConnectedSource, Engine } from "./context.ts";
import { ask } from "./measure.ts";

/** How far back a source with history is asked, at the least and at the most, in milliseconds. */
const SHORTEST = 5 * 60_000;
const LONGEST = 60 * 60_000;
/** Equal numbers in both groups are no coincidence from this many requests on. */
const TOO_EQUAL = 10;

/** What the preflight found: where measuring begins, and what a person may want to know. */
export interface Preflight {
  metrics: Record<string, MetricReading>;
  warnings: string[];
}

/**
 * Measures the control before anybody is exposed. Throws `RolloutError`: `unreachable` when a source does not answer,
 * `refused`, with the numbers, when a label matches nothing, `{{group}}` changes nothing, or a limit is broken already.
 *
 * @param exposed whether somebody has the feature already (an exposure that is adopted)
 */
export async function preflight(
  engine: Engine,
  plan: Plan,
  sources: Record<string, ConnectedSource>,
  exposed: boolean,
): Promise<Preflight> {
  const now = engine.clock.now();
  const window = Math.min(LONGEST, Math.max(SHORTEST, plan.stages[0]?.bake ?? 0));
  const through: Record<string, Instant> = {};
  const asked = judgedMetrics(plan).map((metric) => {
    const { history, settle } = sources[plan.metrics[metric]!.source]!;
    const to = now - settle;
    through[metric] = to;
    return { key: metric, metric, intervals: history ? [{ from: to - window, to }] : [], cursor: undefined };
  });
  const answers = await ask(plan, sources, asked);

  const findings = Object.entries(answers).map(([name, measured]) => ({
    name,
    measured,
    problem: problemWith(plan, name, measured, exposed, window),
  }));
  const unreached = findings.filter(({ measured }) => measured.status === "error");
  const refusals = findings.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
  if (refusals.length > 0) {
    throw new RolloutError(
      unreached.length > 0 ? "unreachable" : "refused",
      `the preflight found what would leave this rollout unguarded:\n  ${refusals.join("\n  ")}`,
      {
        hint: "Nobody was exposed, nothing was recorded. `rollout metrics PLAN` shows what each query answers.",
      },
    );
  }
  const metrics = Object.fromEntries(
    findings.map(({ name, measured }): [string, MetricReading] => [name, readingOf(measured, through[name] ?? now)]),
  );
  return { metrics, warnings: findings.flatMap(({ name, measured }) => warningsOf(plan, name, measured)) };
}

/** Where measuring begins. */
function readingOf(measured: Measured, through: Instant): MetricReading {
  const bounds = "bounds" in measured ? { bounds: measured.bounds } : {};
  if (measured.status === "baseline") return { status: "baseline", through: measured.at, cursor: measured.cursor, ...bounds };
  return { status: "measured", through: Math.min(through, measured.sent.newest ?? through), measurements: [], ...bounds };
}

/** Why a metric cannot guard this rollout, if so. */
function problemWith(plan: Plan, name: string, measured: Measured, exposed: boolean, window: number): string | undefined {
  if (measured.status === "error" || measured.status === "noData") return measured.reason;
  const metric = plan.metrics[name]!;
  const { control, treatment, everyone } = valuesOf(measured);
  const since = measured.status === "baseline" ? "since the service started" : `in the last ${duration(window)}`;
  if (metric.grouped) {
    if (measured.sent.missing.includes("control")) {
      return `nothing matches the control's label; {{group}} stands for "${(metric.labels ?? plan.flag).control}"`;
    }
    const equal = control && treatment && equalNumbers(control, treatment);
    if (!exposed && equal !== undefined) return `{{group}} changes nothing: both groups have ${equal} ${since}`;
  }
  const reference = metric.grouped ? control : everyone;
  if (metric.kind === "gauge" && !reference) {
    return `${metric.grouped ? "the control" : "the gauge"} shows no level: its newest sample is too old, or there is none`;
  }
  if (!reference || !("events" in reference) || reference.total === 0) return undefined;
  for (const guardrail of plan.guardrails.filter((each) => each.metric === name && "rate" in each.limit && !each.versus)) {
    const { broken, sentence } = limitAlreadyBroken(guardrail, reference);
    if (broken) return `${guardrail.id}: ${sentence} (${since})`;
  }
  return undefined;
}

/** What both groups have, in words, when it is the same and no coincidence. Levels of a gauge may well be the same. */
function equalNumbers(one: Value, other: Value): string | undefined {
  if ("level" in one || JSON.stringify(numbersOf(one)) !== JSON.stringify(numbersOf(other))) return undefined;
  if ("events" in one) return one.total >= TOO_EQUAL ? `${one.events} of ${one.total}` : undefined;
  if ("sum" in one) return one.count >= TOO_EQUAL ? `${one.count} values with a sum of ${one.sum}` : undefined;
  const values = one.buckets.reduce((sum, each) => sum + each, 0);
  return values >= TOO_EQUAL ? `${values} values, the same in each bucket` : undefined;
}

function numbersOf(value: Value): number[] {
  if ("level" in value) return [value.level];
  if ("events" in value) return [value.events, value.total];
  return "sum" in value ? [value.count, value.sum, value.sumSquares] : value.buckets;
}

/** The values of the whole window, by cohort. */
function valuesOf(measured: Extract<Measured, { status: "measured" | "baseline" }>): Partial<Record<Cohort, Value>> {
  return measured.status === "baseline" ? measured.totals : (measured.intervals[0]?.counts ?? {});
}

function warningsOf(plan: Plan, name: string, measured: Measured): string[] {
  const metric = plan.metrics[name]!;
  const warnings: string[] = [];
  const noSeries = (number: string) =>
    warnings.push(`${name}: the query for \`${number}\` matches no series: there was none so far, or it is misspelt`);
  if (measured.sent.withoutEvents.includes(metric.grouped ? "control" : "everyone")) noSeries("events");
  const users = measured.status === "baseline" ? measured.users : measured.status === "measured" ? measured.intervals[0]?.users : {};
  if (metric.users && users === undefined) noSeries("users");
  return warnings;
}
