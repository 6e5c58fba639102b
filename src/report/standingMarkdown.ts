import { duration } from "../core/words.ts";
import type { Gate, GoalVerdict, Verdict } from "../model/verdict.ts";
import { blocks, code, joined, list, marked, table, withCode, type Markdown } from "./markdown.ts";
import type { Standing } from "./standing.schema.ts";

/** What a view of a run begins with. `what`: in a word or two, what there is to say of it. */
export function headingMarkdown({ rollout }: Pick<Standing, "rollout">, what: string): Markdown {
  return marked`### Rollout ${code(rollout)}: ${what}`;
}

/** Where a run stands: `Run 1, stage 2 of 5: canary (5%)`, and all its stages. */
export function standingMarkdown(standing: Standing): Markdown {
  const { run, stage, exposed, stages, ended } = standing;
  const also = stage && stage.name !== exposed ? marked` (${exposed})` : marked``;
  const where = stage ? marked`stage ${stage.index + 1} of ${stage.of}: ${stage.name}${also}` : marked`${exposed}`;
  const rows = stages.map(({ name, exposed: who, bake }, index) => {
    const progress = progressOf(index, stage?.index, ended);
    const strong = progress === "here" ? marked`**${progress}**` : marked`${progress}`;
    return [strong, marked`${name}`, marked`${who}`, marked`${duration(bake)}`];
  });
  return blocks(marked`Run ${run}, ${where}`, table(["", "stage", "who has it", "bake"], rows));
}

function progressOf(index: number, present: number | undefined, ended: Standing["ended"]): string {
  if (present === undefined) return "";
  if (index < present || (index === present && ended?.outcome === "complete")) return "passed";
  return index === present ? "here" : "";
}

export function verdictsMarkdown(verdicts: readonly Verdict[]): Markdown {
  return table(
    ["verdict", "guardrail", "why"],
    verdicts.map(({ verdict, guardrail, sentence }) => [
      verdict === "breach" ? marked`**${verdict}**` : marked`${verdict}`,
      marked`${guardrail}`,
      marked`${sentence}`,
    ]),
  );
}

export function gatesMarkdown(gates: readonly Gate[]): Markdown {
  return table(
    ["gate", "is", "why"],
    gates.map(({ gate, status, sentence }) => [
      marked`${gate}`,
      status === "open" ? marked`${status}` : marked`**${status}**`,
      marked`${sentence}`,
    ]),
  );
}

export function goalsMarkdown(goals: readonly GoalVerdict[]): Markdown {
  return table(
    ["goal", "is", "why"],
    goals.map(({ goal, verdict, sentence }) => [marked`${goal}`, marked`${verdict}`, marked`${sentence}`]),
  );
}

/** What a person can do now. */
export function nextMarkdown(steps: readonly string[]): Markdown {
  return list(steps.map(withCode));
}

/** The head of the ledger, whole, for somebody to keep. */
export function headMarkdown({ head, planHash }: Pick<Standing, "head" | "planHash">): Markdown {
  return joined([marked`head ${head.seq} ${code(head.hash)}`, marked`plan ${code(planHash.slice(0, 12))}`], " · ");
}
