import { beginMixture, growMixture, HARM_GRID, mixtureLogE, type Mixture } from "./mixture.ts";

/** Events out of a total. */
export interface Counts {
  readonly events: number;
  readonly total: number;
}

/** What two groups did in one interval. */
export interface Groups {
  readonly treatment: Counts;
  readonly control: Counts;
}

/**
 * Test (a): is the treatment's rate more than `margin` times the control's? The conditional-binomial grid mixture: given
 * the m = x_T + x_C events of a look, x_T is compared with Bin(m, θ(r)), θ(r) = r n_T/(r n_T + n_C), at r = g·margin
 * against r = margin, g in `HARM_GRID`; combined by a restart mixture (`mixture.ts`). After Lindon & Malek, arXiv
 * 2011.03567.
 *
 * Null hypothesis: at every look p_T ≤ margin · p_C, whatever p_C is and however it moves from look to look.
 * Assumes: within a look, events are independent of each other. Clusters of errors, or noise that one group has by
 * itself, are not covered. Rates need not be small: with a = θ(g·margin)/θ(margin) and b = (1 − θ(g·margin))/(1 − θ(margin)),
 * the expectation of a look's factor is (1 + p_T(a − 1))^n_T (1 + p_C(b − 1))^n_C ≤ exp[n_T p_T (a − 1) + n_C p_C (b − 1)],
 * which is 1 at p_T = margin · p_C and less below it.
 * Units: increments of one interval; the margin is a ratio.
 */
export function stepRatio(state: Mixture, groups: Groups, margin: number, grid: readonly number[] = HARM_GRID, onset?: number): Mixture {
  const logFactors = ratioLogFactors(groups, margin, grid);
  return logFactors ? growMixture(state, logFactors, onset) : state;
}

/** Before the first look. */
export function beginRatio(): Mixture {
  return beginMixture(HARM_GRID.length);
}

/** ln E against "the treatment's rate is at most `margin` times the control's". */
export const ratioLogE: (state: Mixture) => number = mixtureLogE;

/** ln f_g = x_T ln g − m ln[1 + θ(margin)(g − 1)]; nothing where a look says nothing: no event, or a group without requests. */
function ratioLogFactors({ treatment, control }: Groups, margin: number, grid: readonly number[]): number[] | undefined {
  const events = treatment.events + control.events;
  if (treatment.total <= 0 || control.total <= 0 || events <= 0) return undefined;
  const share = (margin * treatment.total) / (margin * treatment.total + control.total);
  return grid.map((size) => treatment.events * Math.log(size) - events * Math.log1p(share * (size - 1)));
}
