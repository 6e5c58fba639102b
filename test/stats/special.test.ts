import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { log1mExp, logAddExp, logBeta, logBetaTails, logGamma, logSumExp, normalQuantile } from "../../src/stats/special.ts";

const positive = fc.double({ min: 1e-3, max: 1e8, noNaN: true });
const fraction = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true });
const relative = (a: number, b: number): number => Math.abs(a - b) / Math.max(1, Math.abs(a), Math.abs(b));

describe("special functions", () => {
  test("Γ(x + 1) = x Γ(x)", () => {
    fc.assert(
      fc.property(positive, (x) => {
        expect(relative(logGamma(x + 1), logGamma(x) + Math.log(x))).toBeLessThan(1e-13);
      }),
    );
  });

  test("B(a, b) = B(b, a), and B(a + 1, b) = B(a, b) a/(a + b)", () => {
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        expect(logBeta(a, b)).toBe(logBeta(b, a));
        expect(relative(logBeta(a + 1, b), logBeta(a, b) + Math.log(a) - Math.log(a + b))).toBeLessThan(1e-12);
      }),
    );
  });

  // By mpmath, 60 digits.
  test.each([
    [3, 1e9, -61.47665033327929],
    [12, 1e9, -231.17688226348304],
    [1e6, 1e9, -7908261.100715666],
    [5e8, 5e8, -693147189.3094925],
    [11, 12, -15.864460932885823],
  ])("ln B(%d, %d)", (a, b, expected) => expect(relative(logBeta(a, b), expected)).toBeLessThan(1e-14));

  // By mpmath, 60 digits.
  test.each([
    [0.001, 5000, 1e5, -14542.37855036641, 0],
    [0.1, 30, 20, -40.44168086368567, -2.731499730547145e-18],
    [0.0009, 1000, 1e6, -7.403812880842385, -0.0006091120358364255],
    [1e-9, 5, 7, -97.48076429865031, -4.6199999769e-43],
    [0.2, 0.001, 5, -0.0002165778048520798, -8.437668986269559],
  ])("both tails of Beta at %d, a = %d, b = %d", (x, a, b, lower, upper) => {
    const tails = logBetaTails(x, a, b);
    expect(Math.abs(tails.lower - lower)).toBeLessThanOrEqual(1e-11 * Math.abs(lower));
    expect(Math.abs(tails.upper - upper)).toBeLessThanOrEqual(1e-11 * Math.abs(upper));
  });

  test("the tails are each other's mirror and sum to 1", () => {
    fc.assert(
      fc.property(fraction, positive, positive, (x, a, b) => {
        const tails = logBetaTails(x, a, b);
        expect(Math.exp(tails.lower) + Math.exp(tails.upper)).toBeCloseTo(1, 9);
        fc.pre(1 - (1 - x) === x);
        const mirrored = logBetaTails(1 - x, b, a);
        expect(relative(tails.lower, mirrored.upper)).toBeLessThan(1e-7);
      }),
    );
  });

  test("logarithms of sums and complements hold at the edges", () => {
    expect(logAddExp(-Infinity, -Infinity)).toBe(-Infinity);
    expect(logAddExp(-Infinity, 3)).toBe(3);
    expect(logAddExp(1e5, 1e5)).toBeCloseTo(1e5 + Math.LN2, 9);
    expect(logSumExp([])).toBe(-Infinity);
    expect(logSumExp([-Infinity, -1e5, -1e5])).toBeCloseTo(-1e5 + Math.LN2, 9);
    expect(log1mExp(-1e-20)).toBeCloseTo(Math.log(1e-20), 12);
    expect(log1mExp(-50)).toBeCloseTo(-Math.exp(-50), 30);
  });

  test("the normal quantile is odd and rises", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 0.4999, noNaN: true }), (p) => {
        expect(normalQuantile(p)).toBeLessThan(0);
        expect(normalQuantile(p)).toBeLessThan(normalQuantile(p * 1.0001));
      }),
    );
    expect(normalQuantile(0.9)).toBeCloseTo(-normalQuantile(0.1), 14);
  });
});
