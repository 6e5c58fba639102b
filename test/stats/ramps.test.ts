import { describe, expect, test } from "vitest";
import { beginCeiling, ceilingLogE, stepCeiling } from "../../src/stats/ceiling.ts";
import { beginDab, dabLogE, stepDab } from "../../src/stats/dab.ts";
import { beginRatio, ratioLogE, stepRatio, type Groups } from "../../src/stats/ratio.ts";
import { randomFrom, type Random } from "./random.ts";

/** How the counts of a group vary beyond chance: its rate by gamma noise of its own, or its events in clusters of one size. */
interface World {
  readonly variance: number;
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

/** Treated requests until the alarm, of 60 looks on a ramp of 1/5/25/50 %; nothing if there is none. */
function ramp(random: Random, { variance, cluster }: World, alarm: Alarm, harm: number): number | undefined {
  const logE = alarm();
  const counts = (total: number, rate: number) => ({
    events: cluster * random.binomial(total, Math.min(1, (rate * random.gamma(variance)) / cluster)),
    total,
  });
  let exposed = 0;
  for (let look = 0; look < 60; look++) {
    const total = random.binomial(REQUESTS, SHARES[Math.floor(look / 15)]!);
    exposed += total;
    if (logE({ treatment: counts(total, RATE * harm), control: counts(REQUESTS - total, RATE) }) >= Math.log(20)) return exposed;
  }
  return undefined;
}

function ramps(runs: number, world: World, alarm: Alarm, harm = 1): (number | undefined)[] {
  return Array.from({ length: runs }, (_, seed) => ramp(randomFrom(seed + 1), world, alarm, harm));
}
const alarms = (found: readonly (number | undefined)[]): number => found.filter((exposed) => exposed !== undefined).length;
const median = (found: readonly (number | undefined)[]): number =>
  found.map((exposed) => exposed ?? Infinity).sort((a, b) => a - b)[found.length >> 1]!;

describe("on simulated ramps of harmless releases (seeded), at α = 5 %", () => {
  const RUNS = 120;
  // Of 120 harmless ramps 6 may be rolled back; 13 is three standard deviations above.
  const MOST = 13;
  const steady = { variance: 0, cluster: 1 };
  const wavering = { variance: 0.25, cluster: 1 };
  const clustered = { variance: 0, cluster: 20 };

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
