import { duration } from "../core/words.ts";
import type { Decision } from "../model/verdict.ts";
import { blocks, list, marked, type Markdown } from "./markdown.ts";
import { blastRadiusSentence, unrecordedSentence } from "./standing.ts";
import {
  gatesMarkdown,
  goalsMarkdown,
  headingMarkdown,
  headMarkdown,
  nextMarkdown,
  standingMarkdown,
  verdictsMarkdown,
} from "./standingMarkdown.ts";
import { nextSteps } from "./step.ts";
import type { RehearsalReport, StepReport } from "./step.schema.ts";

const OUTCOMES: Record<StepReport["outcome"], string> = {
  advanced: "advanced",
  complete: "complete",
  paused: "paused",
  rolledBack: "rolled back",
  holding: "holding",
  pausedBefore: "still paused",
  finishedRollback: "rolled back",
  ended: "over before",
  lost: "another runner was first",
  abandoned: "not moved",
};

/**
 * A step as Markdown.
 *
 * @param before what the steps before it came to, in sentences, where a command took several
 */
export function stepMarkdown(report: StepReport, before: readonly string[] = []): Markdown {
  const { outcome, sentence, decision, gates, verdicts, goals, unguardedFor, unrecorded } = report;
  const cost = decision && "blastRadius" in decision ? decision.blastRadius : undefined;
  return blocks(
    headingMarkdown(report, OUTCOMES[outcome]),
    // What decided is told reason by reason below.
    decision && outcome !== "pausedBefore" ? decisionMarkdown(decision) : marked`**${sentence}**`,
    ...(unrecorded ? [marked`**${unrecordedSentence(unrecorded)}**`] : []),
    ...(cost ? [marked`${blastRadiusSentence(cost)}`] : []),
    nextMarkdown(nextSteps(report)),
    standingMarkdown(report),
    verdictsMarkdown(verdicts),
    goalsMarkdown(goals),
    gatesMarkdown(gates),
    ...(before.length === 0 ? [] : [marked`Before that:`, list(before.map((each) => marked`${each}`))]),
    ...(unguardedFor === undefined ? [] : [marked`Unguarded for **${duration(unguardedFor)}** before this look.`]),
    headMarkdown(report),
  );
}

function decisionMarkdown({ kind, because }: Decision): Markdown {
  return blocks(marked`Decision: **${kind}**, because`, list(because.map(({ gate, sentence }) => marked`${gate}: ${sentence}`)));
}

/** A rehearsal as Markdown. */
export function rehearsalMarkdown(report: RehearsalReport): Markdown {
  const nothing = marked`A dry run: nothing was written.`;
  switch (report.would) {
    case "start":
      return blocks(
        headingMarkdown(report, "would start"),
        nothing,
        marked`The preflight found nothing against it. The flag says ${report.exposed}; the first stage would be ${report.first}.`,
      );
    case "nothing":
      return blocks(
        headingMarkdown(report, "is over"),
        nothing,
        nextMarkdown(nextSteps(report)),
        standingMarkdown(report),
        headMarkdown(report),
      );
    default:
      return blocks(
        headingMarkdown(report, `would ${report.would}`),
        nothing,
        decisionMarkdown(report.decision),
        standingMarkdown(report),
        verdictsMarkdown(report.verdicts),
        gatesMarkdown(report.gates),
        headMarkdown(report),
      );
  }
}
