/** The quantile p of values, between the two nearest (Hyndman & Fan 1996, type 7); NaN of none. */
export function quantileOf(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below] ?? NaN, sorted[Math.ceil(place)] ?? NaN];
  return low === high ? low : low + (place - below) * (high - low);
}

/** The median; NaN of no values. */
export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** The median absolute deviation from the median; NaN of no values. */
export function medianDeviation(values: readonly number[]): number {
  const median = medianOf(values);
  return medianOf(values.map((value) => Math.abs(value - median)));
}

/**
 * A standard deviation that up to half of the values cannot spoil, in their unit: MAD/0.6745 (which is σ where they are
 * normal); where more than half are the same, IQR/1.349; where that is 0 too, or smaller than it, `floor`.
 */
export function robustDeviation(values: readonly number[], floor: number): number {
  const byMedian = medianDeviation(values) / 0.6745;
  const byQuartiles = (quantileOf(values, 0.75) - quantileOf(values, 0.25)) / 1.349;
  return Math.max(floor, byMedian > 0 ? byMedian : byQuartiles);
}

/**
 * How many robust standard deviations a value is above the median of its history: 0.6745 (x − median)/MAD (Iglewicz &
 * Hoaglin 1993), with the fallbacks of `robustDeviation`. The history should be of like times (the same hour of the week,
 * four weeks at least). Nothing of an empty history. `floor` > 0, in the unit of the values, is what counts as no change.
 *
 * Without a control there is no null hypothesis that an incident of everybody would keep: this advises, it proves nothing.
 */
export function robustZ(value: number, history: readonly number[], floor: number): number | undefined {
  return history.length === 0 ? undefined : (value - medianOf(history)) / robustDeviation(history, floor);
}
