import { describe, expect, test } from "vitest";
import type { GuardrailQuestion } from "../../src/model/judge.ts";
import type { Value } from "../../src/model/measurement.ts";
import type { Guardrail, Limit } from "../../src/model/plan.ts";
import { requestsForCeiling, requestsForDab, requestsForFall, requestsForFallBelow, requestsForShift } from "../../src/stats/sizing.ts";
import { guardrail, metric, minutes, of, verdictOf } from "./builders.ts";

/** What a guardrail needs, each by the formula of `stats/sizing.ts` with its arguments worked out here by hand. */
const ALPHA = 0.009;
const POWER = 0.8;
const demand = { alpha: ALPHA, power: POWER };

describe("a mean needs", () => {
  /** A hundred values a minute of mean 190 with the feature, a thousand of mean 180 without, each with a deviation of 80. */
  const sums = (count: number, mean: number): Value => ({ count, sum: count * mean, sumSquares: count * (mean * mean + 80 * 80) });
  const needs = (limit: Limit, changes: Partial<Guardrail> = {}, more: Partial<GuardrailQuestion> = {}) =>
    verdictOf({
      metric: metric({ kind: "mean", unit: "ms" }),
      guardrail: guardrail(limit, changes),
      reading: minutes(10, { treatment: sums(100, 190), control: sums(1000, 180) }),
      ...more,
    }).needs;
  const shift = (distance: number, resolution: number, variance: number, alpha = ALPHA) =>
    Math.ceil(requestsForShift({ distance, resolution, perLook: 100, variance }, { alpha, power: POWER }));

  // The control's ten thousand values are ten times the treatment's: their variance counts for a tenth. Values that grow by a
  // factor spread by it.
  test.each<[string, Limit, Partial<Guardrail>, number]>([
    ["a rise by 20", { form: "maxIncrease", by: "value", amount: 10 }, {}, shift(10, 10, 6400 * ((200 / 180) ** 2 + 0.1))],
    ["a fall by 20", { form: "maxDecrease", by: "value", amount: 10 }, {}, shift(10, 10, 6400 * ((160 / 180) ** 2 + 0.1))],
    ["a rise by 40 %", { form: "maxIncrease", by: "ratio", amount: 0.2 }, {}, shift(36, 36, 6400 * ((252 / 180) ** 2 + 1.2 ** 2 * 0.1))],
    [
      "a fall by 40 %",
      { form: "maxDecrease", by: "ratio", amount: 0.2 },
      {},
      shift(36 * 1.25, 36, 6400 * ((108 / 180) ** 2 * 1.25 ** 2 + 0.1)),
    ],
    [
      "a rise that is named",
      { form: "maxIncrease", by: "value", amount: 10 },
      { detect: { form: "maxIncrease", by: "value", amount: 15 } },
      shift(5, 10, 6400 * ((195 / 180) ** 2 + 0.1)),
    ],
    [
      "a rise that is named by ratio",
      { form: "maxIncrease", by: "ratio", amount: 0.1 },
      { detect: { form: "maxIncrease", by: "ratio", amount: 0.3 } },
      shift(36, 18, 6400 * ((234 / 180) ** 2 + 1.1 ** 2 * 0.1)),
    ],
    // Where nothing more is allowed twice that is nothing: then a mean twice as large, at a resolution of 5 %.
    ["any rise", { form: "maxIncrease", by: "ratio", amount: 0 }, {}, shift(180, 9, 6400 * (2 ** 2 + 0.1))],
    ["a mean of twice the limit", { form: "max", value: 200 }, {}, shift(200, 10, 6400 * (400 / 190) ** 2)],
    ["a mean of half the limit", { form: "min", value: 200 }, {}, shift(100, 10, 6400 * (100 / 190) ** 2)],
    ["a mean that is named", { form: "max", value: 200 }, { detect: { form: "max", value: 210 } }, shift(10, 10, 6400 * (210 / 190) ** 2)],
  ])("for %s", (_, limit, changes, expected) => {
    expect(needs(limit, changes)).toBe(Math.max(expected, 100));
  });

  test("no fewer where the chance of a false alarm may be large, for which the tuning is not defined", () => {
    const limit = { form: "maxIncrease", by: "value", amount: 10 } as const;
    expect(needs(limit, {}, { alpha: 0.5 })).toBe(shift(10, 10, 6400 * ((200 / 180) ** 2 + 0.1), 0.2));
  });

  test("nothing that is known of no values, or of one", () => {
    for (const limit of [
      { form: "max", value: 200 },
      { form: "maxIncrease", by: "value", amount: 10 },
    ] as const) {
      expect(needs(limit, {}, { reading: { status: "notYet" } })).toBeUndefined();
      expect(needs(limit, {}, { reading: minutes(1, { treatment: sums(1, 190), control: sums(1, 180) }) })).toBeUndefined();
      expect(needs(limit, {}, { reading: minutes(1, { treatment: sums(2, 190), control: sums(2, 180) }) })).toBeGreaterThan(0);
    }
  });
});

describe("a rate needs", () => {
  /** 600 requests a minute with the feature, 6,000 without. */
  const failed = { treatment: of(9, 600), control: of(60, 6000) };
  const good = { treatment: of(591, 600), control: of(5940, 6000) };
  const needs = (limit: Limit, counts: Partial<Record<"treatment" | "control", Value>>, changes: Partial<Guardrail> = {}) =>
    verdictOf({ guardrail: guardrail(limit, changes), reading: minutes(10, counts) }).needs;
  /** Rates with half an event more, of one request more. */
  const [controlRate, goodControl] = [600.5 / 60_001, 59_400.5 / 60_001];

  const dab = (ratio: number, margin: number, strict = false) =>
    requestsForDab({ ratio, margin, controlPerTreated: 10 }, { controlRate, requests: 600 }, { ...demand, strict });
  const fall = (to: number) =>
    requestsForFall({ ratio: to, margin: 0.8, controlPerTreated: 10 }, { controlRate: goodControl, requests: 600 }, demand);
  const ceiling = (times: number, limit: number) => requestsForCeiling(times, limit, 600, demand);
  const points = (difference: number, margin: number, control: number) => {
    const harmed = Math.min(1, Math.max(0, control + difference));
    return requestsForShift(
      {
        distance: Math.abs(difference) - margin,
        resolution: margin,
        perLook: 600,
        variance: harmed * (1 - harmed) + (control * (1 - control)) / 10,
      },
      demand,
    );
  };

  test.each<[string, Limit, Parameters<typeof needs>[1], Partial<Guardrail>, number]>([
    ["2.4 times the rate", { form: "maxIncrease", by: "ratio", amount: 0.2 }, failed, {}, dab(2.4, 1.2)],
    ["the same, strictly proved", { form: "maxIncrease", by: "ratio", amount: 0.2 }, failed, { proof: "strict" }, dab(2.4, 1.2, true)],
    [
      "a ratio that is named",
      { form: "maxIncrease", by: "ratio", amount: 0.2 },
      failed,
      { detect: { form: "maxIncrease", by: "ratio", amount: 0.5 } },
      dab(1.5, 1.2),
    ],
    [
      "points that are named",
      { form: "maxIncrease", by: "ratio", amount: 0.2 },
      failed,
      { detect: { form: "maxIncrease", by: "points", amount: 0.01 } },
      dab(1 + 0.01 / controlRate, 1.2),
    ],
    // Four tenths of the rate: half of what is left by the limit.
    ["a fall by 60 %", { form: "maxDecrease", by: "ratio", amount: 0.2 }, good, {}, fall(0.4)],
    [
      "a fall that is named",
      { form: "maxDecrease", by: "ratio", amount: 0.2 },
      good,
      { detect: { form: "maxDecrease", by: "ratio", amount: 0.5 } },
      fall(0.5),
    ],
    ["1.5 points more", { form: "maxIncrease", by: "points", amount: 0.015 }, failed, {}, points(0.03, 0.015, controlRate)],
    [
      "points more that are named",
      { form: "maxIncrease", by: "points", amount: 0.015 },
      failed,
      { detect: { form: "maxIncrease", by: "points", amount: 0.02 } },
      points(0.02, 0.015, controlRate),
    ],
    ["4 points fewer", { form: "maxDecrease", by: "points", amount: 0.02 }, good, {}, points(-0.04, 0.02, goodControl)],
    ["twice the limit", { form: "max", rate: 0.02 }, failed, {}, ceiling(2, 0.02)],
    ["a rate that is named", { form: "max", rate: 0.02 }, failed, { detect: { form: "max", rate: 0.05 } }, ceiling(2.5, 0.02)],
    ["twice as many that fail", { form: "min", rate: 0.98 }, good, {}, ceiling(2, 1 - 0.98)],
    ["a share that is named", { form: "min", rate: 0.98 }, good, { detect: { form: "min", rate: 0.95 } }, ceiling(0.05 / 0.02, 1 - 0.98)],
    ["half of the least", { form: "min", rate: 0.02 }, failed, {}, requestsForFallBelow(0.5, 0.02, 600, demand)],
    [
      "a small share that is named",
      { form: "min", rate: 0.02 },
      failed,
      { detect: { form: "min", rate: 0.015 } },
      requestsForFallBelow(0.75, 0.02, 600, demand),
    ],
    ["half of the most that may fail at once", { form: "max", rate: 0.9 }, good, {}, requestsForFallBelow(0.5, 1 - 0.9, 600, demand)],
  ])("for %s", (_, limit, counts, changes, expected) => {
    const found = needs(limit, counts, changes)!;
    expect(Math.abs(found - expected)).toBeLessThan(1 + 1e-6 * expected);
  });

  test("nothing that is known without a group, or before the first interval", () => {
    for (const limit of [
      { form: "maxIncrease", by: "ratio", amount: 0.2 },
      { form: "maxIncrease", by: "points", amount: 0.01 },
    ] as const) {
      expect(needs(limit, { treatment: of(9, 600) })).toBeUndefined();
      expect(needs(limit, { control: of(9, 600) })).toBeUndefined();
    }
    expect(needs({ form: "max", rate: 0.02 }, { control: of(9, 600) })).toBeUndefined();
  });
});

describe("what is still missing: even odds at the rates that were found, less the evidence that is there", () => {
  const even = { alpha: ALPHA, power: 0.5, strict: false };
  const found = (limit: Limit, treatment: [number, number], control: [number, number], side: "evidence" | "within") => {
    const verdict = verdictOf({
      guardrail: guardrail(limit),
      reading: minutes(10, { treatment: of(...treatment), control: of(...control) }),
    });
    expect(verdict.verdict).toBe("inconclusive");
    return { more: verdict.moreRequests!, left: 1 - Math.max(0, verdict[side]!) / verdict.threshold! };
  };
  const expectAbout = (more: number, expected: number) => expect(Math.abs(more - expected)).toBeLessThan(1 + 1e-6 * expected);

  test("of a ratio beyond the limit", () => {
    const { more, left } = found({ form: "maxIncrease", by: "ratio", amount: 0.2 }, [6, 400], [40, 4000], "evidence");
    const [rate, controlRate] = [60.5 / 4001, 400.5 / 40_001];
    const expected = { ratio: rate / controlRate, margin: 1.2, controlPerTreated: 10 };
    expectAbout(more, requestsForDab(expected, { controlRate, requests: 400 }, even) * left);
  });

  test("of a ratio within the limit, as many as show the control above the treatment", () => {
    const { more, left } = found({ form: "maxIncrease", by: "ratio", amount: 0.5 }, [4, 400], [40, 4000], "within");
    const [rate, controlRate] = [40.5 / 4001, 400.5 / 40_001];
    const expected = { ratio: controlRate / rate, margin: 1 / 1.5, controlPerTreated: 0.1 };
    expectAbout(more, (requestsForDab(expected, { controlRate: rate, requests: 4000 }, even) / 10) * left);
  });

  test("of a fall, in requests of the treatment", () => {
    const { more, left } = found({ form: "maxDecrease", by: "ratio", amount: 0.2 }, [28, 400], [400, 4000], "evidence");
    const [rate, controlRate] = [280.5 / 4001, 4000.5 / 40_001];
    const expected = { ratio: controlRate / rate, margin: 1.25, controlPerTreated: 0.1 };
    expectAbout(more, (requestsForDab(expected, { controlRate: rate, requests: 4000 }, even) / 10) * left);
  });

  test("of a rate above its limit, and below it", () => {
    const above = found({ form: "max", rate: 0.01 }, [5, 400], [40, 4000], "evidence");
    expectAbout(above.more, requestsForCeiling(50.5 / 4001 / 0.01, 0.01, 400, even) * above.left);
    const below = found({ form: "max", rate: 0.01 }, [3, 400], [40, 4000], "within");
    expectAbout(below.more, requestsForFallBelow(30.5 / 4001 / 0.01, 0.01, 400, even) * below.left);
  });

  test("of a rate below the least it may be, and above it", () => {
    const below = found({ form: "min", rate: 0.99 }, [395, 400], [3960, 4000], "evidence");
    expectAbout(below.more, requestsForCeiling(50.5 / 4001 / 0.01, 1 - 0.99, 400, even) * below.left);
    const above = found({ form: "min", rate: 0.01 }, [5, 400], [40, 4000], "within");
    expectAbout(above.more, requestsForCeiling(50.5 / 4001 / 0.01, 0.01, 400, even) * above.left);
  });

  test("of points, beyond the limit and within it", () => {
    const of10 = (difference: number, margin: number, [rate, controlRate]: [number, number]) =>
      requestsForShift(
        {
          distance: Math.abs(difference - margin),
          resolution: margin,
          perLook: 400,
          variance: rate * (1 - rate) + (controlRate * (1 - controlRate)) / 10,
        },
        even,
      );
    const beyond = found({ form: "maxIncrease", by: "points", amount: 0.005 }, [7, 400], [40, 4000], "evidence");
    const rates: [number, number] = [70.5 / 4001, 400.5 / 40_001];
    expectAbout(beyond.more, of10(rates[0] - rates[1], 0.005, rates) * beyond.left);
    const within = found({ form: "maxIncrease", by: "points", amount: 0.01 }, [7, 400], [40, 4000], "within");
    expectAbout(within.more, of10(rates[0] - rates[1], 0.01, rates) * within.left);
    const fewer = found({ form: "maxDecrease", by: "points", amount: 0.01 }, [33, 400], [400, 4000], "evidence");
    const fallen: [number, number] = [330.5 / 4001, 4000.5 / 40_001];
    expectAbout(fewer.more, of10(fallen[1] - fallen[0], 0.01, fallen) * fewer.left);
  });
});
