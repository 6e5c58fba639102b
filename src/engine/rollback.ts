import { NotDone, RolloutError, messageOf } from "../errors.ts";
import { Conflict } from "../flags/port.ts";
import { describeExposure, isOff } from "../core/exposure.ts";
import { OFF } from "../model/exposure.ts";
import type { State } from "../model/state.ts";
import { changeNote, type Running } from "./context.ts";
import type { Draft } from "./ledger.ts";
import { snapshotFlag } from "./flag.ts";

/** Between tries of a rollback that fails, in milliseconds. */
const RETRY_AFTER = 2_000;
/** As long a flag system is left alone at the most that asks for it: harm does not wait for an hour. */
const LONGEST_WAIT = 15_000;

/**
 * Turns the feature off for everybody and ends the run. It overtakes whatever change is under way and always writes,
 * even over off, so that a slower writer's condition fails; whoever finds one open goes on with it.
 *
 * Throws `RolloutError` (`rollbackFailed`) when the flag could not be turned off in `rollbackFor`.
 */
export async function rollBack(run: Running, reason: string): Promise<void> {
  const { end, run: number } = run.state;
  const intend = (state: State | undefined): Draft | undefined => {
    // It asks again until somebody's rollback stands: one that is open, or one that ended the run since this one began.
    if (
      !state ||
      state.run !== number ||
      state.intent?.purpose === "rollback" ||
      (state.end?.outcome === "rolledBack" && state.end !== end)
    )
      return undefined;
    const at = run.engine.clock.now();
    const deadline = at + state.plan.flag.writeWithin;
    return { kind: "intent", at, data: { purpose: "rollback", from: state.exposure, to: OFF, stage: -1, deadline, reason } };
  };
  await insist(run, () => run.ledger.append(intend));
  await finishRollback(run);
}

/**
 * Tries again what a rollback needs and cannot have, for `rollbackFor`; then throws `RolloutError` (`rollbackFailed`): the
 * feature may still be exposed, and somebody has to know.
 *
 * @param why for people who have not read it anywhere yet
 */
export async function insist<T>(run: Running, attempt: () => Promise<T>, why?: string): Promise<T> {
  const { engine } = run;
  const begun = engine.clock.monotonic();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const passes = error instanceof Conflict || (error instanceof RolloutError && mayPass(error));
      if (!passes) throw error;
      const tried = engine.clock.monotonic() - begun;
      if (tried >= engine.rollbackFor || engine.stop.aborted) throw failed(run, error);
      if (error instanceof Conflict) continue;
      engine.tell({ kind: "warning", sentence: `the rollback has not succeeded yet: ${messageOf(error)}` });
      if (tries === 1 && why !== undefined) engine.tell({ kind: "warning", sentence: `it is rolled back because of: ${why}` });
      if (tries === 1) engine.tell({ kind: "warning", sentence: `it is tried again; to switch it off by hand meanwhile: ${byHand(run)}` });
      const asked = error instanceof NotDone ? (error.retryAfter ?? 0) : 0;
      const wait = Math.min(Math.max(RETRY_AFTER, asked), LONGEST_WAIT);
      await engine.clock.sleep(Math.min(wait, engine.rollbackFor - tried), engine.stop);
    }
  }
}

/** What is damaged stays so, and a defect of ours does too. */
function mayPass({ code }: RolloutError): boolean {
  return code !== "damaged" && code !== "unexpected";
}

/** Goes on with the rollback that is open, from wherever its runner left it. */
export async function finishRollback(run: Running): Promise<void> {
  const { ledger } = run;
  const intent = run.state.intent;
  if (intent?.purpose !== "rollback") return;
  const reason = `rollback (entry ${intent.seq})`;
  let revision = await turnOff(run, reason);
  await outwait(run);
  // Past their deadlines, whoever was overtaken writes no more: what is there now is there to stay.
  const after = await snapshotFlag(run);
  if (after.kind === "known" && isOff(after.exposure)) revision = after.revision;
  else revision = await turnOff(run, reason);

  await ledger.append((state) =>
    state?.intent?.seq === intent.seq ? { kind: "applied", data: { intent: intent.seq, revision, recovered: false } } : undefined,
  );
}

/** Writes off until it is read back as off. */
async function turnOff(run: Running, reason: string): Promise<string> {
  const { flag, target } = run;
  return insist(run, async () => {
    const found = await flag.read(target);
    await flag.write(target, OFF, found.revision, changeNote(run, reason));
    const after = await flag.read(target);
    if (after.kind === "known" && isOff(after.exposure)) return after.revision;
    const live = after.kind === "known" ? describeExposure(after.exposure) : after.found;
    throw new RolloutError("refused", `read back after the write, the flag says ${live}`);
  });
}

function byHand({ flag, target }: Running): string {
  return flag.byHand(target);
}

function failed(run: Running, cause: unknown): RolloutError {
  return new RolloutError("rollbackFailed", `the flag could not be turned off, the feature may still be exposed: ${messageOf(cause)}`, {
    cause,
    hint: `Switch it off by hand: ${byHand(run)}. Then, or to try again: rollout rollback ${run.state.rollout}`,
  });
}

/**
 * Waits until every change that the rollback overtook, or that was given up while its write was under way, is past its
 * deadline. Its writer's wall clock may be another, but it
 * also gives up `writeWithin` after its intent by a clock that only goes forward: so that is what is waited, by the same
 * kind of clock, from an instant on that lies after all of these intents.
 */
async function outwait({ engine, state }: Running): Promise<void> {
  if (state.late.length === 0 && !state.intent?.overtook.length) return;
  const milliseconds = state.plan.flag.writeWithin;
  engine.tell({ kind: "waiting", sentence: "off; waiting until what was under way before can no longer be written", milliseconds });
  await engine.clock.sleep(milliseconds, engine.stop);
  if (engine.stop.aborted) {
    throw new RolloutError("interrupted", "interrupted: the flag is off, the end of the run is not recorded yet", {
      hint: `The next \`rollout advance ${state.rollout}\` records it.`,
    });
  }
}
