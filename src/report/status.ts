import { describeExposure } from "../core/exposure.ts";
import { unguardedSince } from "../core/progress.ts";
import { duration } from "../core/words.ts";
import type { FlagSnapshot } from "../model/flag.ts";
import type { Instant } from "../model/measurement.ts";
import type { LookSummary, State } from "../model/state.ts";
import type { BlastRadius } from "../model/verdict.ts";
import { blastRadiusSentence, gateLines, goalLines, headLine, standingLine, standingOf, verdictLines } from "./standing.ts";
import type { Status, StatusList } from "./status.schema.ts";
import { nextSteps } from "./step.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** Where a run stands and why. `planHash` is that of the plan file, where one was given. */
export function statusOf(state: State, now: Instant, planHash?: string): Status {
  const { lastLook, intent, plan } = state;
  const next = state.end ? undefined : plan.stages[state.stage + 1];
  const since = unguardedSince(state);
  const cost = lastLook && "blastRadius" in lastLook.decision ? lastLook.decision.blastRadius : undefined;
  return {
    schema: "rollout.status/1",
    ...standingOf(state),
    sentence: sentenceOf(state),
    startedAt: state.startedAt,
    ...(next && { next: next.name }),
    ...(intent && { underWay: { purpose: intent.purpose, to: describeExposure(intent.to), since: intent.at } }),
    ...(lastLook && { lastLook: lookOf(lastLook) }),
    ...(cost && { blastRadius: cost }),
    ...(since !== undefined && { unguardedFor: Math.max(0, now - since) }),
    planDiffers: planHash !== undefined && planHash !== state.planHash,
  };
}

function lookOf({ at, flag, gates, verdicts, goals, splitChecks }: LookSummary): NonNullable<Status["lastLook"]> {
  return { at, flag, gates, verdicts, goals, splitChecks };
}

function sentenceOf({ end, intent, pause, lastLook }: State): string {
  if (intent) return `a change to ${describeExposure(intent.to)} (${intent.purpose}) is under way: ${intent.reason}`;
  if (end) return { complete: "complete", rolledBack: "rolled back", yielded: "ended" }[end.outcome] + `: ${end.reason}`;
  if (pause) return `paused${pause.cause === "person" ? " by a person" : ""}: ${pause.sentence}`;
  if (!lastLook) return "started; nobody has looked yet";
  const because = lastLook.decision.because.map(({ sentence }) => sentence).join("; ");
  switch (lastLook.decision.kind) {
    case "hold":
      return `holding: ${because}`;
    case "advance":
      return `the last look moved it on: ${because}`;
    default:
      return `the last look decided to ${lastLook.decision.kind}: ${because}`;
  }
}

/** A status for the terminal, as of `now`. */
export function statusView(status: Status, now: Instant, style: Style = plainStyle): string {
  const { sentence, lastLook, next, unguardedFor, planDiffers, startedAt, ended } = status;
  return [
    standingLine(status, style),
    (status.paused || status.underWay ? style.yellow : style.bold)(terminalText(sentence)),
    ...nextSteps(status),
    ...(planDiffers && !ended
      ? [style.yellow("the plan file differs from the plan of this run; advancing waits for `rollout accept PLAN`")]
      : []),
    ...(next === undefined ? [] : [`next stage: ${terminalText(next)}`]),
    ...(lastLook && !ended
      ? [
          `last look ${ago(now - lastLook.at)}; the flag said ${terminalText(flagSentence(lastLook.flag))}`,
          ...gateLines(lastLook.gates, style),
        ]
      : []),
    ...(lastLook ? [...verdictLines(lastLook.verdicts, style), ...goalLines(lastLook.goals, style)] : []),
    ...(status.blastRadius ? [costText(status.blastRadius, ended)] : []),
    ...(unguardedFor === undefined ? [] : [guardText(unguardedFor, style)]),
    style.dim(`started ${ago(now - startedAt)}, plan ${status.planHash.slice(0, 12)}`),
    headLine(status, style),
    "",
  ].join("\n");
}

/** What a breach has cost, and since when it costs no more. */
function costText(cost: BlastRadius, ended: Status["ended"]): string {
  const over = ended?.outcome === "rolledBack" ? `; off for all since ${new Date(ended.at).toISOString()}` : "";
  return `${blastRadiusSentence(cost)}${over}`;
}

function guardText(unguardedFor: number, style: Style): string {
  return style.dim(`unguarded for ${duration(unguardedFor)}, since nobody has looked; every \`rollout advance\` looks`);
}

/** All rollouts of a store, a line each. */
export function statusListView({ rollouts, store }: StatusList, now: Instant, style: Style = plainStyle): string {
  if (rollouts.length === 0) return `no rollouts in ${terminalText(store)}; --store or ROLLOUT_STORE names another place\n`;
  const lines = rollouts.map((each) => {
    if ("error" in each) return `${style.bold(terminalText(each.rollout))}  ${style.red(terminalText(each.error))}`;
    const age = ageText(each, now);
    return `${standingLine(each, style)}  ${terminalText(each.sentence)}${age === undefined ? "" : style.dim(`  (${age})`)}`;
  });
  return `${lines.join("\n")}\n`;
}

function ageText({ lastLook, unguardedFor }: Status, now: Instant): string | undefined {
  if (unguardedFor !== undefined) return `unguarded for ${duration(unguardedFor)}`;
  return lastLook && `last look ${ago(now - lastLook.at)}`;
}

/** What the flag said at a look. */
export function flagSentence(flag: FlagSnapshot): string {
  switch (flag.kind) {
    case "known":
      return describeExposure(flag.exposure);
    case "foreign":
      return `something else: ${flag.found}`;
    case "unreadable":
      return `nothing: ${flag.reason}`;
    default:
      return flag satisfies never;
  }
}

/** `3 min ago`; a clock that is behind the one that wrote has not got there yet. */
export function ago(milliseconds: number): string {
  return milliseconds < 0 ? `in ${duration(-milliseconds)} by this clock` : `${duration(milliseconds)} ago`;
}
