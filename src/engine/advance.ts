import { differInWordsOnly, planChanges } from "../core/planChange.ts";
import { describeExposure, union } from "../core/exposure.ts";
import { unguardedSince } from "../core/progress.ts";
import type { Decision } from "../model/verdict.ts";
import type { State } from "../model/state.ts";
import { openRollout, running, unknownRollout, type Engine, type Running } from "./context.ts";
import { isRead, snapshotFlag } from "./flag.ts";
import type { Ledger } from "./ledger.ts";
import { takeLook, takeOverJudgement, type Look } from "./look.ts";
import { beat } from "./heartbeat.ts";
import { reconcile } from "./reconcile.ts";
import { insist, rollBack } from "./rollback.ts";
import { beginning, rivalAtFirstWrite, startRun, yieldTo, type Beginning, type PlanFile } from "./start.ts";
import { changeExposure } from "./transition.ts";

/** How often a look that saw harm and lost the race is taken again at once. */
const MOST_RELOOKS = 20;

/**
 * What one step came to.
 * - `ended`: the run was over before; nothing was written
 * - `lost`: somebody else wrote the ledger meanwhile; nothing was done
 * - `abandoned`: the stage was to be moved, and was not
 */
export type Outcome =
  | { outcome: "advanced" | "complete" | "paused" | "rolledBack"; decision: Decision }
  | { outcome: "holding" | "pausedBefore"; decision: Decision }
  | { outcome: "finishedRollback" }
  | { outcome: "ended" }
  | { outcome: "lost" }
  | { outcome: "abandoned"; reason: string };

export interface StepResult {
  result: Outcome;
  state: State;
  /** The look that was taken, if one was. */
  look?: Look;
  /** How long nobody had looked before, in milliseconds, while somebody had the feature. */
  unguardedFor?: number;
}

export interface StepOptions {
  /** The plan file, where the command was given one that is valid. */
  file?: PlanFile;
  /** The command was given a plan file that is not valid: the run is guarded by the ledger's plan, and does not advance. */
  fileIsInvalid?: boolean;
  adopt: boolean;
}

/** Starts the rollout if it is new, settles what was left behind, looks once, decides once, moves at most one stage. */
export async function step(engine: Engine, name: string, { file, fileIsInvalid = false, adopt }: StepOptions): Promise<StepResult> {
  const ledger = await openRollout(engine, name);
  if (!ledger.state) {
    if (!file) throw unknownRollout(name, engine);
    await startRun(engine, ledger, file, { adopt });
    await ledger.refresh();
  }
  if (file) await takeOverWords(ledger, file);
  await takeOverJudgement(ledger);

  const run = running(engine, ledger);
  const sources = engine.connectSources(run.state.plan, run.state.folder);
  for (let looks = 1; ; looks++) {
    const endedBefore = run.state.end !== undefined && run.state.intent === undefined;
    const flag = await reconcile(run);
    if (run.state.end) return { result: { outcome: endedBefore ? "ended" : "finishedRollback" }, state: run.state };

    const pausedBefore = run.state.pause !== undefined;
    const base = run.state.head.seq;
    const planDiffers = fileIsInvalid || (file !== undefined && file.hash !== run.state.planHash);
    const since = unguardedSince(run.state);
    const look = await takeLook(engine, run.state, sources, flag, planDiffers);
    const record = () => ledger.append((state) => (state?.head.seq === base ? { kind: "look", at: look.at, data: look.data } : undefined));
    const { decision } = look.data;
    const entry = await (decision.kind === "rollback" ? insist(run, record, becauseOf(decision)) : record());
    if (!entry) {
      // Harm that was seen is not put off to the next poll because somebody else was quicker.
      if (decision.kind === "rollback" && looks < MOST_RELOOKS) continue;
      return { result: { outcome: "lost" }, state: run.state, look };
    }
    // It says that somebody looked, whatever comes of it; a rollback does not wait for it.
    const beaten = beat(engine, run.state);
    const result = await carryOut(run, look, entry.seq, flag).finally(() => beaten);
    return {
      result: pausedBefore && result.outcome === "holding" ? { ...result, outcome: "pausedBefore" } : result,
      state: run.state,
      look,
      ...(since !== undefined && { unguardedFor: Math.max(0, look.at - since) }),
    };
  }
}

function becauseOf({ because }: Decision): string {
  return because.map(({ sentence }) => sentence).join("; ");
}

async function carryOut(
  run: Running,
  { data: { decision } }: Look,
  base: number,
  flag: Awaited<ReturnType<typeof reconcile>>,
): Promise<Outcome> {
  const { ledger, engine } = run;
  switch (decision.kind) {
    case "hold":
      return { outcome: "holding", decision };
    case "pause":
      return { outcome: "paused", decision };
    case "rollback":
      await rollBack(run, becauseOf(decision));
      return { outcome: "rolledBack", decision };
    case "complete": {
      const ended = await ledger.append((state) =>
        state?.head.seq === base
          ? {
              kind: "ended",
              data: { outcome: "complete", reason: `every gate of the last stage is open at ${describeExposure(state.exposure)}` },
            }
          : undefined,
      );
      return ended ? { outcome: "complete", decision } : { outcome: "lost" };
    }
    case "advance": {
      if (!isRead(flag)) throw new Error("a stage was to be moved although the flag was not read");
      const stage = run.state.plan.stages[decision.stage]!;
      const first = run.state.stage < 0;
      let rival: State | undefined;
      const changed = await changeExposure(run, {
        purpose: "advance",
        // Who is in stays in: what was adopted may be more than a stage exposes.
        to: union(run.state.exposure, stage.exposure),
        stage: decision.stage,
        reason: `stage ${stage.name}`,
        found: flag,
        base,
        ...(first && {
          objection: async () => {
            rival = await rivalAtFirstWrite(engine, ledger);
            return rival && `the rollout ${rival.rollout} has the same flag`;
          },
        }),
      });
      if (changed.outcome === "applied") return { outcome: "advanced", decision };
      // What we wrote may have come too late: whoever overtook it reads again, and so do we.
      await reconcile(run);
      if (rival) await yieldTo(ledger, rival);
      return changed;
    }
    default:
      return decision satisfies never;
  }
}

/** What a step would find and decide now. `starts`: the run would begin, and nobody would be exposed by this look yet. */
export type Rehearsal =
  { kind: "starts"; beginning: Beginning } | { kind: "ended"; state: State } | { kind: "looks"; state: State; look: Look };

/** Does all of a step but writing, neither the ledger nor the flag: what was left behind is not settled either. */
export async function rehearse(engine: Engine, name: string, { file, fileIsInvalid = false, adopt }: StepOptions): Promise<Rehearsal> {
  const ledger = await openRollout(engine, name);
  if (!ledger.state) {
    if (!file) throw unknownRollout(name, engine);
    return { kind: "starts", beginning: await beginning(engine, file, adopt) };
  }
  const run = running(engine, ledger);
  if (run.state.end) return { kind: "ended", state: run.state };
  const sources = engine.connectSources(run.state.plan, run.state.folder);
  const planDiffers = fileIsInvalid || (file !== undefined && file.hash !== run.state.planHash);
  const look = await takeLook(engine, run.state, sources, await snapshotFlag(run), planDiffers);
  return { kind: "looks", state: run.state, look };
}

/** A change of words alone decides nothing, so it is taken over and recorded. */
async function takeOverWords(ledger: Ledger, { plan, hash }: PlanFile): Promise<void> {
  await ledger.append((state) => {
    if (!state || state.end || state.planHash === hash || !differInWordsOnly(state.plan, plan)) return undefined;
    return { kind: "planChanged", data: { plan, planHash: hash, by: "words", changes: planChanges(state.plan, plan), stage: state.stage } };
  });
}
