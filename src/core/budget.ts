import type { Guardrail, Plan } from "../model/plan.ts";

/** The chance of a false answer that each goal has. Goals stand outside of the budget: they roll nothing back. */
export const GOAL_ALPHA = 0.05;

/**
 * The level of a guardrail whose evidence begins now. The plan's `falseRollback` is shared evenly over its guardrails
 * (a union bound); nine tenths are the first plan's, and each change that begins evidence anew gets half of the rest, so
 * that the sum over all changes stays below it.
 *
 * What cannot tell a shared incident from harm lies outside of the budget, and pauses: metrics without groups, comparisons
 * with the past, and gauges, whose readings are not independent of each other.
 *
 * @param budgets how many shares have been opened before this one: 0 for the first plan
 */
export function alphaOf(plan: Plan, guardrail: Guardrail, budgets: number): number {
  if (!isInBudget(plan, guardrail)) return plan.policy.falseRollback;
  const sharing = plan.guardrails.filter((each) => isInBudget(plan, each)).length;
  const share = budgets === 0 ? 0.9 : 0.1 * 0.5 ** budgets;
  return (plan.policy.falseRollback * share) / sharing;
}

function isInBudget(plan: Plan, { metric: name, versus }: Guardrail): boolean {
  const metric = plan.metrics[name];
  return metric !== undefined && metric.grouped && metric.kind !== "gauge" && !versus;
}
