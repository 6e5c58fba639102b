import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differenceInterval, rateInterval, ratioInterval } from "../../src/stats/intervals.ts";
import type { Counts } from "../../src/stats/ratio.ts";

const counts: fc.Arbitrary<Counts> = fc
  .tuple(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([total, share]) => ({ total, events: Math.round(total * share) }));

describe("intervals for people", () => {
  test("Koopman's own example of a ratio: 36 of 40 against 16 of 80", () => {
    const interval = ratioInterval({ treatment: { events: 36, total: 40 }, control: { events: 16, total: 80 } })!;
    expect(interval[0]).toBeCloseTo(2.94, 2);
    expect(interval[1]).toBeCloseTo(7.15, 2);
  });

  test("Newcombe's own example of a difference: 56 of 70 against 48 of 80", () => {
    const interval = differenceInterval({ treatment: { events: 56, total: 70 }, control: { events: 48, total: 80 } })!;
    expect(interval[0]).toBeCloseTo(0.0524, 4);
    expect(interval[1]).toBeCloseTo(0.3339, 4);
  });

  test("no requests give no interval; no events in a group leave the ratio open on that side", () => {
    const none = { events: 0, total: 0 };
    const quiet = { events: 0, total: 1000 };
    const some = { events: 5, total: 1000 };
    expect(rateInterval(none)).toBeUndefined();
    expect(ratioInterval({ treatment: none, control: some })).toBeUndefined();
    expect(ratioInterval({ treatment: quiet, control: quiet })).toBeUndefined();
    expect(differenceInterval({ treatment: some, control: none })).toBeUndefined();
    expect(ratioInterval({ treatment: quiet, control: some })![0]).toBe(0);
    expect(ratioInterval({ treatment: some, control: quiet })![1]).toBe(Infinity);
    expect(ratioInterval({ treatment: some, control: quiet })![0]).toBeGreaterThan(0.5);
  });

  test("an interval holds its estimate and is never NaN, for any counts up to a thousand million", () => {
    fc.assert(
      fc.property(counts, counts, (treatment, control) => {
        const rate = rateInterval(treatment);
        if (rate) expect(rate[0] <= treatment.events / treatment.total && treatment.events / treatment.total <= rate[1]).toBe(true);
        const ratio = ratioInterval({ treatment, control });
        if (ratio) {
          const estimate = treatment.events / treatment.total / (control.events / control.total);
          expect(ratio[0] <= estimate * 1.01 && estimate <= ratio[1] * 1.01).toBe(true);
        }
        const gap = differenceInterval({ treatment, control });
        if (gap) {
          const estimate = treatment.events / treatment.total - control.events / control.total;
          expect(gap[0] <= estimate + 1e-12 && estimate <= gap[1] + 1e-12).toBe(true);
        }
      }),
    );
  });

  test("a ratio's interval is the inverse of the swapped groups'", () => {
    const [treatment, control] = [
      { events: 41, total: 1775 },
      { events: 92, total: 17_700 },
    ];
    const [low, high] = ratioInterval({ treatment, control })!;
    const swapped = ratioInterval({ treatment: control, control: treatment })!;
    expect(swapped[0]).toBeCloseTo(1 / high, 8);
    expect(swapped[1]).toBeCloseTo(1 / low, 8);
  });
});
