import fc from "fast-check";
import type { Counts, Groups } from "../../src/stats/ratio.ts";

/** Two groups: the events and the total of each, the treatment first. */
export const groups = (xT: number, nT: number, xC: number, nC: number): Groups => ({
  treatment: { events: xT, total: nT },
  control: { events: xC, total: nC },
});

export const swap = ({ treatment, control }: Groups): Groups => ({ treatment: control, control: treatment });

/** Any share of any total up to so many. */
export const upTo = (most: number): fc.Arbitrary<Counts> =>
  fc.tuple(fc.integer({ min: 0, max: most }), fc.double({ min: 0, max: 1, noNaN: true })).map(([total, share]) => ({
    total,
    events: Math.round(total * share),
  }));

export const looksUpTo = (most: number, maxLength: number): fc.Arbitrary<Groups[]> =>
  fc.array(fc.record({ treatment: upTo(most), control: upTo(most) }), { minLength: 1, maxLength });
