import { z } from "zod";
import type { Guardrail, RelativeLimit } from "../../model/plan.ts";
import {
  beginMeans,
  differenceOfMeans,
  ENOUGH_OBSERVATIONS,
  meansLogE,
  ratioOfMeans,
  ratioOfMeansInterval,
  stepMeans,
  type MeansMargin,
  type MeansState,
  type SumsGroups,
} from "../../stats/means.ts";
import { requestsForShift } from "../../stats/sizing.ts";
import { normalQuantile } from "../../stats/special.ts";
import { fitting, shapedLike } from "../memories.ts";
import { method, type Figures, type Method, type Sized, type Sizes, type StageSums } from "../method.ts";
import { change, count, quantity, times } from "../numbers.ts";
import { ready } from "../rates.ts";
import { sizesOf } from "../sizes.ts";
import { tuningAlpha } from "../tuning.ts";
import { sumsIn } from "../values.ts";

/** A mean as it is told of. */
export interface MeanView {
  readonly metricName: string;
  readonly unit: string | undefined;
}

interface Memory {
  readonly harm: MeansState;
  readonly within: MeansState;
  /** The control's mean when it was first seen, which sets the scale of the tuning; 0 before. */
  readonly scale: number;
}

const memorySchema = z.strictObject({ harm: shapedLike(beginMeans()), within: shapedLike(beginMeans()), scale: z.number() });

/** A limit of 0 is tuned as if it were one of 5 % of the control's mean. */
const LEAST_RESOLUTION = 0.05;

/** A mean against the control: a stratified confidence sequence (`stats/means.ts`). */
export function meanChangeMethod(view: MeanView, limit: RelativeLimit, { detect }: Pick<Guardrail, "detect">): Method {
  const decrease = limit.form === "maxDecrease";
  const factor = decrease ? 1 - limit.amount : 1 + limit.amount;
  /** The most that the treatment may be, and the same line seen from the control. */
  const [line, mirrored]: [MeansMargin, MeansMargin] =
    limit.by === "ratio"
      ? [
          { ratio: factor, shift: 0 },
          { ratio: 1 / factor, shift: 0 },
        ]
      : [
          { ratio: 1, shift: decrease ? -limit.amount : limit.amount },
          { ratio: 1, shift: decrease ? limit.amount : -limit.amount },
        ];
  const above = (state: MeansState, scale: number, alpha: number) => meansLogE(state, line, resolution(scale), tuningAlpha(alpha));
  const below = (state: MeansState, scale: number, alpha: number) =>
    meansLogE(swapped(state), mirrored, resolution(scale), tuningAlpha(alpha));
  const resolution = (scale: number): number => resolutionOf(limit, scale);
  return method<Memory>({
    name: "means",
    compares: true,
    hasEValues: true,
    begin: () => ({ harm: beginMeans(), within: beginMeans(), scale: 0 }),
    read: (stored) => fitting(memorySchema, stored),
    step({ harm, within, scale }, step) {
      const groups = groupsIn(step);
      return {
        harm: stepMeans(harm, groups),
        within: step.mixed ? within : stepMeans(within, groups),
        scale: scale === 0 && groups.control.count > 0 ? Math.abs(groups.control.sum / groups.control.count) : scale,
      };
    },
    calibrate: (memory) => memory,
    newStage: (memory) => memory,
    weigh({ harm: of, within: without, scale }, { alpha }) {
      const harm = (decrease ? below : above)(of, scale, alpha);
      const within = (decrease ? above : below)(without, scale, alpha);
      const threshold = -Math.log(alpha);
      return { breach: harm >= threshold, clear: within >= threshold, harm, within };
    },
    figures: (sums) => meanFigures(view, limit, sums),
    sizes: (sized) => meanSizes(limit, detect, sized),
  });
}

/** How many times as large a variance is once the mean is another: values that all grow by a factor spread by it as well. */
export function widening(mean: number, harmed: number): number {
  return mean > 0 && harmed > 0 ? (harmed / mean) ** 2 : 1;
}

/** What a limit is tuned to, in the unit of the values. */
function resolutionOf({ by, amount }: RelativeLimit, scale: number): number {
  const named = by === "ratio" ? amount * scale : amount;
  return named > 0 ? named : Math.max(LEAST_RESOLUTION * scale, Number.MIN_VALUE);
}

function groupsIn({ treatment, control }: StageSums): SumsGroups {
  return { treatment: sumsIn(treatment), control: sumsIn(control) };
}

function swapped({ treatment, control, ...rest }: MeansState): MeansState {
  return { ...rest, treatment: control, control: treatment };
}

const Z95 = normalQuantile(0.975);

function meanFigures({ metricName, unit }: MeanView, limit: RelativeLimit, sums: StageSums): Figures {
  const groups = groupsIn(sums);
  const state = stepMeans(beginMeans(), groups);
  const meanText = ({ count: n, sum }: { count: number; sum: number }) => (n > 0 ? quantity(sum / n, unit) : undefined);
  const amount = limit.form === "maxDecrease" ? 0 - limit.amount : limit.amount;
  const common = {
    subject: metricName,
    treatment: meanText(groups.treatment),
    control: meanText(groups.control),
    basis: `${count(groups.treatment.count)} against ${count(groups.control.count)} values`,
  };
  if (limit.by === "ratio")
    return { ...common, ...ready(limit.form, ratioOfMeans(state), ratioOfMeansInterval(state, Z95), 1 + amount), show: times };
  const found = differenceOfMeans(state);
  // Two equal means differ by the last digits of their sums.
  const negligible = 1e-9 * Math.abs(groups.control.sum / Math.max(1, groups.control.count));
  const estimate = found && (Math.abs(found.estimate) <= negligible ? 0 : found.estimate);
  const half = found && Z95 * found.standardError;
  const interval = found && half !== undefined ? ([found.estimate - half, found.estimate + half] as const) : undefined;
  return { ...common, ...ready(limit.form, estimate, interval, amount), show: (value) => change(value, unit) };
}

function meanSizes(limit: RelativeLimit, detect: Guardrail["detect"], { sums, alpha, looks, power = 0.8 }: Sized): Sizes {
  const { treatment, control } = groupsIn(sums);
  if (treatment.count < 2 || control.count < 2 || looks === 0) return {};
  const mean = control.sum / control.count;
  const variance = Math.max(0, control.sumSquares / control.count - mean * mean);
  const allowed = limit.by === "ratio" ? limit.amount * mean : limit.amount;
  const named = detect && "by" in detect ? (detect.by === "ratio" ? detect.amount * mean : detect.amount) : 2 * allowed || mean;
  // A rise is that of the treatment's mean over `line` times the control's, a fall that of the control's over `line` times the treatment's.
  const decrease = limit.form === "maxDecrease";
  const line = limit.by === "ratio" ? (decrease ? 1 / (1 - limit.amount) : 1 + limit.amount) : 1;
  const perTreated = treatment.count / control.count;
  const own = variance * widening(mean, decrease ? mean - named : mean + named);
  const shift = {
    distance: Math.abs(named - allowed) * (decrease ? line : 1),
    resolution: resolutionOf(limit, Math.abs(mean)),
    perLook: treatment.count / looks,
    variance: decrease ? own * line * line + variance * perTreated : own + variance * line * line * perTreated,
  };
  const needs = requestsForShift(shift, { alpha: tuningAlpha(alpha), power });
  return sizesOf(treatment.count, Math.max(needs, ENOUGH_OBSERVATIONS), 0);
}
