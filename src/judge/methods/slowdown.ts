import { z } from "zod";
import type { Guardrail, RelativeLimit } from "../../model/plan.ts";
import { beginSlowdown, loudestBound, slowdownLogE, stepSlowdown, type RateTest } from "../../stats/slowdown.ts";
import type { HistogramGroups } from "../../stats/histogram.ts";
import {
  beginTwoSidedDab,
  calibrateTwoSidedDab,
  harmLogE,
  stepTwoSidedDab,
  withinLogE,
  type TwoSidedDab,
} from "../../stats/twoSidedDab.ts";
import { boundsText, type HistogramView } from "../histogramView.ts";
import { fitting, shapedLike } from "../memories.ts";
import { method, type Method, type StageSums } from "../method.ts";
import { noiseFound } from "../noise.ts";
import { quantity } from "../numbers.ts";
import { rateFigures, shareAbove } from "../rates.ts";
import { bucketsIn } from "../values.ts";

const stateSchema = shapedLike(beginTwoSidedDab());

/**
 * "Any slowdown": at each bound DAB on the share of slower values, and the mean of their E (`stats/slowdown.ts`). It is
 * within the limit where it is at every bound that some value passed.
 */
export function slowdownMethod(view: HistogramView, limit: RelativeLimit, { proof }: Pick<Guardrail, "proof">): Method {
  const { bounds } = view;
  const strict = proof === "strict";
  const margin = 1 + limit.amount;
  const testOf = (harmOnly: boolean): RateTest<TwoSidedDab> => ({
    begin: () => beginTwoSidedDab(),
    step: (state, groups) => stepTwoSidedDab(state, groups, margin, { harmOnly }),
    logE: (state) => harmLogE(state, { strict }),
  });
  const test = testOf(false);
  const buckets = bounds.length + 1;
  const groupsOf = ({ treatment, control }: StageSums): HistogramGroups => ({
    bounds,
    treatment: bucketsIn(treatment, buckets),
    control: bucketsIn(control, buckets),
  });
  return method<TwoSidedDab[]>({
    name: `slowdown at ${boundsText(bounds)}`,
    compares: true,
    hasEValues: true,
    begin: () => beginSlowdown(test, bounds.length),
    read: (stored) => fitting(z.array(stateSchema).length(bounds.length), stored),
    step: (memory, step) => stepSlowdown(testOf(step.mixed), memory, groupsOf(step)),
    calibrate: (memory, control) => stepSlowdown(calibration, memory, groupsOf({ treatment: undefined, control })),
    newStage: (memory) => memory,
    weigh(memory, { alpha }) {
      const harm = slowdownLogE(test, memory);
      // Where no value was slower in either group there is nothing to show.
      const passed = memory.filter(({ mixture }) => mixture.looks > 0 && mixture.within.fit.some((log) => log !== 0));
      const within = passed.length === 0 ? 0 : Math.min(...passed.map((state) => withinLogE(state, { strict })));
      const threshold = -Math.log(alpha);
      const history = memory[loudestBound(test, memory) ?? 0]?.history;
      return { breach: harm >= threshold, clear: within >= threshold, harm, within, noise: history && noiseFound(history) };
    },
    figures(sums, memory) {
      const index = loudestBound(test, memory) ?? 0;
      const subject = `${view.metricName} above ${quantity(bounds[index] ?? 0, view.unit)}`;
      return rateFigures(shareAbove(subject, index, buckets), limit, sums);
    },
    sizes: () => ({}),
  });
}

/** What a look without the feature does at each bound. */
const calibration: RateTest<TwoSidedDab> = { begin: () => beginTwoSidedDab(), step: calibrateTwoSidedDab, logE: () => 0 };
