import { describeExposure, isOff } from "../core/exposure.ts";
import { NotDone, RolloutError, messageOf } from "../errors.ts";
import { Conflict, type ChangeNote, type FlagBackend } from "../flags/port.ts";
import { OFF } from "../model/exposure.ts";
import type { FlagTarget } from "../model/flag.ts";
import type { Engine } from "./context.ts";

/** A flag that is to be turned off for everybody, with or without a ledger that knows of it. */
export interface Switch {
  engine: Engine;
  rollout: string;
  flag: FlagBackend;
  target: FlagTarget;
}

/** Between tries of a rollback that fails, in milliseconds. */
export const RETRY_AFTER = 2_000;
/** As long a flag system is left alone at the most that asks for it: harm does not wait for an hour. */
const LONGEST_WAIT = 15_000;

/**
 * Tries again what a rollback needs and cannot have, for `rollbackFor`; then throws `RolloutError` (`rollbackFailed`): the
 * feature may still be exposed, and somebody has to know.
 */
export async function insist<T>(off: Switch, attempt: () => Promise<T>): Promise<T> {
  const { engine } = off;
  const begun = engine.clock.monotonic();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const passes = error instanceof Conflict || (error instanceof RolloutError && mayPass(error));
      if (!passes) throw error;
      const tried = engine.clock.monotonic() - begun;
      if (tried >= engine.rollbackFor || engine.stop.aborted) throw failed(off, error);
      if (error instanceof Conflict) continue;
      engine.tell({ kind: "warning", sentence: `the rollback has not succeeded yet: ${messageOf(error)}` });
      if (tries === 1) engine.tell({ kind: "warning", sentence: `it is tried again; to switch it off by hand meanwhile: ${byHand(off)}` });
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

/** Writes off, also over off, until it is read back as off; gives the revision that it has then. */
export async function turnOff(off: Switch, note: ChangeNote): Promise<string> {
  const { flag, target } = off;
  return insist(off, async () => {
    const found = await flag.read(target);
    await flag.write(target, OFF, found.revision, note);
    const after = await flag.read(target);
    if (after.kind === "known" && isOff(after.exposure)) return after.revision;
    const live = after.kind === "known" ? describeExposure(after.exposure) : after.found;
    throw new RolloutError("refused", `read back after the write, the flag says ${live}`);
  });
}

function byHand({ flag, target }: Switch): string {
  return flag.byHand(target);
}

function failed(off: Switch, cause: unknown): RolloutError {
  return new RolloutError("rollbackFailed", `the flag could not be turned off, the feature may still be exposed: ${messageOf(cause)}`, {
    cause,
    hint: `Switch it off by hand: ${byHand(off)}. Then, or to try again: rollout rollback ${off.rollout}`,
  });
}
