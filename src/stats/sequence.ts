import { sequenceMultiple, sharpestInformation } from "./difference.ts";

/**
 * Asymptotic confidence sequences for a mean (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, arXiv 2103.06476): intervals
 * that hold at all times at once, so that one may look as often as one likes.
 *
 * They hold for observations that are independent of each other, with any distribution of finite variance, as the number
 * grows; before some 30 a group, or with heavy tails, they promise nothing.
 */
export type Sides = "one" | "two";

/** Of the two-sided sequence as `sequenceMultiple` of the one-sided: M(u) = √[2(1 + 1/u) ln(√(u + 1)/α)]. */
export function twoSidedMultiple(u: number, alpha: number): number {
  return Math.sqrt(2 * (1 + 1 / u) * (Math.log1p(u) / 2 - Math.log(alpha)));
}

/** The half-width as a multiple of the standard error, u = nρ² being the information relative to its tuning. */
export function multipleOf(sides: Sides, u: number, alpha: number): number {
  return sides === "one" ? sequenceMultiple(u, alpha) : twoSidedMultiple(u, alpha);
}

/**
 * The tuning ρ² = [−2 ln a + ln(1 − 2 ln a)]/n_opt that makes a sequence about tightest at `optimum` observations
 * (section B.2 there), a being α two-sided and 2α one-sided. Choose it before the first look: any ρ is valid, but one
 * that is chosen by the data is not.
 */
export function tuningFor(sides: Sides, optimum: number, alpha: number): number {
  return sharpestInformation(sides === "one" ? alpha : alpha / 2) / optimum;
}

/**
 * The half-width after `count` observations of this variance, in their unit:
 *
 *   one-sided  σ √[2(nρ² + 1)/(nρ)² · ln(1 + √(nρ² + 1)/(2α))]
 *   two-sided  σ √[2(nρ² + 1)/(nρ)² · ln(√(nρ² + 1)/α)]
 */
export function halfWidth(sides: Sides, of: { count: number; variance: number }, tuning: number, alpha: number): number {
  return Math.sqrt(of.variance / of.count) * multipleOf(sides, of.count * tuning, alpha);
}
