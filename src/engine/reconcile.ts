import { describeExposure, sameExposure } from "../core/exposure.ts";
import { onTimelineOf } from "../core/time.ts";
import type { FlagReading, FlagSnapshot } from "../model/flag.ts";
import type { Running } from "./context.ts";
import { isRead, snapshotFlag } from "./flag.ts";
import { finishRollback } from "./rollback.ts";
import { abandon, changeExposure } from "./transition.ts";

/** How often in a row somebody else may be quicker before this runner leaves it to them. */
const MOST_ROUNDS = 8;

/**
 * Settles what others left behind, before anything is decided: an open rollback is finished, an unfinished change past
 * its owner's time is recorded or fenced off, a late write of our own is put back. It keeps nothing between calls: the
 * ledger and the flag say all.
 *
 * @returns the flag as it is now
 */
export async function reconcile(run: Running): Promise<FlagSnapshot> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    // The ledger first, the flag after: what is decided on the two is recorded only if the ledger has not moved since.
    await run.ledger.refresh();
    if (run.state.intent?.purpose === "rollback") await finishRollback(run);
    const flag = await snapshotFlag(run);
    if (!isRead(flag) || !(await settle(run, flag))) return flag;
  }
  // What was read is older than what was settled since: to decide on both together would see drift where there is none.
  return { kind: "unreadable", reason: "others are changing it at the same time" };
}

/** Does one thing that needs doing; whether there was one. */
async function settle(run: Running, flag: FlagReading): Promise<boolean> {
  const { ledger, engine } = run;
  const now = engine.clock.now();
  const state = onTimelineOf(run.state, now);
  const { intent } = state;
  if (!intent) {
    if (!isLateWrite(run, flag)) return false;
    return repair(run, flag, "a write of our own came late");
  }
  if (intent.purpose === "rollback") return true;
  // Its writer may be at work: until twice its deadline the change is its own.
  if (now < intent.at + 2 * state.plan.flag.writeWithin) return false;
  const fences = sameExposure(intent.from, intent.to);
  // A fence leaves the exposure as it was: whether it was written does not show, so it is written again.
  if (flag.kind === "known" && sameExposure(flag.exposure, intent.to) && !fences) {
    await ledger.append((current) => {
      if (current?.intent?.seq !== intent.seq) return undefined;
      return intent.purpose === "repair"
        ? { kind: "repaired", data: { intent: intent.seq, revision: flag.revision, found: flag } }
        : { kind: "applied", data: { intent: intent.seq, revision: flag.revision, recovered: true } };
    });
    return true;
  }
  // What a person asked for is not done later, unasked: the next look finds the flag as it is.
  if (intent.purpose !== "restore" && flag.kind === "known" && (sameExposure(flag.exposure, intent.from) || isExpected(run, flag))) {
    // Written again with its revision, so that a writer who still holds the old one is refused.
    return repair(run, flag, `the change to ${describeExposure(intent.to)} (entry ${intent.seq}) was not finished by its runner`);
  }
  await abandon(run, intent.seq, "its runner did not finish it, and the flag is neither as it was nor as it was to be", true);
  return true;
}

function isExpected({ state }: Pick<Running, "state">, flag: FlagReading): boolean {
  return flag.kind === "known" && [state.exposure, ...state.late.map(({ to }) => to)].some((each) => sameExposure(each, flag.exposure));
}

function isLateWrite({ state }: Running, flag: FlagReading): boolean {
  // After the end only what would expose again is ours to undo; a completed flag is its owners' to clean up.
  if (state.end && state.end.outcome !== "rolledBack") return false;
  return flag.kind === "known" && !sameExposure(flag.exposure, state.exposure) && isExpected({ state }, flag);
}

async function repair(run: Running, flag: FlagReading, reason: string): Promise<boolean> {
  const { state } = run;
  await changeExposure(run, { purpose: "repair", to: state.exposure, stage: state.stage, reason, found: flag, base: state.head.hash });
  return true;
}
