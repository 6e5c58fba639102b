import type { Guardrail, Plan } from "../model/plan.ts";

/**
 * The level of a guardrail whose evidence begins now. The plan's `falseRollback` is shared evenly over its guardrails
 * (a union bound); nine tenths are the first plan's, and each change that begins evidence anew gets half of the rest, so
 * that the sum over all changes stays below it. Metrics without groups lie outside of the budget: they cannot tell a
 * shared incident from harm, and pause.
 *
 * @param budgets how many shares have been opened before this one: 0 for the first plan
 */
export function alphaOf(plan: Plan, guardrail: Guardrail, budgets: number): number {
  if (!plan.metrics[guardrail.metric]?.grouped) return plan.policy.falseRollback;
  const sharing = plan.guardrails.filter((each) => plan.metrics[each.metric]?.grouped).length;
  const share = budgets === 0 ? 0.9 : 0.1 * 0.5 ** budgets;
  return (plan.policy.falseRollback * share) / sharing;
}
