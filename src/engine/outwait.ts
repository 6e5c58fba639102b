import { RolloutError } from "../errors.ts";
import type { Running } from "./context.ts";

/**
 * Waits until every change that the rollback overtook, or that was given up while its write was under way, is past its
 * deadline. Its writer's wall clock may be another, but it also gives up `writeWithin` after its intent by a clock that
 * only goes forward: so that is what is waited, by the same kind of clock, from an instant on that lies after all of these
 * intents.
 */
export async function outwait({ engine, state }: Running): Promise<void> {
  const { intent, late } = state;
  if (late.length === 0 && (!intent || (intent.purpose === "rollback" && intent.overtook.length === 0))) return;
  const milliseconds = state.plan.flag.writeWithin;
  engine.tell({ kind: "waiting", sentence: "off; waiting until what was under way before can no longer be written", milliseconds });
  await engine.clock.sleep(milliseconds, engine.stop);
  if (engine.stop.aborted) {
    throw new RolloutError("interrupted", "interrupted: the flag is off, the end of the run is not recorded yet", {
      hint: `The next \`rollout advance ${state.rollout}\` records it.`,
    });
  }
}
