import { count, duration } from "../core/words.ts";
import type { Preview, StagePreview } from "./explain.schema.ts";

/** What views of a preview say in the same words. Nothing here is escaped for any medium yet. */

const inconclusive: Record<Preview["policy"]["onInconclusive"], string> = {
  advance: "advances when nothing was found",
  hold: "holds while a guardrail is inconclusive",
  pause: "pauses when a guardrail is inconclusive",
};

const blind: Record<Preview["policy"]["onBlind"], string> = {
  advance: "advances even where",
  hold: "holds while",
  pause: "pauses where",
};

/** What the plan's policy comes to. */
export function policySentences({ policy, sampleRatio, heartbeat }: Preview): string[] {
  const { falseRollback, poll, onInconclusive, onBlind, onNoData } = policy;
  return [
    `at most ${Number((falseRollback * 100).toPrecision(6))}% false rollbacks; a look every ${duration(poll)}; ${inconclusive[onInconclusive]}`,
    `${blind[onBlind]} a stage has seen too little to show the harm that its guardrails name`,
    `without data it holds for ${duration(onNoData.hold)}, then it ${onNoData.then === "pause" ? "pauses" : "rolls back"}`,
    sampleRatio,
    ...(heartbeat ? ["after every look that was recorded it calls the heartbeat's address"] : []),
  ];
}

/** How a change of the flag comes about. */
export function changesText({ writeWithin, propagation }: Preview["flag"]): string {
  return `written within ${duration(writeWithin)}, seen by every client ${propagation === 0 ? "at once" : `after ${duration(propagation)}`}`;
}

/** How many treated requests a stage waits for. */
export function samplesText(minSamples: StagePreview["minSamples"]): string {
  if (minSamples === "auto") return ", and as many treated requests as show the harm that each guardrail names";
  return minSamples > 0 ? `, and ${count(minSamples)} treated requests for each guardrail` : "";
}

/** About how many users and requests a stage has, where the plan tells. */
export function aboutTexts({ users, requestsPerMinute }: StagePreview, { audience: { eligible, exclude } }: Preview): string[] {
  const about = eligible === undefined && exclude.length === 0 ? "about" : "at most about";
  return [
    ...(users === undefined ? [] : [`${about} ${count(users)} users`]),
    ...(requestsPerMinute === undefined ? [] : [`${about} ${roundAmount(requestsPerMinute)} requests/min`]),
  ];
}

/** When something can be at the earliest. */
export function earliestText(milliseconds: number): string {
  return milliseconds === 0 ? "at once" : `after ${duration(milliseconds)} at the earliest`;
}

/** Large amounts whole, small ones with what matters of them. */
export function roundAmount(value: number): string {
  return value >= 100 ? count(value) : String(Number(value.toPrecision(2)));
}

/** What decides in which bucket somebody is. */
export function bucketedText({ unit }: Preview["flag"]): string {
  return unit ?? "what the flag system buckets by itself (an SDK's targeting key)";
}

/** Who signs what is recorded; nothing where nobody does. */
export function signedText({ ledger }: Preview): string | undefined {
  return ledger && `signed with ${ledger.signingKey} by whoever can read it`;
}
