import { beginDab, dabLogE, stepDab, type DabState } from "../../../../src/stats/dab.ts";
import { quantileRise, radiusForOne } from "../../../../src/stats/quantile.ts";
import { beginSlowdown, slowdownLogE, stepSlowdown, type RateTest } from "../../../../src/stats/slowdown.ts";
import { BOUNDS, USUAL_P95, type LatencyLook } from "../latency.ts";
import { ALPHA, type Rule } from "../ramp.ts";
import { ENOUGH } from "./evidence.ts";
import { kayenta } from "./kayenta.ts";

const QUANTILE = 0.95;
/** By how much the quantile may rise, in ms. */
const RISE = 50;
/** Where the radius of a quantile is sharpest: about the requests of a stage of 1 %. */
const SHARPEST = 1000;

/**
 * "p95 must not rise by more than 50 ms", on the sums of a stage, for values of different stages have no one distribution.
 * α is split over the stages by 6/(π² s²), and by halves over the groups.
 */
export function quantileRiseRule(name: string): Rule<LatencyLook> {
  const none = [...BOUNDS, Infinity].map(() => 0);
  const add = (one: readonly number[], other: readonly number[]): number[] => one.map((count, index) => count + other[index]!);
  return {
    name,
    begin: () => {
      let [stage, treatment, control] = [0, none, none];
      return (look) => {
        if (look.stage !== stage) [stage, treatment, control] = [look.stage, none, none];
        treatment = add(treatment, look.groups.treatment);
        control = add(control, look.groups.control);
        const alpha = (6 * ALPHA) / (Math.PI ** 2 * (stage + 1) ** 2) / 2;
        const radiusOf = (total: number) => radiusForOne(QUANTILE, total, { optimum: SHARPEST, alpha }, alpha);
        return quantileRise({ bounds: BOUNDS, treatment, control }, QUANTILE, RISE, radiusOf).verdict === "breach";
      };
    },
  };
}

/** "No slower at any bound", by DAB at each: any slowdown counts, however small. */
export function slowdownRule(name: string): Rule<LatencyLook> {
  const test: RateTest<DabState> = { begin: beginDab, step: (state, groups) => stepDab(state, groups, 1), logE: dabLogE };
  return {
    name,
    begin: () => {
      let states = beginSlowdown(test, BOUNDS.length);
      return (look) => {
        states = stepSlowdown(test, states, look.groups);
        return slowdownLogE(test, states) >= ENOUGH;
      };
    },
  };
}

/** A fixed limit on the last minute's p95, 50 ms above the usual one, as Argo Rollouts counts failures. */
export function fixedQuantileRule(name: string, failureLimit: number): Rule<LatencyLook> {
  return {
    name,
    begin: () => {
      let failed = 0;
      return ({ groups }) => {
        const value = interpolatedQuantile(groups.treatment);
        if (value !== undefined && value > USUAL_P95 + RISE) failed++;
        return failed > failureLimit;
      };
    },
  };
}

/** Kayenta on each minute's p95 of the canary and of the baseline. */
export function kayentaQuantileRule(name: string, interval: Parameters<typeof kayenta>[1]): Rule<LatencyLook> {
  return kayenta(name, interval, ({ groups, baseline }) => ({
    experiment: interpolatedQuantile(groups.treatment),
    control: interpolatedQuantile(baseline),
  }));
}

/** The p95 of Prometheus' `histogram_quantile`: linear in the bucket that holds it; the last bound where it is above all. */
export function interpolatedQuantile(counts: readonly number[]): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let below = 0;
  for (const [index, bound] of BOUNDS.entries()) {
    const count = counts[index]!;
    if (below + count >= QUANTILE * total) {
      const from = BOUNDS[index - 1] ?? 0;
      return from + ((bound - from) * (QUANTILE * total - below)) / count;
    }
    below += count;
  }
  return BOUNDS.at(-1);
}
