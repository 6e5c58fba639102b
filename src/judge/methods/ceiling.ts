import { z } from "zod";
import type { Counts } from "../../model/measurement.ts";
import type { Guardrail } from "../../model/plan.ts";
import { requestsForCeiling, requestsForFallBelow } from "../../stats/sizing.ts";
import { beginTwoSidedCeiling, ceilingHarmLogE, ceilingWithinLogE, stepTwoSidedCeiling } from "../../stats/twoSidedCeiling.ts";
import { beginIncident, incidentSchema, isShared, recentSchema, stepIncident, withRecent, type Side } from "../incident.ts";
import { fitting, shapedLike } from "../memories.ts";
import { method, type Method, type Sized, type Sizes } from "../method.ts";
import { groupsIn, rateFigures, type RateLimit, type RateView } from "../rates.ts";
import { sizesOf } from "../sizes.ts";

const memorySchema = z.strictObject({
  test: shapedLike(beginTwoSidedCeiling()),
  recent: recentSchema,
  incident: incidentSchema.optional(),
});
type Memory = z.infer<typeof memorySchema>;

/** A rate against a fixed limit: the ceiling of DAB (`stats/ceiling.ts`), and whether an incident of everybody broke it. */
export function ceilingMethod(view: RateView, limit: FixedLimit, { detect }: Pick<Guardrail, "detect">): Method {
  // What is counted is always the rarer: its counts are then about Poisson.
  const complement = limit.rate > 0.5;
  const side: Side = { rate: complement ? 1 - limit.rate : limit.rate, above: (limit.form === "max") !== complement };
  const facing = ({ events, total }: Counts): Counts => (complement ? { events: total - events, total } : { events, total });
  const [harmOf, withinOf] = side.above ? [ceilingHarmLogE, ceilingWithinLogE] : [ceilingWithinLogE, ceilingHarmLogE];
  return method<Memory>({
    name: `ceiling, ${side.above ? "above" : "below"}`,
    compares: false,
    hasEValues: true,
    begin: () => ({ test: beginTwoSidedCeiling(), recent: [] }),
    read: (stored) => fitting(memorySchema, stored),
    step({ test, recent, incident }, step) {
      const { treatment, control } = groupsIn(view, step);
      const groups = { treatment: facing(treatment), control: facing(control) };
      return {
        // Of the two sides a mixed interval may grow the upper one alone; where that is not the harm, it counts for nothing.
        test: step.mixed && !side.above ? test : stepTwoSidedCeiling(test, groups.treatment, side.rate, { harmOnly: step.mixed }),
        recent: withRecent(recent, groups),
        ...(incident && { incident: stepIncident(incident, groups, side.above) }),
      };
    },
    calibrate: (memory) => memory,
    newStage: (memory) => memory,
    weigh(memory, { alpha }) {
      const threshold = -Math.log(alpha);
      const [harm, within] = [harmOf(memory.test), withinOf(memory.test)];
      const weighed = { breach: harm >= threshold, clear: within >= threshold, harm, within };
      // An incident that is over is no excuse for the next harm.
      if (!weighed.breach) return { ...weighed, memory: { test: memory.test, recent: memory.recent } };
      const incident = memory.incident ?? beginIncident(memory.recent, side);
      return { ...weighed, shared: isShared(incident, threshold), memory: { ...memory, incident } };
    },
    figures: (sums) => rateFigures(view, limit, sums),
    sizes: (sized) =>
      ceilingSizes(facing(groupsIn(view, sized.sums).treatment), side, timesDetected(limit, side, complement, detect), sized),
  });
}

type FixedLimit = Extract<RateLimit, { rate: number }>;

/** How many times the limit the rate has, in its own direction, that should be seen: twice unless the plan says otherwise. */
function timesDetected({ rate }: FixedLimit, side: Side, complement: boolean, detect: Guardrail["detect"]): number {
  if (!detect || !("rate" in detect)) return 2;
  const named = complement ? (1 - detect.rate) / (1 - rate) : detect.rate / rate;
  return side.above ? named : 1 / named;
}

function ceilingSizes({ events, total }: Counts, { rate, above }: Side, detected: number, sized: Sized): Sizes {
  const { alpha, looks, weighed, power = 0.8 } = sized;
  if (total <= 0 || looks === 0) return {};
  const perLook = total / looks;
  const until = (times: number, power: number) =>
    times > 1 ? requestsForCeiling(times, rate, perLook, { alpha, power }) : requestsForFallBelow(times, rate, perLook, { alpha, power });
  const needs = until(above ? detected : 1 / detected, power);
  const found = (events + 0.5) / (total + 1) / rate;
  const threshold = -Math.log(alpha);
  const reached = (found > 1 === above ? weighed.harm : weighed.within) ?? 0;
  const left = (threshold - Math.min(threshold, Math.max(0, reached))) / threshold;
  const more = until(found, 0.5) * left;
  return sizesOf(total, needs, more);
}
