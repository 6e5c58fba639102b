import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addLevel, addWeight, dispersed, NO_LEVELS, NO_WEIGHT, type LookSums } from "../../src/stats/betweenLooks.ts";

interface Look {
  readonly weight: number;
  readonly treatment: number;
  readonly control: number;
}

const fold = (looks: readonly Look[]): LookSums =>
  looks.reduce<LookSums>(
    (sums, { weight, treatment, control }) => ({
      ...addWeight(sums, weight, treatment, control),
      treatment: addLevel(sums.treatment, weight, treatment),
      control: addLevel(sums.control, weight, control),
    }),
    { ...NO_WEIGHT, treatment: NO_LEVELS, control: NO_LEVELS },
  );
const estimateOf = (looks: readonly Look[], ratio: number): number =>
  looks.reduce((sum, { weight, treatment, control }) => sum + weight * (treatment - ratio * control), 0) /
  looks.reduce((sum, { weight }) => sum + weight, 0);
const errorOf = (looks: readonly Look[], ratio: number, standardError = 1e-9) =>
  dispersed({ estimate: estimateOf(looks, ratio), standardError }, fold(looks), ratio);
const value = fc.integer({ min: -10, max: 10 });
const look = fc.record({ weight: fc.integer({ min: 1, max: 3 }), treatment: value, control: value });
const ratios = fc.double({ min: 0.1, max: 10, noNaN: true });

describe("the variance between looks", () => {
  test("is that of the residuals, each weighted, whatever the ratio", () => {
    fc.assert(
      fc.property(fc.array(look, { minLength: 20, maxLength: 40 }), ratios, (looks, ratio) => {
        const estimate = estimateOf(looks, ratio);
        const total = looks.reduce((sum, { weight }) => sum + weight, 0);
        const leverage = looks.reduce((sum, { weight }) => sum + weight ** 2, 0) / total ** 2;
        const squares = looks.reduce(
          (sum, { weight, treatment, control }) => sum + (weight * (treatment - ratio * control - estimate)) ** 2,
          0,
        );
        const exact = Math.sqrt(squares) / total / (1 - leverage);
        const { standardError, dispersion } = errorOf(looks, ratio, 0.01);
        expect(Math.abs(Math.sqrt(dispersion) * 0.01 - Math.max(0.01, exact))).toBeLessThan(1e-6);
        // Of some twenty looks or more there is little to allow for.
        expect(standardError).toBeGreaterThanOrEqual(exact - 1e-6);
        expect(standardError).toBeLessThan(Math.max(0.01, 1.3 * exact) + 1e-6);
      }),
    );
  });

  test("is that of the textbook for looks that weigh the same", () => {
    const looks = [3, 7, 4, 9, 2, 8, 5, 6, 1, 10].map((treatment) => ({ weight: 2, treatment, control: 1 }));
    const deviation = Math.sqrt(looks.reduce((sum, { treatment }) => sum + (treatment - 5.5) ** 2, 0) / 9);
    const { dispersion } = errorOf(looks, 1);
    // 1 − h is 9/10, and √9/10 what n and n − 1 differ by.
    expect(Math.sqrt(dispersion) * 1e-9).toBeCloseTo((deviation / Math.sqrt(10)) * (Math.sqrt(9 / 10) / (9 / 10)), 9);
  });

  test("stays as it is when the groups are swapped, and the ratio with them", () => {
    fc.assert(
      fc.property(fc.array(look, { minLength: 3, maxLength: 10 }), ratios, (looks, ratio) => {
        const swapped = looks.map(({ weight, treatment, control }) => ({ weight, treatment: control, control: treatment }));
        const { treatment, control, ...rest } = fold(looks);
        expect(fold(swapped)).toEqual({ ...rest, treatment: control, control: treatment });
        expect(ratio * errorOf(swapped, 1 / ratio).standardError).toBeCloseTo(errorOf(looks, ratio).standardError, 4);
      }),
    );
  });

  test("never makes a standard error smaller, and allows for there being few looks", () => {
    const alternating = (count: number) => Array.from({ length: count }, (_, index) => ({ weight: 1, treatment: index % 2, control: 0 }));
    expect(errorOf(alternating(10), 1, 5)).toMatchObject({ standardError: 5, dispersion: 1 });
    expect(errorOf(alternating(1), 1, 5).standardError).toBe(Infinity);
    // By chance √(1/4)/√n; so many times that.
    const times = (count: number): number => errorOf(alternating(count), 1).standardError * 2 * Math.sqrt(count);
    expect(times(100)).toBeLessThan(1.05);
    expect(times(10)).toBeLessThan(1.5);
    expect(times(4)).toBeGreaterThan(2);
    expect(times(2)).toBeGreaterThan(20);
  });

  test("does not trust a look that outweighs all others", () => {
    const small = Array.from({ length: 30 }, (_, index) => ({ weight: 1, treatment: index % 2, control: 0 }));
    const large = { weight: 10_000, treatment: 0.5, control: 0 };
    expect(errorOf([...small, large], 1).standardError).toBeGreaterThan(1);
  });
});
