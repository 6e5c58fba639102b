import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amountText, convert, durationText, isUnit, likelyUnit, parseAmount, parseDuration, unitsLike } from "../../src/model/units.ts";

describe("amounts in the unit of a metric", () => {
  test.each([
    ["50ms", { amount: 50, unit: "ms" }],
    ["0.5 GiB", { amount: 0.5, unit: "GiB" }],
    ["-3.50EUR", { amount: -3.5, unit: "EUR" }],
    ["20", { amount: 20 }],
    ["20€", { amount: 20, unit: "€" }],
    ["5%", undefined],
    ["5pp", undefined],
    ["5 MiB/h", undefined],
    ["1e3ms", { amount: 1, unit: "e3ms" }],
    ["ms", undefined],
    ["", undefined],
  ])("%s is read", (text, parsed) => expect(parseAmount(text)).toEqual(parsed));

  test.each([
    [50, "ms", "s", 0.05],
    [5, "MiB", "B", 5_242_880],
    [1, "GB", "GiB", 0.931322574615],
    [2, "h", "min", 120],
    [20, "EUR", "EUR", 20],
    [50, "ms", "B", undefined],
    [20, "USD", "EUR", undefined],
    [1, "constructor", "s", undefined],
  ])("%d %s in %s", (amount, from, to, converted) => expect(convert(amount, from, to)).toBe(converted));

  test.each([
    [0.05, "s", "50ms"],
    [1.5, "s", "1.5s"],
    [120, "s", "2min"],
    [90, "s", "90s"],
    [5_242_880, "B", "5MiB"],
    [800e6, "B", "800MB"],
    [0, "B", "0B"],
    [0.5, "ns", "0.5ns"],
    [-2, "s", "-2s"],
    [20, "EUR", "20EUR"],
    [20, undefined, "20"],
  ])("%d of %s is written %s", (amount, unit, text) => expect(amountText(amount, unit)).toBe(text));

  test("equal amounts are written alike, whatever unit they come in, and read back as what they were", () => {
    const pairs = ["s", "B"].flatMap((unit) => unitsLike(unit).flatMap((a) => unitsLike(unit).map((b) => [a, b] as const)));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(...pairs), (amount, [a, b]) => {
        const text = amountText(amount, a);
        const read = parseAmount(text);
        expect(convert(read!.amount, read!.unit!, a)).toBeCloseTo(amount, 6);
        const converted = convert(amount, a, b)!;
        // Where the other unit holds the amount exactly.
        if (convert(converted, b, a) === amount && Number.isInteger(converted)) expect(amountText(converted, b)).toBe(text);
      }),
    );
  });

  test.each([
    ["seconds", "s"],
    ["Bytes", "B"],
    ["kB", "KB"],
    ["msec", "ms"],
    ["µs", "us"],
    ["s", undefined],
    ["EUR", undefined],
    ["constructor", undefined],
  ])("the unit %s probably means %s", (unit, likely) => expect(likelyUnit(unit)).toBe(likely));

  test.each(["pp", "%", "1s", "a b", "a/b", ""])("`%s` is no unit", (text) => expect(isUnit(text)).toBe(false));
});

test("durations are written as they are in a plan", () => {
  expect([86_400_000, 172_800_000, 5_400_000, 90_000, 1_500, 1].map(durationText)).toEqual(["24h", "2d", "90m", "90s", "1500ms", "1ms"]);
  const wholeDays = fc.integer({ min: 1, max: 400 }).map((days) => days * 86_400_000);
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: 1, max: 10 ** 9 }), wholeDays), (milliseconds) => {
      expect(parseDuration(durationText(milliseconds))).toBe(milliseconds);
    }),
  );
});
