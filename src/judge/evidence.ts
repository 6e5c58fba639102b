import { z } from "zod";
import { valueSchema } from "../model/measurement.ts";
import { evidenceSchema, type Evidence } from "../model/verdict.ts";
import type { Method, StageSums, Step, Weighed } from "./method.ts";
import { rounded } from "./round.ts";
import { addValues, impossible } from "./values.ts";

/** What this judge keeps of one guardrail from look to look. */
export interface KeptEvidence extends Evidence {
  alpha: number;
  stage: string;
  /** The name of the method whose memory this is. */
  method: string;
  memory: unknown;
  /** What was seen in this stage, for the estimate alone: over stages the sums would show harm that is not there. */
  sums: StageSums;
  /** Intervals of this stage that were weighed. */
  looks: number;
  /** ln E by now, of a method that has it: what another version goes on from. */
  logE?: { harm: number; within: number } | undefined;
  /** ln E that another method had reached before. */
  carried?: { harm: number; within: number } | undefined;
}

const possible = valueSchema.refine((value) => impossible(value) === undefined);
const logESchema = z.strictObject({ harm: z.number(), within: z.number() });
const keptSchema = z.strictObject({
  ...evidenceSchema.shape,
  stage: z.string(),
  method: z.string(),
  memory: z.unknown(),
  sums: z.strictObject({ treatment: possible.optional(), control: possible.optional() }),
  looks: z.number().int().min(0),
  logE: logESchema.optional(),
  carried: logESchema.optional(),
});

const NONE: StageSums = {};

/** What was made here needs no check, and a simulation makes millions of them. */
const own = new WeakSet<Evidence>();

/**
 * The evidence to go on from in a stage. It comes from a ledger, so that anything may stand there.
 * - This method's own memory is gone on from; a new stage begins new sums.
 * - Of another method for the same limit the e-value carries over: a product of e-values, each of what came after the
 *   other, is one.
 * - All else is left, and the evidence begins with `alpha`.
 */
export function resume(stored: Evidence | undefined, method: Method, stage: string, alpha: number): KeptEvidence {
  const kept = stored && (own.has(stored) ? (stored as KeptEvidence) : (keptSchema.safeParse(stored).data as KeptEvidence | undefined));
  const begun = (): KeptEvidence => ({ alpha, stage, method: method.name, memory: method.begin(), sums: NONE, looks: 0 });
  if (!kept) return begun();
  const memory = kept.method === method.name ? (own.has(stored) ? kept.memory : method.read(kept.memory)) : undefined;
  if (memory !== undefined)
    return kept.stage === stage ? { ...kept, memory } : { ...kept, memory: method.newStage(memory), stage, sums: NONE, looks: 0 };
  if (!method.hasEValues || !kept.logE) return begun();
  return { ...begun(), alpha: kept.alpha, carried: kept.logE };
}

/** Whether `resume` has anything to go on from. */
export function understands(stored: Evidence | undefined, method: Method): boolean {
  const kept = keptSchema.safeParse(stored).data;
  if (!kept) return false;
  return (kept.method === method.name && method.read(kept.memory) !== undefined) || (method.hasEValues && kept.logE !== undefined);
}

/** With some steps more, by their order. */
export function withSteps(evidence: KeptEvidence, method: Method, steps: readonly Step[]): KeptEvidence {
  let { memory, sums } = evidence;
  for (const step of steps) {
    memory = method.step(memory, step);
    sums = added(sums, step);
  }
  return { ...evidence, memory, sums: rounded(sums), looks: evidence.looks + steps.length };
}

/** Groups that had nothing are left out, so that the sums are the same once they were JSON. */
function added(sums: StageSums, step: StageSums): StageSums {
  const treatment = addValues(sums.treatment, step.treatment);
  const control = addValues(sums.control, step.control);
  return { ...(treatment && { treatment }), ...(control && { control }) };
}

/** What a method says of the evidence by now; what another one had reached before counts for it. */
export function weigh(evidence: KeptEvidence, method: Method, bakeOver: boolean): { evidence: KeptEvidence; weighed: Weighed } {
  const { memory = evidence.memory, ...weighed } = method.weigh(evidence.memory, { alpha: evidence.alpha, bakeOver });
  const { carried } = evidence;
  if (weighed.harm === undefined || weighed.within === undefined) return { evidence: kept({ ...evidence, memory }), weighed };
  const harm = weighed.harm + (carried?.harm ?? 0);
  const within = weighed.within + (carried?.within ?? 0);
  const threshold = -Math.log(evidence.alpha);
  const all: Weighed = carried ? { ...weighed, harm, within, breach: harm >= threshold, clear: within >= threshold } : weighed;
  return { evidence: kept({ ...evidence, memory, logE: { harm: rounded(harm), within: rounded(within) } }), weighed: all };
}

function kept(evidence: KeptEvidence): KeptEvidence {
  own.add(evidence);
  return evidence;
}
