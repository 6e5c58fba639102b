import type { FlagSnapshot } from "../model/flag.ts";
import type { Instant, MetricReading } from "../model/measurement.ts";
import type { Guardrail } from "../model/plan.ts";
import type { Progress, State } from "../model/state.ts";
import type { Decision, Gate, SplitCheck, Verdict } from "../model/verdict.ts";
import { describeExposure, includes, sameExposure } from "./exposure.ts";
import { blastRadius } from "./blastRadius.ts";
import { duration, count } from "./words.ts";

/** What a look found, before anything is decided. */
export interface Findings {
  at: Instant;
  flag: FlagSnapshot;
  metrics: Record<string, MetricReading>;
  verdicts: Verdict[];
  splitChecks: SplitCheck[];
  /** The plan file is not the ledger's plan. */
  planDiffers: boolean;
}

/** What every gate may look at: the state before the look, the look, and what the stage's guardrails have seen with it. */
export interface Standing extends Findings {
  state: State;
  guardrails: Guardrail[];
  progress: Record<string, Progress>;
}

/** What a gate says: how it stands and, if it may speak, what it decides. The first that decides wins. */
export interface GateResult {
  gate: Gate;
  decision?: DistributiveOmit<Extract<Decision, { kind: "pause" | "rollback" }>, "because">;
}
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** The gates of a stage in the order in which they speak. Later gates have their place by being put here. */
export const gates: ((standing: Standing) => GateResult)[] = [breach, drift, validity, data, bake, samples, verdicts, plan, pause];

function breach(standing: Standing): GateResult {
  const { state, guardrails, progress, at } = standing;
  const broken = guardrails.flatMap((guardrail) => {
    const verdict = verdictOf(standing, guardrail);
    return verdict?.verdict === "breach" && guardrail.onBreach !== "notify" ? [{ guardrail, verdict }] : [];
  });
  const earlier = state.breach && unanswered(state, state.breach.guardrails, progress, at);
  if (broken.length === 0) return earlier ?? open("breach", nothingBroken(standing));

  const sentence = broken.map(({ guardrail, verdict }) => `${guardrail.id}: ${verdict.sentence}`).join("; ");
  const failed: Gate = { gate: "breach", status: "failed", sentence };
  const harmful = broken.filter(({ verdict }) => !verdict.sharedIncident).map(({ guardrail }) => guardrail);
  const cost = blastRadius(state, progressOf(harmful, progress), at);
  if (harmful.some(({ onBreach }) => onBreach === "rollback"))
    return { gate: failed, decision: { kind: "rollback", cause: "breach", blastRadius: cost } };
  // One that only pauses does not take the place of an earlier one that rolls back.
  if (earlier?.decision) return { ...earlier, gate: { ...failed, sentence: `${earlier.gate.sentence}; ${sentence}` } };
  if (harmful.length > 0) return { gate: failed, decision: { kind: "pause", cause: "breach", blastRadius: cost } };
  return { gate: failed, decision: { kind: "pause", cause: "sharedIncident" } };
}

function nothingBroken({ state, guardrails }: Standing): string {
  if (state.stage < 0) return "nobody was exposed before";
  return guardrails.length === 0 ? "no guardrail watches this stage" : "no guardrail is broken";
}

function progressOf(guardrails: Guardrail[], progress: Record<string, Progress>): Progress[] {
  return guardrails.flatMap(({ id }) => progress[id] ?? []);
}

/** A breach that an earlier look found stands until it is rolled back or a person answers it, whatever came after. */
function unanswered(state: State, broken: string[], progress: Record<string, Progress>, at: Instant): GateResult {
  const gate: Gate = { gate: "breach", status: "failed", sentence: `the breach of ${broken.join(", ")} is not answered yet` };
  const rollsBack = state.plan.guardrails.some(({ id, onBreach }) => broken.includes(id) && onBreach === "rollback");
  if (!rollsBack) return { gate };
  const harmed = progressOf(
    state.plan.guardrails.filter(({ id }) => broken.includes(id)),
    progress,
  );
  return { gate, decision: { kind: "rollback", cause: "breach", blastRadius: blastRadius(state, harmed, at) } };
}

function drift({ state, flag }: Standing): GateResult {
  if (flag.kind === "unreadable") return waiting("drift", `the flag could not be read: ${flag.reason}`);
  if (state.intent) {
    const { purpose, to } = state.intent;
    return waiting("drift", `a change to ${describeExposure(to)} (${purpose}) is under way`);
  }
  const expected = describeExposure(state.exposure);
  if (flag.kind === "foreign")
    return drifted("drift", `the flag says something that is not of this plan: ${flag.found}; expected ${expected}`);
  const live = describeExposure(flag.exposure);
  if (sameExposure(flag.exposure, state.exposure)) return open("drift", `the flag is as the ledger says: ${live}`);
  if (includes(state.exposure, flag.exposure))
    return drifted("stoppedOutside", `the flag was lowered outside of the rollout: ${live} instead of ${expected}`);
  return drifted("drift", `the flag is more exposed than the ledger says: ${live} instead of ${expected}`);
}

function drifted(cause: "drift" | "stoppedOutside", sentence: string): GateResult {
  return { gate: { gate: "drift", status: "failed", sentence }, decision: { kind: "pause", cause } };
}

/** Groups that have not their shares were not split by chance alone: what compares them says nothing. */
function validity({ splitChecks }: Standing): GateResult {
  const broken = splitChecks.filter(({ status }) => status === "mismatch");
  if (broken.length > 0) {
    const sentence = broken.map((check) => check.sentence).join("; ");
    return { gate: { gate: "validity", status: "failed", sentence }, decision: { kind: "pause", cause: "sampleRatio" } };
  }
  return open(
    "validity",
    splitChecks.length === 0 ? "the sample ratio is not checked" : splitChecks.map((check) => check.sentence).join("; "),
  );
}

function data(standing: Standing): GateResult {
  const { state, guardrails, metrics, verdicts: all, at } = standing;
  const { hold, then } = state.plan.policy.onNoData;
  const missing = [...new Set(guardrails.map((guardrail) => guardrail.metric))].flatMap((name) => {
    const reading = metrics[name];
    if (reading?.status !== "noData" && reading?.status !== "error") return [];
    const since = state.metrics[name]?.missing?.since ?? at;
    return [{ name, since, reason: reading.reason }];
  });
  const longest = missing.reduce<(typeof missing)[number] | undefined>(
    (worst, each) => (worst && worst.since <= each.since ? worst : each),
    undefined,
  );
  if (longest) {
    // Clocks may be a little apart.
    const lasted = Math.max(0, at - longest.since);
    const sentence = `${longest.name} has no data for ${duration(lasted)}: ${longest.reason}`;
    if (lasted < hold) return waiting("data", `${sentence}; ${then} at ${duration(hold)}`);
    const failed: Gate = { gate: "data", status: "failed", sentence };
    if (then === "pause") return { gate: failed, decision: { kind: "pause", cause: "noData" } };
    return {
      gate: failed,
      decision: { kind: "rollback", cause: "noData", blastRadius: blastRadius(state, Object.values(standing.progress), at) },
    };
  }
  // Numbers were read, but they say nothing: no requests, or counts that cannot be.
  const mute = state.stage < 0 ? [] : verdictsOf(standing).filter(({ verdict }) => ["noTraffic", "noData", "error"].includes(verdict));
  if (mute.length > 0) return waiting("data", mute.map(({ sentence }) => sentence).join("; "));
  return open("data", all.length === 0 ? "nothing is measured" : "all metrics are measured");
}

function bake(standing: Standing): GateResult {
  const { state, progress, at } = standing;
  const stage = state.plan.stages[state.stage];
  if (!stage) return open("bake", "nobody was exposed before");
  if (stage.bake === 0) return open("bake", "the stage asks for no bake");
  const judged = judgeable(standing);
  const baked =
    judged.length > 0 ? Math.min(...judged.map((guardrail) => progress[guardrail.id]?.baked ?? 0)) : Math.max(0, at - state.bakeFrom);
  const how = judged.length > 0 ? "measured" : "by the clock";
  if (baked >= stage.bake) return open("bake", `baked ${duration(baked)} of ${duration(stage.bake)} ${how}`);
  return waiting("bake", `baked ${duration(baked)} of ${duration(stage.bake)} ${how}`, at + (stage.bake - baked));
}

/** Enough samples, as the stage asks for them, and as its guardrails need them to see the harm that they name. */
function samples(standing: Standing): GateResult {
  const { state, progress } = standing;
  const stage = state.plan.stages[state.stage];
  if (!stage) return open("samples", "nobody was exposed before");
  const judged = judgeable(standing).map((guardrail) => {
    const verdict = verdictOf(standing, guardrail);
    const needs = verdict?.verdict === "inconclusive" ? verdict.needs : undefined;
    return { id: guardrail.id, seen: progress[guardrail.id]?.samples ?? 0, needs };
  });
  if (judged.length === 0) return open("samples", "no guardrail can be judged here");
  const wanted = (needs: number | undefined) => (stage.minSamples === "auto" ? (needs ?? 0) : stage.minSamples);
  const [scarcest] = judged.toSorted((a, b) => a.seen - wanted(a.needs) - (b.seen - wanted(b.needs)));
  if (scarcest && scarcest.seen < wanted(scarcest.needs))
    return waiting("samples", `${count(scarcest.seen)} of ${count(wanted(scarcest.needs))} requests with the feature (${scarcest.id})`);
  return blindness(standing, judged) ?? open("samples", samplesText(judged, stage.minSamples));
}

interface Seen {
  id: string;
  seen: number;
  needs: number | undefined;
}

function samplesText(judged: Seen[], minSamples: number | "auto"): string {
  const fewest = count(Math.min(...judged.map(({ seen }) => seen)));
  if (minSamples === "auto") return `${fewest} requests with the feature, enough to see what the guardrails name`;
  return minSamples === 0 ? "no minimum is set" : `${fewest} of ${count(minSamples)} requests with the feature`;
}

/** What to do at the end of the bake about guardrails that have seen too little to find the harm that they name. */
function blindness(standing: Standing, judged: Seen[]): GateResult | undefined {
  const { state } = standing;
  const blind = judged.filter(({ seen, needs }) => needs !== undefined && seen < needs);
  if (blind.length === 0 || bake(standing).gate.status !== "open") return undefined;
  const of = blind.map(({ id, seen, needs }) => `${id} (${count(seen)} of about ${count(needs!)} requests with the feature)`).join(", ");
  const sentence = `too little was seen to find the harm that is named: ${of}`;
  if (state.goesOnBlind) return open("samples", `${sentence}; a person lets it go on`);
  switch (state.plan.policy.onBlind) {
    case "advance":
      return open("samples", `${sentence}; the policy advances`);
    case "hold":
      return waiting("samples", sentence);
    case "pause":
      return { gate: { gate: "samples", status: "failed", sentence }, decision: { kind: "pause", cause: "blind" } };
  }
}

function verdicts(standing: Standing): GateResult {
  const { state } = standing;
  if (!state.plan.stages[state.stage]) return open("verdicts", "nobody was exposed before");
  // A breach that is only told counts as undecided; any other has spoken at its own gate.
  const undecided = verdictsOf(standing).filter(
    (each) => each.verdict === "inconclusive" || (each.verdict === "breach" && guardrailOf(standing, each)?.onBreach === "notify"),
  );
  const unproven = undecided.filter((verdict) => guardrailOf(standing, verdict)?.require === "clear");
  if (unproven.length > 0) {
    return waiting(
      "verdicts",
      `not shown to be kept yet, which the plan requires: ${unproven.map((verdict) => verdict.guardrail).join(", ")}`,
    );
  }
  if (undecided.length === 0) return open("verdicts", "no guardrail is undecided");
  const sentence = `nothing found, nothing excluded: ${undecided.map((verdict) => verdict.guardrail).join(", ")}`;
  if (state.goesOnUndecided) return open("verdicts", `${sentence}; a person lets it go on`);
  switch (state.plan.policy.onInconclusive) {
    case "advance":
      return open("verdicts", `${sentence}; the policy advances`);
    case "hold":
      return waiting("verdicts", sentence);
    case "pause":
      // Not before the gates before this one are open: until then there is still something to learn.
      return gates.slice(0, gates.indexOf(verdicts)).every((gate) => gate(standing).gate.status === "open")
        ? { gate: { gate: "verdicts", status: "failed", sentence }, decision: { kind: "pause", cause: "inconclusive" } }
        : waiting("verdicts", sentence);
  }
}

function plan({ planDiffers }: Standing): GateResult {
  if (!planDiffers) return open("plan", "the plan is the ledger's");
  return waiting("plan", "the plan file differs from the plan of this run; advancing waits for `accept`");
}

function pause({ state }: Standing): GateResult {
  if (!state.pause) return open("pause", "not paused");
  const by = state.pause.cause === "person" ? "paused by a person" : "paused";
  return waiting("pause", `${by}: ${state.pause.sentence}`);
}

/** The stage's guardrails that can say something here. One that cannot neither guards nor delays. */
function judgeable(standing: Standing): Guardrail[] {
  return standing.guardrails.filter((guardrail) => verdictOf(standing, guardrail)?.verdict !== "notJudgeable");
}

function verdictsOf(standing: Standing): Verdict[] {
  return standing.guardrails.flatMap((guardrail) => verdictOf(standing, guardrail) ?? []);
}

function guardrailOf({ guardrails }: Standing, { guardrail: id }: Verdict): Guardrail | undefined {
  return guardrails.find((guardrail) => guardrail.id === id);
}

function verdictOf(standing: Standing, guardrail: Guardrail): Verdict | undefined {
  return standing.verdicts.find((verdict) => verdict.guardrail === guardrail.id);
}

function open(gate: Gate["gate"], sentence: string): GateResult {
  return { gate: { gate, status: "open", sentence } };
}

function waiting(gate: Gate["gate"], sentence: string, until?: Instant): GateResult {
  return { gate: { gate, status: "waiting", sentence, ...(until !== undefined && { until: Math.ceil(until) }) } };
}
