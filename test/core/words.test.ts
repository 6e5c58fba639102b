import fc from "fast-check";
import { expect, test } from "vitest";
import { count, duration } from "../../src/core/words.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./builders.ts";

test.each<[number, string]>([
  [0, "0 ms"],
  [300, "300 ms"],
  [999.6, "1 s"],
  [SECOND, "1 s"],
  [59_600, "1 min"],
  [90 * SECOND, "1 min 30 s"],
  [HOUR + 5 * MINUTE + 9 * SECOND, "1 h 5 min"],
  [HOUR + 5 * SECOND, "1 h 5 s"],
  [36 * HOUR, "1 d 12 h"],
  [400 * DAY, "400 d"],
])("%d ms are %s", (milliseconds, words) => expect(duration(milliseconds)).toBe(words));

test("a duration in words is never longer than it is, nor shorter by more than its last unit", () => {
  const sizes: Record<string, number> = { d: DAY, h: HOUR, min: MINUTE, s: SECOND };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), (seconds) => {
      const parts = [...duration(seconds * SECOND).matchAll(/(\d+) (d|h|min|s)/g)];
      const said = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * sizes[unit!]!, 0);
      expect(said).toBeLessThanOrEqual(seconds * SECOND);
      expect(seconds * SECOND - said).toBeLessThan(parts.length < 2 ? SECOND : sizes[parts.at(-1)![2]!]!);
    }),
  );
});

test("a count has its thousands apart and no fractions", () => {
  expect([0, 999, 17_700, 1_234_567, 2.6].map(count)).toEqual(["0", "999", "17,700", "1,234,567", "3"]);
});
