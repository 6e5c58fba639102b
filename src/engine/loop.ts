import { messageOf, RolloutError } from "../errors.ts";
import { openRollout, type Engine } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { stepOn, type Outcome, type StepOptions, type StepResult } from "./advance.ts";

/**
 * Looks again and again until `isEnough`, or until the time is over, and says what the last step came to. A flag system
 * or a ledger that cannot be reached for a while ends nothing: guarding goes on as soon as it answers again, and only
 * when the plan's patience for missing data is over is its error thrown.
 */
async function keepLooking(
  engine: Engine,
  name: string,
  options: StepOptions,
  isEnough: (outcome: Outcome) => boolean,
  milliseconds: number,
  onStep: (result: StepResult) => void,
): Promise<StepResult> {
  const begun = engine.clock.monotonic();
  let ledger: Ledger | undefined;
  const look = async () => {
    ledger ??= await openRollout(engine, name);
    return stepOn(engine, ledger, options, true);
  };
  let last: StepResult | undefined;
  let lastGood = begun;
  try {
    for (;;) {
      const result = await look().catch((error: unknown) => {
        const patience = last ? last.state.plan.policy.onNoData.hold : 0;
        const isOutOfReach = error instanceof RolloutError && error.code === "unreachable";
        if (!isOutOfReach || engine.clock.monotonic() - lastGood >= patience) throw error;
        engine.tell({ kind: "warning", sentence: `${error.message}; looking again` });
      });
      if (result) {
        last = result;
        lastGood = engine.clock.monotonic();
        onStep(result);
      }
      const left = milliseconds - (engine.clock.monotonic() - begun);
      if (last && (left <= 0 || (result && isEnough(result.result)))) return last;
      await engine.clock.sleep(Math.min(last?.state.plan.policy.poll ?? 0, left), engine.stop);
      if (engine.stop.aborted) throw new RolloutError("interrupted", "interrupted between two looks; all that happened is recorded");
    }
  } finally {
    await ledger?.flush().catch((error: unknown) => {
      engine.tell({ kind: "warning", sentence: `the last looks, on which nothing rests, could not be recorded: ${messageOf(error)}` });
    });
  }
}

/** Until it moves, ends or a look pauses it, for at most `milliseconds`. What was paused before is guarded meanwhile. */
export async function waitForMove(
  engine: Engine,
  name: string,
  options: StepOptions,
  milliseconds: number,
  onStep: (result: StepResult) => void = () => {},
): Promise<StepResult> {
  const waits = new Set<Outcome["outcome"]>(["holding", "pausedBefore", "lost", "abandoned"]);
  return keepLooking(engine, name, options, ({ outcome }) => !waits.has(outcome), milliseconds, onStep);
}

/** On to the end of the run, or until a look pauses it. What was paused before is guarded until somebody resumes it. */
export async function runToEnd(
  engine: Engine,
  name: string,
  options: StepOptions,
  onStep: (result: StepResult) => void = () => {},
): Promise<StepResult> {
  const goesOn = new Set<Outcome["outcome"]>(["advanced", "holding", "pausedBefore", "lost", "abandoned"]);
  return keepLooking(engine, name, options, ({ outcome }) => !goesOn.has(outcome), Number.POSITIVE_INFINITY, onStep);
}
