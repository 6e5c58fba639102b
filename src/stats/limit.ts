import { beginMixture, growMixture, HARM_GRID, mixtureLogE, type Mixture } from "./mixture.ts";
import type { Counts } from "./ratio.ts";
import { logAddExp, logBeta, logBetaTails } from "./special.ts";

/** Where a test against a limit is sharpest: after `optimum` requests, at a chance `alpha` of a false alarm. Any choice is valid. */
export interface Tuning {
  readonly optimum: number;
  readonly alpha: number;
}

/** The prior Beta(a, b) of the rate beyond the limit p0: a = r/(1 − p0), b = r/p0. */
export function limitPrior(limit: number, { optimum, alpha }: Tuning): { r: number; a: number; b: number } {
  const variance = limit * (1 - limit);
  const log = 2 * Math.log(1 / (2 * alpha));
  const r = Math.max((optimum * variance) / (log + Math.log1p(log)) - variance, 1e-3 * variance);
  return { r, a: r / (1 - limit), b: r / limit };
}

/**
 * Test (b): is a rate above the limit p0? ln E of the one-sided beta-binomial mixture over all counts so far, its prior
 * Beta(a, b) truncated to p > p0:
 *
 *   ln E = ln B(a + x, b + n − x) + ln[1 − I_p0(a + x, b + n − x)] − ln B(a, b) − ln[1 − I_p0(a, b)] − x ln p0 − (n − x) ln(1 − p0)
 *
 * Equals the one-sided beta-binomial boundary of Howard et al. (arXiv 1810.08240; g = p0, h = 1 − p0).
 * Null hypothesis: the rate of every interval is at most p0. Assumes events independent of each other. There is no
 * control, so that an incident that hits everybody is above the limit too. "Below the limit" is this test on the
 * requests that were no events, with the limit 1 − p0.
 */
export function betaBinomialLogE({ events, total }: Counts, limit: number, tuning: Tuning): number {
  const { a, b } = limitPrior(limit, tuning);
  const rest = total - events;
  const after = logBeta(a + events, b + rest) + logBetaTails(limit, a + events, b + rest).upper;
  const before = logBeta(a, b) + logBetaTails(limit, a, b).upper;
  return after - before - events * Math.log(limit) - rest * Math.log1p(-limit);
}

/** What test (b) remembers: all counts so far, and a restart mixture over a grid of rates above the limit. */
export interface LimitState extends Counts {
  readonly mixture: Mixture;
}

/** Before the first look. */
export function beginLimit(): LimitState {
  return { events: 0, total: 0, mixture: beginMixture(HARM_GRID.length) };
}

/**
 * Adds the increments of one interval. The grid's rates have the odds of the limit times g, g in `HARM_GRID`, so that
 * they stay below 1: ln f_g = x ln g − n ln[1 + p0(g − 1)].
 */
export function stepLimit(state: LimitState, { events, total }: Counts, limit: number): LimitState {
  if (total <= 0) return state;
  const logFactors = HARM_GRID.map((size) => events * Math.log(size) - total * Math.log1p(limit * (size - 1)));
  return { events: state.events + events, total: state.total + total, mixture: growMixture(state.mixture, logFactors) };
}

/**
 * ln E against "the rate is at most the limit": the mean of the beta-binomial mixture, which is sharp for a harm that is
 * there from the beginning, and of the restart mixture, which still sees one that begins after a long healthy time (the
 * first alone has then gathered so much for the limit that it stays blind for about as long). A mean of e-processes is one.
 */
export function limitLogE(state: LimitState, limit: number, tuning: Tuning): number {
  return logAddExp(betaBinomialLogE(state, limit, tuning), mixtureLogE(state.mixture)) - Math.LN2;
}
