import { beginControlHistory, knownFromControl, stepControlHistory, type ControlHistory } from "./controlHistory.ts";
import type { LearnedNoise } from "./noise.ts";
import {
  beginNoisyMixture,
  calibrateNoisyMixture,
  growNoisyMixture,
  HARM_COLUMNS,
  learnedNoise,
  LOG_SIZES,
  MARGIN_ALONE,
  NO_OFFSET,
  noisyMixtureLogE,
  type NoisyMixture,
} from "./noisyMixture.ts";
import { noisySplitOf } from "./noisySplit.ts";
import type { Groups } from "./ratio.ts";

/**
 * DAB, the dispersion-aware Bayes factor: is the treatment's rate more than `margin` times the control's, where counts
 * may vary by more than chance? Given the m = x_T + x_C events of a look, x_T has the log-odds
 * Z = ln(margin · g · n_T/n_C), g in `HARM_GRID`, plus noise of one of twelve kinds (`noise.ts`), and which kind it is
 * is learned on the way (`noisyMixture.ts`). Source: this project's own.
 *
 * Null hypothesis: at every look p_T ≤ margin · p_C but for noise of one of the twelve kinds, whatever p_C is and
 * however it moves from look to look. So each look brings its own increments, and looks are never summed.
 * Assumes that the noise of a look is independent of that of the looks before: what stays in one group (a sick server, a
 * few heavy users) looks like harm. At a margin above 1 events must be rare: count failures, not successes.
 *
 * What is proved: without the control's history, at p_T = margin · p_C, the strict E (`dabLogE`) is under each kind of
 * noise at most a nonnegative martingale from 1, so that it ever reaches 1/α with a chance of at most α, however often
 * one looks (up to the quadrature of `gammaNoise.ts`, about 1e-4 a look). The usual E keeps that for a kind drawn from the
 * prior. For each kind by itself, with the history, and for a treatment better than the margin it is calibrated by
 * simulation, not proved.
 *
 * The state is numbers in plain arrays and finite, so that it survives JSON and a fold can go on from there.
 */
export interface DabState {
  readonly mixture: NoisyMixture;
  /** The control's own noise; absent where E is not to rest on it. */
  readonly history?: ControlHistory;
}

/** How a test begins. */
export interface DabBeginning {
  /** Whether harm may begin at any look, not only at the first. */
  readonly restart?: boolean;
  /**
   * Whether the control's movement from look to look may weigh the kinds of noise. It takes a fifth off the requests
   * after which twice the rate is seen, and is no part of what is proved. Leave it out where the groups are swapped: the
   * group in the control's place has the feature.
   */
  readonly controlHistory?: boolean;
}

/** Before the first look. */
export function beginDab({ restart = true, controlHistory = true }: DabBeginning = {}): DabState {
  const mixture = beginNoisyMixture(restart);
  return controlHistory ? { mixture, history: beginControlHistory() } : { mixture };
}

/**
 * Adds the increments of one look. A look without events, or in which a group had no requests, says nothing of harm.
 *
 * "The rate is within the margin" is the same test with the groups swapped and 1/margin, without the control's history.
 */
export function stepDab(state: DabState, groups: Groups, margin: number): DabState {
  const logs = noisySplitOf(groups, margin, LOG_SIZES);
  return withHistory(growNoisyMixture(state.mixture, logs && { logs, columns: HARM_COLUMNS }), state, groups);
}

/**
 * Adds a look in which nobody was treated differently (a dark stage): it teaches what the noise is, and nothing of harm.
 * The groups then have one rate, which a margin of 1 says; at any other, what differs from it would be taken for noise.
 */
export function calibrateDab(state: DabState, groups: Groups, margin = 1): DabState {
  const logs = noisySplitOf(groups, margin, NO_OFFSET);
  return withHistory(logs ? calibrateNoisyMixture(state.mixture, { logs, columns: MARGIN_ALONE }) : state.mixture, state, groups);
}

/** How the evidence is summed up over the kinds of noise. */
export interface DabReading {
  /**
   * The least E over all kinds. Without the control's history, which is what is proved, a harm then takes about twice as
   * many requests to be seen, three times as many in strong noise; with it a quarter more.
   */
  readonly strict?: boolean;
}

/** ln E against "the treatment's rate is at most `margin` times the control's": a breach at ln(1/α). */
export function dabLogE({ mixture, history }: DabState, { strict = false }: DabReading = {}): number {
  return noisyMixtureLogE(mixture, { strictness: strict ? 1 : 0, known: history && knownFromControl(history) });
}

/** How likely each kind of noise is after what was seen, V_i A'_i L_i to sum 1: a figure for people. */
export function dabNoise({ mixture, history }: DabState): LearnedNoise[] {
  return learnedNoise(mixture, history && knownFromControl(history));
}

function withHistory(mixture: NoisyMixture, { history }: DabState, { control }: Groups): DabState {
  return history ? { mixture, history: stepControlHistory(history, control) } : { mixture };
}
