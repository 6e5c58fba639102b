import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chiSquareLogTail, normalLogCdf } from "../../src/stats/distributions.ts";
import { log1mExp, logAddExp, logBeta, logBetaTails, logGamma, logGammaTails, logSumExp, normalQuantile } from "../../src/stats/special.ts";

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

  // By mpmath, 40 digits.
  test.each([
    [3, 0.001, -22.515775287423423, -1.6654171666664883e-10],
    [1000, 800, -25.926014915879314, -5.501419776194361e-12],
    [1e5, 101_000, -0.0008087484618170922, -7.12042696105511],
    [50, 50, -0.6562207983875686, -0.7314895757292705],
    [2.5, 40, -8.391825114831614e-16, -34.714103456537934],
    [0.5, 200, -5.507248237212467e-89, -203.22400819053732],
  ])("both tails of Gamma(%d) at %d", (a, x, lower, upper) => {
    const tails = logGammaTails(a, x);
    expect(Math.abs(tails.lower - lower)).toBeLessThanOrEqual(1e-11 * Math.abs(lower));
    expect(Math.abs(tails.upper - upper)).toBeLessThanOrEqual(1e-11 * Math.abs(upper));
  });

  test("the tails of a gamma distribution sum to 1, the lower one rising with x and falling with the shape", () => {
    const shape = fc.double({ min: 1e-3, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(shape, fc.double({ min: 1e-3, max: 1e5, noNaN: true }), (a, x) => {
        const tails = logGammaTails(a, x);
        expect(Math.exp(tails.lower) + Math.exp(tails.upper)).toBeCloseTo(1, 9);
        expect(logGammaTails(a, x * 1.01).lower).toBeGreaterThanOrEqual(tails.lower - 1e-12 * Math.abs(tails.lower));
        expect(logGammaTails(a * 1.01, x).lower).toBeLessThanOrEqual(tails.lower + 1e-12 * Math.abs(tails.lower));
      }),
    );
  });

  // By mpmath, 40 digits.
  test.each([
    [-300, -45006.62273211866],
    [-10, -53.23128515051247],
    [-2.1, -4.024944222243985],
    [-1.9, -3.5502813255421346],
    [1.99, -0.02357109616905325],
    [8, -6.220960574271786e-16],
  ])("ln Φ(%d)", (x, expected) => expect(Math.abs(normalLogCdf(x) / expected - 1)).toBeLessThan(1e-13));

  test("ln Φ is the inverse of the quantile, and both tails sum to 1", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1, maxExcluded: true, noNaN: true }), (p) => {
        expect(relative(normalLogCdf(normalQuantile(p)), Math.log(p))).toBeLessThan(1e-11);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 0, max: 37, noNaN: true }), (x) => {
        expect(normalLogCdf(x)).toBeCloseTo(log1mExp(normalLogCdf(-x)), 14);
      }),
    );
  });

  test("the tail of χ² is that of scipy, and certain at 0", () => {
    expect(chiSquareLogTail(3, 4)).toBeCloseTo(-0.5837092681258444, 12);
    expect(chiSquareLogTail(0, 4)).toBe(0);
  });
});
