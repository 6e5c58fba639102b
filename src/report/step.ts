import { describeExposure } from "../core/exposure.ts";
import { duration } from "../core/words.ts";
import type { Exposure } from "../model/exposure.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import type { Decision, Gate, GoalVerdict, Verdict } from "../model/verdict.ts";
import {
  blastRadiusSentence,
  gateLines,
  goalLines,
  headLine,
  standingLine,
  standingOf,
  unrecordedSentence,
  verdictLines,
} from "./standing.ts";
import type { WithoutLedger } from "./standing.schema.ts";
import type { RehearsalReport, StepReport } from "./step.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** What a step came to, as the engine says it. */
interface Step {
  result: { outcome: StepReport["outcome"]; decision?: Decision; reason?: string; unrecorded?: WithoutLedger };
  state: State;
  look?: { data: { gates: Gate[]; verdicts: Verdict[]; goals: GoalVerdict[] } };
  unguardedFor?: number;
}

/** The result of a step. */
export function stepReport({ result, state, look, unguardedFor }: Step, schema: StepReport["schema"]): StepReport {
  return {
    schema,
    ...standingOf(state),
    outcome: result.outcome,
    sentence: sentenceOf(result, state),
    ...(result.decision && { decision: result.decision }),
    gates: look?.data.gates ?? [],
    verdicts: look?.data.verdicts ?? [],
    goals: look?.data.goals ?? [],
    ...(result.unrecorded && { unrecorded: result.unrecorded }),
    ...(unguardedFor !== undefined && unguardedFor > Math.max(2 * state.plan.policy.poll, SHORT) && { unguardedFor }),
  };
}

/** Shorter than this is no gap that anybody wants to hear of, in milliseconds. */
const SHORT = 60_000;

function sentenceOf({ outcome, decision, reason }: Step["result"], state: State): string {
  const because = decision?.because.map((each) => each.sentence).join("; ") ?? "";
  switch (outcome) {
    case "advanced":
      return `advanced to ${describeStage(state)}: ${because}`;
    case "complete":
      return `complete at ${describeExposure(state.exposure)}: ${because}`;
    case "paused":
      return `paused: ${because}`;
    case "rolledBack":
      return `rolled back, the feature is off for everybody: ${because}`;
    case "holding":
      return `holding: ${because}`;
    case "pausedBefore":
      return `paused${state.pause?.cause === "person" ? " by a person" : ""}, guarding goes on: ${state.pause?.sentence ?? because}`;
    case "finishedRollback":
      return `rolled back, the feature is off for everybody: ${state.end?.reason ?? "a rollback was under way"}`;
    case "ended":
      return `the run is over, ${endedAs(state)}; nothing was done`;
    case "lost":
      return "somebody else wrote the ledger at the same time; nothing was done";
    case "abandoned":
      return `the stage was not moved: ${reason ?? ""}`;
    default:
      return outcome satisfies never;
  }
}

function endedAs({ end }: State): string {
  return end?.outcome === "rolledBack" ? "rolled back" : end?.outcome === "yielded" ? "given up for another rollout" : "complete";
}

function describeStage({ plan, stage, exposure }: State): string {
  return plan.stages[stage]?.name ?? describeExposure(exposure);
}

/** A step for the terminal. */
export function stepView(report: StepReport, style: Style = plainStyle): string {
  const { outcome, decision, gates, verdicts, goals, unguardedFor, unrecorded } = report;
  return [
    standingLine(report, style),
    colourOf(outcome, style)(terminalText(headline(report))),
    ...(unrecorded ? [style.red(terminalText(unrecordedSentence(unrecorded)))] : []),
    ...(decision && "blastRadius" in decision && decision.blastRadius ? [blastRadiusSentence(decision.blastRadius)] : []),
    ...verdictLines(verdicts, style),
    ...goalLines(goals, style),
    ...(unguardedFor === undefined ? [] : [style.yellow(`unguarded for ${duration(unguardedFor)} before this look`)]),
    ...nextSteps(report),
    ...(gates.some(({ gate, status }) => gate === "plan" && status === "waiting")
      ? ["next: `rollout accept PLAN` makes the file the plan of the run"]
      : []),
    headLine(report, style),
    "",
  ].join("\n");
}

/** The sentence, without the reasons that stand in the verdicts below it. */
function headline({ outcome, sentence, verdicts }: StepReport): string {
  const told = outcome === "rolledBack" && verdicts.some(({ verdict }) => verdict === "breach");
  return told ? "rolled back: the feature is off for everybody" : sentence;
}

function colourOf(outcome: StepReport["outcome"], style: Style): (text: string) => string {
  if (outcome === "advanced" || outcome === "complete") return style.green;
  if (outcome === "rolledBack" || outcome === "finishedRollback") return style.red;
  return outcome === "paused" || outcome === "pausedBefore" || outcome === "abandoned" ? style.yellow : (text) => text;
}

/** What a person can do now, where it is their turn. */
export function nextSteps({ rollout, ended, paused }: Pick<StepReport, "rollout" | "ended" | "paused">): string[] {
  if (ended?.outcome === "complete") {
    return ["next: make the treatment the default of the flag, remove the old path from the code, then delete the flag"];
  }
  if (ended) return [`next: mend the feature, then begin again with \`rollout restart ${rollout} --reason "…"\``];
  if (!paused) return [];
  switch (paused.cause) {
    case "breach":
      return [
        `next: \`rollout rollback ${rollout}\`, or go on in spite of it with \`rollout resume ${rollout} --despite-breach --reason "…"\``,
      ];
    case "drift":
    case "stoppedOutside":
      return [`next: \`rollout resume ${rollout} --adopt\` takes over what the flag says, \`--restore\` writes what the ledger says`];
    case "sharedIncident":
      return [`next: when the incident is over, \`rollout resume ${rollout}\`: what it broke begins again; guarding goes on meanwhile`];
    case "sampleRatio":
      return [
        `next: find out why the groups have not their shares; \`rollout resume ${rollout}\` counts anew from then on, guarding goes on meanwhile`,
      ];
    case "blind":
      return [`next: \`rollout resume ${rollout}\` goes on without seeing what the guardrails name; guarding goes on with every look`];
    default:
      return [`next: \`rollout resume ${rollout}\` when it may go on; guarding goes on with every look`];
  }
}

/** What a rehearsal found, as the engine says it. */
type Rehearsed =
  | { kind: "starts"; beginning: { exposure: Exposure; stage: number } }
  | { kind: "ended"; state: State }
  | { kind: "looks"; state: State; look: { data: { decision: Decision; gates: Gate[]; verdicts: Verdict[] } } };

/** The result of a rehearsal. `plan` is that of the file, for a rollout that is new. */
export function rehearsalReport(rehearsed: Rehearsed, plan: Plan | undefined): RehearsalReport {
  const schema = "rollout.advance-dry-run/1";
  switch (rehearsed.kind) {
    case "starts": {
      const { exposure, stage } = rehearsed.beginning;
      const first = plan?.stages[stage + 1]?.name ?? "nothing: the flag shows the last stage";
      return { schema, would: "start", rollout: plan?.rollout ?? "", exposed: describeExposure(exposure), first };
    }
    case "ended":
      return { schema, would: "nothing", ...standingOf(rehearsed.state) };
    case "looks": {
      const { decision, gates, verdicts } = rehearsed.look.data;
      return { schema, would: decision.kind, ...standingOf(rehearsed.state), decision, gates, verdicts };
    }
    default:
      return rehearsed satisfies never;
  }
}

/** A rehearsal for the terminal. */
export function rehearsalView(report: RehearsalReport, style: Style = plainStyle): string {
  const lines = ["Dry run: nothing was written."];
  switch (report.would) {
    case "start":
      lines.push(
        `${style.bold(report.rollout)} would start: the preflight found nothing against it`,
        `the flag says ${terminalText(report.exposed)}; the first stage would be ${terminalText(report.first)}`,
      );
      break;
    case "nothing":
      lines.push(standingLine(report, style), "the run is over: nothing would be done", ...nextSteps(report));
      break;
    default:
      lines.push(
        standingLine(report, style),
        `would ${report.decision.kind}: ${terminalText(report.decision.because.map(({ sentence }) => sentence).join("; "))}`,
        ...verdictLines(report.verdicts, style),
        ...gateLines(report.gates, style),
      );
  }
  return `${lines.join("\n")}\n`;
}
