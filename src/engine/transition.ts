import { NotDone, RolloutError, messageOf } from "../errors.ts";
import { Conflict } from "../flags/port.ts";
import { describeExposure, sameExposure } from "../core/exposure.ts";
import type { EntryData } from "../model/entry.ts";
import type { Exposure } from "../model/exposure.ts";
import type { FlagReading } from "../model/flag.ts";
import { changeNote, type Running } from "./context.ts";
import { snapshotFlag } from "./flag.ts";

/** Before a write that certainly did nothing is tried again, unless the flag system says how long, in milliseconds. */
const RETRY_AFTER = 1_000;

/** One change of exposure that is not a rollback. */
export interface Change {
  purpose: Exclude<EntryData["intent"]["purpose"], "rollback">;
  to: Exposure;
  stage: number;
  reason: string;
  /** The flag as it was read before the change was decided. */
  found: FlagReading;
  /** The hash of the entry that the decision to change rests on. */
  base: string;
  /** Asked after the intent is recorded and before the flag is written: a sentence says why not to go on. */
  objection?: () => Promise<string | undefined>;
}

/**
 * - `applied`: written, read back, recorded
 * - `lost`: somebody else wrote the ledger first; nothing was done
 * - `abandoned`: it was intended and then given up; the flag was not changed, or it is not known to have been
 */
export type ChangeOutcome = { outcome: "applied" } | { outcome: "lost" } | { outcome: "abandoned"; reason: string };

/**
 * Records the intent, makes sure that it still holds, writes the flag with the revision that was read, reads it back and
 * records the outcome. A crash between any two of these leaves an open intent, which `reconcile` settles.
 */
export async function changeExposure(run: Running, change: Change): Promise<ChangeOutcome> {
  const { engine, ledger, flag, target } = run;
  const { writeWithin } = run.state.plan.flag;
  const begun = engine.clock.monotonic();
  const intent = await ledger.append((state) => {
    if (!state || state.head.hash !== change.base) return undefined;
    const at = engine.clock.now();
    return {
      kind: "intent",
      at,
      data: {
        purpose: change.purpose,
        from: exposureOf(change.found, state.exposure),
        to: change.to,
        stage: change.stage,
        deadline: at + writeWithin,
        reason: change.reason,
      },
    };
  });
  if (!intent || intent.kind !== "intent") return { outcome: "lost" };

  for (;;) {
    const objected = await change.objection?.();
    // The ledger's tail once more: whoever paused or overtook since then must find the flag as it was.
    await ledger.refresh();
    const objection = objected ?? objectionTo(run, intent.seq, change.purpose);
    const left = () => Math.min(intent.data.deadline - engine.clock.now(), writeWithin - (engine.clock.monotonic() - begun));
    const within = left();
    if (objection !== undefined || within <= 0) return abandon(run, intent.seq, objection ?? "its time to write was over", false);

    try {
      await flag.write(target, change.to, change.found.revision, changeNote(run, change.reason), within);
      break;
    } catch (error) {
      if (!(error instanceof Conflict || error instanceof RolloutError)) throw error;
      // What certainly did not happen may be tried again, and if it is not, nothing is left that could still land.
      if (error instanceof NotDone) {
        if (await waitForRetry(run, error, left())) continue;
        await abandon(run, intent.seq, `the flag could not be written: ${messageOf(error)}`, false);
        throw error;
      }
      // It may have been written all the same (also when a repeated try met its own first): what is there now tells.
      const after = await snapshotFlag(run);
      if (after.kind === "unreadable" && error instanceof RolloutError) throw error;
      // A fence says what was there before, so that only its revision shows that it was written.
      const written = after.kind === "known" && sameExposure(after.exposure, change.to) && after.revision !== change.found.revision;
      if (!written) {
        if (error instanceof Conflict) return abandon(run, intent.seq, "the flag was changed by somebody else meanwhile", false);
        await abandon(run, intent.seq, `the flag could not be written: ${messageOf(error)}`, true);
        throw error;
      }
      break;
    }
  }
  return confirm(run, intent.seq, change);
}

/** Waits before a write is tried again; false when that would be too late, or nothing new is to be begun. */
async function waitForRetry({ engine }: Running, error: NotDone, left: number): Promise<boolean> {
  const milliseconds = Math.max(RETRY_AFTER, error.retryAfter ?? 0);
  if (milliseconds >= left || engine.stop.aborted) return false;
  engine.tell({ kind: "waiting", sentence: `the flag is not written yet: ${messageOf(error)}; it is tried again`, milliseconds });
  await engine.clock.sleep(milliseconds, engine.stop);
  return !engine.stop.aborted;
}

async function confirm(run: Running, intent: number, change: Change): Promise<ChangeOutcome> {
  const after = await snapshotFlag(run);
  if (after.kind === "unreadable") {
    throw new RolloutError("unreachable", `the flag was written, but could not be read back: ${after.reason}`, {
      hint: "Run the command again: it goes on from what it finds.",
    });
  }
  if (after.kind !== "known" || !sameExposure(after.exposure, change.to)) {
    const live = after.kind === "known" ? describeExposure(after.exposure) : after.found;
    return abandon(run, intent, `read back after the write, the flag says ${live} instead of ${describeExposure(change.to)}`, true);
  }
  const recorded = await run.ledger.append((state) => {
    if (state?.intent?.seq !== intent) return undefined;
    return change.purpose === "repair"
      ? { kind: "repaired", data: { intent, revision: after.revision, found: change.found } }
      : { kind: "applied", data: { intent, revision: after.revision, recovered: false } };
  });
  return recorded ? { outcome: "applied" } : { outcome: "abandoned", reason: "somebody else overtook it while it was written" };
}

/**
 * Gives an intent up, unless somebody has settled it already.
 *
 * @param mayLand whether its write may still come, or has come: false only for its own writer, before the write
 */
export async function abandon(run: Running, intent: number, reason: string, mayLand: boolean): Promise<ChangeOutcome> {
  await run.ledger.append((state) =>
    state?.intent?.seq === intent ? { kind: "abandoned", data: { intent, reason, mayLand } } : undefined,
  );
  return { outcome: "abandoned", reason };
}

function objectionTo({ state }: Running, intent: number, purpose: Change["purpose"]): string | undefined {
  if (state.intent?.seq !== intent) return "it was overtaken";
  // What came late after the end is put back all the same.
  if (state.end && purpose !== "repair") return "the run has ended";
  if (state.pause && purpose === "advance") return `paused: ${state.pause.sentence}`;
  return undefined;
}

/** A flag that says something foreign has no exposure of its own to name; the ledger's is what it departed from. */
function exposureOf(found: FlagReading, expected: Exposure): Exposure {
  return found.kind === "known" ? found.exposure : expected;
}
