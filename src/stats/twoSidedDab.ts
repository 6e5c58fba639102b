import { beginControlHistory, knownFromControl, stepControlHistory, type ControlHistory } from "./controlHistory.ts";
import type { DabReading } from "./dab.ts";
import type { LearnedNoise } from "./noise.ts";
import { HARM_COLUMNS, learnedNoise, LOG_SIZES, MARGIN_ALONE, noisyMixtureLogE, NO_OFFSET } from "./noisyMixture.ts";
import { noisySplitOf } from "./noisySplit.ts";
import type { Groups } from "./ratio.ts";
import {
  beginTwoSidedMixture,
  calibrateTwoSidedMixture,
  growHarmAlone,
  growTwoSidedMixture,
  HALF_STRICT,
  rounded,
  sideOf,
  TWO_SIDED_OFFSETS,
  type TwoSidedMixture,
} from "./twoSidedMixture.ts";

/**
 * DAB (`dab.ts`) in both directions at once: the evidence that the treatment's rate is more than `margin` times the
 * control's, and that it is less. The second is the first with the groups swapped and 1/margin. All kinds of noise are
 * symmetric, P_i(x_C | m) at the log-odds −Z being P_i(x_T | m) at Z, so that one row of likelihoods for each kind, at
 * both smaller and larger ratios than the margin, does for both.
 *
 * Null hypothesis of the harm: at every look p_T ≤ margin · p_C but for noise of one of the twelve kinds; of "within":
 * p_T ≥ margin · p_C. What is assumed, proved and calibrated is as in `dab.ts`. The evidence of "within" is always without
 * the control's history.
 */
export interface TwoSidedDab {
  readonly mixture: TwoSidedMixture;
  /** The control's own noise; absent where the evidence of harm is not to rest on it. */
  readonly history?: ControlHistory;
}

/**
 * Before the first look. `controlHistory` as in `beginDab`: leave it out where the groups are swapped, as the group in the
 * control's place has the feature.
 */
export function beginTwoSidedDab({ controlHistory = true }: { readonly controlHistory?: boolean } = {}): TwoSidedDab {
  const mixture = beginTwoSidedMixture();
  return controlHistory ? { mixture, history: beginControlHistory() } : { mixture };
}

/**
 * Adds the increments of one look. A look without events, or in which a group had no requests, says nothing.
 * `harmOnly` is for a look that overlaps a change of exposure: it may show harm, never that there is none.
 */
export function stepTwoSidedDab(
  state: TwoSidedDab,
  groups: Groups,
  margin: number,
  { harmOnly = false }: { readonly harmOnly?: boolean } = {},
): TwoSidedDab {
  if (harmOnly) {
    const logs = noisySplitOf(groups, margin, LOG_SIZES);
    return withHistory(growHarmAlone(state.mixture, logs && { logs, columns: HARM_COLUMNS }), state, groups);
  }
  return withHistory(growTwoSidedMixture(state.mixture, noisySplitOf(groups, margin, TWO_SIDED_OFFSETS)), state, groups);
}

/**
 * Adds a look in which nobody was treated differently (a dark stage): it teaches what the noise is, and nothing of harm.
 * Where there is no treatment yet, only the control's history learns.
 */
export function calibrateTwoSidedDab(state: TwoSidedDab, groups: Groups): TwoSidedDab {
  const logs = noisySplitOf(groups, 1, NO_OFFSET);
  const mixture = logs ? calibrateTwoSidedMixture(state.mixture, { logs, columns: MARGIN_ALONE }) : state.mixture;
  return withHistory(mixture, state, groups);
}

/** ln E against "the treatment's rate is at most `margin` times the control's": a breach at ln(1/α). `strict` is the provable rule, without the control's history. */
export function harmLogE({ mixture, history }: TwoSidedDab, { strict = false }: DabReading = {}): number {
  return noisyMixtureLogE(sideOf(mixture, "harm"), {
    strictness: strict ? 1 : 0,
    known: history && !strict ? knownFromControl(history) : undefined,
  });
}

/** ln E against "the treatment's rate is at least `margin` times the control's": within at ln(1/α). */
export function withinLogE({ mixture }: TwoSidedDab, { strict = false }: DabReading = {}): number {
  return noisyMixtureLogE(sideOf(mixture, "within"), { strictness: strict ? 1 : HALF_STRICT });
}

/** How likely each kind of noise is after what was seen, V_i A'_i L_i to sum 1: a figure for people. */
export function noiseOf({ mixture, history }: TwoSidedDab): LearnedNoise[] {
  return learnedNoise(sideOf(mixture, "harm"), history && knownFromControl(history));
}

function withHistory(mixture: TwoSidedMixture, { history }: TwoSidedDab, { control }: Groups): TwoSidedDab {
  if (!history) return { mixture };
  const { fit, ...block } = stepControlHistory(history, control);
  return { mixture, history: { fit: rounded(fit), ...block } };
}
