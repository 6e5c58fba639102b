import { z } from "zod";
import type { RelativeLimit } from "../../model/plan.ts";
import type { HistogramGroups } from "../../stats/histogram.ts";
import { finestRise, quantileBucket, quantileRise, radiusForOne, type QuantileRange, type Radius } from "../../stats/quantile.ts";
import { boundsText, type HistogramView } from "../histogramView.ts";
import { fitting } from "../memories.ts";
import { method, type Method, type StageSums } from "../method.ts";
import { change, count, percent, quantity } from "../numbers.ts";
import { ready } from "../rates.ts";
import { bucketsIn } from "../values.ts";

interface Buckets {
  readonly treatment: readonly number[];
  readonly control: readonly number[];
}

interface Memory {
  /** How many stages have had evidence of their own, this one among them: the values of a stage alone are of one distribution. */
  readonly stages: number;
  /** All intervals of the stage, and those that overlap no change. */
  readonly harm: Buckets;
  readonly within: Buckets;
}

/** A confidence sequence is tightest about when so many values beyond the quantile are expected. */
const OPTIMAL_BEYOND = 50;

/**
 * A quantile of a histogram against the control's: by bounds that are surely below and above it (`stats/quantile.ts`). Each
 * stage begins anew with a part of the chance of a false alarm, 6α/(π² s²) for the s-th.
 */
export function quantileRiseMethod({ metricName, unit, bounds }: HistogramView, p: number, limit: RelativeLimit): Method {
  const buckets = bounds.length + 1;
  const [ratio, rise] = limit.by === "ratio" ? [1 + limit.amount, 0] : [1, limit.amount];
  const nothing: Buckets = { treatment: Array<number>(buckets).fill(0), control: Array<number>(buckets).fill(0) };
  const added = (sums: Buckets, step: StageSums): Buckets => ({
    treatment: bucketsIn(step.treatment, buckets).map((each, index) => each + sums.treatment[index]!),
    control: bucketsIn(step.control, buckets).map((each, index) => each + sums.control[index]!),
  });
  const counts = z.array(z.number().min(0)).length(buckets);
  const sums = z.strictObject({ treatment: counts, control: counts });
  const memorySchema: z.ZodType<Memory> = z.strictObject({ stages: z.number().int().min(1), harm: sums, within: sums });
  const verdictOf = (groups: Buckets, stages: number, alpha: number) =>
    quantileRise({ bounds, ...groups }, p, rise, radiusIn(p, stages, alpha), ratio).verdict;
  return method<Memory>({
    name: `quantile at ${boundsText(bounds)}`,
    compares: true,
    hasEValues: false,
    begin: () => ({ stages: 1, harm: nothing, within: nothing }),
    read: (stored) => fitting(memorySchema, stored),
    step: ({ stages, harm, within }, step) => ({
      stages,
      harm: added(harm, step),
      within: step.mixed ? within : added(within, step),
    }),
    calibrate: (memory) => memory,
    newStage: ({ stages, harm }) => ({
      stages: harm.treatment.some((each) => each > 0) ? stages + 1 : stages,
      harm: nothing,
      within: nothing,
    }),
    weigh: ({ stages, harm, within }, { alpha }) => ({
      breach: verdictOf(harm, stages, alpha) === "breach",
      clear: verdictOf(within, stages, alpha) === "clear",
    }),
    figures(stage) {
      const groups: HistogramGroups = { bounds, ...added(nothing, stage) };
      const [treatment, control] = [bucketOf(groups.treatment), bucketOf(groups.control)];
      const [upper, base] = [treatment?.atMost, control?.atMost];
      const both = upper !== undefined && base !== undefined && Number.isFinite(upper) && Number.isFinite(base);
      const estimate = both ? (limit.by === "ratio" ? upper / base : upper - base) : undefined;
      const show = (value: number) =>
        limit.by === "ratio" ? `${percent(Math.abs(value - 1))}${value < 1 ? " less" : " more"}` : change(value, unit);
      return {
        ...ready(limit.form, estimate, undefined, limit.by === "ratio" ? ratio : rise),
        show,
        subject: `the p${Number((p * 100).toPrecision(6))} of ${metricName}`,
        treatment: rangeText(treatment, unit),
        control: rangeText(control, unit),
        basis: `${count(total(groups.treatment))} against ${count(total(groups.control))} values`,
        note: noteOn(bounds, base, limit, unit),
      };
    },
    sizes: () => ({}),
  });

  function bucketOf(of: readonly number[]): QuantileRange | undefined {
    return quantileBucket({ bounds, counts: of }, p);
  }
}

/** How far a group's share of values up to a bound may be from the true one, after so many values of the s-th stage. */
export function radiusIn(p: number, stages: number, alpha: number): (total: number) => Radius {
  const share = (6 * alpha) / (Math.PI * stages) ** 2 / 2;
  const tuning = { optimum: OPTIMAL_BEYOND / Math.min(p, 1 - p), alpha: share };
  return (total) => radiusForOne(p, total, tuning, share);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, each) => sum + each, 0);
}

/** `350 ms to 375 ms`: where in its bucket a quantile is, nobody knows. */
function rangeText(range: QuantileRange | undefined, unit: string | undefined): string | undefined {
  if (!range) return undefined;
  if (range.above === -Infinity) return `at most ${quantity(range.atMost, unit)}`;
  return range.atMost === Infinity
    ? `above ${quantity(range.above, unit)}`
    : `${quantity(range.above, unit)} to ${quantity(range.atMost, unit)}`;
}

/** That the buckets are too coarse for what the limit names. */
function noteOn(bounds: readonly number[], base: number | undefined, limit: RelativeLimit, unit: string | undefined): string | undefined {
  if (base === undefined || !Number.isFinite(base)) return undefined;
  const rise = limit.by === "ratio" ? base * limit.amount : limit.amount;
  const finest = finestRise(bounds, base);
  if (finest <= rise * (1 + 1e-9)) return undefined;
  return Number.isFinite(finest)
    ? `the buckets there are ${quantity(finest, unit)} wide, so that less than that is neither seen nor excluded`
    : "it is in the first or the last bucket, where no change is seen";
}
