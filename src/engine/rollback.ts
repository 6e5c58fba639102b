import { isOff } from "../core/exposure.ts";
import { RolloutError } from "../errors.ts";
import { OFF } from "../model/exposure.ts";
import type { State } from "../model/state.ts";
import { changeNote, type Running } from "./context.ts";
import { rollBackUnrecorded, withinReach, type Unrecorded } from "./emergency.ts";
import { snapshotFlag } from "./flag.ts";
import type { Draft } from "./ledger.ts";
import { outwait } from "./outwait.ts";
import { turnOff } from "./switchOff.ts";

/**
 * Turns the feature off for everybody and ends the run. It overtakes whatever change is under way and always writes,
 * even over off, so that a slower writer's condition fails; whoever finds one open goes on with it. A ledger that cannot be
 * reached does not keep it from being done: what was done without is returned.
 *
 * Throws `RolloutError` (`rollbackFailed`) when the flag could not be turned off in `rollbackFor`.
 */
export async function rollBack(run: Running, reason: string): Promise<Unrecorded | undefined> {
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
  const recorded = await withinReach(run.engine, () => run.ledger.append(intend));
  if (recorded instanceof RolloutError) return rollBackUnrecorded(run, { reason, cause: recorded });
  await finishRollback(run);
  return undefined;
}

/** Goes on with the rollback that is open, from wherever its runner left it. */
export async function finishRollback(run: Running): Promise<void> {
  const { engine, ledger } = run;
  const intent = run.state.intent;
  if (intent?.purpose !== "rollback") return;
  const note = changeNote(run, `rollback (entry ${intent.seq})`);
  let revision = await turnOff(run, note);
  await outwait(run);
  // Past their deadlines, whoever was overtaken writes no more: what is there now is there to stay.
  const after = await snapshotFlag(run);
  if (after.kind === "known" && isOff(after.exposure)) revision = after.revision;
  else revision = await turnOff(run, note);

  const recorded = await withinReach(engine, () =>
    ledger.append((state) =>
      state?.intent?.seq === intent.seq ? { kind: "applied", data: { intent: intent.seq, revision, recovered: false } } : undefined,
    ),
  );
  if (!(recorded instanceof RolloutError)) return;
  engine.tell({
    kind: "warning",
    sentence: `the flag is off for everybody, but the end of the rollback is NOT RECORDED (${recorded.message}); the next \`rollout advance ${ledger.name}\` records it`,
  });
}
