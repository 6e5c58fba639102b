import type { Plan } from "../model/plan.ts";
import { sameExposure } from "./exposure.ts";

/** Keys of a plan that are words for people, or say whom to tell: a change of them changes no decision. */
const WORDS = ["owner", "hypothesis", "risks", "heartbeat"] as const;

/** The keys in which two plans differ, as paths: `policy.poll`, `stages`. */
export function planChanges(before: Plan, after: Plan): string[] {
  const changes: string[] = [];
  for (const key of Object.keys({ ...before, ...after }).sort() as (keyof Plan)[]) {
    const old: unknown = before[key];
    const fresh: unknown = after[key];
    if (same(old, fresh)) continue;
    if (isRecord(old) && isRecord(fresh)) {
      for (const inner of Object.keys({ ...old, ...fresh }).sort()) if (!same(old[inner], fresh[inner])) changes.push(`${key}.${inner}`);
    } else changes.push(key);
  }
  return changes;
}

/** Whether the plans differ in words alone. */
export function differInWordsOnly(before: Plan, after: Plan): boolean {
  return planChanges(before, after).every((path) => (WORDS as readonly string[]).includes(path));
}

/** Guardrails whose evidence cannot be carried over: gone, about another number, or begun with another chance of a false alarm. */
export function changedGuardrails(before: Plan, after: Plan): string[] {
  if (before.policy.falseRollback !== after.policy.falseRollback) {
    return [...new Set([...before.guardrails, ...after.guardrails].map(({ id }) => id))];
  }
  return before.guardrails
    .filter((old) => {
      const fresh = after.guardrails.find(({ id }) => id === old.id);
      return (
        !fresh ||
        old.proof !== fresh.proof ||
        !same(old.failures, fresh.failures) ||
        !same(before.metrics[old.metric], after.metrics[fresh.metric]) ||
        !same(sourceOf(before, old.metric), sourceOf(after, fresh.metric))
      );
    })
    .map(({ id }) => id)
    .concat(after.guardrails.filter(({ id }) => !before.guardrails.some((old) => old.id === id)).map(({ id }) => id));
}

/**
 * Where a run that stands at `stage` goes on in the new plan, or why it cannot: stages are matched by
 * name, users are never re-bucketed, stages that were passed are not rewritten.
 */
export function acceptable(before: Plan, after: Plan, stage: number): { stage: number } | { refusals: string[] } {
  const refusals: string[] = [];
  if (before.rollout !== after.rollout) refusals.push(`the rollout's name is part of its ledger (${before.rollout})`);
  for (const key of ["backend", "key", "treatment", "control", "unit"] as const) {
    if (!same(before.flag[key], after.flag[key])) refusals.push(`flag.${key} decides who is in which group`);
  }
  for (const key of ["eligible", "exclude", "testers", "holdout", "segments"] as const) {
    if (!same(rulesOf(before)[key], rulesOf(after)[key])) refusals.push(`audience.${key} decides who is in which group`);
  }
  const name = before.stages[stage]?.name;
  const matched = name === undefined ? -1 : after.stages.findIndex((each) => each.name === name);
  if (name !== undefined && matched < 0) refusals.push(`the present stage "${name}" is not in the new plan`);
  const passed = matched < 0 ? undefined : after.stages[matched];
  const present = before.stages[stage];
  if (passed && present && !sameExposure(passed.exposure, present.exposure))
    refusals.push(`the present stage "${name}" would expose others than it does`);
  return refusals.length > 0 ? { refusals } : { stage: matched };
}

function rulesOf({ audience }: Plan) {
  const { units: _, traffic: __, segments, ...rules } = audience;
  return { ...rules, segments: Object.fromEntries(Object.entries(segments).map(([name, { rule }]) => [name, rule])) };
}

function sourceOf(plan: Plan, metric: string): unknown {
  return plan.sources[plan.metrics[metric]?.source ?? ""];
}

/** Plans come from one reader, which writes keys in one order; only records that a person orders are compared sorted. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
