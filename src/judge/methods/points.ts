import type { Guardrail, RelativeLimit } from "../../model/plan.ts";
import { beginDifference, differenceLogE, ENOUGH_EVENTS, stepDifference, type DifferenceState } from "../../stats/difference.ts";
import type { Groups } from "../../stats/ratio.ts";
import { requestsForShift } from "../../stats/sizing.ts";
import { fitting, shapedLike } from "../memories.ts";
import { method, type Method, type Sized, type Sizes } from "../method.ts";
import { groupsIn, rateFigures, type RateView } from "../rates.ts";
import { sizesOf } from "../sizes.ts";
import { tuningAlpha } from "../tuning.ts";

/** Of harm, and of its being within the limit: a mixed interval counts for the first alone. */
interface Memory {
  readonly harm: DifferenceState;
  readonly within: DifferenceState;
}

const memorySchema = shapedLike<Memory>({ harm: beginDifference(), within: beginDifference() });

/** A rate against the control, by percentage points: the stratified difference (`stats/difference.ts`). */
export function pointsMethod(view: RateView, limit: RelativeLimit, { detect }: Pick<Guardrail, "detect">): Method {
  const decrease = limit.form === "maxDecrease";
  const margin = limit.amount;
  const facing = ({ treatment, control }: Groups): Groups =>
    decrease ? { treatment: control, control: treatment } : { treatment, control };
  const swapped = ({ treatment, control }: Groups): Groups => ({ treatment: control, control: treatment });
  return method<Memory>({
    name: decrease ? "points, swapped" : "points",
    compares: true,
    hasEValues: true,
    begin: () => ({ harm: beginDifference(), within: beginDifference() }),
    read: (stored) => fitting(memorySchema, stored),
    step({ harm, within }, step) {
      const groups = facing(groupsIn(view, step));
      return { harm: stepDifference(harm, groups), within: step.mixed ? within : stepDifference(within, swapped(groups)) };
    },
    calibrate: (memory) => memory,
    newStage: (memory) => memory,
    weigh(memory, { alpha }) {
      const harm = differenceLogE(memory.harm, margin, margin, tuningAlpha(alpha));
      const within = differenceLogE(memory.within, -margin, margin, tuningAlpha(alpha));
      const threshold = -Math.log(alpha);
      return { breach: harm >= threshold, clear: within >= threshold, harm, within };
    },
    figures: (sums) => rateFigures(view, limit, sums),
    sizes: (sized) => pointsSizes(groupsIn(view, sized.sums), margin, decrease, detect, sized),
  });
}

function pointsSizes(
  { treatment, control }: Groups,
  margin: number,
  decrease: boolean,
  detect: Guardrail["detect"],
  { alpha, weighed, looks, power = 0.8 }: Sized,
): Sizes {
  if (treatment.total <= 0 || control.total <= 0 || looks === 0) return {};
  const rate = (treatment.events + 0.5) / (treatment.total + 1);
  const controlRate = (control.events + 0.5) / (control.total + 1);
  const controlPerTreated = control.total / treatment.total;
  const sign = decrease ? -1 : 1;
  const named = detect && "by" in detect ? detect.amount : 2 * margin;
  const at = (difference: number, power: number): number => {
    const shifted = Math.min(1, Math.max(0, controlRate + sign * difference));
    const variance = shifted * (1 - shifted) + (controlRate * (1 - controlRate)) / controlPerTreated;
    const shift = { distance: Math.abs(difference - margin), resolution: margin, variance, perLook: treatment.total / looks };
    return Math.max(requestsForShift(shift, { alpha: tuningAlpha(alpha), power }), ENOUGH_EVENTS / Math.max(shifted, controlRate));
  };
  const needs = at(named, power);
  const found = sign * (rate - controlRate);
  const threshold = -Math.log(alpha);
  const reached = Math.max(0, (found > margin ? weighed.harm : weighed.within) ?? 0);
  const more = at(found, 0.5) * Math.max(0, 1 - reached / threshold);
  return sizesOf(treatment.total, needs, more);
}
