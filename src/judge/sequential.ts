import { z } from "zod";
import { countsSchema } from "../model/measurement.ts";
import type { Limit } from "../model/plan.ts";
import { beginDifference, differenceLogE, stepDifference, type DifferenceState } from "../stats/difference.ts";
import { beginLimit, limitLogE, stepLimit, type LimitState } from "../stats/limit.ts";
import { HARM_GRID, type Mixture } from "../stats/mixture.ts";
import { beginRatio, ratioLogE, stepRatio, type Counts, type Groups } from "../stats/ratio.ts";
import { rounded } from "./round.ts";

/** What one measurement says to a guardrail. For an absolute limit, `treatment` is everybody who has the feature. */
export interface Step {
  readonly groups: Groups;
  /** It overlaps a change of exposure: it may show harm, never that there is none. */
  readonly mixed: boolean;
}

/** What a test remembers, its form being the test's own: of the evidence of harm, and of the evidence that it is within the limit. */
export interface Memory {
  readonly harm: unknown;
  readonly within: unknown;
}

/** ln E of both after some steps, and the memory to go on from. */
export interface Weighed {
  readonly memory: Memory;
  readonly harm: number;
  readonly within: number;
}

export type TestName = "ratio" | "points" | "limit";

/** A sequential test of a limit in both directions. It is a fold: weighing step by step or all at once is the same. */
export interface Test {
  readonly name: TestName;
  readonly memorySchema: z.ZodType<Memory>;
  /** Goes on from a memory that fits `memorySchema`, or from the beginning. */
  readonly weigh: (memory: Memory | undefined, steps: readonly Step[], alpha: number) => Weighed;
  /** What ln E of one side would be if these counts came next. */
  readonly ahead: (memory: Memory, side: "harm" | "within", alpha: number) => (groups: Groups) => number;
}

/** The requests with which a limit is tuned: those in which ten events are expected (or ten non-events, if they are rarer). */
const OPTIMAL_EVENTS = 10;
/** Tuning is defined for a small alpha only; validity does not depend on it. */
const tuningAlpha = (alpha: number): number => Math.min(alpha, 0.2);

const positive = z.number().min(0);
const mixtureSchema = z.strictObject({ rest: positive.max(1), logs: z.array(z.number()).length(HARM_GRID.length) });
const groupSumsSchema = z.strictObject({
  ...countsSchema.shape,
  weightedEvents: positive,
  squaredEvents: positive,
  squaredTotal: positive,
});
const differenceSchema = z.strictObject({ weight: positive, treatment: groupSumsSchema, control: groupSumsSchema });
const limitSchema = z
  .strictObject({ ...countsSchema.shape, mixture: mixtureSchema })
  .refine(({ events, total }) => events <= total, "more events than requests");

const ratioMemory = z.strictObject({ harm: mixtureSchema, within: mixtureSchema });
const pointsMemory = z.strictObject({ harm: differenceSchema, within: differenceSchema });
const limitMemory = z.strictObject({ harm: limitSchema, within: limitSchema });

/** The test that a limit calls for. "No more points at all" is the hypothesis "not above the control", which has an exact test. */
export function testFor(limit: Limit): Test {
  switch (limit.form) {
    case "max":
    case "min":
      return limitTest(limit.rate, limit.form === "min");
    case "maxIncrease":
    case "maxDecrease": {
      const decrease = limit.form === "maxDecrease";
      if (limit.by === "points" && limit.amount > 0) return pointsTest(limit.amount, decrease);
      return ratioTest(decrease ? 1 / (1 - limit.amount) : 1 + limit.amount, decrease);
    }
    default:
      return limit satisfies never;
  }
}

const swap = ({ treatment, control }: Groups): Groups => ({ treatment: control, control: treatment });
const complement = ({ events, total }: Counts): Counts => ({ events: total - events, total });

/** A decrease is an increase with the groups swapped; "within" is the other direction, with the inverse of the margin. */
function ratioTest(margin: number, decrease: boolean): Test {
  const up = (state: Mixture, groups: Groups, by: number): Mixture => stepRatio(state, groups, by);
  const down = (state: Mixture, groups: Groups, by: number): Mixture => stepRatio(state, swap(groups), by);
  const [worse, better] = decrease ? [down, up] : [up, down];
  return makeTest<Mixture>("ratio", ratioMemory, beginRatio(), {
    harm: { step: (state, groups) => worse(state, groups, margin), logE: ratioLogE },
    within: { step: (state, groups) => better(state, groups, 1 / margin), logE: ratioLogE },
  });
}

/** As for the ratio, with the margin's sign turned. */
function pointsTest(margin: number, decrease: boolean): Test {
  const up = stepDifference;
  const down = (state: DifferenceState, groups: Groups): DifferenceState => stepDifference(state, swap(groups));
  const [worse, better] = decrease ? [down, up] : [up, down];
  return makeTest<DifferenceState>("points", pointsMemory, beginDifference(), {
    harm: { step: worse, logE: (state, alpha) => differenceLogE(state, margin, margin, tuningAlpha(alpha)) },
    within: { step: better, logE: (state, alpha) => differenceLogE(state, -margin, margin, tuningAlpha(alpha)) },
  });
}

/** "At least" is "at most" for the requests that were no events; so is "within" a limit from above. */
function limitTest(rate: number, minimum: boolean): Test {
  const tuning = (alpha: number) => ({ optimum: OPTIMAL_EVENTS / Math.min(rate, 1 - rate), alpha: tuningAlpha(alpha) });
  const above: Side<LimitState> = {
    step: (state, { treatment }) => stepLimit(state, treatment, rate),
    logE: (state, alpha) => limitLogE(state, rate, tuning(alpha)),
  };
  const below: Side<LimitState> = {
    step: (state, { treatment }) => stepLimit(state, complement(treatment), 1 - rate),
    logE: (state, alpha) => limitLogE(state, 1 - rate, tuning(alpha)),
  };
  return makeTest<LimitState>(
    "limit",
    limitMemory,
    beginLimit(),
    minimum ? { harm: below, within: above } : { harm: above, within: below },
  );
}

interface Side<State> {
  step(state: State, groups: Groups): State;
  logE(state: State, alpha: number): number;
}

interface Sides<State> {
  readonly harm: State;
  readonly within: State;
}

function makeTest<State>(name: TestName, memorySchema: z.ZodType<Sides<State>>, begin: State, sides: Sides<Side<State>>): Test {
  const read = (memory: Memory | undefined): Sides<State> => (memory ? memorySchema.parse(memory) : { harm: begin, within: begin });
  return {
    name,
    memorySchema,
    weigh(memory, steps, alpha) {
      let { harm, within } = read(memory);
      // Rounded at each step, so that going on from the ledger is the same as never having stopped.
      for (const { groups, mixed } of steps) {
        harm = rounded(sides.harm.step(harm, groups));
        if (!mixed) within = rounded(sides.within.step(within, groups));
      }
      return { memory: { harm, within }, harm: sides.harm.logE(harm, alpha), within: sides.within.logE(within, alpha) };
    },
    ahead(memory, side, alpha) {
      const state = read(memory)[side];
      return (groups) => sides[side].logE(sides[side].step(state, groups), alpha);
    },
  };
}
