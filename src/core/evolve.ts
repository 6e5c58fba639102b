import type { Entry, EntryOf } from "../model/entry.ts";
import { OFF, type Exposure } from "../model/exposure.ts";
import type { FlagReading } from "../model/flag.ts";
import type { Judge } from "../model/judge.ts";
import type { Baseline, Instant, MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { ChangeWindow, MetricState, State } from "../model/state.ts";
import { sameExposure, isOff } from "./exposure.ts";
import { goalKey, isSplitKey, splitKey } from "./evidence.ts";
import { evidenceAfter } from "./look.ts";
import { changedGuardrails } from "./planChange.ts";
import { freshStage, progressAfter } from "./progress.ts";
import { besideMeasured, onTimelineOf } from "./time.ts";

/** Changes older than every interval still to be measured are forgotten; this many are kept at the most. */
const MOST_CHANGES = 20;

/**
 * The state after one more entry. Pure: what an entry says is taken as it stands, nothing that was decided is judged anew,
 * so a ledger reads the same under every later version.
 *
 * @param hash SHA-256 of the entry's stored bytes
 * @param judge folds the evidence of looks that were stored without; whoever only shows a ledger does without it
 */
export function evolve(before: State | undefined, entry: Entry, hash: string, judge?: Judge): State {
  const checkpointAt = entry.checkpoint ? entry.seq : entry.checkpointAt;
  const position = { head: { seq: entry.seq, hash }, ...(checkpointAt !== undefined && { checkpointAt }) };
  if (entry.kind === "started") return { ...begun(before, entry), ...position };
  if (!before) throw new Error(`entry ${entry.seq} (${entry.kind}) stands before any run was started`);
  const after = { ...changed(onTimelineOf(before, entry.at), entry), ...position };
  if (entry.kind !== "look" || entry.data.evidence || !judge) return after;
  return { ...after, evidence: { ...after.evidence, ...evidenceAfter(before, entry.data, judge) } };
}

function changed(state: State, entry: Exclude<Entry, { kind: "started" }>): State {
  switch (entry.kind) {
    case "look":
      return afterLook(state, entry);
    case "intent":
      return afterIntent(state, entry);
    case "applied":
      return afterApplied(state, entry);
    case "abandoned":
      if (state.intent?.seq !== entry.data.intent) return state;
      return withoutIntent(entry.data.mayLand ? mayStillLand(state, state.intent) : state);
    case "repaired":
      if (state.intent?.seq !== entry.data.intent) return state;
      return withoutIntent(landed(state, entry.data.found), spreadUntil(state, entry.at));
    case "spooled":
      return afterSpooled(state, entry);
    case "paused":
      return { ...state, pause: { cause: "person", sentence: entry.data.reason, at: entry.at, seq: entry.seq } };
    case "resumed":
      return afterResumed(state, entry);
    case "planChanged":
      return afterPlanChanged(state, entry);
    case "judgeChanged":
      return afterJudgeChanged(state, entry);
    case "ended":
      return { ...state, end: { outcome: entry.data.outcome, reason: entry.data.reason, at: entry.at } };
    default:
      return entry satisfies never;
  }
}

function begun(before: State | undefined, { at, run, rollout, data }: EntryOf<"started">): Omit<State, "head"> {
  const exposed = !isOff(data.exposure);
  return {
    rollout,
    run,
    at,
    timelines: [],
    plan: data.plan,
    planHash: data.planHash,
    folder: data.folder,
    budgets: 0,
    startedAt: at,
    stage: data.stage,
    exposure: data.exposure,
    bakeFrom: at,
    ...(exposed && { firstExposedAt: at }),
    changes: [],
    ...(before?.spooled && { spooled: before.spooled }),
    late: (before?.intent ? mayStillLand(before, before.intent) : before)?.late ?? [],
    metrics: afterReadings({}, data.metrics, at),
    progress: {},
    evidence: {},
    baselines: {},
  };
}

function afterLook(state: State, { seq, at, data }: EntryOf<"look">): State {
  const broken = data.verdicts.filter(({ verdict, guardrail }) => verdict === "breach" && answersBreach(state, guardrail));
  const harmful = broken.filter(({ sharedIncident }) => !sharedIncident).map(({ guardrail }) => guardrail);
  const shared = broken.filter(({ sharedIncident }) => sharedIncident).map(({ guardrail }) => guardrail);
  const { flag, judge, verdicts, goals, splitChecks, gates, decision } = data;
  const progress = Object.fromEntries(
    state.plan.guardrails.map((guardrail) => [guardrail.id, progressAfter(state, guardrail, data.metrics[guardrail.metric])]),
  );
  const next: State = {
    ...state,
    metrics: afterReadings(state.metrics, data.metrics, at),
    progress,
    evidence: { ...state.evidence, ...data.evidence },
    baselines: { ...state.baselines, ...measuredOf(data.baselines) },
    judge,
    lastLook: { seq, at, flag, verdicts, goals, splitChecks, gates, decision },
  };
  if (shared.length > 0) next.shared = [...new Set([...(state.shared ?? []), ...shared])];
  const known = state.breach?.guardrails ?? [];
  const found = harmful.filter((id) => !known.includes(id));
  if (found.length > 0) next.breach = { guardrails: [...known, ...found], at: state.breach?.at ?? at };
  if (decision.kind === "pause")
    next.pause = { cause: decision.cause, sentence: decision.because.map((each) => each.sentence).join("; "), at, seq };
  return { ...next, changes: stillMeasured(next) };
}

/** What is known now of the time before the run; what was not known may be asked for again. */
function measuredOf(baselines: EntryOf<"look">["data"]["baselines"]): State["baselines"] {
  return Object.fromEntries(Object.entries(baselines).filter((entry): entry is [string, Baseline] => typeof entry[1] !== "string"));
}

function answersBreach(state: State, id: string): boolean {
  return state.plan.guardrails.some((guardrail) => guardrail.id === id && guardrail.onBreach !== "notify");
}

function afterReadings(
  before: Record<string, MetricState>,
  readings: Record<string, MetricReading>,
  at: Instant,
): Record<string, MetricState> {
  const metrics = { ...before };
  for (const [name, reading] of Object.entries(readings)) {
    const old = metrics[name];
    switch (reading.status) {
      case "measured":
      case "baseline":
        metrics[name] = {
          through: reading.through,
          ...(reading.cursor !== undefined && { cursor: reading.cursor }),
          ...boundsAfter(old, reading.bounds),
        };
        break;
      case "noData":
      case "error":
        metrics[name] = { through: at, ...old, missing: { since: old?.missing?.since ?? at, reason: reading.reason } };
        break;
      case "notYet":
        break;
      default:
        reading satisfies never;
    }
  }
  return metrics;
}

/** Bounds are told once, and again when they are others. */
function boundsAfter(old: MetricState | undefined, bounds: number[] | undefined): Pick<MetricState, "bounds"> {
  const known = bounds ?? old?.bounds;
  return known ? { bounds: known } : {};
}

function afterIntent(state: State, { seq, at, data }: EntryOf<"intent">): State {
  const overtaken = state.intent;
  const overtook = overtaken ? [...overtaken.overtook, { to: overtaken.to, deadline: overtaken.deadline }] : [];
  const next = overtaken ? mayStillLand(state, overtaken) : state;
  return {
    ...next,
    intent: {
      seq,
      at,
      purpose: data.purpose,
      from: data.from,
      to: data.to,
      stage: data.stage,
      deadline: data.deadline,
      reason: data.reason,
      overtook,
    },
    changes: [...next.changes, { from: besideMeasured(state, at) }].slice(-MOST_CHANGES),
  };
}

function afterApplied(state: State, { at, data }: EntryOf<"applied">): State {
  const { intent } = state;
  if (!intent || intent.seq !== data.intent) return state;
  const settled = withoutIntent(state, spreadUntil(state, at));
  const next: State = {
    ...settled,
    exposure: intent.to,
    bakeFrom: at + state.plan.flag.propagation,
    progress: freshStage(state.progress),
  };
  if (intent.purpose === "advance") {
    next.stage = intent.stage;
    delete next.goesOnUndecided;
    delete next.goesOnBlind;
    next.firstExposedAt ??= intent.at;
  }
  if (intent.purpose === "rollback") {
    next.stage = -1;
    next.end = { outcome: "rolledBack", reason: intent.reason, at };
  }
  return next;
}

/** As many are remembered: the spool of one machine has no more for one rollout. */
const MOST_SPOOLED = 20;

function afterSpooled(state: State, { at, data }: EntryOf<"spooled">): State {
  const known: State = { ...state, spooled: [...(state.spooled ?? []), data.id].slice(-MOST_SPOOLED) };
  if (!data.stands || state.end?.outcome === "rolledBack") return known;
  // Whoever had a change under way knew nothing of it.
  const settled = withoutIntent(state.intent ? mayStillLand(known, state.intent) : known, spreadUntil(state, at));
  return {
    ...settled,
    exposure: OFF,
    stage: -1,
    bakeFrom: at + state.plan.flag.propagation,
    progress: freshStage(state.progress),
    end: { outcome: "rolledBack", reason: data.reason, at },
  };
}

function afterResumed(state: State, { at, data }: EntryOf<"resumed">): State {
  const { pause, ...resumed } = state;
  // A patience that ran out begins again, else the next look would pause at once for the same old reason.
  const metrics = Object.fromEntries(Object.entries(state.metrics).map(([name, { missing: __, ...metric }]) => [name, metric]));
  let next: State = {
    ...withoutShared(resumed),
    metrics,
    ...(pause?.cause === "inconclusive" && { goesOnUndecided: true as const }),
    ...(pause?.cause === "blind" && { goesOnBlind: true as const }),
  };
  // A person has seen to the split: the users that were counted until then say nothing of it any more.
  if (pause?.cause === "sampleRatio") next.evidence = without(next.evidence, Object.keys(next.evidence).filter(isSplitKey));
  if (data.mode === "adopt" && data.exposure && data.stage !== undefined) {
    next = { ...next, exposure: data.exposure, stage: data.stage, bakeFrom: at, progress: freshStage(state.progress) };
    if (!isOff(data.exposure)) next.firstExposedAt ??= at;
  }
  if (data.despiteBreach && next.breach) {
    const { breach, ...answered } = next;
    next = {
      ...answered,
      evidence: without(next.evidence, breach.guardrails),
      progress: without(next.progress, breach.guardrails),
      budgets: next.budgets + 1,
    };
  }
  return next;
}

/** What an incident of everybody broke begins again, with a share of the budget of its own. */
function withoutShared({ shared, ...state }: State): State {
  if (!shared) return state;
  return { ...state, evidence: without(state.evidence, shared), budgets: state.budgets + 1 };
}

function afterJudgeChanged(state: State, { data: { to, restarted } }: EntryOf<"judgeChanged">): State {
  return {
    ...state,
    judge: to,
    evidence: without(state.evidence, restarted),
    budgets: state.budgets + (restarted.length > 0 ? 1 : 0),
  };
}

function afterPlanChanged(state: State, { at, data }: EntryOf<"planChanged">): State {
  const { plan, planHash } = data;
  if (data.by === "words") return { ...state, plan, planHash };
  const renewed = changedGuardrails(state.plan, plan);
  const remeasured = Object.keys(state.metrics).filter(
    (name) => JSON.stringify(state.plan.metrics[name]) !== JSON.stringify(plan.metrics[name]),
  );
  const settled = without(state.metrics, remeasured);
  const has = ({ goals }: Plan, id: string) => goals.some((goal) => goal.id === id);
  const goals = [...state.plan.goals, ...plan.goals]
    .filter(({ id, metric }) => !has(state.plan, id) || !has(plan, id) || remeasured.includes(metric))
    .map(({ id }) => goalKey(id));
  const anew = [...renewed, ...goals, ...remeasured.map(splitKey)];
  const before = Object.keys(state.baselines).filter((key) => remeasured.some((name) => key.startsWith(`${name} `)));
  const { goesOnUndecided: _, goesOnBlind: __, ...asked } = state;
  return {
    ...asked,
    plan,
    planHash,
    stage: data.stage,
    bakeFrom: Math.max(at, state.bakeFrom),
    budgets: state.budgets + (renewed.length > 0 ? 1 : 0),
    metrics: settled,
    evidence: without(state.evidence, anew),
    baselines: without(state.baselines, before),
    progress: freshStage(without(state.progress, renewed)),
  };
}

/** Until when, beside what was measured, a change that was written at `at` is on its way to everybody. */
function spreadUntil(state: State, at: Instant): Instant {
  return besideMeasured(state, at) + state.plan.flag.propagation;
}

function withoutIntent(state: State, until: Instant = besideMeasured(state, state.at)): State {
  const { intent, ...rest } = state;
  if (!intent) return rest;
  // The clock that settles a change may be a little behind the one that began it.
  const settled = ({ from }: ChangeWindow) => ({ from, until: Math.max(from, until) });
  return { ...rest, changes: state.changes.map((change) => (change.until === undefined ? settled(change) : change)) };
}

function mayStillLand(state: State, { seq, to }: { seq: number; to: Exposure }): State {
  // Off is never taken for a late write of our own: it may be somebody's emergency, and nothing may undo that.
  if (isOff(to)) return state;
  return { ...state, late: [...state.late, { intent: seq, to }] };
}

/** A write lands once: what was put back is expected no more. */
function landed(state: State, found: FlagReading): State {
  const index = state.late.findIndex(({ to }) => found.kind === "known" && sameExposure(to, found.exposure));
  return index < 0 ? state : { ...state, late: state.late.toSpliced(index, 1) };
}

/** Changes that reach into an interval that some metric has still to measure. */
function stillMeasured(state: State): State["changes"] {
  const measured = Math.min(...Object.values(state.metrics).map((metric) => metric.through));
  return state.changes.filter((change) => change.until === undefined || change.until > measured);
}

function without<T>(record: Record<string, T>, names: string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}
