import { RolloutError } from "../errors.ts";
import { isRelative } from "../core/groups.ts";
import { duration } from "../core/words.ts";
import { limitAlreadyBroken } from "../judge/judge.ts";
import type { Measured } from "../metrics/port.ts";
import type { Cohort, Counts, Instant, MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { ConnectedSource, Engine } from "./context.ts";
import { ask, judgedMetrics } from "./measure.ts";

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
  const answers = await ask(plan, sources, judgedMetrics(plan), (name, { history, settle }) => {
    const to = now - settle;
    through[name] = to;
    return { intervals: history ? [{ from: to - window, to }] : [], cursor: undefined };
  });

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
    findings.map(({ name, measured }): [string, MetricReading] => [
      name,
      measured.status === "baseline"
        ? { status: "baseline", through: measured.at, cursor: measured.cursor }
        : { status: "measured", through: Math.min(through[name] ?? now, measured.sent.newest ?? now), measurements: [] },
    ]),
  );
  return { metrics, warnings: findings.flatMap(({ name, measured }) => warningsOf(plan, name, measured)) };
}

/** Why a metric cannot guard this rollout, if so. */
function problemWith(plan: Plan, name: string, measured: Measured, exposed: boolean, window: number): string | undefined {
  if (measured.status === "error" || measured.status === "noData") return measured.reason;
  const metric = plan.metrics[name]!;
  const { control, treatment, everyone } = countsOf(measured);
  const since = measured.status === "baseline" ? "since the service started" : `in the last ${duration(window)}`;
  if (metric.grouped) {
    if (measured.sent.missing.includes("control")) {
      return `nothing matches the control's label; {{group}} stands for "${(metric.labels ?? plan.flag).control}"`;
    }
    const equal = control && treatment && control.total === treatment.total && control.events === treatment.events;
    if (!exposed && equal && control.total >= TOO_EQUAL) {
      return `{{group}} changes nothing: both groups have ${control.events} of ${control.total} ${since}`;
    }
  }
  const reference = metric.grouped ? control : everyone;
  if (!reference || reference.total === 0) return undefined;
  for (const guardrail of plan.guardrails.filter((each) => each.metric === name && !isRelative(each))) {
    const { broken, sentence } = limitAlreadyBroken(guardrail, reference);
    if (broken) return `${guardrail.id}: ${sentence} (${since})`;
  }
  return undefined;
}

/** The counts of the whole window, by cohort. */
function countsOf(measured: Extract<Measured, { status: "measured" | "baseline" }>): Partial<Record<Cohort, Counts>> {
  return measured.status === "baseline" ? measured.totals : (measured.intervals[0]?.counts ?? {});
}

function warningsOf(plan: Plan, name: string, measured: Measured): string[] {
  const reference: Cohort = plan.metrics[name]!.grouped ? "control" : "everyone";
  if (!measured.sent.withoutEvents.includes(reference)) return [];
  return [`${name}: the query for \`events\` matches no series: there was none so far, or it is misspelt`];
}
