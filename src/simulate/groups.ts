import { isFull } from "../core/exposure.ts";
import { EVERYBODY, type Exposure } from "../model/exposure.ts";
import type { Audience } from "../model/plan.ts";

/** Which share of all requests comes from whom at an exposure. */
export interface Shares {
  treatment: number;
  control: number;
  /** Whole segments that have the feature, by name. */
  segments: Readonly<Record<string, number>>;
  /** Who is in none of these: the holdout before the end. */
  rest: number;
}

/** What a segment is taken to have of everybody where the plan does not say how many there are. */
export const ASSUMED_SEGMENT = 0.01;

/** The share of a segment in everybody, as far as the plan says it. Segments are taken to have no members in common. */
export function segmentShare({ segments, units }: Audience, name: string): number {
  const own = segments[name]?.units;
  return own === undefined || units === undefined ? ASSUMED_SEGMENT : Math.min(1, own / units);
}

/** If all make as many requests, and nobody is excluded. */
export function sharesOf(exposure: Exposure, audience: Audience): Shares {
  const holdout = audience.holdout / EVERYBODY;
  if (isFull(exposure)) return { treatment: 1 - holdout, control: holdout, segments: {}, rest: 0 };
  const everyone = exposure.everyone / EVERYBODY;
  const segments: Record<string, number> = {};
  let [split, treatment] = [1, 0];
  for (const [name, own] of Object.entries(exposure.segments)) {
    if (own <= exposure.everyone) continue;
    const share = Math.min(split, segmentShare(audience, name));
    if (own < EVERYBODY) treatment += share * (1 - holdout) * (own / EVERYBODY - everyone);
    else {
      split -= share;
      segments[name] = share * (1 - holdout);
    }
  }
  treatment += split * (1 - holdout) * everyone;
  const control = Math.max(0, split * (1 - holdout) - treatment);
  const inSegments = Object.values(segments).reduce((sum, share) => sum + share, 0);
  return { treatment, control, segments, rest: Math.max(0, 1 - treatment - control - inSegments) };
}
