import { z } from "zod";
import { countsSchema } from "../model/measurement.ts";
import { evidenceSchema, type Evidence } from "../model/verdict.ts";
import type { Counts, Groups } from "../stats/ratio.ts";
import type { Memory, Step, Test, TestName } from "./sequential.ts";

/** What this judge keeps of one guardrail from look to look. */
export interface KeptEvidence extends Evidence, Memory {
  alpha: number;
  stage: string;
  test: TestName;
  /** The counts of this stage, for the estimate alone: over stages they would show harm that is not there. */
  sums: Groups;
}

const sumSchema = countsSchema.refine(({ events, total }) => events <= total, "more events than requests");
const sumsSchema = z.strictObject({ treatment: sumSchema, control: sumSchema });
const keptSchema = z.strictObject({
  ...evidenceSchema.shape,
  stage: z.string(),
  test: z.enum(["ratio", "points", "limit"]),
  harm: z.unknown(),
  within: z.unknown(),
  sums: sumsSchema,
});
export const NOTHING: Groups = { treatment: { events: 0, total: 0 }, control: { events: 0, total: 0 } };

/**
 * The evidence to go on from in a stage. It comes from a ledger, so that anything may stand there: what is not this
 * test's is left, and the evidence begins anew with `alpha`. A new stage keeps the e-values and begins new sums.
 */
export function resume(stored: Evidence | undefined, test: Test, stage: string, alpha: number): KeptEvidence {
  const kept = keptSchema.safeParse(stored).data;
  const memory = kept?.test === test.name ? test.memorySchema.safeParse({ harm: kept.harm, within: kept.within }).data : undefined;
  if (kept && memory) return { ...kept, ...memory, stage, sums: kept.stage === stage ? kept.sums : NOTHING };
  return { alpha, stage, test: test.name, ...test.weigh(undefined, [], alpha).memory, sums: NOTHING };
}

/** The part of the evidence that its test remembers. */
export function memoryOf({ harm, within }: KeptEvidence): Memory {
  return { harm, within };
}

/** The sums of a stage with some measurements more. */
export function addSteps(sums: Groups, steps: readonly Step[]): Groups {
  return steps.reduce<Groups>(
    (sum, { groups }) => ({ treatment: addCounts(sum.treatment, groups.treatment), control: addCounts(sum.control, groups.control) }),
    sums,
  );
}

/** Events and totals added. */
export function addCounts(a: Counts, b: Counts): Counts {
  return { events: a.events + b.events, total: a.total + b.total };
}
