import type { Guardrail, RelativeLimit } from "../../model/plan.ts";
import { autocorrelation, beginResiduals, stepResiduals, type ResidualState } from "../../stats/autocorrelation.ts";
import type { Groups } from "../../stats/ratio.ts";
import { requestsForDab, requestsForFall } from "../../stats/sizing.ts";
import {
  beginTwoSidedDab,
  calibrateTwoSidedDab,
  harmLogE,
  stepTwoSidedDab,
  withinLogE,
  type TwoSidedDab,
} from "../../stats/twoSidedDab.ts";
import { fitting, shapedLike } from "../memories.ts";
import { method, type Method, type Sized, type Sizes, type Weighed } from "../method.ts";
import { noiseFound } from "../noise.ts";
import { groupsIn, rateFigures, type RateView } from "../rates.ts";
import { rounded } from "../round.ts";
import { sizesOf } from "../sizes.ts";

interface Memory {
  readonly test: TwoSidedDab;
  /** Whether the groups differ by something that stays from look to look. */
  readonly residuals: ResidualState;
}

const beginning = (controlHistory: boolean): Memory => ({ test: beginTwoSidedDab({ controlHistory }), residuals: beginResiduals() });
const memorySchema = shapedLike(beginning(true));
const swappedSchema = shapedLike(beginning(false));

/** A rate against the control, as a ratio: DAB (`stats/dab.ts`). */
export function ratioMethod(view: RateView, limit: RelativeLimit, { proof, detect }: Pick<Guardrail, "proof" | "detect">): Method {
  const decrease = limit.form === "maxDecrease";
  const margin = decrease ? 1 / (1 - limit.amount) : 1 + limit.amount;
  const strict = proof === "strict";
  const schema = decrease ? swappedSchema : memorySchema;
  // A decrease is an increase with the groups swapped.
  const facing = ({ treatment, control }: Groups): Groups =>
    decrease ? { treatment: control, control: treatment } : { treatment, control };
  return method<Memory>({
    name: decrease ? "dab, swapped" : "dab",
    compares: true,
    hasEValues: true,
    begin: () => beginning(!decrease),
    read: (stored) => fitting(schema, stored),
    step({ test, residuals }, step) {
      const groups = facing(groupsIn(view, step));
      return {
        test: stepTwoSidedDab(test, groups, margin, { harmOnly: step.mixed }),
        residuals: step.mixed ? residuals : stepResiduals(residuals, groups),
      };
    },
    calibrate: ({ test, residuals }, control) => ({
      test: calibrateTwoSidedDab(test, facing(groupsIn(view, { treatment: undefined, control }))),
      residuals,
    }),
    newStage: (memory) => memory,
    weigh({ test, residuals }, { alpha }) {
      const [harm, within] = [harmLogE(test, { strict }), withinLogE(test, { strict })];
      const threshold = -Math.log(alpha);
      return {
        breach: harm >= threshold,
        clear: within >= threshold,
        harm,
        within,
        noise: test.history && noiseFound(test.history),
        autocorrelation: persistenceFound(residuals),
      };
    },
    figures: (sums) => rateFigures(view, limit, sums),
    sizes: (sized) =>
      ratioSizes(facing(groupsIn(view, sized.sums)), margin, (base) => detectedRatio(limit, detect, base), sized, strict, decrease),
  });
}

/** What stays from look to look, where that is more than chance. */
function persistenceFound(residuals: ResidualState): Weighed["autocorrelation"] {
  const { significant, correlation, margin } = autocorrelation(residuals);
  return significant && correlation !== undefined ? { correlation: rounded(correlation), margin: rounded(margin) } : undefined;
}

/** The ratio that should be seen, beside the margin; twice what is allowed unless the plan says otherwise. `base` is the control's rate. */
function detectedRatio(limit: RelativeLimit, detect: Guardrail["detect"], base: number): number {
  const named = detect && "by" in detect ? (detect.by === "points" ? detect.amount / base : detect.amount) : undefined;
  if (limit.form === "maxDecrease") return 1 / Math.max(1e-6, 1 - (named ?? 1 - (1 - limit.amount) / 2));
  return named === undefined ? 2 * (1 + limit.amount) : 1 + named;
}

/** @param groups the group that is suspected to have the larger rate first */
function ratioSizes(
  groups: Groups,
  margin: number,
  detectedAt: (base: number) => number,
  { alpha, looks, weighed, power = 0.8 }: Sized,
  strict: boolean,
  swapped: boolean,
): Sizes {
  const { treatment, control } = groups;
  if (treatment.total <= 0 || control.total <= 0 || looks === 0) return {};
  const controlPerTreated = control.total / treatment.total;
  // Half an event more: a rate of which nothing was seen yet is small, and not 0.
  const controlRate = (control.events + 0.5) / (control.total + 1);
  const rate = (treatment.events + 0.5) / (treatment.total + 1);
  const featured = (requests: number) => (swapped ? requests * controlPerTreated : requests);
  const look = { controlRate, requests: treatment.total / looks };
  const detected = detectedAt(swapped ? rate : controlRate);
  const demand = { alpha, power, strict };
  const fall = { ratio: 1 / detected, margin: 1 / margin, controlPerTreated: 1 / controlPerTreated };
  const needs = swapped
    ? requestsForFall(fall, { controlRate: rate, requests: control.total / looks }, demand)
    : requestsForDab({ ratio: detected, margin, controlPerTreated }, look, demand);

  const threshold = -Math.log(alpha);
  const found = rate / controlRate;
  const beyond = found > margin;
  // Seen from the control, its rate is so many times the treatment's.
  const whole = beyond
    ? requestsForDab({ ratio: found, margin, controlPerTreated }, look, { alpha, power: 0.5, strict })
    : requestsForDab(
        { ratio: 1 / found, margin: 1 / margin, controlPerTreated: 1 / controlPerTreated },
        { controlRate: rate, requests: control.total / looks },
        { alpha, power: 0.5, strict },
      ) / controlPerTreated;
  const left = (threshold - Math.min(threshold, Math.max(0, (beyond ? weighed.harm : weighed.within) ?? 0))) / threshold;
  const more = featured(whole * left);
  return sizesOf(featured(treatment.total), needs, more);
}
