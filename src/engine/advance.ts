import { RolloutError } from "../errors.ts";
import { differInWordsOnly, planChanges } from "../core/planChange.ts";
import { describeExposure, union } from "../core/exposure.ts";
import { unguardedSince } from "../core/progress.ts";
import type { Decision } from "../model/verdict.ts";
import type { LookSummary, State } from "../model/state.ts";
import { openRollout, running, unknownRollout, type Engine, type Running } from "./context.ts";
import { isRead, snapshotFlag } from "./flag.ts";
import type { Ledger } from "./ledger.ts";
import { takeLook, takeOverJudgement, type Look } from "./look.ts";
import { beat } from "./heartbeat.ts";
import { reconcile } from "./reconcile.ts";
import { afterUnrecorded, recordSpooled, rollBackUnrecorded, withinReach, type Unrecorded } from "./emergency.ts";
import { rollBack } from "./rollback.ts";
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
  | { outcome: "advanced" | "complete" | "paused"; decision: Decision }
  | { outcome: "rolledBack"; decision: Decision; unrecorded?: Unrecorded }
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
export async function step(engine: Engine, name: string, options: StepOptions): Promise<StepResult> {
  return stepOn(engine, await openRollout(engine, name), options);
}

/**
 * The same on a ledger in hand.
 *
 * @param looping another look is to follow: what nothing rests on yet need not be stored at once
 */
export async function stepOn(
  engine: Engine,
  ledger: Ledger,
  { file, fileIsInvalid = false, adopt }: StepOptions,
  looping = false,
): Promise<StepResult> {
  const { name } = ledger;
  if (!ledger.state) {
    if (!file) throw unknownRollout(name, engine);
    await startRun(engine, ledger, file, { adopt });
    await ledger.refresh();
  }
  if (file) await takeOverWords(ledger, file);
  await takeOverJudgement(ledger);

  const run = running(engine, ledger);
  await recordSpooled(engine, ledger);
  const sources = engine.connectSources(run.state.plan, run.state.folder);
  for (let looks = 1; ; looks++) {
    const endedBefore = run.state.end !== undefined && run.state.intent === undefined;
    const flag = await reconcile(run).catch(outOfReach);
    // A ledger that was read before and cannot be reached now: harm is not left standing for that.
    if (flag instanceof RolloutError) return guardWithout(run, sources, flag);
    if (run.state.end) {
      // Another runner may have completed it meanwhile: that is no rollback.
      const finished = !endedBefore && run.state.end.outcome === "rolledBack";
      return { result: { outcome: finished ? "finishedRollback" : "ended" }, state: run.state };
    }

    const pausedBefore = run.state.pause !== undefined;
    const base = run.state.head.hash;
    const planDiffers = fileIsInvalid || (file !== undefined && file.hash !== run.state.planHash);
    const since = unguardedSince(run.state);
    const look = await takeLook(engine, run.state, sources, flag, planDiffers);
    const { decision } = look.data;
    const gather = looping && decision.kind === "hold" && saysTheSame(run.state.lastLook, look);
    const record = () =>
      ledger.append((state) => (state?.head.hash === base ? { kind: "look", at: look.at, data: look.data } : undefined), { gather });
    const entry = await (decision.kind === "rollback" ? withinReach(engine, record) : record());
    if (entry instanceof RolloutError) return rolledBackUnrecorded(run, look, entry);
    if (!entry) {
      // Harm that was seen is not put off to the next poll because somebody else was quicker.
      if (decision.kind === "rollback" && looks < MOST_RELOOKS) continue;
      return { result: { outcome: "lost" }, state: run.state, look };
    }
    // It says that somebody looked, whatever comes of it; a rollback does not wait for it.
    const beaten = beat(engine, run.state);
    const result = await carryOut(run, look, flag).finally(() => beaten);
    const unrecorded = "unrecorded" in result ? result.unrecorded : undefined;
    return {
      result: pausedBefore && result.outcome === "holding" ? { ...result, outcome: "pausedBefore" } : result,
      state: unrecorded ? afterUnrecorded(run.state, unrecorded) : run.state,
      look,
      ...(since !== undefined && { unguardedFor: Math.max(0, look.at - since) }),
    };
  }
}

function outOfReach(error: unknown): RolloutError {
  if (error instanceof RolloutError && error.code === "unreachable") return error;
  throw error;
}

/** Looks by what is known of the ledger; throws why it cannot be reached unless there is harm. */
async function guardWithout(run: Running, sources: Parameters<typeof takeLook>[2], cause: RolloutError): Promise<StepResult> {
  if (run.state.end) throw cause;
  const look = await takeLook(run.engine, run.state, sources, await snapshotFlag(run), false);
  if (look.data.decision.kind !== "rollback") throw cause;
  return rolledBackUnrecorded(run, look, cause);
}

async function rolledBackUnrecorded(run: Running, look: Look, cause: RolloutError): Promise<StepResult> {
  const { decision } = look.data;
  if (decision.kind !== "rollback") throw cause;
  const unrecorded = await rollBackUnrecorded(run, { reason: becauseOf(decision), cause });
  return { result: { outcome: "rolledBack", decision, unrecorded }, state: afterUnrecorded(run.state, unrecorded), look };
}

/** Whether a look found every verdict and every gate as the one before did. */
function saysTheSame(last: LookSummary | undefined, { data }: Look): boolean {
  const words = ({ flag, verdicts, gates }: Pick<LookSummary, "flag" | "verdicts" | "gates">) => [
    flag,
    verdicts.map(({ guardrail, verdict }) => [guardrail, verdict]),
    gates.map(({ gate, status }) => [gate, status]),
  ];
  return last !== undefined && JSON.stringify(words(last)) === JSON.stringify(words(data));
}

function becauseOf({ because }: Decision): string {
  return because.map(({ sentence }) => sentence).join("; ");
}

async function carryOut(run: Running, { data: { decision } }: Look, flag: Awaited<ReturnType<typeof reconcile>>): Promise<Outcome> {
  const { ledger, engine } = run;
  const base = run.state.head.hash;
  switch (decision.kind) {
    case "hold":
      return { outcome: "holding", decision };
    case "pause":
      return { outcome: "paused", decision };
    case "rollback": {
      const unrecorded = await rollBack(run, becauseOf(decision));
      return { outcome: "rolledBack", decision, ...(unrecorded && { unrecorded }) };
    }
    case "complete": {
      const ended = await ledger.append((state) =>
        state?.head.hash === base
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
