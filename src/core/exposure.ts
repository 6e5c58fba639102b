import { EVERYBODY, type Exposure, type Share } from "../model/exposure.ts";

/** Whether nobody has the feature, not even a tester. */
export function isOff(exposure: Exposure): boolean {
  return !exposure.testers && exposure.everyone === 0 && Object.keys(exposure.segments).length === 0;
}

/** Whether everybody who is eligible has it. */
export function isFull(exposure: Exposure): boolean {
  return exposure.everyone === EVERYBODY;
}

/** Who is in either is in. Segments come out sorted, so that equal exposures are equal as JSON. */
export function union(a: Exposure, b: Exposure): Exposure {
  const segments: Record<string, Share> = {};
  for (const name of [...new Set([...Object.keys(a.segments), ...Object.keys(b.segments)])].sort()) {
    segments[name] = Math.max(a.segments[name] ?? 0, b.segments[name] ?? 0);
  }
  return { testers: a.testers || b.testers, everyone: Math.max(a.everyone, b.everyone), segments };
}

/** The share that a unit of the segment has: its own or everybody's, whichever is larger. */
export function shareOf(exposure: Exposure, segment: string): Share {
  return Math.max(exposure.everyone, exposure.segments[segment] ?? 0);
}

/** Whether everybody who is in `smaller` is in `larger` as well. */
export function includes(larger: Exposure, smaller: Exposure): boolean {
  return (
    (larger.testers || !smaller.testers) &&
    larger.everyone >= smaller.everyone &&
    Object.keys(smaller.segments).every((name) => shareOf(larger, name) >= shareOf(smaller, name))
  );
}

/** Whether both let the same units in. A segment whose share is no larger than everybody's says nothing. */
export function sameExposure(a: Exposure, b: Exposure): boolean {
  return includes(a, b) && includes(b, a);
}

/** Segments that have the feature as a whole, by rule: they are outside the randomised split. */
export function wholeSegments(exposure: Exposure): string[] {
  if (isFull(exposure)) return [];
  return Object.keys(exposure.segments)
    .filter((name) => exposure.segments[name] === EVERYBODY)
    .sort();
}

/** Whether some units are in and some are out by chance, so that treatment and control can be compared. */
export function isSplit(exposure: Exposure, holdout: Share): boolean {
  if (isFull(exposure)) return holdout > 0;
  return exposure.everyone > 0 || Object.values(exposure.segments).some((share) => share < EVERYBODY);
}

/**
 * The treatment's share of the units in the split, where the exposure alone says it; not where segments have shares of
 * their own, since how many are in them is not known.
 */
export function treatmentShare(exposure: Exposure, holdout: Share): Share | undefined {
  if (isFull(exposure)) return holdout > 0 ? EVERYBODY - holdout : undefined;
  const uneven = Object.values(exposure.segments).some((share) => share > exposure.everyone && share < EVERYBODY);
  return exposure.everyone > 0 && !uneven ? exposure.everyone : undefined;
}

/** The exposure in words: `1%`, `staff, 20% of europe, 5%`, `off`. */
export function describeExposure(exposure: Exposure): string {
  if (isOff(exposure)) return "off";
  const parts = Object.entries(exposure.segments)
    .filter(([, share]) => share > exposure.everyone)
    .map(([name, share]) => (share === EVERYBODY ? name : `${describeShare(share)} of ${name}`));
  if (exposure.everyone > 0) parts.push(describeShare(exposure.everyone));
  return parts.length > 0 ? parts.join(", ") : "testers";
}

/** A share as a percentage: `0.1%`. */
export function describeShare(share: Share): string {
  return `${Number((share / (EVERYBODY / 100)).toFixed(3))}%`;
}
