/**
 * How far an average over looks may be off, judged by how much the looks differ: y_k is what look k says, w_k its weight,
 * and D = Σ w_k y_k/Σ w_k. What makes rates or values of a look differ from the next by more than chance (a restart, a batch
 * job, errors that come in clusters) is in it, where the variance within the looks knows nothing of that.
 *
 *   SE² = Σ w_k² (y_k − D)²/[(1 − h) Σ w_k]²,   h = Σ w_k²/(Σ w_k)²
 *
 * Source: the sandwich variance of a weighted mean (White 1980), whose residuals are too small by about 1 − h.
 * Assumes that the noise of a look is independent of that of the looks before.
 *
 * As sums, so that it is a fold; y_k = t_k − r c_k for two groups and any ratio r. Whole groups may be swapped.
 */
export interface LookSums {
  /** Σ w */
  readonly weight: number;
  /** Σ w² */
  readonly squaredWeight: number;
  /** Σ w⁴ */
  readonly fourthWeight: number;
  /** Σ w² t c */
  readonly product: number;
  readonly treatment: LevelSums;
  readonly control: LevelSums;
}

/** Of one group, t or c. */
export interface LevelSums {
  /** Σ w² t */
  readonly level: number;
  /** Σ w² t² */
  readonly squaredLevel: number;
}

/** What is of both groups. */
type WeightSums = Omit<LookSums, "treatment" | "control">;

export const NO_WEIGHT: WeightSums = { weight: 0, squaredWeight: 0, fourthWeight: 0, product: 0 };
export const NO_LEVELS: LevelSums = { level: 0, squaredLevel: 0 };

/** Adds what a look says of one group. */
export function addLevel({ level, squaredLevel }: LevelSums, weight: number, value: number): LevelSums {
  const squared = weight * weight;
  return { level: level + squared * value, squaredLevel: squaredLevel + squared * value * value };
}

/** Adds the weight of a look in which the groups had these values. */
export function addWeight(sums: WeightSums, weight: number, treatment: number, control: number): WeightSums {
  const squared = weight * weight;
  return {
    weight: sums.weight + weight,
    squaredWeight: sums.squaredWeight + squared,
    fourthWeight: sums.fourthWeight + squared * squared,
    product: sums.product + squared * treatment * control,
  };
}

/** An estimate whose standard error allows for looks that differ by more than chance. */
export interface Dispersed {
  readonly estimate: number;
  /** ∞ before the second look. */
  readonly standardError: number;
  /** How many times the variance by chance it is, at least 1: so many events count for one. */
  readonly dispersion: number;
}

/**
 * The larger of two standard errors: that by chance alone, from within the looks, and that from between them, with an
 * allowance for there being few.
 *
 * @param chance D with its standard error by chance alone
 * @param ratio r
 */
export function dispersed(chance: { estimate: number; standardError: number }, sums: LookSums, ratio: number): Dispersed {
  const { estimate, standardError } = chance;
  const { weight, squaredWeight, fourthWeight, product, treatment, control } = sums;
  const leverage = squaredWeight / (weight * weight);
  const freedom = (squaredWeight * squaredWeight) / fourthWeight - 1;
  if (!(leverage < 1 - 1e-9 && freedom > 1e-9)) return { estimate, standardError: Infinity, dispersion: 1 };
  const sum = treatment.level - ratio * control.level;
  const squares = treatment.squaredLevel - 2 * ratio * product + ratio * ratio * control.squaredLevel;
  const deviations = Math.max(0, squares - 2 * estimate * sum + estimate * estimate * squaredWeight);
  const between = Math.sqrt(deviations) / (1 - leverage) / weight;
  return {
    estimate,
    standardError: Math.max(standardError, between * fewLooks(freedom)),
    dispersion: Math.max(1, (between / standardError) ** 2),
  };
}

/**
 * How many times farther out a t distribution of so many degrees of freedom has the tail that a normal one has beyond z = 2.5:
 * √(ν (e^(b²z²/ν) − 1))/z with b = (8ν + 3)/(8ν + 1) (Wallace 1959). 3.7 at 2, 1.5 at 5, 1.2 at 10.
 *
 * At 2.5 and not at the 3 and more where decisions fall: that is enough for at most 5 % wrong decisions (calibrated on 60
 * looks of rates and means at their margin, which vary by up to 100 % from look to look or come in bursts of 20).
 */
function fewLooks(freedom: number): number {
  const b = (8 * freedom + 3) / (8 * freedom + 1);
  return Math.min(1e6, Math.sqrt(freedom * Math.expm1((6.25 * b * b) / freedom)) / 2.5);
}
