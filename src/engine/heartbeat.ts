import { messageOf } from "../errors.ts";
import type { State } from "../model/state.ts";
import type { Engine } from "./context.ts";

/** Tells the plan's monitor that a look was recorded. It decides nothing, so a failure is told and otherwise forgotten. */
export async function beat(engine: Engine, { plan, folder }: State): Promise<void> {
  try {
    await engine.connectHeartbeat?.(plan, folder)?.beat();
  } catch (error) {
    if (!engine.stop.aborted) engine.tell({ kind: "warning", sentence: `the heartbeat did not get through: ${messageOf(error)}` });
  }
}
