import { z } from "zod";
import type { Guardrail, Limit } from "../../model/plan.ts";
import { beginMeanLimit, meanLimitLogE, meanOf, stepMeanLimit, type MeanLimitState } from "../../stats/meanLimit.ts";
import { ENOUGH_OBSERVATIONS } from "../../stats/means.ts";
import { requestsForShift } from "../../stats/sizing.ts";
import { normalQuantile } from "../../stats/special.ts";
import { fitting, shapedLike } from "../memories.ts";
import { method, type Method, type Sized, type Sizes } from "../method.ts";
import { count, quantity } from "../numbers.ts";
import { ready } from "../rates.ts";
import { sizesOf } from "../sizes.ts";
import { tuningAlpha } from "../tuning.ts";
import { sumsIn } from "../values.ts";
import { widening, type MeanView } from "./meanChange.ts";

interface Memory {
  readonly harm: MeanLimitState;
  readonly within: MeanLimitState;
}

const memorySchema = z.strictObject({ harm: shapedLike(beginMeanLimit()), within: shapedLike(beginMeanLimit()) });

const Z95 = normalQuantile(0.975);
/** The distance from the limit, as a part of it, to which the test is tuned first. */
const RESOLUTION = 0.05;

/** A mean against a fixed limit: a confidence sequence (`stats/meanLimit.ts`). */
export function meanLimitMethod({ metricName, unit }: MeanView, limit: MeanLimit, { detect }: Pick<Guardrail, "detect">): Method {
  const [harmful, safe] = limit.form === "max" ? (["above", "below"] as const) : (["below", "above"] as const);
  const resolution = Math.max(Math.abs(limit.value) * RESOLUTION, Number.MIN_VALUE);
  return method<Memory>({
    name: `mean ${harmful}`,
    compares: false,
    hasEValues: true,
    begin: () => ({ harm: beginMeanLimit(), within: beginMeanLimit() }),
    read: (stored) => fitting(memorySchema, stored),
    step({ harm, within }, step) {
      const sums = sumsIn(step.treatment);
      return { harm: stepMeanLimit(harm, sums), within: step.mixed ? within : stepMeanLimit(within, sums) };
    },
    calibrate: (memory) => memory,
    newStage: (memory) => memory,
    weigh(memory, { alpha }) {
      const harm = meanLimitLogE(memory.harm, limit.value, harmful, resolution, tuningAlpha(alpha));
      const within = meanLimitLogE(memory.within, limit.value, safe, resolution, tuningAlpha(alpha));
      const threshold = -Math.log(alpha);
      return { breach: harm >= threshold, clear: within >= threshold, harm, within };
    },
    figures({ treatment, control }) {
      const [own, other] = [sumsIn(treatment), sumsIn(control)];
      const found = meanOf(stepMeanLimit(beginMeanLimit(), own));
      const half = found && Z95 * found.standardError;
      const show = (value: number) => quantity(value, unit);
      const mean = own.count > 0 ? own.sum / own.count : undefined;
      return {
        ...ready(limit.form, mean, found && half !== undefined ? [found.estimate - half, found.estimate + half] : undefined, limit.value),
        show,
        subject: metricName,
        treatment: mean === undefined ? undefined : show(mean),
        control: other.count > 0 ? show(other.sum / other.count) : undefined,
        basis: `${count(own.count)} values`,
      };
    },
    sizes: (sized) => meanLimitSizes(limit, detect, resolution, sized),
  });
}

type MeanLimit = Extract<Limit, { value: number }>;

function meanLimitSizes(limit: MeanLimit, detect: Guardrail["detect"], resolution: number, sized: Sized): Sizes {
  const { sums, alpha, looks, power = 0.8 } = sized;
  const { count: seen, sum, sumSquares } = sumsIn(sums.treatment);
  if (seen < 2 || looks === 0) return {};
  const mean = sum / seen;
  // Twice the limit, or half of it.
  const usual = limit.value + Math.abs(limit.value) * (limit.form === "max" ? 1 : -0.5);
  const named = detect && "value" in detect ? detect.value : usual;
  const variance = Math.max(0, sumSquares / seen - mean * mean) * widening(mean, named);
  const shift = { distance: Math.abs(named - limit.value), resolution, variance, perLook: seen / looks };
  const needs = requestsForShift(shift, { alpha: tuningAlpha(alpha), power });
  return sizesOf(seen, Math.max(needs, ENOUGH_OBSERVATIONS), 0);
}
