import { describeExposure } from "../core/exposure.ts";
import type { State } from "../model/state.ts";
import type { BlastRadius, Gate, GoalVerdict, Verdict, VerdictKind } from "../model/verdict.ts";
import { count, duration } from "../core/words.ts";
import type { Standing, WithoutLedger } from "./standing.schema.ts";
import type { Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** Where a run stands, as a value. */
export function standingOf({ rollout, run, stage: index, exposure, plan, planHash, head, pause, end }: State): Standing {
  const stage = plan.stages[index];
  return {
    rollout,
    run,
    ...(stage && { stage: { index, name: stage.name, of: plan.stages.length } }),
    stages: plan.stages.map((each) => ({ name: each.name, exposed: describeExposure(each.exposure), bake: each.bake })),
    exposure,
    exposed: describeExposure(exposure),
    planHash,
    head,
    ...(pause && { paused: { cause: pause.cause, sentence: pause.sentence, at: pause.at } }),
    ...(end && { ended: end }),
  };
}

/** The first line of every view of a run: `ai-recommendations  run 1, stage 2 of 5: 5%`. */
export function standingLine({ rollout, run, stage, exposed }: Standing, style: Style): string {
  const where = stage ? `stage ${stage.index + 1} of ${stage.of}: ${terminalText(stage.name)}` : terminalText(exposed);
  const also = stage && stage.name !== exposed ? ` (${terminalText(exposed)})` : "";
  return `${style.bold(rollout)}  run ${run}, ${where}${also}`;
}

/** The head of the ledger, whole, for somebody to keep. */
export function headLine({ head }: Pick<Standing, "head">, style: Style): string {
  return style.dim(`head ${head.seq} ${head.hash}`);
}

const VERDICT_WIDTH = "notJudgeable".length;

/** A line for each verdict: what it is and the sentence that says why. */
export function verdictLines(verdicts: readonly Verdict[], style: Style): string[] {
  return verdicts.map(({ verdict, guardrail, sentence }) => {
    const word = verdictColour(verdict, style)(verdict.padEnd(VERDICT_WIDTH));
    return `  ${word}  ${terminalText(guardrail)}: ${terminalText(sentence)}`;
  });
}

function verdictColour(verdict: VerdictKind, style: Style): (text: string) => string {
  if (verdict === "clear") return style.green;
  if (verdict === "breach" || verdict === "error") return style.red;
  return verdict === "inconclusive" ? style.bold : style.yellow;
}

/** A line for each gate, in the order in which they speak. */
export function gateLines(gates: readonly Gate[], style: Style): string[] {
  const colours = { open: style.green, waiting: style.yellow, failed: style.red };
  return gates.map(
    ({ gate, status, sentence }) =>
      `  ${colours[status](status.padEnd("waiting".length))}  ${gate.padEnd("verdicts".length)}  ${terminalText(sentence)}`,
  );
}

/** A line for each goal. */
export function goalLines(goals: readonly GoalVerdict[], style: Style): string[] {
  const colours = { reached: style.green, missed: style.red, open: style.bold, notJudgeable: style.yellow, noData: style.yellow };
  return goals.map(
    ({ goal, verdict, sentence }) =>
      `  ${colours[verdict](verdict.padEnd(VERDICT_WIDTH))}  ${terminalText(goal)}: ${terminalText(sentence)}`,
  );
}

/** What a breach has cost, as a sentence; nothing where nobody has met it. */
export function blastRadiusSentence({ users, counted, requests, excessEvents, exposedFor }: BlastRadius): string {
  const about = counted ? "" : "about ";
  const who = users === undefined ? `${count(requests)} requests` : `${about}${count(users)} users (${count(requests)} requests measured)`;
  return `blast radius: ${who} met it for ${duration(exposedFor)}, about ${count(Math.max(0, excessEvents))} harmful events beyond what was to be expected`;
}

/** That a rollback is not in the ledger, and where it waits. */
export function unrecordedSentence({ path }: WithoutLedger): string {
  const kept =
    path === undefined
      ? "it could not be kept on this machine either"
      : `it is kept in ${path}, and the next command from here that reaches the ledger records it`;
  return `NOT RECORDED, the ledger could not be reached: ${kept}`;
}
