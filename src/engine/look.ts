import { RolloutError } from "../errors.ts";
import { alphaOf } from "../core/budget.ts";
import { decide } from "../core/decide.ts";
import { isSplit } from "../core/exposure.ts";
import { onTimelineOf } from "../core/time.ts";
import { guardrailsOf } from "../core/progress.ts";
import { judge, judgeVersion } from "../judge/judge.ts";
import type { Statement } from "../model/entry.ts";
import type { FlagSnapshot } from "../model/flag.ts";
import type { Instant, MetricReading } from "../model/measurement.ts";
import type { State } from "../model/state.ts";
import type { Evidence, Verdict } from "../model/verdict.ts";
import type { ConnectedSource, Engine } from "./context.ts";
import { measureAll } from "./measure.ts";

type LookData = Extract<Statement, { kind: "look" }>["data"];

/** A look that was taken, ready to be recorded. */
export interface Look {
  at: Instant;
  data: LookData;
}

/** Measures, judges and decides once, on the state and the flag as they are. Writes nothing. */
export async function takeLook(
  engine: Engine,
  state: State,
  sources: Record<string, ConnectedSource>,
  flag: FlagSnapshot,
  planDiffers: boolean,
): Promise<Look> {
  const metrics = await stoppable(measureAll(engine, onTimelineOf(state, engine.clock.now()), sources), engine.stop);
  const { verdicts, evidence } = judgeAll(state, metrics);
  const at = engine.clock.now();
  const decided = decide(state, { at, flag, metrics, verdicts, planDiffers });
  return { at, data: { judge: judgeVersion, flag, metrics, verdicts, evidence, planDiffers, ...decided } };
}

/** The verdict of every guardrail that watches the stage. */
export function judgeAll(
  state: State,
  metrics: Record<string, MetricReading>,
): { verdicts: Verdict[]; evidence: Record<string, Evidence> } {
  const { plan, exposure } = state;
  const verdicts: Verdict[] = [];
  const evidence: Record<string, Evidence> = {};
  for (const guardrail of guardrailsOf(state)) {
    const judged = judge({
      guardrail,
      metric: plan.metrics[guardrail.metric]!,
      stage: plan.stages[state.stage]?.name ?? "",
      exposure,
      split: isSplit(exposure, plan.audience.holdout),
      reading: metrics[guardrail.metric] ?? { status: "notYet" },
      evidence: state.evidence[guardrail.id],
      alpha: alphaOf(plan, guardrail, state.budgets),
    });
    verdicts.push(judged.verdict);
    evidence[guardrail.id] = judged.evidence;
  }
  return { verdicts, evidence };
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
