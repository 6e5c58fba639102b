/** What all sources that count have in common: how counters rise, and which values cannot be believed. */

/** Numbers that cannot be used, as opposed to no answer. The message says why. */
export class NoData extends Error {
  override readonly name = "NoData";
}

/** How much a counter rose from `before` to `now`. One that fell began again at 0, and so did one that is new. */
export function increase(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}

/** Sums of fractions kept free of binary dust: exact to a millionth. */
export function exact(sum: number): number {
  return Number(sum.toFixed(6));
}

/** The same of values that may be of any size: exact to twelve digits. */
export function exactDigits(sum: number): number {
  return Number(sum.toPrecision(12));
}

/** The value of a counter. Throws `NoData` for one that no counter can have; `where` says which page has it. */
export function counterValue(series: string, value: number, where = ""): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new NoData(`${series} is ${value}, which no counter can be${where}`);
}

/** What a counter rose by in each interval. */
export interface Rises {
  rises: number[];
  /**
   * By how much each of them may be wrong because large numbers were subtracted: the distance of neighbouring floating
   * point numbers, summed over all subtractions.
   */
  doubt: number[];
}

export function noRises(intervals: number): Rises {
  return { rises: Array.from({ length: intervals }, () => 0), doubt: Array.from({ length: intervals }, () => 0) };
}

/** Adds what one series rose by. */
export function addIncrease({ rises, doubt }: Rises, interval: number, before: number | undefined, now: number): void {
  rises[interval]! += increase(before, now);
  doubt[interval]! += Number.EPSILON * Math.max(before ?? 0, now);
}
