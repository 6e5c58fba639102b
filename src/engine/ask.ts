import { cohortsOf } from "../core/groups.ts";
import type { Measured } from "../metrics/port.ts";
import type { Cohort, Instant } from "../model/measurement.ts";
import type { Engine } from "./context.ts";
import { ask } from "./measure.ts";
import type { PlanFile } from "./start.ts";

/** How far back a source with history is asked, in milliseconds. */
const WINDOW = 5 * 60_000;

/** What a source answers for one metric of a plan now. */
export interface Answer {
  metric: string;
  source: string;
  /** What `{{group}}` stands for, by cohort; empty where there are no groups. */
  labels: { cohort: Cohort; label: string }[];
  measured: Measured;
}

/** Asks every metric of a plan once, judged or not. Nothing is recorded. */
export async function measureOnce(engine: Engine, { plan, folder }: Omit<PlanFile, "hash">): Promise<{ at: Instant; answers: Answer[] }> {
  const at = engine.clock.now();
  const names = Object.keys(plan.metrics).sort();
  const measured = await ask(plan, engine.connectSources(plan, folder), names, (_, { history, settle }) => ({
    intervals: history ? [{ from: at - settle - WINDOW, to: at - settle }] : [],
    cursor: undefined,
  }));
  const answers = names.map((metric) => ({
    metric,
    source: plan.metrics[metric]!.source,
    labels: cohortsOf(plan, metric),
    measured: measured[metric]!,
  }));
  return { at, answers };
}
