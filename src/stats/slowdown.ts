import { slowerThanBounds, type HistogramGroups } from "./histogram.ts";
import type { Groups } from "./ratio.ts";
import { logSumExp } from "./special.ts";

/**
 * A sequential test of a rate: E is a nonnegative supermartingale from 1 wherever its null hypothesis holds. Its state is
 * before the first look `begin()`, and after each look what `step` makes of it.
 */
export interface RateTest<State> {
  begin(): State;
  step(state: State, groups: Groups): State;
  logE(state: State): number;
}

/**
 * "Any slowdown": for each bound of a histogram a test of the rate "slower than this bound", and E their mean. Which test
 * is the caller's to say.
 *
 * Null hypothesis: at every bound b and every look P_T(> b) is within what the test allows beside P_C(> b); with a ratio
 * of 1 that the treatment is nowhere slower than the control (it is stochastically at most as large).
 * Assumes what the test assumes of the counts. Nothing is assumed about how the bounds depend on each other: a mean of
 * e-processes is one under any dependence (Vovk & Wang 2021, "E-values: calibration, combination and applications").
 */
export function beginSlowdown<State>(test: RateTest<State>, bounds: number): State[] {
  return Array.from({ length: bounds }, () => test.begin());
}

/** Adds the increments of one interval. The bounds must be those of the state. */
export function stepSlowdown<State>(test: RateTest<State>, states: readonly State[], groups: HistogramGroups): State[] {
  const rates = slowerThanBounds(groups);
  if (rates.length !== states.length) throw new RangeError(`${rates.length} bounds came for the ${states.length} of the state`);
  return states.map((state, index) => test.step(state, rates[index]!));
}

/** ln E = ln[(1/B) Σ_b E_b]; 0, which is no evidence, without bounds. */
export function slowdownLogE<State>(test: RateTest<State>, states: readonly State[]): number {
  return states.length === 0 ? 0 : logSumExp(states.map((state) => test.logE(state))) - Math.log(states.length);
}

/** The index of the bound that speaks loudest, for a sentence; nothing without bounds. */
export function loudestBound<State>(test: RateTest<State>, states: readonly State[]): number | undefined {
  const logs = states.map((state) => test.logE(state));
  return logs.length === 0 ? undefined : logs.indexOf(Math.max(...logs));
}
