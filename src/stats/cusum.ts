/** Half of the shift that is looked for, in standard deviations: what a deviation may be without adding up. */
const SLACK = 0.5;

/** The sum at which to speak: about 930 independent normal looks without a change, about 10 with a shift of one standard deviation. */
export const CUSUM_ALARM = 5;

/**
 * Page's one-sided cumulative sum (Page 1954, "Continuous inspection schemes") after one more deviation, in standard
 * deviations: S ← max(0, S + z − ½), from 0. It finds a small shift that stays, where no single value stands out.
 * Null hypothesis: independent deviations of mean 0 and variance 1; it advises, and bounds no chance of a false alarm.
 */
export function stepCusum(sum: number, z: number): number {
  return Math.max(0, sum + z - SLACK);
}
