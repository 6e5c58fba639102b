import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  beginDifference,
  difference,
  differenceLogE,
  eventsBehind,
  NO_EVIDENCE,
  sequenceLogE,
  sequenceMultiple,
  stepDifference,
} from "../../src/stats/difference.ts";
import { beginLimit, betaBinomialLogE, limitLogE, stepLimit, type LimitState } from "../../src/stats/limit.ts";
import { beginMixture, growMixture, mixtureLogE } from "../../src/stats/mixture.ts";
import { beginRatio, ratioLogE, stepRatio, type Counts, type Groups } from "../../src/stats/ratio.ts";
import { upTo } from "./groups.ts";
import { randomFrom } from "./random.ts";

const groups = fc.record({ treatment: upTo(1e9), control: upTo(1e9) });
const someGroups = fc.record({ treatment: upTo(2000), control: upTo(2000) });
const looks = fc.array(groups, { minLength: 1, maxLength: 6 });
const rate = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true });
const tuningOf = (limit: number) => ({ optimum: 10 / Math.min(limit, 1 - limit), alpha: 0.05 });
const of = (events: number, total: number): Counts => ({ events, total });

describe("the restart mixture", () => {
  test("begins at E = 1 and keeps its prior: looks that say nothing leave it there", () => {
    let mixture = beginMixture(3);
    expect(mixtureLogE(mixture)).toBeCloseTo(0, 14);
    for (let look = 0; look < 500; look++) mixture = growMixture(mixture, [0, 0, 0]);
    expect(mixtureLogE(mixture)).toBeCloseTo(0, 12);
    expect(mixture.rest).toBeLessThan(0.001);
  });

  test("a long healthy time does not make it blind to a harm that begins late", () => {
    let state = beginRatio();
    for (let look = 0; look < 300; look++) state = stepRatio(state, { treatment: of(5, 1000), control: of(50, 10_000) }, 1.2);
    expect(ratioLogE(state)).toBeLessThan(0);
    let needed = 0;
    for (; ratioLogE(state) < Math.log(20); needed++) state = stepRatio(state, { treatment: of(20, 1000), control: of(50, 10_000) }, 1.2);
    expect(needed).toBeLessThanOrEqual(2);
  });
});

describe("test (a): a ratio to the control", () => {
  test("no counts up to a thousand million make it NaN or infinite", () => {
    fc.assert(
      fc.property(looks, fc.double({ min: 0.01, max: 100, noNaN: true }), (steps, margin) => {
        const state = steps.reduce((sum, step) => stepRatio(sum, step, margin), beginRatio());
        expect(Number.isFinite(ratioLogE(state))).toBe(true);
      }),
    );
  });

  test("an interval without events, or in which a group had no requests, changes nothing", () => {
    const state = stepRatio(beginRatio(), { treatment: of(3, 100), control: of(9, 900) }, 1);
    for (const nothing of [
      { treatment: of(0, 100), control: of(0, 900) },
      { treatment: of(0, 0), control: of(9, 900) },
      { treatment: of(9, 100), control: of(0, 0) },
    ]) {
      expect(stepRatio(state, nothing, 1)).toEqual(state);
    }
  });

  test("more treated events are more evidence of harm, more control events less", () => {
    fc.assert(
      fc.property(someGroups, fc.integer({ min: 1, max: 50 }), ({ treatment, control }, more) => {
        fc.pre(treatment.total > 0 && control.total > 0);
        const logE = (of: Groups): number => ratioLogE(stepRatio(beginRatio(), of, 1.2));
        const now = logE({ treatment, control });
        expect(logE({ treatment: { ...treatment, events: treatment.events + more }, control })).toBeGreaterThanOrEqual(now);
        fc.pre(treatment.events + control.events > 0);
        expect(logE({ treatment, control: { ...control, events: control.events + more } })).toBeLessThanOrEqual(now);
      }),
    );
  });

  test("a look's factor has expectation 1 at the margin and less below it, at common rates too (exact sum)", () => {
    const binomial = (n: number, p: number): number[] => {
      const masses = [(1 - p) ** n];
      for (let k = 1; k <= n; k++) masses.push((masses[k - 1]! * (n - k + 1) * p) / (k * (1 - p)));
      return masses;
    };
    for (const [margin, controlRate] of [
      [1, 0.02],
      [1, 0.5],
      [1.2, 0.02],
      [1.2, 0.5],
      [1.5, 0.6],
    ] as const) {
      for (const share of [1, 0.9]) {
        const [treated, untreated] = [binomial(12, share * margin * controlRate), binomial(30, controlRate)];
        let expectation = 0;
        for (const [x, px] of treated.entries()) {
          for (const [y, py] of untreated.entries()) {
            expectation += px * py * Math.exp(ratioLogE(stepRatio(beginRatio(), { treatment: of(x, 12), control: of(y, 30) }, margin)));
          }
        }
        expect(expectation).toBeLessThanOrEqual(1 + 1e-12);
        expect(expectation).toBeGreaterThan(0.5);
      }
    }
  });
});

describe("test (b): an absolute limit", () => {
  test("no counts up to a thousand million make it NaN or infinite", () => {
    fc.assert(
      fc.property(fc.array(upTo(1e9), { minLength: 1, maxLength: 5 }), rate, (steps, limit) => {
        const state = steps.reduce<LimitState>((sum, step) => stepLimit(sum, step, limit), beginLimit());
        expect(Number.isFinite(limitLogE(state, limit, tuningOf(limit)))).toBe(true);
      }),
    );
  });

  test("more events are more evidence; the order and the cut of the intervals do not matter to the beta-binomial part", () => {
    fc.assert(
      fc.property(upTo(5000), rate, (counts, limit) => {
        fc.pre(counts.events < counts.total);
        const more = { ...counts, events: counts.events + 1 };
        for (const logE of [
          (of: Counts) => betaBinomialLogE(of, limit, tuningOf(limit)),
          (of: Counts) => limitLogE(stepLimit(beginLimit(), of, limit), limit, tuningOf(limit)),
        ]) {
          expect(logE(more)).toBeGreaterThanOrEqual(logE(counts) - 1e-9);
        }
      }),
    );
    const whole = stepLimit(beginLimit(), of(30, 900), 0.01);
    const parts = stepLimit(stepLimit(beginLimit(), of(10, 500), 0.01), of(20, 400), 0.01);
    expect([parts.events, parts.total]).toEqual([whole.events, whole.total]);
  });

  test("one request has expectation 1 at the limit and less below it", () => {
    for (const limit of [0.001, 0.3, 0.9]) {
      for (const actual of [limit, limit / 2]) {
        const logE = (x: number): number => limitLogE(stepLimit(beginLimit(), of(x, 1), limit), limit, tuningOf(limit));
        const expectation = actual * Math.exp(logE(1)) + (1 - actual) * Math.exp(logE(0));
        expect(expectation).toBeLessThanOrEqual(1 + 1e-9);
      }
    }
  });

  test("a harm that begins after a long healthy time is found at once, where the beta-binomial alone is still blind", () => {
    let state = beginLimit();
    for (let look = 0; look < 300; look++) state = stepLimit(state, of(1, 1000), 0.005);
    for (let look = 0; look < 3; look++) state = stepLimit(state, of(20, 1000), 0.005);
    expect(limitLogE(state, 0.005, tuningOf(0.005))).toBeGreaterThan(Math.log(20));
    expect(betaBinomialLogE(state, 0.005, tuningOf(0.005))).toBeLessThan(0);
  });
});

describe("the confidence sequence of a difference", () => {
  const sum = (steps: readonly Groups[]) => steps.reduce(stepDifference, beginDifference());

  test("no counts up to a thousand million make it NaN or infinite", () => {
    fc.assert(
      fc.property(looks, fc.double({ min: 1e-6, max: 0.5, noNaN: true }), (steps, margin) => {
        const state = sum(steps);
        expect(Number.isFinite(differenceLogE(state, margin, margin, 0.05))).toBe(true);
        expect(Number.isFinite(differenceLogE(state, -margin, margin, 0.05))).toBe(true);
      }),
    );
  });

  test("one interval gives the textbook's difference and standard error with (x + ½)/(n + 1)", () => {
    const found = difference(sum([{ treatment: of(40, 1000), control: of(90, 3000) }]))!;
    expect(found.estimate).toBeCloseTo(0.04 - 0.03, 12);
    const variance = (x: number, n: number): number => (((x + 0.5) / (n + 1)) * (1 - (x + 0.5) / (n + 1))) / n;
    expect(found.standardError).toBeCloseTo(Math.sqrt(variance(40, 1000) + variance(90, 3000)), 12);
  });

  test("where share and base rate both change, the sum shows harm that is not there, and the strata do not", () => {
    const steps = [
      { treatment: of(10, 1000), control: of(990, 99_000) },
      { treatment: of(1500, 50_000), control: of(1500, 50_000) },
    ];
    expect((10 + 1500) / 51_000 - (990 + 1500) / 149_000).toBeGreaterThan(0.01);
    expect(difference(sum(steps))!.estimate).toBeCloseTo(0, 12);
  });

  test("swapping the groups turns the sign", () => {
    fc.assert(
      fc.property(someGroups, ({ treatment, control }) => {
        fc.pre(treatment.total > 0 && control.total > 0);
        const [one, other] = [difference(sum([{ treatment, control }]))!, difference(sum([{ treatment: control, control: treatment }]))!];
        expect(one.estimate).toBeCloseTo(-other.estimate, 12);
        expect(one.standardError).toBeCloseTo(other.standardError, 12);
      }),
    );
  });

  test("E reaches 1/α exactly where the bound reaches the margin", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), fc.double({ min: 1e-6, max: 0.4, noNaN: true }), (u, alpha) => {
        expect(sequenceLogE(sequenceMultiple(u, alpha), u)).toBeCloseTo(-Math.log(alpha), 8);
      }),
    );
    expect(sequenceLogE(0, 1)).toBe(NO_EVIDENCE);
    expect(sequenceLogE(-3, 1)).toBe(NO_EVIDENCE);
  });

  test("it says nothing before 20 events, of whichever is rarer, seen or to be expected in each group", () => {
    expect(eventsBehind(sum([{ treatment: of(19, 100), control: of(0, 10_000) }]))).toBeLessThan(20);
    expect(differenceLogE(sum([{ treatment: of(19, 100), control: of(0, 10_000) }]), 0.001, 0.001, 0.05)).toBe(NO_EVIDENCE);
    expect(eventsBehind(sum([{ treatment: of(25, 100), control: of(30, 10_000) }]))).toBe(25);
    expect(eventsBehind(sum([{ treatment: of(9999, 10_000), control: of(9970, 10_000) }]))).toBeLessThan(20);
    // All conversions gone: none seen, but many expected.
    expect(eventsBehind(sum([{ treatment: of(0, 1000), control: of(900, 9000) }]))).toBe(90);
  });
});

describe("false alarms stay below α, and harm is found, on ramps of 1/5/25/50 % (seeded)", () => {
  const shares = [0.01, 0.05, 0.25, 0.5];
  const threshold = Math.log(20);
  /** Treated requests until the alarm; nothing if there is none in 60 looks of 6,000 requests. */
  const ramp = (seed: number, alarm: () => (step: Groups) => number, treatmentRate: number, controlRate: number): number | undefined => {
    const random = randomFrom(seed);
    const logE = alarm();
    let exposed = 0;
    for (let look = 0; look < 60; look++) {
      const base = 1 + 0.5 * Math.sin(look / 10);
      const total = random.binomial(6000, shares[Math.floor(look / 15)]!);
      exposed += total;
      const treatment = of(random.binomial(total, treatmentRate * base), total);
      const control = of(random.binomial(6000 - total, controlRate * base), 6000 - total);
      if (logE({ treatment, control }) >= threshold) return exposed;
    }
    return undefined;
  };
  const many = (runs: number, ...[alarm, treatmentRate, controlRate]: [() => (step: Groups) => number, number, number]) =>
    Array.from({ length: runs }, (_, seed) => ramp(seed + 1, alarm, treatmentRate, controlRate));
  const median = (values: (number | undefined)[]): number =>
    values.map((value) => value ?? Infinity).sort((a, b) => a - b)[values.length >> 1]!;
  const alarms = (values: (number | undefined)[]): number => values.filter((value) => value !== undefined).length;

  const ratio = () => {
    let state = beginRatio();
    return (step: Groups) => ratioLogE((state = stepRatio(state, step, 1)));
  };
  const points = () => {
    let state = beginDifference();
    return (step: Groups) => differenceLogE((state = stepDifference(state, step)), 0.002, 0.002, 0.05);
  };
  const limit = () => {
    let state = beginLimit();
    return ({ treatment }: Groups) => limitLogE((state = stepLimit(state, treatment, 0.0075)), 0.0075, tuningOf(0.0075));
  };

  // 5 % of 300 is 15; 26 is three standard deviations above.
  test.each([
    ["ratio", ratio, 0.005],
    ["points", points, 0.005],
    ["limit", limit, 0.005],
  ] as const)("%s: harmless", (_, alarm, treatmentRate) => {
    expect(alarms(many(300, alarm, treatmentRate, 0.005))).toBeLessThanOrEqual(26);
  });

  test.each([
    ["ratio", ratio, 500],
    ["points", points, 2500],
    ["limit", limit, 1000],
  ] as const)("%s: five times the errors are found, in the median after at most %3$d treated requests", (_, alarm, most) => {
    const found = many(60, alarm, 0.025, 0.005);
    expect(alarms(found)).toBe(60);
    expect(median(found)).toBeLessThanOrEqual(most);
  });
});
