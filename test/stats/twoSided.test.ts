import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginCeiling, ceilingLogE, stepCeiling } from "../../src/stats/ceiling.ts";
import { beginDab, calibrateDab, dabLogE, dabNoise, stepDab, type DabState } from "../../src/stats/dab.ts";
import { NOISES } from "../../src/stats/noise.ts";
import { noisyCount } from "../../src/stats/noisyCount.ts";
import { beginKindEvidence, fitAfter, harmsAfter, noisyMixtureLogE, type KindEvidence } from "../../src/stats/noisyMixture.ts";
import { noisySplitOf } from "../../src/stats/noisySplit.ts";
import type { Counts, Groups } from "../../src/stats/ratio.ts";
import {
  beginTwoSidedCeiling,
  ceilingHarmLogE,
  ceilingNoiseOf,
  ceilingWithinLogE,
  stepTwoSidedCeiling,
  type TwoSidedCeiling,
} from "../../src/stats/twoSidedCeiling.ts";
import {
  beginTwoSidedDab,
  calibrateTwoSidedDab,
  harmLogE,
  noiseOf,
  stepTwoSidedDab,
  withinLogE,
  type TwoSidedDab,
} from "../../src/stats/twoSidedDab.ts";
import { WITHIN_GRID } from "../../src/stats/twoSidedMixture.ts";
import { randomFrom } from "./random.ts";
import { groups, looksUpTo, swap } from "./groups.ts";

const margins = fc.double({ min: 0.3, max: 3, noNaN: true });
const fold = (state: TwoSidedDab, looks: readonly Groups[], margin = 1.2): TwoSidedDab =>
  looks.reduce((now, look) => stepTwoSidedDab(now, look, margin), state);
const foldOne = (state: DabState, looks: readonly Groups[], margin = 1.2): DabState =>
  looks.reduce((now, look) => stepDab(now, look, margin), state);
const repeat = <T>(look: T, times: number): T[] => Array.from({ length: times }, () => look);
/** What the rounding of the states may do to ln E within a dozen looks. */
const NEAR = 2e-6;
const ENOUGH = Math.log(20);

/** The evidence of "within" as it is defined: one-sided, each look given as the likelihoods at the margin and at sizes beyond it. */
function oneSidedWithin(looks: readonly (Float64Array | undefined)[], strictness: number): number {
  const columns = { count: WITHIN_GRID.length + 1, margin: 0, sizes: WITHIN_GRID.map((_, index) => index + 1) };
  let rest = 1 / 2;
  let evidence: KindEvidence = beginKindEvidence(rest, WITHIN_GRID.length);
  for (const logs of looks) {
    const look = logs && { logs, columns };
    evidence = { fit: look ? fitAfter(evidence.fit, look) : evidence.fit, harms: harmsAfter(evidence.harms, look, rest / 60) };
    rest -= rest / 60;
  }
  return noisyMixtureLogE({ rest, ...evidence }, { strictness });
}
const sizes = Float64Array.from([0, ...WITHIN_GRID.map(Math.log)]);

describe("DAB in both directions", () => {
  test("the evidence of harm is that of DAB, usual and strict", () => {
    fc.assert(
      fc.property(looksUpTo(2000, 4), looksUpTo(2000, 8), margins, fc.boolean(), (dark, looks, margin, controlHistory) => {
        const taught = dark.reduce((state, look) => calibrateDab(state, look), beginDab({ controlHistory }));
        const one = foldOne(taught, looks, margin);
        const two = fold(
          dark.reduce((state, look) => calibrateTwoSidedDab(state, look), beginTwoSidedDab({ controlHistory })),
          looks,
          margin,
        );
        expect(Math.abs(harmLogE(two) - dabLogE(one))).toBeLessThan(NEAR);
        // What is proved does not rest on the control's history.
        expect(Math.abs(harmLogE(two, { strict: true }) - dabLogE({ mixture: one.mixture }, { strict: true }))).toBeLessThan(NEAR);
        for (const [kind, { probability }] of noiseOf(two).entries()) {
          expect(Math.abs(probability - dabNoise(one)[kind]!.probability)).toBeLessThan(NEAR);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("the evidence of within is that of the swapped groups at the inverse margin, half-way to strict", () => {
    fc.assert(
      fc.property(looksUpTo(2000, 8), margins, (looks, margin) => {
        const state = fold(beginTwoSidedDab(), looks, margin);
        const swapped = looks.map((look) => noisySplitOf(swap(look), 1 / margin, sizes));
        expect(Math.abs(withinLogE(state) - oneSidedWithin(swapped, 1 / 2))).toBeLessThan(NEAR);
        expect(Math.abs(withinLogE(state, { strict: true }) - oneSidedWithin(swapped, 1))).toBeLessThan(NEAR);
      }),
      { numRuns: 60 },
    );
  });

  test("tells a rate beyond the margin from one within, and at the margin neither", () => {
    const after = (events: number) => fold(beginTwoSidedDab(), repeat(groups(events, 600, 30, 5400), 60), 2);
    expect(harmLogE(after(14))).toBeGreaterThan(ENOUGH);
    expect(withinLogE(after(14))).toBeLessThan(0);
    expect(harmLogE(after(10 / 3))).toBeLessThan(0);
    expect(withinLogE(after(10 / 3))).toBeGreaterThan(ENOUGH);
    expect(harmLogE(after(20 / 3))).toBeLessThan(ENOUGH);
    expect(withinLogE(after(20 / 3))).toBeLessThan(ENOUGH);
  });

  test("goes on from JSON exactly as if it had never stopped, however far evidence goes in either direction", () => {
    fc.assert(
      fc.property(looksUpTo(1e9, 4), looksUpTo(1e9, 4), looksUpTo(1e6, 4), fc.boolean(), (dark, first, second, harmOnly) => {
        const taught = dark.reduce((state, look) => calibrateTwoSidedDab(state, look), beginTwoSidedDab());
        const state = first.reduce((now, look) => stepTwoSidedDab(now, look, 1.2, { harmOnly }), taught);
        const read: TwoSidedDab = JSON.parse(JSON.stringify(state));
        expect(read).toStrictEqual(state);
        expect(fold(read, second)).toStrictEqual(fold(state, second));
        for (const strict of [true, false]) {
          expect(Number.isFinite(harmLogE(state, { strict }))).toBe(true);
          expect(Number.isFinite(withinLogE(state, { strict }))).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("its JSON stays short, and its rounding harmless, over ten thousand looks", () => {
    const random = randomFrom(11);
    let [two, one] = [beginTwoSidedDab(), beginDab()];
    let farthest = 0;
    for (let look = 0; look < 10_000; look++) {
      const next = groups(random.binomial(3000, 0.0015), 3000, random.binomial(3000, 0.001), 3000);
      [two, one] = [stepTwoSidedDab(two, next, 1.2), stepDab(one, next, 1.2)];
      // Without a harm they differ, as they should: the prior of late harms goes to 0 in one alone.
      const [logE, exact] = [harmLogE(two), dabLogE(one)];
      if (exact > 20) farthest = Math.max(farthest, Math.abs(logE - exact));
    }
    expect(harmLogE(two)).toBeGreaterThan(100);
    expect(farthest).toBeLessThan(1e-3);
    expect(JSON.stringify(two).length).toBeLessThan(2500);
  });

  test("a harm is found however long it went well before, and no number is lost", () => {
    const quiet = repeat(groups(0, 1000, 0, 1000), 5000);
    const well = fold(beginTwoSidedDab(), [...quiet, ...repeat(groups(20, 1000, 20, 1000), 300)]);
    expect(withinLogE(well)).toBeGreaterThan(ENOUGH);
    expect(harmLogE(well)).toBeLessThan(-5);
    expect(harmLogE(fold(well, repeat(groups(60, 1000, 20, 1000), 5)))).toBeGreaterThan(ENOUGH);
  });

  test("a look that overlaps a change may show harm, and nothing about within, not even through the noise", () => {
    fc.assert(
      fc.property(looksUpTo(2000, 4), looksUpTo(2000, 1), looksUpTo(2000, 4), (before, [mixed], after) => {
        const state = fold(beginTwoSidedDab(), before);
        const harmed = stepTwoSidedDab(state, mixed!, 1.2, { harmOnly: true });
        expect(Math.abs(harmLogE(harmed) - harmLogE(stepTwoSidedDab(state, mixed!, 1.2)))).toBeLessThan(NEAR);
        const nothing = stepTwoSidedDab(state, groups(0, 0, 0, 0), 1.2);
        expect(withinLogE(fold(harmed, after))).toBe(withinLogE(fold(nothing, after)));
      }),
      { numRuns: 40 },
    );
  });

  test("a dark stage teaches the noise, to both sides, and shows nothing; without a treatment the control's history alone", () => {
    const wild = [20, 90, 45, 130, 10, 70, 160, 30].map((events, look) =>
      groups(events, 10_000, [80, 15, 120, 40, 60, 9, 35, 140][look]!, 10_000),
    );
    const taught = wild.reduce((state, look) => calibrateTwoSidedDab(state, look), beginTwoSidedDab());
    expect(harmLogE(taught)).toBeCloseTo(0, 5);
    expect(withinLogE(taught)).toBeLessThanOrEqual(0);
    const lucky = repeat(groups(25, 10_000, 100, 10_000), 3);
    expect(withinLogE(fold(taught, lucky))).toBeLessThan(withinLogE(fold(beginTwoSidedDab(), lucky)));

    const untreated = wild.map(({ control }) => ({ treatment: { events: 0, total: 0 }, control }));
    const { mixture, history } = untreated.reduce((state, look) => calibrateTwoSidedDab(state, look), beginTwoSidedDab());
    expect(mixture).toEqual(beginTwoSidedDab().mixture);
    expect(history!.fit.some((log) => log < -3)).toBe(true);
  });

  test("a look changes no state that it was given", () => {
    const state = fold(beginTwoSidedDab(), [groups(3, 600, 20, 5400)]);
    const before = structuredClone(state);
    calibrateTwoSidedDab(fold(state, [groups(9, 600, 20, 5400)]), groups(2, 500, 2, 500));
    expect(state).toEqual(before);
  });

  test("begins without evidence, and looks that say nothing leave it there", () => {
    for (const nothing of [groups(0, 100, 0, 900), groups(0, 0, 9, 900), groups(9, 100, 0, 0)]) {
      const state = fold(beginTwoSidedDab({ controlHistory: false }), repeat(nothing, 400));
      for (const strict of [true, false]) {
        expect(harmLogE(state, { strict })).toBeCloseTo(0, 4);
        expect(withinLogE(state, { strict })).toBeCloseTo(0, 4);
      }
    }
  });
});

describe("the ceiling in both directions", () => {
  const counts = (most: number): fc.Arbitrary<Counts[]> =>
    fc.array(fc.record({ events: fc.nat(most), total: fc.integer({ min: 0, max: 1000 * most }) }), { minLength: 1, maxLength: 6 });
  const foldCounts = (looks: readonly Counts[], limit: number, state = beginTwoSidedCeiling()): TwoSidedCeiling =>
    looks.reduce((now, look) => stepTwoSidedCeiling(now, look, limit), state);
  const limits = fc.double({ min: 1e-4, max: 0.5, noNaN: true });

  test("the evidence of harm is that of the ceiling, usual and strict", () => {
    fc.assert(
      fc.property(counts(200), limits, fc.boolean(), (looks, limit, strict) => {
        const one = looks.reduce((state, look) => stepCeiling(state, look, { limit, side: "above" }), beginCeiling());
        expect(Math.abs(ceilingHarmLogE(foldCounts(looks, limit), { strict }) - ceilingLogE(one, { strict }))).toBeLessThan(NEAR);
      }),
      { numRuns: 60 },
    );
  });

  test("the evidence of within is that of rates so many times below the limit, half-way to strict", () => {
    fc.assert(
      fc.property(counts(200), limits, (looks, limit) => {
        const likelihoods = looks.map(({ events, total }) => {
          const logs = new Float64Array(NOISES.length * sizes.length);
          noisyCount(
            events,
            total * limit,
            sizes.map((log) => -log),
            logs,
          );
          return total > 0 ? logs : undefined;
        });
        const state = foldCounts(looks, limit);
        expect(Math.abs(ceilingWithinLogE(state) - oneSidedWithin(likelihoods, 1 / 2))).toBeLessThan(NEAR);
        expect(Math.abs(ceilingWithinLogE(state, { strict: true }) - oneSidedWithin(likelihoods, 1))).toBeLessThan(NEAR);
      }),
      { numRuns: 60 },
    );
  });

  test("tells a rate above the limit from one below, and at the limit neither", () => {
    const after = (events: number, times: number) => foldCounts(repeat({ events, total: 1000 }, times), 0.005);
    expect(ceilingHarmLogE(after(15, 6))).toBeGreaterThan(ENOUGH);
    expect(ceilingWithinLogE(after(15, 6))).toBeLessThan(0);
    expect(ceilingHarmLogE(after(1, 10))).toBeLessThan(0);
    expect(ceilingWithinLogE(after(1, 10))).toBeGreaterThan(ENOUGH);
    expect(ceilingHarmLogE(after(5, 60))).toBeLessThan(0);
    expect(ceilingWithinLogE(after(5, 60))).toBeLessThan(0);
  });

  test("goes on from JSON exactly as if it had never stopped, and no counts make it NaN or infinite", () => {
    fc.assert(
      fc.property(counts(1e6), counts(1e6), limits, (first, second, limit) => {
        const state = foldCounts(first, limit);
        const read: TwoSidedCeiling = JSON.parse(JSON.stringify(state));
        expect(read).toStrictEqual(state);
        const [on, from] = [foldCounts(second, limit, state), foldCounts(second, limit, read)];
        expect(from).toStrictEqual(on);
        expect(Number.isFinite(ceilingHarmLogE(on)) && Number.isFinite(ceilingWithinLogE(on))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test("a look that overlaps a change may show harm, and nothing about within", () => {
    const state = foldCounts(repeat({ events: 4, total: 1000 }, 5), 0.005);
    const mixed = { events: 30, total: 1000 };
    const harmed = stepTwoSidedCeiling(state, mixed, 0.005, { harmOnly: true });
    expect(ceilingHarmLogE(harmed)).toBeCloseTo(ceilingHarmLogE(stepTwoSidedCeiling(state, mixed, 0.005)), 5);
    expect(ceilingWithinLogE(harmed)).toBe(ceilingWithinLogE(stepTwoSidedCeiling(state, { events: 0, total: 0 }, 0.005)));
  });

  test("learns the noise", () => {
    const likeliest = (events: readonly number[]) =>
      ceilingNoiseOf(
        foldCounts(
          events.map((each) => ({ events: each, total: 1000 })),
          0.05,
        ),
      ).reduce((best, one) => (one.probability > best.probability ? one : best)).noise.kind;
    expect(likeliest([50, 52, 49, 48, 51, 50, 47, 53])).toBe("none");
    expect(likeliest([5, 130, 20, 90, 2, 60, 110, 12])).not.toBe("none");
  });
});
