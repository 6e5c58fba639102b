import type { State } from "../model/state.ts";
import type { Decision, Gate } from "../model/verdict.ts";
import { gates, type Findings } from "./gates.ts";
import { guardrailsOf, progressAfter } from "./progress.ts";
import { onTimelineOf } from "./time.ts";

/**
 * What follows from a look, in the order of the gates: the first that speaks wins. A breach always speaks; a pause
 * stops advancing, never guarding.
 */
export function decide(before: State, findings: Findings): { gates: Gate[]; decision: Decision } {
  // As the entry of this look will find it: what waited by another clock begins to wait again.
  const state = onTimelineOf(before, findings.at);
  const guardrails = guardrailsOf(state);
  const progress = Object.fromEntries(guardrails.map((each) => [each.id, progressAfter(state, each, findings.metrics[each.metric])]));
  const standing = { ...findings, state, guardrails, progress };
  const results = gates.map((gate) => gate(standing));
  const because = (gate: Gate) => [{ gate: gate.gate, sentence: gate.sentence }];
  const decided = (decision: Decision) => ({ gates: results.map(({ gate }) => gate), decision });

  for (const { gate, decision } of results) {
    // Paused already: what would pause it again adds nothing, what rolls back still does.
    if (decision?.kind === "rollback" || (decision && !state.pause)) return decided({ ...decision, because: because(gate) });
  }
  const shut = results.filter(({ gate }) => gate.status !== "open");
  if (shut.length > 0) return decided({ kind: "hold", because: shut.flatMap(({ gate }) => because(gate)) });

  const next = state.plan.stages[state.stage + 1];
  const passed = results
    .filter(({ gate }) => gate.gate === "bake" || (gate.gate === "verdicts" && state.stage >= 0))
    .flatMap(({ gate }) => because(gate));
  return decided(next ? { kind: "advance", stage: state.stage + 1, because: passed } : { kind: "complete", because: passed });
}
