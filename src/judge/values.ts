import type { Buckets, Counts, Level, Sums, Value } from "../model/measurement.ts";

/** Values by kind. A reading of another kind than its metric's is refused before it comes here. */

export const NO_COUNTS: Counts = { events: 0, total: 0 };

/** The counts of a rate; none of nothing. */
export function countsIn(value: Value | undefined): Counts {
  return value && "total" in value ? value : NO_COUNTS;
}

const NO_SUMS: Sums = { count: 0, sum: 0, sumSquares: 0 };

/** The sums of a mean; none of nothing. */
export function sumsIn(value: Value | undefined): Sums {
  return value && "count" in value ? value : NO_SUMS;
}

/** The counts by bucket of a histogram; as many zeros of nothing. */
export function bucketsIn(value: Value | undefined, buckets: number): readonly number[] {
  return value && "buckets" in value ? value.buckets : Array<number>(buckets).fill(0);
}

/** The level of a gauge. */
export function levelIn(value: Value | undefined): number | undefined {
  return value && "level" in value ? value.level : undefined;
}

/** How many requests or values a value stands for; a level is one reading. */
export function sizeOf(value: Value | undefined): number {
  if (!value) return 0;
  if ("total" in value) return value.total;
  if ("count" in value) return value.count;
  return "buckets" in value ? value.buckets.reduce((sum, count) => sum + count, 0) : 1;
}

/** Two values of one kind added; of levels the later one. */
export function addValues(one: Value | undefined, other: Value | undefined): Value | undefined {
  if (!one || !other) return other ?? one;
  if ("total" in one && "total" in other) return { events: one.events + other.events, total: one.total + other.total };
  if ("count" in one && "count" in other) return addSums(one, other);
  if ("buckets" in one && "buckets" in other) return addBuckets(one, other);
  return other satisfies Value as Level;
}

function addSums(one: Sums, other: Sums): Sums {
  return { count: one.count + other.count, sum: one.sum + other.sum, sumSquares: one.sumSquares + other.sumSquares };
}

/** What was counted in other buckets cannot be added. */
function addBuckets(one: Buckets, other: Buckets): Buckets {
  if (one.buckets.length !== other.buckets.length) return other;
  return { buckets: other.buckets.map((count, index) => count + one.buckets[index]!) };
}

/** What cannot have been measured, as text; nothing when all is well. */
export function impossible(value: Value): string | undefined {
  if ("total" in value) {
    const { events, total } = value;
    const possible = Number.isFinite(events) && Number.isFinite(total) && events >= 0 && events <= total;
    return possible ? undefined : `${events} events of ${total} requests`;
  }
  if ("count" in value) {
    const { count, sum, sumSquares } = value;
    const finite = [count, sum, sumSquares].every(Number.isFinite) && count >= 0;
    // Cauchy and Schwarz, with room for what a float counter loses.
    const possible = finite && (count > 0 ? sumSquares * count >= sum * sum * (1 - 1e-6) - 1e-9 : sum === 0 && sumSquares === 0);
    return possible ? undefined : `${count} values with the sum ${sum} and the sum of squares ${sumSquares}`;
  }
  if ("buckets" in value) {
    const wrong = value.buckets.find((count) => !(Number.isFinite(count) && count >= 0));
    return wrong === undefined ? undefined : `${wrong} values in a bucket`;
  }
  return Number.isFinite(value.level) ? undefined : `a level of ${value.level}`;
}
