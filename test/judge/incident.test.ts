import { describe, expect, test } from "vitest";
import type { Value } from "../../src/model/measurement.ts";
import { guardrail, limits, metric, minutes, of, verdictsOf, type LimitName } from "./builders.ts";

/** Errors of 0.5 % at a limit of 1 %, for so many minutes, times these for the treatment and the control. */
const look = (count: number, treatment: number, control: number) => ({
  reading: minutes(count, { treatment: of(5 * treatment, 1000), control: of(5 * control, 1000) }),
});
const story = (name: LimitName, ...looks: ReturnType<typeof look>[]) =>
  verdictsOf(looks, { guardrail: guardrail(limits[name]) }).map(
    ({ verdict, sharedIncident }) => `${verdict}${sharedIncident ? ", shared" : ""}`,
  );

describe("a fixed limit that is broken", () => {
  test("by the treatment alone is harm", () => {
    expect(story("max", look(10, 1, 1), look(5, 6, 1)).at(-1)).toBe("breach");
  });

  test("by both, and by neither more, is a shared incident", () => {
    expect(story("max", look(10, 1, 1), look(5, 6, 6)).at(-1)).toBe("breach, shared");
  });

  test("is no longer broken some time after the incident is over, and the next harm is harm", () => {
    expect(story("max", look(10, 1, 1), look(5, 6, 6), look(15, 1, 1), look(5, 8, 1)).slice(1)).toEqual([
      "breach, shared",
      "inconclusive",
      "breach",
    ]);
  });

  test("by both is harm all the same once the treatment is shown to be worse off", () => {
    expect(story("max", look(10, 1, 1), look(5, 6, 6), look(5, 30, 6)).slice(1)).toEqual(["breach, shared", "breach"]);
    expect(story("max", look(10, 1, 1), look(5, 30, 6)).at(-1)).toBe("breach");
  });

  test("with no control to compare with is harm", () => {
    const alone = { reading: minutes(5, { everyone: of(60, 1000) }) };
    const [found] = verdictsOf([alone], { guardrail: guardrail(limits.max), metric: metric({ grouped: false }) });
    expect([found!.verdict, found!.sharedIncident]).toEqual(["breach", undefined]);
  });

  test("is told with what the others have", () => {
    const [, found] = verdictsOf([look(10, 1, 1), look(5, 6, 6)], { guardrail: guardrail(limits.max) });
    expect(found!.sentence).toMatch(
      /; a shared incident: without the feature it is [\d.]+%, and those who have it are not shown to be worse off$/,
    );
  });

  test("from below is the same on the requests that failed", () => {
    const least = (count: number, treatment: number, control: number) => ({
      reading: minutes(count, { treatment: of(1000 - 5 * treatment, 1000), control: of(1000 - 5 * control, 1000) }),
    });
    const rail = { guardrail: guardrail(limits.min) };
    expect(verdictsOf([least(10, 1, 1), least(5, 6, 6)], rail).at(-1)).toMatchObject({ verdict: "breach", sharedIncident: true });
    expect(verdictsOf([least(10, 1, 1), least(5, 6, 1)], rail).at(-1)!.sharedIncident).toBeUndefined();
  });

  test("a rate that is not rare and falls below its limit", () => {
    const conversions = (treatment: number, control: number) => ({
      reading: minutes(8, { treatment: of(treatment, 1000), control: of(control, 1000) }),
    });
    const rail = { guardrail: guardrail({ form: "min", rate: 0.3 }) };
    expect(verdictsOf([conversions(400, 400), conversions(100, 400)], rail).at(-1)).toMatchObject({ verdict: "breach" });
    expect(verdictsOf([conversions(400, 400), conversions(100, 400)], rail).at(-1)!.sharedIncident).toBeUndefined();
    expect(verdictsOf([conversions(400, 400), conversions(100, 100)], rail).at(-1)).toMatchObject({
      verdict: "breach",
      sharedIncident: true,
    });
    expect(verdictsOf([conversions(400, 400)], rail).at(-1)!.verdict).toBe("clear");
  });

  test("of a histogram's quantile is judged in the same way", () => {
    const rail = {
      metric: metric({ kind: "histogram" }),
      bounds: [1, 2],
      guardrail: guardrail({ form: "max", value: 2 }, { quantile: 0.95 }),
    };
    const well: Value = { buckets: [900, 90, 10] };
    const slow: Value = { buckets: [500, 200, 300] };
    const at = (treatment: Value, control: Value) => ({ reading: minutes(5, { treatment, control }) });
    expect(verdictsOf([at(well, well), at(slow, slow)], rail).at(-1)).toMatchObject({ verdict: "breach", sharedIncident: true });
    expect(verdictsOf([at(well, well), at(slow, well)], rail).at(-1)!.sharedIncident).toBeUndefined();
  });
});
