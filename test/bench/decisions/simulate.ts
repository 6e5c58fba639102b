import { randomOfRun } from "./draws.ts";
import { LOOKS, type Look, type Rule } from "./ramp.ts";
import type { Scenario } from "./scenarios.ts";

/** What a rule did in one run. */
export interface Outcome {
  /** The minute of the rollback, 1 to 60; nothing if there was none. */
  readonly minute: number | undefined;
  /** Requests that were treated from the onset of the harm up to then, or to the end of the ramp. */
  readonly exposed: number;
}

/** Runs of one scenario under several rules, all on the same looks: for each rule the outcomes, run by run. */
export function simulate<L extends Look>(
  scenario: Scenario<L>,
  rules: readonly Rule<L>[],
  { seed, from, to }: { seed: number; from: number; to: number },
): Outcome[][] {
  const outcomes: Outcome[][] = rules.map(() => []);
  for (let run = from; run < to; run++) {
    const looks = scenario.run(randomOfRun(seed, scenario.name, run));
    for (const [index, rule] of rules.entries()) outcomes[index]!.push(outcomeOf(scenario, rule, looks));
  }
  return outcomes;
}

export function outcomeOf<L extends Look>({ known, harm }: Scenario<L>, rule: Rule<L>, looks: readonly L[]): Outcome {
  const rollsBack = rule.begin(known);
  const minute = looks.find((look) => rollsBack(look))?.minute;
  const onset = harm?.onset ?? 0;
  const exposed = looks.slice(onset, minute ?? LOOKS).reduce((sum, look) => sum + look.exposed, 0);
  return { minute, exposed };
}
