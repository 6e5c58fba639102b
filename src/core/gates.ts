import type { FlagSnapshot } from "../model/flag.ts";
import type { Instant, MetricReading } from "../model/measurement.ts";
import type { Guardrail } from "../model/plan.ts";
import type { Progress, State } from "../model/state.ts";
import type { Decision, Gate, Verdict } from "../model/verdict.ts";
import { describeExposure, includes, sameExposure } from "./exposure.ts";
import { blastRadius } from "./blastRadius.ts";
import { duration, count } from "./words.ts";

/** What a look found, before anything is decided. */
export interface Findings {
  at: Instant;
  flag: FlagSnapshot;
  metrics: Record<string, MetricReading>;
  verdicts: Verdict[];
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
export const gates: ((standing: Standing) => GateResult)[] = [breach, drift, data, bake, samples, verdicts, plan, pause];

function breach({ state, verdicts: all, guardrails, progress, at }: Standing): GateResult {
  const broken = guardrails.flatMap((guardrail) => {
    const verdict = all.find((each) => each.guardrail === guardrail.id && each.verdict === "breach");
    return verdict && guardrail.onBreach !== "notify" ? [{ guardrail, verdict }] : [];
  });
  if (broken.length === 0) {
    if (state.breach) return unanswered(state, state.breach.guardrails, progress, at);
    return open(
      "breach",
      state.stage < 0
        ? "nobody was exposed before"
        : guardrails.length === 0
          ? "no guardrail watches this stage"
          : "no guardrail is broken",
    );
  }
  const sentence = broken.map(({ guardrail, verdict }) => `${guardrail.id}: ${verdict.sentence}`).join("; ");
  const failed: Gate = { gate: "breach", status: "failed", sentence };
  if (broken.some(({ guardrail }) => guardrail.onBreach === "rollback")) {
    const harmed = broken.map(({ guardrail }) => progress[guardrail.id]).filter((each) => each !== undefined);
    return { gate: failed, decision: { kind: "rollback", cause: "breach", blastRadius: blastRadius(state, harmed, at) } };
  }
  // One that only pauses does not take the place of an earlier one that rolls back.
  const earlier = state.breach && unanswered(state, state.breach.guardrails, progress, at);
  if (earlier?.decision) return { ...earlier, gate: { ...failed, sentence: `${earlier.gate.sentence}; ${sentence}` } };
  return { gate: failed, decision: { kind: "pause", cause: "breach" } };
}

/** A breach that an earlier look found stands until it is rolled back or a person answers it, whatever came after. */
function unanswered(state: State, broken: string[], progress: Record<string, Progress>, at: Instant): GateResult {
  const gate: Gate = { gate: "breach", status: "failed", sentence: `the breach of ${broken.join(", ")} is not answered yet` };
  const rollsBack = state.plan.guardrails.some(({ id, onBreach }) => broken.includes(id) && onBreach === "rollback");
  if (!rollsBack) return { gate };
  const harmed = broken.flatMap((id) => progress[id] ?? []);
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

function samples(standing: Standing): GateResult {
  const stage = standing.state.plan.stages[standing.state.stage];
  if (!stage || stage.minSamples === 0) return open("samples", "no minimum is set");
  const judged = judgeable(standing);
  const fewest = Math.min(...judged.map((guardrail) => standing.progress[guardrail.id]?.samples ?? 0));
  if (judged.length === 0) return open("samples", "no guardrail can be judged here");
  const sentence = `${count(fewest)} of ${count(stage.minSamples)} requests with the feature`;
  return fewest >= stage.minSamples ? open("samples", sentence) : waiting("samples", sentence);
}

function verdicts(standing: Standing): GateResult {
  const { state } = standing;
  if (!state.plan.stages[state.stage]) return open("verdicts", "nobody was exposed before");
  // A breach that is only told counts as undecided; any other has spoken at its own gate.
  const told = (id: string) => standing.guardrails.some((guardrail) => guardrail.id === id && guardrail.onBreach === "notify");
  const undecided = verdictsOf(standing).filter(
    ({ verdict, guardrail }) => verdict === "inconclusive" || (verdict === "breach" && told(guardrail)),
  );
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

function verdictOf(standing: Standing, guardrail: Guardrail): Verdict | undefined {
  return standing.verdicts.find((verdict) => verdict.guardrail === guardrail.id);
}

function open(gate: Gate["gate"], sentence: string): GateResult {
  return { gate: { gate, status: "open", sentence } };
}

function waiting(gate: Gate["gate"], sentence: string, until?: Instant): GateResult {
  return { gate: { gate, status: "waiting", sentence, ...(until !== undefined && { until: Math.ceil(until) }) } };
}
