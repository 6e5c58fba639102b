import { RolloutError } from "../errors.ts";
import { describeExposure, isOff, sameExposure } from "../core/exposure.ts";
import { acceptable, planChanges } from "../core/planChange.ts";
import { openRollout, running, stateOf, targetOf, unknownRollout, type Engine, type Running } from "./context.ts";
import { afterUnrecorded, recordSpooled, rollBackUnrecorded, withinReach, type Unrecorded } from "./emergency.ts";
import { isRead, snapshotFlag } from "./flag.ts";
import type { Ledger } from "./ledger.ts";
import { reconcile } from "./reconcile.ts";
import { rollBack } from "./rollback.ts";
import { lastStageWithin, startRun, type PlanFile } from "./start.ts";
import { changeExposure } from "./transition.ts";
import type { State } from "../model/state.ts";

/** What a person asked for and what came of it. */
export interface Asked {
  /** Whether anything was done; false when it was so already. */
  done: boolean;
  sentence: string;
  state: State;
  /** It was done without the ledger, which could not be reached; `state` is what it comes to when it is recorded. */
  unrecorded?: Unrecorded;
}

/** Stops advancing until somebody resumes. Guarding goes on. */
export async function pause(engine: Engine, name: string, reason: string): Promise<Asked> {
  const ledger = await openKnown(engine, name);
  refuseEnded(stateOf(ledger), "paused");
  const entry = await ledger.append((state) => (state && !state.pause && !state.end ? { kind: "paused", data: { reason } } : undefined));
  return {
    done: entry !== undefined,
    sentence: entry ? "paused; guarding goes on with every look" : "it is paused already",
    state: stateOf(ledger),
  };
}

export interface ResumeOptions {
  /** Take over the exposure that the flag has now. */
  adopt: boolean;
  /** Write the exposure that the ledger says. */
  restore: boolean;
  despiteBreach: boolean;
  reason?: string;
}

/** Lets a paused rollout go on, or says what has to be decided first. */
export async function resume(engine: Engine, name: string, options: ResumeOptions): Promise<Asked> {
  const ledger = await openKnown(engine, name);
  refuseEnded(stateOf(ledger), "resumed");
  const run = running(engine, ledger);
  const flag = await reconcile(run);
  refuseEnded(run.state, "resumed");
  const { state } = run;
  const base = state.head.hash;
  if (!state.pause) return { done: false, sentence: "it is not paused", state };
  if (state.breach && !options.despiteBreach) {
    throw new RolloutError("refused", `it was paused by a breach of ${state.breach.guardrails.join(", ")}`, {
      hint: `Roll it back (rollout rollback ${name}), or go on in spite of it with --despite-breach --reason "…": the guardrail's evidence begins again.`,
    });
  }
  if (options.despiteBreach && !options.reason) {
    throw new RolloutError("usage", "--despite-breach needs --reason", { hint: "The reason stands in the ledger beside the breach." });
  }
  if (!isRead(flag))
    throw new RolloutError("unreachable", `the flag could not be read: ${flag.reason}`, {
      hint: "Nothing was changed. Try again when it answers.",
    });

  const asExpected = flag.kind === "known" && sameExposure(flag.exposure, state.exposure);
  const live = flag.kind === "known" ? describeExposure(flag.exposure) : flag.found;
  if (!asExpected && !options.adopt && !options.restore) {
    throw new RolloutError("refused", `the flag says ${live}, the ledger ${describeExposure(state.exposure)}`, {
      hint: "Take the flag's exposure over with --adopt, or write the ledger's with --restore.",
    });
  }
  if (options.adopt && flag.kind === "foreign") {
    throw new RolloutError("refused", `what the flag says is no exposure of this plan, so it cannot be adopted: ${flag.found}`, {
      hint: "Write the ledger's exposure with --restore.",
    });
  }
  const mode = asExpected ? "plain" : options.adopt ? "adopt" : "restore";
  const adopted =
    mode === "adopt" && flag.kind === "known" ? { exposure: flag.exposure, stage: lastStageWithin(state.plan, flag.exposure) } : {};
  const entry = await ledger.append((now) =>
    now?.head.hash === base
      ? {
          kind: "resumed",
          data: {
            mode,
            despiteBreach: options.despiteBreach && state.breach !== undefined,
            ...(options.reason !== undefined && { reason: options.reason }),
            ...adopted,
          },
        }
      : undefined,
  );
  if (!entry) throw lostRace(name);
  if (mode === "restore") await restore(run, run.state.head.hash, flag);
  const how = { plain: "resumed", adopt: "resumed with the flag's exposure", restore: "resumed, the flag restored" }[mode];
  return { done: true, sentence: `${how}: ${describeExposure(run.state.exposure)}`, state: run.state };
}

async function restore(run: Running, base: string, found: Parameters<typeof changeExposure>[1]["found"]): Promise<void> {
  const { state } = run;
  const changed = await changeExposure(run, {
    purpose: "restore",
    to: state.exposure,
    stage: state.stage,
    reason: "restored by a person",
    found,
    base,
  });
  if (changed.outcome === "applied") return;
  throw new RolloutError(
    "refused",
    `the flag could not be restored: ${changed.outcome === "abandoned" ? changed.reason : "somebody else was quicker"}`,
    {
      hint: `See \`rollout status ${run.ledger.name}\` and try again.`,
    },
  );
}

/** Makes a changed plan file the plan of the run. */
export async function accept(engine: Engine, { plan, hash }: PlanFile): Promise<Asked> {
  const ledger = await openKnown(engine, plan.rollout);
  const state = stateOf(ledger);
  refuseEnded(state, "given another plan");
  if (state.planHash === hash) return { done: false, sentence: "the plan file is the plan of the run", state };
  if (state.intent) {
    throw new RolloutError("refused", "a change of exposure is under way", {
      hint: "Let the next `rollout advance` settle it, then accept.",
    });
  }
  if (state.breach) {
    // Its guardrail may not be in the new plan any more: a breach is answered as a breach.
    throw new RolloutError("refused", `the breach of ${state.breach.guardrails.join(", ")} is not answered yet`, {
      hint: `Roll it back (rollout rollback ${plan.rollout}), or go on in spite of it (rollout resume ${plan.rollout} --despite-breach --reason "…"), then accept.`,
    });
  }
  const matched = acceptable(state.plan, plan, state.stage);
  if ("refusals" in matched) {
    throw new RolloutError("refused", `this plan cannot be taken over during the run:\n  ${matched.refusals.join("\n  ")}`, {
      hint: `Undo these changes, or end the run (rollout rollback ${plan.rollout}) and begin another with \`rollout restart\`.`,
    });
  }
  const changes = planChanges(state.plan, plan);
  const entry = await ledger.append((now) =>
    now?.head.hash === state.head.hash
      ? { kind: "planChanged", data: { plan, planHash: hash, by: "person", changes, stage: matched.stage } }
      : undefined,
  );
  if (!entry) throw lostRace(plan.rollout);
  return { done: true, sentence: `accepted: ${changes.join(", ")}`, state: stateOf(ledger) };
}

/** A rollback that was done by the plan file alone: what the ledger holds is not known. */
export interface RolledBackBlind extends Unrecorded {
  rollout: string;
  flag: string;
}

/**
 * Turns the feature off for everybody, now, whatever state the rollout is in.
 *
 * @param file the plan file, by which it is done where the ledger cannot be reached
 */
export async function rollbackNow(engine: Engine, name: string, reason: string, file?: PlanFile): Promise<Asked | RolledBackBlind> {
  const ledger = await withinReach(engine, () => openKnown(engine, name));
  if (ledger instanceof RolloutError) return rollBackBlind(engine, name, reason, file, ledger);
  const run = running(engine, ledger);
  if (run.state.end?.outcome === "rolledBack" && !run.state.intent) {
    const flag = await snapshotFlag(run);
    if (flag.kind === "known" && isOff(flag.exposure))
      return { done: false, sentence: "it is rolled back already, and the flag is off", state: run.state };
  }
  const unrecorded = await rollBack(run, reason);
  const off = "rolled back: the feature is off for everybody";
  if (!unrecorded) return { done: true, sentence: off, state: run.state };
  return { done: true, sentence: `${off}; that is NOT RECORDED yet`, state: afterUnrecorded(run.state, unrecorded), unrecorded };
}

async function rollBackBlind(
  engine: Engine,
  rollout: string,
  reason: string,
  file: PlanFile | undefined,
  cause: RolloutError,
): Promise<RolledBackBlind> {
  if (!file) {
    throw new RolloutError("rollbackFailed", `nothing was turned off, the feature may be exposed: ${cause.message}`, {
      cause,
      hint: "Give the plan file instead of the name: then the flag is turned off without the ledger.",
    });
  }
  const { plan, folder } = file;
  const off = { engine, rollout, flag: engine.connectFlag(plan, folder), target: targetOf(plan) };
  return { ...(await rollBackUnrecorded(off, { reason, cause })), rollout, flag: plan.flag.key };
}

/** Begins the next run of an ended rollout in the same ledger. */
export async function restart(
  engine: Engine,
  name: string,
  file: PlanFile | undefined,
  options: { reason: string; adopt: boolean },
): Promise<Asked> {
  const ledger = await openKnown(engine, name);
  const run = running(engine, ledger);
  if (!run.state.end) {
    throw new RolloutError("refused", "the run is not over", { hint: `Finish it, or end it with \`rollout rollback ${name}\`.` });
  }
  await reconcile(run);
  const { plan, planHash: hash, folder } = run.state;
  const before = run.state.run;
  await startRun(engine, ledger, file ?? { plan, hash, folder }, options);
  if (stateOf(ledger).run === before) throw lostRace(name);
  return { done: true, sentence: `run ${before + 1} has begun`, state: stateOf(ledger) };
}

async function openKnown(engine: Engine, name: string): Promise<Ledger> {
  const ledger = await openRollout(engine, name);
  if (!ledger.state) throw unknownRollout(name, engine);
  await recordSpooled(engine, ledger);
  return ledger;
}

function refuseEnded({ end, rollout }: State, what: string): void {
  if (!end) return;
  throw new RolloutError(
    "refused",
    `the run is over (${end.outcome === "rolledBack" ? "rolled back" : end.outcome}), so it cannot be ${what}`,
    {
      hint: `Begin the next one with \`rollout restart ${rollout} --reason "…"\`.`,
    },
  );
}

function lostRace(name: string): RolloutError {
  return new RolloutError("refused", "somebody else wrote the ledger at the same time; nothing was done", {
    hint: `See \`rollout status ${name}\` and try again.`,
  });
}
