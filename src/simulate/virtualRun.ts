import { evolve } from "../core/evolve.ts";
import { union } from "../core/exposure.ts";
import { lookAt } from "../core/look.ts";
import type { EntryData, Statement } from "../model/entry.ts";
import { OFF } from "../model/exposure.ts";
import type { Judge } from "../model/judge.ts";
import type { Baseline, Instant, MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";

/**
 * A rollout on a virtual clock: the state is folded and the looks are decided by what the engine itself uses, on readings
 * that somebody hands in. Nothing is stored, so entries have neither a hash nor an author.
 */

/** What one look of a virtual run reads. */
export interface VirtualLook {
  at: Instant;
  metrics: Record<string, MetricReading>;
  /** What metrics were before the run, by `baselineKey`; a text says why it is not known. */
  baselines?: Record<string, Baseline | string>;
  /** Why the flag could not be read, where it could not; else it is as it should be. */
  flagUnreadable?: string;
}

/** A look, and the state after it. What was decided is not carried out yet. */
export interface Looked {
  state: State;
  data: EntryData["look"];
}

/** A run begins at a stage of its plan; at −1 nobody has the feature. */
export function beginVirtualRun(plan: Plan, at: Instant, stage = -1): State {
  const exposure = plan.stages[stage]?.exposure ?? OFF;
  const data = { plan, planHash: "", folder: "", exposure, stage, adopted: stage >= 0, metrics: {} };
  return entered(undefined, at, { kind: "started", data });
}

/** Judges and decides one look. */
export function takeVirtualLook(state: State, { at, metrics, baselines = {}, flagUnreadable }: VirtualLook, judge: Judge): Looked {
  const flag =
    flagUnreadable === undefined
      ? ({ kind: "known", exposure: state.exposure, revision: "" } as const)
      : ({ kind: "unreadable", reason: flagUnreadable } as const);
  const data = lookAt(state, { at, flag, metrics, baselines, planDiffers: false }, judge);
  return { state: entered(state, at, { kind: "look", data }), data };
}

/** The flag is changed to what a stage exposes; the change was under way from `from` to `at`. */
export function moveVirtualRun(state: State, stage: number, at: Instant, from: Instant = at): State {
  const { name, exposure } = state.plan.stages[stage]!;
  // As in the engine: who is in stays in.
  const to = union(state.exposure, exposure);
  const data = { purpose: "advance", from: state.exposure, to, stage, deadline: at, reason: `stage ${name}` } as const;
  const intended = entered(state, from, { kind: "intent", data });
  return entered(intended, at, { kind: "applied", data: { intent: intended.head.seq, revision: "", recovered: false } });
}

const NOBODY = { who: "", where: "" };

function entered(state: State | undefined, at: Instant, statement: Statement): State {
  const seq = (state?.head.seq ?? 0) + 1;
  const rollout = statement.kind === "started" ? statement.data.plan.rollout : state!.rollout;
  return evolve(state, { seq, prev: "", id: "", rollout, run: 1, at, actor: NOBODY, ...statement }, "");
}
