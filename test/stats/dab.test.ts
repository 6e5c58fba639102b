import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginDab, calibrateDab, dabLogE, dabNoise, stepDab, type DabState } from "../../src/stats/dab.ts";
import { NOISE_PRIOR, NOISES } from "../../src/stats/noise.ts";
import { noisySplit } from "../../src/stats/noisySplit.ts";
import type { Groups } from "../../src/stats/ratio.ts";
import { logGamma } from "../../src/stats/special.ts";
import { groups, looksUpTo, swap } from "./groups.ts";

const fold = (state: DabState, looks: readonly Groups[], margin = 1): DabState =>
  looks.reduce((now, look) => stepDab(now, look, margin), state);
const repeat = (look: Groups, times: number): Groups[] => Array.from({ length: times }, () => look);

describe("DAB, the fold", () => {
  test("begins without evidence, and looks that say nothing leave it there for ever", () => {
    expect(dabLogE(beginDab())).toBeCloseTo(0, 14);
    for (const nothing of [groups(0, 100, 0, 900), groups(0, 0, 9, 900), groups(9, 100, 0, 0)]) {
      const state = fold(beginDab({ controlHistory: false }), repeat(nothing, 400));
      expect(dabLogE(state)).toBeCloseTo(0, 10);
      expect(dabLogE(state, { strict: true })).toBeCloseTo(0, 10);
    }
  });

  test("a look changes no state that it was given", () => {
    const state = fold(beginDab(), [groups(3, 600, 20, 5400)]);
    const before = structuredClone(state);
    calibrateDab(stepDab(state, groups(9, 600, 20, 5400), 1), groups(2, 500, 2, 500));
    expect(state).toEqual(before);
  });

  test("goes on from JSON exactly as if it had never stopped, however far evidence goes in either direction", () => {
    fc.assert(
      fc.property(
        looksUpTo(1e6, 4),
        looksUpTo(1e6, 4),
        looksUpTo(1e6, 4),
        fc.boolean(),
        fc.boolean(),
        (dark, first, second, restart, controlHistory) => {
          const taught = dark.reduce((state, look) => calibrateDab(state, look), beginDab({ restart, controlHistory }));
          const state = fold(taught, first, 1.2);
          const read: DabState = JSON.parse(JSON.stringify(state));
          expect(read).toEqual(state);
          expect(fold(read, second, 1.2)).toStrictEqual(fold(state, second, 1.2));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("no counts up to a thousand million make it NaN or infinite", () => {
    fc.assert(
      fc.property(looksUpTo(1e9, 5), fc.double({ min: 0.01, max: 100, noNaN: true }), fc.boolean(), (looks, margin, strict) => {
        expect(Number.isFinite(dabLogE(fold(beginDab(), looks, margin), { strict }))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("after more looks than a year has hours, healthy or quiet, it is still a number", () => {
    let state = beginDab({ controlHistory: false });
    for (let look = 0; look < 60_000; look++) state = stepDab(state, groups(0, 10, 0, 10), 1);
    expect(state.mixture.rest).toBeLessThan(1e-300);
    const healthy = fold(state, repeat(groups(5000, 1e6, 8000, 1e6), 300));
    expect(Number.isFinite(dabLogE(healthy))).toBe(true);
  });

  test("without a restart and the control's history the order of the looks does not matter", () => {
    const ordered = fc.tuple(looksUpTo(5000, 6), fc.array(fc.nat(), { minLength: 6, maxLength: 6 }));
    fc.assert(
      fc.property(ordered, fc.boolean(), ([looks, keys], strict) => {
        const permuted = looks.map((look, index) => ({ look, key: keys[index]! })).sort((a, b) => a.key - b.key);
        const of = (some: readonly Groups[]): number =>
          dabLogE(fold(beginDab({ restart: false, controlHistory: false }), some), { strict });
        expect(of(permuted.map(({ look }) => look))).toBeCloseTo(of(looks), 7);
      }),
      { numRuns: 40 },
    );
  });

  test("a look cut in two says about the same of a harmless release, and more of a harm: noise is harder to blame twice", () => {
    const after = (look: Groups, times: number): number => dabLogE(fold(beginDab(), repeat(look, times)));
    expect(after(groups(10, 2000, 20, 4000), 6)).toBeLessThan(0);
    expect(Math.abs(after(groups(10, 2000, 20, 4000), 6) - after(groups(5, 1000, 10, 2000), 12))).toBeLessThan(0.4);
    expect(after(groups(30, 2000, 20, 4000), 1)).toBeGreaterThan(0);
    expect(after(groups(15, 1000, 10, 2000), 2)).toBeGreaterThan(after(groups(30, 2000, 20, 4000), 1));
    expect(after(groups(7.5, 500, 5, 1000), 4)).toBeGreaterThan(after(groups(15, 1000, 10, 2000), 2));
  });
});

describe("DAB, the evidence", () => {
  const healthy = groups(3, 600, 30, 5400);

  test("one look alone is never a breach: it may always have been noise", () => {
    for (const events of [10, 100, 600]) expect(dabLogE(stepDab(beginDab(), groups(events, 600, 30, 5400), 1))).toBeLessThan(Math.log(20));
  });

  test("a harm that lasts is one, the sooner the larger, and a harm within the margin is none", () => {
    const looksUntil = (events: number, margin: number): number => {
      let state = beginDab();
      for (let look = 1; look <= 200; look++) {
        state = stepDab(state, groups(events, 600, 30, 5400), margin);
        if (dabLogE(state) >= Math.log(20)) return look;
      }
      return Infinity;
    };
    expect(looksUntil(6, 1)).toBeLessThan(12);
    expect(looksUntil(15, 1)).toBeLessThan(looksUntil(6, 1));
    expect(looksUntil(6, 1.5)).toBeGreaterThan(looksUntil(6, 1));
    expect(looksUntil(4, 1.5)).toBe(Infinity);
  });

  test("a harm that begins after 200 healthy looks is found within two more", () => {
    let state = fold(beginDab(), repeat(healthy, 200));
    expect(dabLogE(state)).toBeLessThan(0);
    state = fold(state, repeat(groups(90, 600, 30, 5400), 2));
    expect(dabLogE(state)).toBeGreaterThan(Math.log(20));
  });

  test("with the groups swapped and the inverse margin it shows that a rate is within the margin", () => {
    const within = (look: Groups): number => dabLogE(fold(beginDab({ controlHistory: false }), repeat(swap(look), 30), 1 / 2));
    expect(within(healthy)).toBeGreaterThan(Math.log(20));
    expect(within(groups(7, 600, 30, 5400))).toBeLessThan(0);
  });

  test("the strict evidence is at most the usual one where both are without the control's history and know no more than the prior", () => {
    fc.assert(
      fc.property(looksUpTo(2000, 4), (looks) => {
        const state = fold(beginDab({ controlHistory: false }), looks);
        expect(dabLogE(state, { strict: true })).toBeLessThanOrEqual(dabLogE(state) + 1e-9);
      }),
      { numRuns: 60 },
    );
  });
});

describe("DAB, the noise", () => {
  const likeliest = (state: DabState) => dabNoise(state).reduce((best, one) => (one.probability > best.probability ? one : best)).noise;
  const quiet = repeat(groups(50, 10_000, 50, 10_000), 12);
  const wild = [20, 90, 45, 130, 10, 70, 160, 30, 55, 8, 110, 40].map((events, look) =>
    groups(events, 10_000, [80, 15, 120, 40, 60, 9, 35, 140, 25, 75, 12, 95][look]!, 10_000),
  );

  test("is before any look what the prior says, and always sums to 1", () => {
    expect(dabNoise(beginDab()).map(({ probability }) => probability)).toEqual(NOISE_PRIOR.map((prior) => expect.closeTo(prior, 12)));
    const sum = dabNoise(fold(beginDab(), wild)).reduce((all, { probability }) => all + probability, 0);
    expect(sum).toBeCloseTo(1, 12);
  });

  test("is learned: none where counts vary by chance, some where they vary by more", () => {
    expect(likeliest(fold(beginDab(), quiet))).toEqual({ kind: "none" });
    expect(likeliest(fold(beginDab(), wild)).kind).not.toBe("none");
  });

  test("is learned in a dark stage too, where no harm is: a burst then counts for less, and the evidence stays none", () => {
    const teach = (looks: readonly Groups[]): DabState => looks.reduce((state, look) => calibrateDab(state, look), beginDab());
    expect(dabLogE(teach(wild))).toBeCloseTo(0, 12);
    const burst = groups(140, 10_000, 50, 10_000);
    expect(dabLogE(stepDab(teach(wild), burst, 1))).toBeLessThan(dabLogE(stepDab(teach(quiet), burst, 1)));
    expect(likeliest(teach(wild)).kind).not.toBe("none");
  });

  test("with a margin, the groups of a dark stage still have one rate: at their margin likeness would look like noise", () => {
    const taught = (margin?: number): number =>
      dabNoise(repeat(groups(200, 10_000, 200, 10_000), 10).reduce((state, look) => calibrateDab(state, look, margin), beginDab()))[0]!
        .probability;
    expect(taught()).toBeGreaterThan(0.9);
    expect(taught(1.5)).toBeLessThan(0.5);
  });

  test("may be weighed by the control by a factor of e³ at most", () => {
    const { history } = fold(beginDab(), wild);
    expect(history!.fit.some((log) => log < -3)).toBe(true);
    const known = fold(beginDab(), wild);
    const { mixture } = known;
    const odds = (state: DabState): number[] => dabNoise(state).map(({ probability }) => Math.log(probability));
    const [withHistory, without] = [odds(known), odds({ mixture })];
    const moved = withHistory.map((log, kind) => log - without[kind]!);
    expect(Math.max(...moved) - Math.min(...moved)).toBeLessThanOrEqual(3 + 1e-9);
  });
});

describe("DAB, the expectation of E by exact sums over all counts of small looks", () => {
  const logChoose = (m: number, x: number): number => logGamma(m + 1) - logGamma(x + 1) - logGamma(m - x + 1);
  /** The chance of x of m under each kind, at so many times the control's rate. */
  const chances = (m: number, look: (x: number) => Groups, ratio: number): number[][] =>
    Array.from({ length: m + 1 }, (_, x) => {
      const { treatment, control } = look(x);
      const out = new Float64Array(NOISES.length);
      noisySplit(x, m, Math.log((ratio * treatment.total) / control.total), new Float64Array(1), 1, out);
      return Array.from(out, (log) => Math.exp(log + logChoose(m, x)));
    });
  /** The quadrature of gamma noise is off by up to this for a look. */
  const NEAR = 2e-3;

  const cases = [
    { first: 1, second: 4, share: 0.5 },
    { first: 6, second: 3, share: 0.1 },
    { first: 12, second: 8, share: 0.02 },
  ];
  const expectations = (
    { first, second, share }: (typeof cases)[number],
    { margin, ratio, strict }: { margin: number; ratio: number; strict: boolean },
  ): number[] => {
    const at = (m: number) => (x: number) => groups(x, 1000 * share, m - x, 1000 * (1 - share));
    const [one, two] = [chances(first, at(first), ratio), chances(second, at(second), ratio)];
    const sums = NOISES.map(() => 0);
    for (let x = 0; x <= first; x++) {
      const before = stepDab(beginDab({ controlHistory: false }), at(first)(x), margin);
      for (let y = 0; y <= second; y++) {
        const value = Math.exp(dabLogE(stepDab(before, at(second)(y), margin), { strict }));
        for (let kind = 0; kind < NOISES.length; kind++) sums[kind]! += one[x]![kind]! * two[y]![kind]! * value;
      }
    }
    return sums;
  };

  test.each(cases)("strict: at most 1 under every kind of noise, at the margin ($first and $second events)", (one) => {
    for (const margin of [1, 1.5]) {
      for (const expectation of expectations(one, { margin, ratio: margin, strict: true })) expect(expectation).toBeLessThan(1 + NEAR);
    }
  });

  test.each(cases)("strict: below it too, for a treatment half as bad as allowed ($first and $second events)", (one) => {
    for (const expectation of expectations(one, { margin: 1, ratio: 0.5, strict: true })) expect(expectation).toBeLessThan(1 + NEAR);
  });

  test.each(cases)("usual: 1 on average over the prior of the kinds ($first and $second events)", (one) => {
    const sums = expectations(one, { margin: 1.2, ratio: 1.2, strict: false });
    // Kinds change with the prior and stay the same from look to look, so that the mean over them is that of E itself.
    const mean = sums.reduce((sum, expectation, kind) => sum + NOISE_PRIOR[kind]! * expectation, 0);
    expect(Math.abs(mean - 1)).toBeLessThan(NEAR);
  });
});
