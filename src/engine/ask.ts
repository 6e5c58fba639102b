import { cohortsOf } from "../core/groups.ts";
import type { Measured } from "../metrics/port.ts";
import type { Cohort, Instant } from "../model/measurement.ts";
import type { MetricKind } from "../model/plan.ts";
import type { Engine } from "./context.ts";
import { ask } from "./measure.ts";
import type { PlanFile } from "./start.ts";

/** How far back a source with history is asked, in milliseconds. */
const WINDOW = 5 * 60_000;

/** What a source answers for one metric of a plan now. */
export interface Answer {
  metric: string;
  source: string;
  kind: MetricKind;
  /** What its values are measured in. */
  unit?: string;
  /** Whether it counts users as well. */
  countsUsers: boolean;
  /** What `{{group}}` stands for, by cohort; empty where there are no groups. */
  labels: { cohort: Cohort; label: string }[];
  measured: Measured;
}

/** Asks every metric of a plan once, judged or not. Nothing is recorded. */
export async function measureOnce(engine: Engine, { plan, folder }: Omit<PlanFile, "hash">): Promise<{ at: Instant; answers: Answer[] }> {
  const at = engine.clock.now();
  const names = Object.keys(plan.metrics).sort();
  const sources = engine.connectSources(plan, folder);
  const asked = names.map((metric) => {
    const { history, settle } = sources[plan.metrics[metric]!.source]!;
    return { key: metric, metric, intervals: history ? [{ from: at - settle - WINDOW, to: at - settle }] : [], cursor: undefined };
  });
  const measured = await ask(plan, sources, asked);
  const answers = names.map((name): Answer => {
    const metric = plan.metrics[name]!;
    const { source, kind, users } = metric;
    const unit = metric.kind === "rate" ? undefined : metric.unit;
    return {
      metric: name,
      source,
      kind,
      ...(unit !== undefined && { unit }),
      countsUsers: users !== undefined,
      labels: cohortsOf(plan, name),
      measured: measured[name]!,
    };
  });
  return { at, answers };
}
