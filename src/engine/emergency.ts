import { randomBytes } from "node:crypto";
import { evolve } from "../core/evolve.ts";
import { isOff } from "../core/exposure.ts";
import { messageOf, RolloutError } from "../errors.ts";
import type { Actor } from "../model/entry.ts";
import type { State } from "../model/state.ts";
import { running, type Engine, type Running } from "./context.ts";
import { snapshotFlag } from "./flag.ts";
import type { Ledger } from "./ledger.ts";
import { outwait } from "./outwait.ts";
import { RETRY_AFTER, turnOff, type Switch } from "./switchOff.ts";

/**
 * The one exception to "first the ledger, then the world": harm is not left standing because the ledger cannot be reached.
 * The flag is turned off, that is kept on this machine, and whoever reaches the ledger next from here records it.
 */

/** How long a rollback waits for its ledger, in milliseconds. */
const RECORD_WITHIN = 10_000;

/** A rollback that was done and is not in the ledger. */
export interface Unrecorded {
  /** When the flag was read back as off. */
  at: number;
  reason: string;
  actor: Actor;
  /** Why the ledger could not be reached. */
  cause: string;
  /** The file that keeps it until it is recorded; nothing where none could be written. */
  path?: string;
}

/**
 * Tries for ten seconds what needs the ledger; then gives the error (`unreachable`) to go on without. Others are thrown. A
 * ledger that says nothing at all is not waited for either: what it was asked may still be done later, as where an
 * answer is lost.
 */
export async function withinReach<T>(engine: Engine, work: () => Promise<T>): Promise<T | RolloutError> {
  const begun = engine.clock.monotonic();
  const left = () => RECORD_WITHIN - (engine.clock.monotonic() - begun);
  for (let failure: RolloutError | undefined; ;) {
    // Who was stopped in between asks once more all the same.
    const answer = await engine.within(Math.max(left(), RETRY_AFTER), outcomeOf(work));
    if (answer === "late") return failure ?? new RolloutError("unreachable", `${engine.store.address} said nothing for 10 s`);
    if ("done" in answer) return answer.done;
    const { error } = answer;
    if (left() <= 0 || engine.stop.aborted) return error;
    if (!failure) engine.tell({ kind: "warning", sentence: `${error.message}; a rollback waits for it no longer than 10 s` });
    failure = error;
    await engine.clock.sleep(Math.min(RETRY_AFTER, left()), engine.stop);
  }
}

async function outcomeOf<T>(work: () => Promise<T>): Promise<{ done: T } | { error: RolloutError }> {
  try {
    return { done: await work() };
  } catch (error) {
    if (error instanceof RolloutError && error.code === "unreachable") return { error };
    throw error;
  }
}

/**
 * Turns the flag off without the ledger, keeps that on this machine, and says loudly that it is not recorded.
 *
 * @param off with the state of its run, where the ledger was read before
 */
export async function rollBackUnrecorded(
  off: Switch & { state?: State },
  { reason, cause }: { reason: string; cause: RolloutError },
): Promise<Unrecorded> {
  const { engine, rollout, state } = off;
  engine.tell({ kind: "warning", sentence: `the ledger could not be reached (${cause.message}): the flag is turned off without it` });
  const note = { rollout, stage: "off", reason, head: state?.head.hash ?? "" };
  let revision = await turnOff(off, note);
  if (isRunning(off)) {
    await outwait(off);
    revision = await turnOff(off, note);
  }
  const at = engine.clock.now();
  const id = (engine.newId ?? (() => randomBytes(16).toString("hex")))();
  const rollback = {
    version: 1 as const,
    id,
    rollout,
    ...(state && { run: state.run }),
    at,
    actor: await engine.actor(),
    reason,
    revision,
  };
  const path = await engine.spool.put(rollback).catch((error: unknown) => {
    engine.tell({ kind: "warning", sentence: `${messageOf(error)}; keep this: ${JSON.stringify(rollback)}` });
  });
  const kept =
    path === undefined
      ? "and could not be kept on this machine"
      : `it is kept in ${path}, and the next command from here that reaches the ledger records it`;
  engine.tell({ kind: "warning", sentence: `the feature is off for everybody, and that is NOT RECORDED: ${kept}` });
  return { at, reason, actor: rollback.actor, cause: cause.message, ...(path !== undefined && { path }) };
}

function isRunning(off: Switch & { state?: State }): off is Running {
  return off.state !== undefined;
}

/** Where a run stands after a rollback that its ledger does not know of; the head is that of the ledger. */
export function afterUnrecorded(state: State, { at, reason, actor }: Unrecorded): State {
  const frame = { seq: state.head.seq + 1, prev: state.head.hash, id: "", rollout: state.rollout, run: state.run, at, actor };
  const data = { id: "", at, actor, reason, revision: "", stands: true };
  return { ...evolve(state, { ...frame, kind: "spooled", data }, ""), head: state.head };
}

/**
 * Records what was done from this machine while the ledger could not be reached. What the flag says now tells whether it
 * still stands; while it cannot be read, it waits.
 */
export async function recordSpooled(engine: Engine, ledger: Ledger): Promise<void> {
  const waiting = await engine.spool.list(ledger.name);
  if (waiting.length === 0) return;
  const run = running(engine, ledger);
  for (const { path, rollback } of waiting) {
    if (!run.state.spooled?.includes(rollback.id)) {
      const flag = await snapshotFlag(run);
      if (flag.kind === "unreadable") return;
      const isOffNow = flag.kind === "known" && isOff(flag.exposure);
      const { id, at, actor, reason, revision } = rollback;
      await ledger.append((state) => {
        if (!state || state.spooled?.includes(id)) return undefined;
        const stands = isOffNow && (rollback.run ?? state.run) === state.run;
        return { kind: "spooled", data: { id, at, actor, reason, revision, stands } };
      });
      engine.tell({ kind: "warning", sentence: `a rollback that was done without the ledger is recorded now: ${reason}` });
    }
    await engine.spool.remove(path);
  }
}
