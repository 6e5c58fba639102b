import type { EntryData } from "../model/entry.ts";
import type { FlagSnapshot } from "../model/flag.ts";
import type { Judge, Question } from "../model/judge.ts";
import { baselineKey, type Baseline, type Instant, type MetricReading } from "../model/measurement.ts";
import type { Guardrail, Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import type { Evidence } from "../model/verdict.ts";
import { alphaOf, GOAL_ALPHA } from "./budget.ts";
import { decide } from "./decide.ts";
import { goalKey, splitKey } from "./evidence.ts";
import { isSplit, treatmentShare } from "./exposure.ts";
import { guardrailsOf, progressAfter } from "./progress.ts";

/** What a look found outside. */
export interface Found {
  at: Instant;
  flag: FlagSnapshot;
  metrics: Record<string, MetricReading>;
  /** What metrics were before the run, as far as it was asked for with this look; a text says why it is not known. */
  baselines: Record<string, Baseline | string>;
  planDiffers: boolean;
}

type LookData = EntryData["look"] & Judgement;
type Judgement = Pick<EntryData["look"], "verdicts" | "goals" | "splitChecks"> & { evidence: Record<string, Evidence> };

/** One look as a value: what was found is judged and decided on, in the state before it. */
export function lookAt(state: State, found: Found, judge: Judge): LookData {
  const judgement = judgeAll(state, found, judge);
  const { flag, metrics, baselines, planDiffers } = found;
  return {
    judge: judge.version,
    flag,
    metrics,
    ...judgement,
    baselines,
    planDiffers,
    ...decide(state, { ...found, ...judgement }),
  };
}

/** The verdict of every guardrail that watches the stage, of every goal, and on the split of the groups. */
export function judgeAll(state: State, found: Pick<Found, "metrics" | "baselines">, judge: Judge): Judgement {
  const { plan } = state;
  const evidence: Record<string, Evidence> = {};
  const verdicts = guardrailsOf(state).map((guardrail) => {
    const judged = judge.guardrail({
      ...questionAbout(state, found, guardrail.metric, guardrail.id),
      guardrail,
      alpha: alphaOf(plan, guardrail, state.budgets),
      baseline: baselineOf(state, found, guardrail),
      bakeOver: hasBaked(state, guardrail, found.metrics[guardrail.metric]),
    });
    evidence[guardrail.id] = judged.evidence;
    return judged.verdict;
  });
  const goals = (state.stage < 0 ? [] : plan.goals).map((goal) => {
    const judged = judge.goal({ ...questionAbout(state, found, goal.metric, goalKey(goal.id)), goal, alpha: GOAL_ALPHA });
    evidence[goalKey(goal.id)] = judged.evidence;
    return judged.verdict;
  });
  const splitChecks = splitMetrics(plan).flatMap(({ name, of }) => {
    const treatment = treatmentShare(state.exposure, plan.audience.holdout);
    const reading = found.metrics[name];
    if (treatment === undefined || !reading) return [];
    const judged = judge.split({ metricName: name, of, treatment, reading, evidence: state.evidence[splitKey(name)] });
    if (!judged) return [];
    evidence[splitKey(name)] = judged.evidence;
    return [judged.check];
  });
  return { verdicts, evidence, goals, splitChecks };
}

/**
 * The evidence after a recorded look, folded from what it read: nothing that it decided is judged anew. What another version
 * of the judge remembers and this one cannot go on from is left as it is.
 *
 * @param before the state that the look was taken in
 */
export function evidenceAfter(before: State, look: EntryData["look"], judge: Judge): Record<string, Evidence> {
  const { evidence } = judgeAll(before, look, judge);
  if (look.judge === judge.version) return evidence;
  const { guardrails, metrics } = before.plan;
  const strange = guardrails.filter((guardrail) => {
    const known = before.evidence[guardrail.id];
    return known && !judge.understands({ guardrail, metric: metrics[guardrail.metric]!, evidence: known });
  });
  return Object.fromEntries(Object.entries(evidence).filter(([key]) => !strange.some(({ id }) => id === key)));
}

function questionAbout(state: State, { metrics }: Pick<Found, "metrics">, name: string, key: string): Omit<Question, "alpha"> {
  const { plan, exposure } = state;
  const reading = metrics[name] ?? { status: "notYet" };
  return {
    metric: plan.metrics[name]!,
    stage: plan.stages[state.stage]?.name ?? "",
    exposure,
    split: isSplit(exposure, plan.audience.holdout),
    reading,
    bounds: ("bounds" in reading ? reading.bounds : undefined) ?? state.metrics[name]?.bounds,
    evidence: state.evidence[key],
  };
}

function baselineOf(state: State, { baselines }: Pick<Found, "baselines">, { metric, versus }: Guardrail): Baseline | string | undefined {
  if (!versus) return undefined;
  const key = baselineKey(metric, versus.before);
  return state.baselines[key] ?? baselines[key];
}

function hasBaked(state: State, guardrail: Guardrail, reading: MetricReading | undefined): boolean {
  const stage = state.plan.stages[state.stage];
  return stage !== undefined && progressAfter(state, guardrail, reading).baked >= stage.bake;
}

/** The metrics that some guardrail or goal of the plan judges, sorted. */
export function judgedMetrics({ guardrails, goals }: Plan): string[] {
  return [...new Set([...guardrails, ...goals].map(({ metric }) => metric))].sort();
}

/** Where the shares of the groups are checked: by every metric that counts users, or by the requests of one rate. */
function splitMetrics(plan: Plan): { name: string; of: "users" | "requests" }[] {
  const { metrics, policy } = plan;
  const judged = judgedMetrics(plan).filter((name) => metrics[name]!.grouped);
  switch (policy.sampleRatio) {
    case "off":
      return [];
    case "users":
      return judged.filter((name) => metrics[name]!.users).map((name) => ({ name, of: "users" }));
    case "requests":
      return judged
        .filter((name) => metrics[name]!.kind === "rate")
        .slice(0, 1)
        .map((name) => ({ name, of: "requests" }));
  }
}

/** The baselines that the plan's guardrails compare with and that are not known yet: the metric, and how long before. */
export function missingBaselines({ plan, baselines }: State): { key: string; metric: string; before: number }[] {
  const asked = plan.guardrails.flatMap(({ metric, versus }) =>
    versus ? [{ key: baselineKey(metric, versus.before), metric, before: versus.before }] : [],
  );
  return asked.filter(({ key }, index) => !baselines[key] && asked.findIndex((other) => other.key === key) === index);
}
