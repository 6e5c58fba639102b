import { describe, expect, test } from "vitest";
import { play, rampPlan, RATE, type Minute } from "./scripts.ts";

/** Looks are a minute apart, at 6,000 requests a minute and 0.5 % errors: 60 treated requests a look at 1 %. */
const plan = rampPlan();
const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

describe.each(SEEDS)("seed %i", (seed) => {
  const playing = (script: (minute: number) => Minute, minutes?: number) => play(plan, script, seed, minutes);

  test("nothing is wrong: it goes on to its end", () => {
    expect(playing(() => ({}))).toMatchObject({ outcome: "complete", look: 60 });
  });

  // Where 200 treated requests come a minute. With 60, in which 0.3 errors are usual, two seeds in three have it by look 8.
  test("five times the errors at once: rolled back by look 8", () => {
    const { outcome, look } = playing(() => ({ treatment: 5 * RATE, traffic: 20_000 }));
    expect({ outcome, late: look > 8 }, `look ${look}`).toEqual({ outcome: "rolledBack", late: false });
  });

  test("a slow leak, to three times the errors within an hour: rolled back", () => {
    expect(playing((minute) => ({ treatment: RATE * (1 + minute / 30) }))).toMatchObject({ outcome: "rolledBack" });
  });

  test("an outage of everybody, twenty times the errors for ten minutes: paused, not rolled back", () => {
    const outage = (minute: number) => (minute > 20 && minute <= 30 ? { treatment: 20 * RATE, control: 20 * RATE } : {});
    expect(playing(outage)).toMatchObject({ outcome: "paused", cause: "sharedIncident" });
  });

  test("no data any more: paused after half an hour", () => {
    expect(playing((minute) => (minute > 10 ? { noData: true } : {}))).toMatchObject({ outcome: "paused", cause: "noData", look: 41 });
  });

  test("harm from look 45 on, three times the errors: rolled back by look 52", () => {
    const { outcome, look } = playing((minute) => (minute >= 45 ? { treatment: 3 * RATE } : {}));
    expect({ outcome, late: look > 52, early: look < 45 }, `look ${look}`).toEqual({ outcome: "rolledBack", late: false, early: false });
  });

  test("the traffic is gone: it holds", () => {
    expect(playing((minute) => (minute > 10 ? { traffic: 0 } : {}), 180)).toMatchObject({ outcome: "unfinished", stage: "1%" });
  });
});
