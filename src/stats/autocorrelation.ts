import type { Groups } from "./ratio.ts";

/**
 * Does the noise of the ratio of two rates persist from look to look? A sick server, or a few heavy users, make one group
 * worse for many looks in a row, which no test that takes looks for independent (`dab.ts`, `betweenLooks.ts`) can tell from
 * harm. A harm that is there throughout is no such noise: it moves the ratio, and not what is beyond it. One that begins late
 * looks like it until the ratio has followed.
 *
 * With 300 events a look it finds in 60 looks most noise of CV 20 % or more that stays for ten looks (AR(.9)); with 30, 40 % of
 * that of CV 50 % and hardly any of CV 20 %: there chance hides it.
 *
 * The residual of a look is s = x_T − m θ(r), θ(r) = r n_T/(r n_T + n_C), of its m = x_T + x_C events, r being the ratio of
 * all looks before (Mantel & Haenszel 1959); I = m θ(1 − θ) is its variance by chance, and s/I about how far the log of the
 * look's ratio is off. Standardised, u = s/√[I(1 + I/ΣI)], such residuals are not correlated with each other where looks are
 * independent (recursive residuals: Brown, Durbin & Evans 1975).
 */
export interface ResidualState {
  /** Looks that had a residual. */
  readonly looks: number;
  /** Σ x_T n_C/n and Σ x_C n_T/n, whose ratio is r. */
  readonly treatment: number;
  readonly control: number;
  /** Σ I */
  readonly information: number;
  /** s and I of the last look. */
  readonly lastScore: number;
  readonly lastInformation: number;
  /** a ← .7 a + u: what the looks before say of the next one's residual, if noise persists. */
  readonly trail: number;
  /** Σ u a and Σ (u a)² */
  readonly sum: number;
  readonly squares: number;
  /** Σ (s² − I) and Σ I²: beyond chance, the variance of the log ratio is their quotient … */
  readonly excess: number;
  readonly excessWeight: number;
  /** … and Σ s s' and Σ I I' of a look and the one before: its covariance from look to look. */
  readonly lagged: number;
  readonly laggedWeight: number;
}

/** What the residuals say about noise that persists. */
export interface Autocorrelation {
  readonly looks: number;
  /** Of what is beyond chance, from one look to the next, between −1 and 1; nothing where nothing is beyond chance. */
  readonly correlation: number | undefined;
  /** Σ u a/√Σ(u a)²: about standard normal, or less, where looks are independent, however much they vary. */
  readonly z: number;
  readonly significant: boolean;
  /**
   * The ratio, less 1, by which a margin would cover the persistent part: exp(2 √γ) − 1, γ being the covariance of the log
   * ratio from one look to the next. 0 where there is none.
   */
  readonly margin: number;
}

/** How long a residual is remembered: as noise is that stays for some ten looks. */
const MEMORY = 0.7;
/**
 * Residuals begin when the ratio of the looks before rests on so much, in events that come one by one: about that many in the
 * smaller group. Before a group had its first cluster of errors, or long after it, every look is off in the same direction.
 */
const ENOUGH_INFORMATION = 4;
const ENOUGH_LOOKS = 20;
/** Looking from the 20th to the 60th look, less than 1 % of independent looks get so far. */
const CRITICAL = 2.8;

/** A larger margin is no advice, and no number for JSON at last. */
const MOST = 1000;

/** Before the first look. */
export function beginResiduals(): ResidualState {
  return {
    looks: 0,
    treatment: 0,
    control: 0,
    information: 0,
    lastScore: 0,
    lastInformation: 0,
    trail: 0,
    sum: 0,
    squares: 0,
    excess: 0,
    excessWeight: 0,
    lagged: 0,
    laggedWeight: 0,
  };
}

/** Adds the increments of one look. One without events, or in which a group had no requests, says nothing. */
export function stepResiduals(state: ResidualState, { treatment, control }: Groups): ResidualState {
  const events = treatment.events + control.events;
  if (treatment.total <= 0 || control.total <= 0 || events <= 0) return state;
  // Half an event in each group, so that the ratio is never 0 or ∞.
  const ratio = (state.treatment + 0.5) / (state.control + 0.5);
  const share = (ratio * treatment.total) / (ratio * treatment.total + control.total);
  const information = events * share * (1 - share);
  const all = treatment.total + control.total;
  const score = treatment.events - events * share;
  const moved = {
    ...state,
    treatment: state.treatment + (treatment.events * control.total) / all,
    control: state.control + (control.events * treatment.total) / all,
    information: state.information + information,
    excess: state.excess + score * score - information,
    excessWeight: state.excessWeight + information * information,
    lastScore: score,
    lastInformation: information,
    lagged: state.lagged + score * state.lastScore,
    laggedWeight: state.laggedWeight + information * state.lastInformation,
  };
  const dispersion = Math.max(1, 1 + state.excess / state.information);
  if (!(state.information >= ENOUGH_INFORMATION * dispersion)) return moved;

  const residual = score / Math.sqrt(information * (1 + information / state.information));
  const predicted = residual * state.trail;
  return {
    ...moved,
    looks: state.looks + 1,
    trail: MEMORY * state.trail + residual,
    sum: state.sum + predicted,
    squares: state.squares + predicted * predicted,
  };
}

/** What was found so far; a figure and a warning for people, no part of a decision. */
export function autocorrelation(state: ResidualState): Autocorrelation {
  const { looks, sum, squares, excess, excessWeight, lagged, laggedWeight } = state;
  const variance = excessWeight > 0 ? excess / excessWeight : 0;
  const covariance = laggedWeight > 0 ? lagged / laggedWeight : 0;
  const z = squares > 0 ? sum / Math.sqrt(squares) : 0;
  return {
    looks,
    correlation: variance > 0 ? Math.max(-1, Math.min(1, covariance / variance)) : undefined,
    z,
    significant: looks >= ENOUGH_LOOKS && z > CRITICAL,
    margin: Math.min(MOST, Math.expm1(2 * Math.sqrt(Math.max(0, covariance)))),
  };
}
