import { describe, expect, test } from "vitest";
import { beginCeiling, ceilingLogE, stepCeiling } from "../../src/stats/ceiling.ts";
import { beginDab, dabLogE, stepDab } from "../../src/stats/dab.ts";
import {
  beginDifference,
  difference,
  differenceLogE,
  ENOUGH_EVENTS,
  eventsBehind,
  shiftLogE,
  stepDifference,
} from "../../src/stats/difference.ts";
import { beginRatio, ratioLogE, stepRatio, type Groups } from "../../src/stats/ratio.ts";
import { beginTwoSidedCeiling, ceilingWithinLogE, stepTwoSidedCeiling } from "../../src/stats/twoSidedCeiling.ts";
import { beginTwoSidedDab, stepTwoSidedDab, withinLogE } from "../../src/stats/twoSidedDab.ts";
import { randomFrom, type Random } from "./random.ts";

/** How the counts of a group vary beyond chance: its rate by gamma noise of its own, or its events in clusters of one size. */
interface World {
  readonly variance: number;
  /** Of the control, where it is not the same. */
  readonly controlVariance?: number;
  readonly cluster: number;
}

const SHARES = [0.01, 0.05, 0.25, 0.5];
const REQUESTS = 6000;
const RATE = 0.005;

type Alarm = () => (look: Groups) => number;
const dab: Alarm = () => {
  let state = beginDab();
  return (look) => dabLogE((state = stepDab(state, look, 1)));
};
const strict: Alarm = () => {
  let state = beginDab({ controlHistory: false });
  return (look) => dabLogE((state = stepDab(state, look, 1)), { strict: true });
};
const plain: Alarm = () => {
  let state = beginRatio();
  return (look) => ratioLogE((state = stepRatio(state, look, 1)));
};
const ceiling: Alarm = () => {
  let state = beginCeiling();
  return ({ treatment }) => ceilingLogE((state = stepCeiling(state, treatment, { limit: RATE, side: "above" })));
};

/** Not an alarm, but the opposite: that the rate is within the margin. */
const within =
  (margin: number): Alarm =>
  () => {
    let state = beginTwoSidedDab();
    return (look) => withinLogE((state = stepTwoSidedDab(state, look, margin)));
  };
const belowCeiling =
  (limit: number): Alarm =>
  () => {
    let state = beginTwoSidedCeiling();
    return ({ treatment }) => ceilingWithinLogE((state = stepTwoSidedCeiling(state, treatment, limit)));
  };

/** 0.2 percentage points more than the control, by the difference … */
const POINTS = 0.002;
const points: Alarm = () => {
  let state = beginDifference();
  return (look) => differenceLogE((state = stepDifference(state, look)), POINTS, POINTS, 0.05);
};
/** … that it is within them … */
const withinPoints: Alarm = () => {
  let state = beginDifference();
  return ({ treatment, control }) =>
    differenceLogE((state = stepDifference(state, { treatment: control, control: treatment })), -POINTS, POINTS, 0.05);
};
/** … and with a standard error that knows of chance alone. */
const pointsByChance: Alarm = () => {
  let state = beginDifference();
  return (look) => {
    state = stepDifference(state, look);
    return eventsBehind(state) < ENOUGH_EVENTS ? 0 : shiftLogE(difference(state)!, POINTS, POINTS, 0.05);
  };
};

/** Treated requests until the alarm, of 60 looks on a ramp of 1/5/25/50 %; nothing if there is none. */
function ramp(random: Random, { variance, controlVariance = variance, cluster }: World, alarm: Alarm, harm: number): number | undefined {
  const logE = alarm();
  const counts = (total: number, rate: number, noise: number) => ({
    events: cluster * random.binomial(total, Math.min(1, (rate * random.gamma(noise)) / cluster)),
    total,
  });
  let exposed = 0;
  for (let minute = 0; minute < 60; minute++) {
    const total = random.binomial(REQUESTS, SHARES[Math.floor(minute / 15)]!);
    exposed += total;
    const look = { treatment: counts(total, RATE * harm, variance), control: counts(REQUESTS - total, RATE, controlVariance) };
    if (logE(look) >= Math.log(20)) return exposed;
  }
  return undefined;
}

function ramps(runs: number, world: World, alarm: Alarm, harm = 1): (number | undefined)[] {
  return Array.from({ length: runs }, (_, seed) => ramp(randomFrom(seed + 1), world, alarm, harm));
}
const alarms = (found: readonly (number | undefined)[]): number => found.filter((exposed) => exposed !== undefined).length;
const median = (found: readonly (number | undefined)[]): number =>
  found.map((exposed) => exposed ?? Infinity).sort((a, b) => a - b)[found.length >> 1]!;

const RUNS = 120;
/** Of 120 ramps 6 may be judged wrongly; 13 is three standard deviations above. */
const MOST = 13;
const steady = { variance: 0, cluster: 1 };
const wavering = { variance: 0.25, cluster: 1 };
const waveringTreatment = { variance: 0.25, controlVariance: 0, cluster: 1 };
const clustered = { variance: 0, cluster: 20 };

describe("on simulated ramps of harmless releases (seeded), at α = 5 %", () => {
  test.each([
    ["steady rates", steady],
    ["rates that vary by 50% from look to look", wavering],
    ["errors in bursts of 20", clustered],
  ])("DAB rolls back at most the share it may: %s", (_, world) => {
    expect(alarms(ramps(RUNS, world, dab))).toBeLessThanOrEqual(MOST);
  });

  test.each([
    ["rates that vary by 50% from look to look", wavering],
    ["errors in bursts of 20", clustered],
  ])("where the plain test of a ratio rolls back far more: %s", (_, world) => {
    expect(alarms(ramps(RUNS, world, plain))).toBeGreaterThan(MOST);
  });

  test("the ceiling holds too, steady or not", () => {
    expect(alarms(ramps(RUNS, steady, ceiling))).toBeLessThanOrEqual(MOST);
    expect(alarms(ramps(RUNS, wavering, ceiling))).toBeLessThanOrEqual(MOST);
  });

  // The medians of 400 runs are 2,700, 300, 5,500 and 2,700; the room is for 60 runs being few.
  test.each([
    ["DAB", "twice", dab, 2, 4000],
    ["DAB", "five times", dab, 5, 500],
    ["strict DAB", "twice", strict, 2, 8000],
    ["the ceiling", "twice", ceiling, 2, 4000],
  ] as const)("%s finds %s the errors every time, after few treated requests", (_test, _times, alarm, harm, most) => {
    const found = ramps(60, steady, alarm, harm);
    expect(alarms(found)).toBe(60);
    expect(median(found)).toBeLessThanOrEqual(most);
  });
});

describe("on simulated ramps of releases exactly at their margin (seeded), at α = 5 %", () => {
  // Of 2,000 ramps 0.2 to 4.3 % were found within, the most where the treatment alone varies.
  test.each([
    ["steady rates", steady],
    ["rates that vary by 50% from look to look", wavering],
    ["a treatment that alone varies by 50%", waveringTreatment],
    ["errors in bursts of 20", clustered],
  ])("at most the share that may be is found within: %s", (_, world) => {
    for (const margin of [1.2, 1.5]) expect(alarms(ramps(RUNS / 2, world, within(margin), margin))).toBeLessThanOrEqual(MOST / 2 + 1);
    expect(alarms(ramps(RUNS / 2, world, belowCeiling(RATE)))).toBeLessThanOrEqual(MOST / 2 + 1);
  });

  test("a harmless one is within a margin of half, with steady rates every time, and mostly where they vary by 50%", () => {
    expect(alarms(ramps(40, steady, within(1.5)))).toBe(40);
    expect(alarms(ramps(40, wavering, within(1.5)))).toBeGreaterThan(20);
    expect(alarms(ramps(40, steady, belowCeiling(1.5 * RATE)))).toBe(40);
  });
});

describe("percentage points, on simulated ramps of releases exactly at their margin (seeded), at α = 5 %", () => {
  const atMargin = (RATE + POINTS) / RATE;

  // Of 1,000 ramps at most 1.1 % were rolled back, and at most 3.3 % found within.
  test.each([
    ["steady rates", steady],
    ["rates that vary by 50% from look to look", wavering],
    ["a treatment that alone varies by 50%", waveringTreatment],
    ["errors in bursts of 20", clustered],
  ])("at most the share that may be is judged wrongly: %s", (_, world) => {
    expect(alarms(ramps(RUNS, world, points, atMargin))).toBeLessThanOrEqual(MOST);
    expect(alarms(ramps(RUNS, world, withinPoints, atMargin))).toBeLessThanOrEqual(MOST);
  });

  test.each([
    ["rates that vary by 50% from look to look", wavering],
    ["errors in bursts of 20", clustered],
  ])("where chance alone would roll back far more: %s", (_, world) => {
    expect(alarms(ramps(RUNS, world, pointsByChance, atMargin))).toBeGreaterThan(MOST);
  });

  // The medians of 500 ramps are at 39 and 19 looks, against 34 and 14 by chance alone.
  test("twice and five times the errors are found, where nothing varies every time", () => {
    const [twice, fiveTimes] = [ramps(60, steady, points, 2), ramps(60, steady, points, 5)];
    expect(alarms(twice)).toBeGreaterThan(57);
    expect(alarms(fiveTimes)).toBe(60);
    expect(median(twice)).toBeLessThan(30_000);
    expect(median(fiveTimes)).toBeLessThan(3000);
  });
});
