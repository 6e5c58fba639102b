import { RolloutError } from "../errors.ts";
import { lookAt } from "../core/look.ts";
import { judge } from "../judge/judge.ts";
import type { EntryData } from "../model/entry.ts";
import type { FlagSnapshot } from "../model/flag.ts";
import type { Instant } from "../model/measurement.ts";
import type { State } from "../model/state.ts";
import type { ConnectedSource, Engine } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { measureAll } from "./measure.ts";

/** A look that was taken, ready to be recorded. */
export interface Look {
  at: Instant;
  data: EntryData["look"];
}

/** Measures, judges and decides once, on the state and the flag as they are. Writes nothing. */
export async function takeLook(
  engine: Engine,
  state: State,
  sources: Record<string, ConnectedSource>,
  flag: FlagSnapshot,
  planDiffers: boolean,
): Promise<Look> {
  const readings = await stoppable(measureAll(engine, state, sources), engine.stop);
  const at = engine.clock.now();
  return { at, data: lookAt(state, { at, flag, ...readings, planDiffers }, judge) };
}

/**
 * Records, before the first look of another version of the judge, what it cannot go on from: that begins again, with a
 * share of the budget that is kept for it.
 */
export async function takeOverJudgement(ledger: Ledger): Promise<void> {
  await ledger.append((state) => {
    if (!state || state.end || state.judge === undefined || state.judge === judge.version) return undefined;
    const { guardrails, metrics } = state.plan;
    const restarted = guardrails
      .filter(({ id }) => state.evidence[id] !== undefined)
      .filter((guardrail) => !judge.understands({ guardrail, metric: metrics[guardrail.metric]!, evidence: state.evidence[guardrail.id] }))
      .map(({ id }) => id);
    return { kind: "judgeChanged", data: { from: state.judge, to: judge.version, restarted } };
  });
}

/** Measuring changes nothing, so it need not be waited for when the user asks to stop. */
async function stoppable<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  const interrupted = () => new RolloutError("interrupted", "interrupted while measuring; nothing was recorded");
  if (stop.aborted) throw interrupted();
  let onStop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    onStop = () => reject(interrupted());
    stop.addEventListener("abort", onStop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.removeEventListener("abort", onStop);
    work.catch(() => undefined);
  }
}
