import { describe, expect, test } from "vitest";
import { ENTRIES, only } from "../bench/decisions/catalogue.ts";
import { compare } from "../bench/decisions/compare.ts";
import { multinomial, poisson, randomOfRun } from "../bench/decisions/draws.ts";
import { figuresOf, mean, waldLimit } from "../bench/decisions/figures.ts";
import { BOUNDS, bucketChances, USUAL } from "../bench/decisions/latency.ts";
import { independentNoise, persistentNoise, stickyUsers, type Factors, type Noise } from "../bench/decisions/noise.ts";
import { LOOKS, SHARES, stageOf, type RateLook, type Rule } from "../bench/decisions/ramp.ts";
import { ceilingAtKnownRate, conditionalBinomial, dab } from "../bench/decisions/rules/evidence.ts";
import { isAboveByRank, isAboveByTest, kayenta } from "../bench/decisions/rules/kayenta.ts";
import { fixedQuantileRule, interpolatedQuantile } from "../bench/decisions/rules/latency.ts";
import { growthBookSequential, statsigSequential, zTest } from "../bench/decisions/rules/sums.ts";
import { argoThreshold, flaggerThreshold } from "../bench/decisions/rules/thresholds.ts";
import { HARMFUL, HARMLESS, ramp, type World } from "../bench/decisions/scenarios.ts";
import { simulate } from "../bench/decisions/simulate.ts";
import { kayenta as kayentaInterval } from "../reference/peers.ts";

const random = (run: number) => randomOfRun(1, "test", run);
const many = <T>(runs: number, draw: (run: number) => T): T[] => Array.from({ length: runs }, (_, run) => draw(run));
const runsOf = (world: World, runs = 400): RateLook[][] => many(runs, (run) => ramp(random(run), world));
/** A minute of the scenario of this name, in many runs. */
const looksAt = (minute: number, name: string): RateLook[] => {
  const scenario = [...HARMLESS, ...HARMFUL].find((each) => each.name === name)!;
  return many(300, (run) => scenario.run(random(run))[minute - 1]!);
};

/** Within four standard errors: one check in 16,000 fails by chance, and the seeds are fixed. */
function expectMean<T>(items: readonly T[], of: (item: T) => number, expected: number): void {
  const values = items.map(of);
  const found = mean(values);
  const error = Math.sqrt(mean(values.map((value) => (value - found) ** 2)) / values.length);
  expect(Math.abs(found - expected)).toBeLessThan(4 * error);
}
function expectMoments<T>(items: readonly T[], of: (item: T) => number, expected: { mean: number; variance: number }): void {
  expectMean(items, of, expected.mean);
  expectMean(items, (item) => (of(item) - expected.mean) ** 2, expected.variance);
}

describe("what is drawn", () => {
  test.each([0.3, 9.9, 60, 3000])("a Poisson count of mean %d has that variance too", (expected) => {
    const counts = many(20_000, (run) => poisson(random(run), expected));
    expectMoments(counts, (count) => count, { mean: expected, variance: expected });
  });

  test("draws fall into classes by their chances, and all of them", () => {
    const draws = many(2000, (run) => multinomial(random(run), 50, [0.1, 0.6, 0.3]));
    expect(draws.every((counts) => counts.reduce((sum, count) => sum + count) === 50)).toBe(true);
    for (const [index, chance] of [0.1, 0.6, 0.3].entries()) expectMean(draws, (counts) => counts[index]!, 50 * chance);
  });

  test("a run is the same by whomever it is simulated, and differs from seed to seed", () => {
    const steady = HARMLESS[0]!;
    const rules = [argoThreshold("any", { times: 2, window: 1, failureLimit: 2 })];
    const all = simulate(steady, rules, { seed: 3, from: 0, to: 6 })[0]!;
    expect(simulate(steady, rules, { seed: 3, from: 4, to: 6 })[0]).toEqual(all.slice(4));
    expect(steady.run(randomOfRun(3, "steady", 0))).not.toEqual(steady.run(randomOfRun(4, "steady", 0)));
  });
});

describe("the ramp", () => {
  test("serves 1, 5, 25 and 50 % for fifteen minutes each, with Poisson errors at the base rate", () => {
    const runs = runsOf({});
    for (const minute of [1, 16, 31, 60]) {
      const looks = runs.map((run) => run[minute - 1]!);
      const treated = 6000 * SHARES[stageOf(minute)]!;
      expectMean(looks, ({ exposed }) => exposed, treated);
      expectMean(looks, ({ control }) => control.total, 6000 - treated);
      for (const group of ["treatment", "baseline"] as const) {
        expectMoments(looks, (look) => look[group].events, { mean: 0.005 * treated, variance: 0.005 * treated });
      }
    }
  });

  test("the baseline is a part of the control as large as the treatment", () => {
    const isPart = ({ treatment, baseline, control }: RateLook): boolean =>
      baseline.total === Math.min(treatment.total, control.total) && baseline.events <= control.events;
    expect(runsOf({}, 20).flat().every(isPart)).toBe(true);
  });

  test.each([
    ["diurnal", 1, 0.002, 1],
    ["diurnal", 31, 0.008, 1],
    ["incident", 20, 0.005, 1],
    ["incident", 21, 0.03, 1],
    ["incident", 26, 0.005, 1],
    ["rare", 60, 0.0005, 1],
    ["sample ratio mismatch", 60, 0.005, 1],
    ["×2", 1, 0.005, 2],
    ["×3 from minute 45", 45, 0.005, 1],
    ["×3 from minute 45", 46, 0.005, 3],
    ["slow leak to ×3", 30, 0.005, 2],
  ])("%s, minute %d: the control's rate is %d, the treatment's %d times that", (name, minute, rate, times) => {
    const looks = looksAt(minute, name);
    expectMean(looks, ({ control }) => control.events / control.total, rate);
    expectMean(looks, ({ treatment }) => treatment.events / treatment.total, rate * times);
  });

  test("a broken split sends a fifth less to the treatment", () => {
    expectMean(looksAt(60, "sample ratio mismatch"), ({ treatment }) => treatment.total, 2400);
  });

  test("a look without data leaves its counts to the next one", () => {
    const runs = runsOf({ missing: 0.3 });
    expectMean(runs.flat(), ({ reported }) => (reported ? 1 : 0), 0.7);
    for (const run of runs) {
      const last = run.findLastIndex(({ reported }) => reported);
      const exposed = run.slice(0, last + 1).reduce((sum, look) => sum + look.exposed, 0);
      expect(run.reduce((sum, { treatment }) => sum + treatment.total, 0)).toBe(exposed);
    }
  });
});

describe("noise", () => {
  test("errors in bursts of c have c + 1 times the variance of single ones, at the same rate", () => {
    const looks = runsOf({ cluster: 5 }).map((run) => run[59]!);
    expectMoments(looks, ({ treatment }) => treatment.events, { mean: 15, variance: 15 * 6 });
  });

  test("noise of CV .5 adds a quarter of the mean squared to the variance, in each arm by itself", () => {
    const looks = runsOf({ noise: independentNoise(0.5) }).flatMap((run) => run.slice(50));
    for (const group of ["treatment", "control"] as const) {
      expectMoments(looks, (look) => look[group].events, { mean: 15, variance: 15 + 15 ** 2 / 4 });
    }
    expectMean(looks, ({ treatment, control }) => (treatment.events - 15) * (control.events - 15), 0);
  });

  const factorsOf = (noise: Noise, runs: number): Factors[][] =>
    many(runs, (run) => {
      const factors = noise(random(run));
      return many(LOOKS, (index) => factors(index + 1));
    });

  test("persistent noise has mean 1 and its CV from the first minute on, and nine tenths of its logarithm stay", () => {
    const runs = factorsOf(persistentNoise(0.2, 0.9), 4000);
    const variance = Math.log(1.04);
    const log = (run: Factors[], index: number): number => Math.log(run[index]!.treatment) + variance / 2;
    for (const index of [0, 30]) {
      expectMean(runs, (run) => run[index]!.treatment, 1);
      expectMoments(runs, (run) => log(run, index), { mean: 0, variance });
    }
    expectMean(runs, (run) => log(run, 30) * log(run, 31), 0.9 * variance);
    expectMean(runs, (run) => (run[30]!.treatment - 1) * (run[30]!.baseline - 1), 0);
  });

  test("sticky users stay in their group, which has more or fewer errors for good; all users together have all errors", () => {
    const runs = factorsOf(stickyUsers(20_000), 2000);
    expect(runs[0]![14]).toEqual(runs[0]![0]);
    // 200 users with a variance of 20 each; they are a fifth of those at 5 %.
    expectMoments(runs, (run) => run[0]!.treatment, { mean: 1, variance: 0.1 });
    expectMoments(runs, (run) => run[0]!.baseline, { mean: 1, variance: 0.1 });
    expectMean(runs, (run) => (run[0]!.treatment - 1) * (run[15]!.treatment - 1), 0.02);
    const errors = (share: number, { treatment, baseline, rest }: Factors): number =>
      share * (treatment + baseline) + (1 - 2 * share) * rest;
    for (const run of runs.slice(0, 20)) expect(errors(0.01, run[0]!)).toBeCloseTo(errors(0.5, run[59]!), 9);
  });

  test("latencies fall into buckets by their distribution; what is 100 ms slower is four buckets further up", () => {
    const [usual, slower] = [bucketChances(USUAL), bucketChances({ ...USUAL, shift: 100 })];
    expect(usual.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 12);
    expect(usual.slice(0, 5).reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(0.5325, 4); // Φ(ln(125/120)/0.5)
    for (let bucket = 4; bucket < BOUNDS.length; bucket++) expect(slower[bucket]).toBeCloseTo(usual[bucket - 4]!, 12);
  });
});

type Group = readonly [events: number, total: number];
const lookOf = (minute: number, treatment: Group, control: Group = [0, 0], baseline: Group = control): RateLook => {
  const counts = ([events, total]: Group) => ({ events, total });
  const groups = { treatment: counts(treatment), control: counts(control), baseline: counts(baseline) };
  return { minute, stage: stageOf(minute), exposed: treatment[1], reported: true, ...groups };
};
const missing = (minute: number): RateLook => ({ ...lookOf(minute, [0, 0]), reported: false });
/** Minutes of 100 requests with so many errors. */
const minutes = (...events: readonly number[]): RateLook[] => events.map((count, index) => lookOf(index + 1, [count, 100]));
/** The minute in which a rule rolls back at a known rate of 0.5 %. */
const minuteOf = (rule: Rule<RateLook>, looks: readonly RateLook[]): number | undefined => {
  const rollsBack = rule.begin({ rate: 0.005 });
  return looks.find((look) => rollsBack(look))?.minute;
};

describe("thresholds", () => {
  const oneMinute = argoThreshold("any", { times: 2, window: 1, failureLimit: 2 });

  test("the third failure is one too many, wherever the others were; the limit itself is none", () => {
    expect(minuteOf(oneMinute, minutes(2, 1, 2, 0, 1, 0, 2))).toBe(7);
    expect(minuteOf(oneMinute, minutes(2, 1, 2, 1, 1))).toBeUndefined();
  });

  test("a window holds its last minutes together", () => {
    const fiveMinutes = argoThreshold("any", { times: 3, window: 5, failureLimit: 0 });
    // 1.5 % of 500 is 7.5: eight errors within five minutes.
    expect(minuteOf(fiveMinutes, minutes(1, 1, 1, 1, 1, 1, 1, 3, 2))).toBe(9);
    expect(minuteOf(fiveMinutes, minutes(1, 1, 1, 1, 1, 1, 1, 2, 2))).toBeUndefined();
  });

  test("Argo forgives four measurements without data in a row; Flagger counts each, and minutes without requests", () => {
    expect(minuteOf(oneMinute, [1, 2, 3, 4, 5].map(missing))).toBe(5);
    expect(minuteOf(oneMinute, [...[1, 2, 3, 4].map(missing), lookOf(5, [0, 100]), missing(6)])).toBeUndefined();
    const flagger = flaggerThreshold("any", { times: 2, threshold: 3 });
    expect(minuteOf(flagger, [missing(1), lookOf(2, [2, 100]), lookOf(3, [0, 100]), lookOf(4, [0, 0])])).toBe(4);
    expect(minuteOf(flagger, [missing(1), lookOf(2, [1, 100]), lookOf(3, [0, 100]), lookOf(4, [0, 0])])).toBeUndefined();
  });
});

describe("rules on sums", () => {
  const [z, growthBook, statsig] = [
    zTest("any", "baseline"),
    growthBookSequential("any", "baseline"),
    statsigSequential("any", "baseline"),
  ];

  test.each([
    // z = 1.61 and 1.80; 1.645 is critical.
    ["the z-test", z, 6, 14],
    // N = 2,000, u = 2,000/5,000 · (4.605 + ln 5.605) = 2.532: 2.913 standard errors, of which there are 2.86 and 2.97.
    ["GrowthBook", growthBook, 8, 25],
    // V/(V + τ) = 1/(1 + 1.645²/2): Z* = √[1.739 (5.991 + 0.856)] = 3.451; z is 3.39 and 3.48.
    ["Statsig", statsig, 8, 29],
  ])("%s rolls back at its critical value, of a thousand in each group, in one look or two", (_, rule, few, enough) => {
    expect(minuteOf(rule, [lookOf(1, [enough - 1, 1000], [few, 1000])])).toBeUndefined();
    expect(minuteOf(rule, [lookOf(1, [enough, 1000], [few, 1000])])).toBe(1);
    expect(minuteOf(rule, [lookOf(1, [3, 500], [few / 2, 500]), lookOf(2, [enough - 3, 500], [few / 2, 500])])).toBe(2);
    expect(minuteOf(rule, [lookOf(1, [few, 1000], [enough, 1000])])).toBeUndefined();
  });

  test("each compares with the control it is told to", () => {
    const look = lookOf(1, [20, 1000], [60, 3000], [2, 1000]);
    expect(minuteOf(z, [look])).toBe(1);
    expect(minuteOf(zTest("any", "control"), [look])).toBeUndefined();
  });
});

describe("Kayenta", () => {
  const points = ({ treatment, control }: RateLook) =>
    treatment.total > 0 ? { experiment: treatment.events, control: control.events } : { experiment: undefined, control: undefined };
  const [textbook, inverted] = [kayenta("any", "textbook", points), kayenta("any", "inverted", points)];
  const looksOf = (experiment: readonly number[], control: readonly number[]): RateLook[] =>
    experiment.map((value, index) => lookOf(index + 1, [value, 100], [control[index]!, 100]));

  test.each([textbook, inverted])("is asked every five minutes, and fails five points above all others", (rule) => {
    expect(minuteOf(rule, looksOf([20, 22, 21, 25, 30], [1, 2, 1, 2, 3]))).toBe(5);
    expect(minuteOf(rule, looksOf([20, 22, 21, 25], [1, 2, 1, 2]))).toBeUndefined();
    expect(minuteOf(rule, looksOf([2, 2, 2, 2, 3], [10, 20, 10, 20, 30]))).toBeUndefined();
    expect(minuteOf(rule, looksOf([3, 3, 3, 3, 3], [3, 3, 3, 3, 3]))).toBeUndefined();
  });

  test("a shift whose lower end is within a quarter of it passes", () => {
    // Differences from 1 to 21 with a median of 11: 1 is below 2.75. From 5 to 13 with a median of 9: 5 is above 2.25.
    expect(minuteOf(textbook, looksOf([11, 16, 21, 16, 11], [0, 5, 10, 5, 0]))).toBeUndefined();
    expect(minuteOf(textbook, looksOf([9, 11, 13, 11, 9], [0, 2, 4, 2, 0]))).toBe(5);
  });

  test("only the points of the stage count; no points at all fail, and three of three are enough for the textbook's interval", () => {
    const calm = many(15, () => 1);
    expect(minuteOf(textbook, looksOf([...calm, 20, 22, 21, 25, 30], [...calm, 1, 2, 1, 2, 3]))).toBe(20);
    expect(minuteOf(textbook, [1, 2, 3, 4, 5].map(missing))).toBe(5);
    const three = [...looksOf([20, 22, 21], [1, 2, 1]), missing(4), missing(5)];
    expect([textbook, inverted].map((rule) => minuteOf(rule, three))).toEqual([5, undefined]);
  });

  test("the inverted test is above a shift up to the lower end of the reference's interval, the 18th of a hundred differences by rank", () => {
    const experiment = [12, 15, 11, 15, 19, 22, 14];
    const control = [10, 11, 9, 12, 13, 10, 11];
    const lower = kayentaInterval(experiment, control, 0.98).ci[0]!;
    expect([-1e-6, 1e-6].map((step) => isAboveByTest(lower + step, [], experiment, control))).toEqual([true, false]);
    const [ten, differences] = [many(10, () => 0), many(100, (index) => index + 1)];
    expect([17.9, 18].map((shift) => isAboveByRank(shift, differences, ten, ten))).toEqual([true, false]);
  });
});

describe("rules on evidence", () => {
  test("restart halves the evidence of the first look", () => {
    // A control of nearly all requests: E is the mean of g^x over the grid, 6.7 for one event and 130 for two; then 26 of a half.
    const of = (restart: boolean) => conditionalBinomial("any", { restart });
    const look = (events: number, treated: number): RateLook => lookOf(1, [events, treated], [0, 1e6]);
    expect([1, 2].map((events) => minuteOf(of(false), [look(events, 10)]))).toEqual([undefined, 1]);
    // With 4 % treated E is 33 for two events and 17 with restart.
    expect([false, true].map((restart) => minuteOf(of(restart), [look(2, 41_667)]))).toEqual([1, undefined]);
  });

  test("DAB and the ceiling see a gross harm within minutes, and nothing in equal rates; a margin that allows it lets it pass", () => {
    const harm = [1, 2, 3].map((minute) => lookOf(minute, [10, 100], [50, 10_000]));
    const calm = many(60, (index) => lookOf(index + 1, [5, 1000], [50, 10_000]));
    const rules = [dab("any"), dab("any", { strict: true, controlHistory: false }), ceilingAtKnownRate("any")];
    for (const rule of rules) expect([minuteOf(rule, harm) !== undefined, minuteOf(rule, calm)]).toEqual([true, undefined]);
    expect(minuteOf(dab("any", { margin: 40 }), harm)).toBeUndefined();
  });

  test("a p95 is interpolated, and the third minute above its limit is one too many", () => {
    const counts = (bucket: number): number[] => [...BOUNDS, Infinity].map((_, index) => (index === bucket ? 100 : 0));
    expect([2, 20, 99].map((bucket) => interpolatedQuantile(counts(bucket)))).toEqual([73.75, 500, undefined]);
    const rollsBack = fixedQuantileRule("any", 2).begin({ rate: 0 });
    const seen = [18, 2, 18, 11, 18].map((bucket) => {
      const groups = { bounds: BOUNDS, treatment: counts(bucket), control: counts(2) };
      return rollsBack({ minute: 1, stage: 0, exposed: 100, groups, baseline: counts(2) });
    });
    expect(seen).toEqual([false, false, false, false, true]);
  });
});

describe("figures", () => {
  const outcomesOf = (...ends: readonly (number | undefined)[]) => ends.map((minute) => ({ minute, exposed: 1000 * (minute ?? 70) }));

  test("a ramp that is rolled back begins again: a fifth of them costs a quarter of the mean minute more", () => {
    const figures = figuresOf(outcomesOf(undefined, 10, undefined, undefined, undefined), undefined);
    expect(figures).toMatchObject({ rolledBack: 1, runs: 5, minute: 10, minutesToAll: 62.5 });
    expect(figuresOf(outcomesOf(10), undefined)).toMatchObject({ minutesToAll: Infinity, upper: 1 });
  });

  test("a rollback before the harm is none of it, and a miss counts to the end of the ramp", () => {
    const figures = figuresOf(outcomesOf(undefined, 10, 50, 55, 60), { onset: 45 });
    const [missed, before] = [1, 1];
    expect(figures).toEqual({ kind: "harmful", runs: 4, before, missed, minutes: [5, 10, 15, 15], thousands: [50, 55, 60, 70] });
  });

  test("the Wald limits are 5.5, 1.55 and 0.15 thousand requests at 1.5, 2 and 5 times the errors", () => {
    expect([1.5, 2, 5].map((size) => (waldLimit(0.005, size, 0.05) / 1000).toFixed(2))).toEqual(["5.51", "1.54", "0.15"]);
  });

  test("a published figure is as far away as the errors of both simulations say", () => {
    const apart = (rolledBack: number) => {
      const outcomes = many(5000, (run) => ({ minute: run < rolledBack ? 5 : undefined, exposed: 1 }));
      return compare("z-test at each look", "steady", figuresOf(outcomes, undefined))[0]!.apart;
    };
    // 35.7 beside 40 %: 4.3 of an error of √(2 · 0.3785 · 0.6215/5,000) = 0.97.
    expect([apart(2000), apart(1785)]).toEqual([expect.closeTo(4.43, 1), expect.closeTo(0, 9)]);
  });

  test("a text picks rules, scenarios or both, and nothing where nothing has it", () => {
    const picked = (...texts: string[]) => only(ENTRIES, texts).map(({ name, rules }) => [name, rules.length]);
    expect(picked()).toHaveLength(ENTRIES.length);
    expect(picked("diurnal", "statsig")).toEqual([["diurnal", 1]]);
    expect(picked("all +100 ms")).toEqual([["latency: all +100 ms", 5]]);
    expect(picked("no such thing")).toEqual([]);
  });
});
