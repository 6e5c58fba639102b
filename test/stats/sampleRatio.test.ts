import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  beginSampleRatio,
  chiSquareOfShares,
  SAMPLE_RATIO_ALPHA,
  sampleRatioP,
  stepSampleRatio,
  type SampleRatioState,
} from "../../src/stats/sampleRatio.ts";
import { randomFrom } from "./random.ts";

const EVEN = [0.5, 0.5];
const fold = (looks: readonly (readonly number[])[], shares: readonly number[]): SampleRatioState =>
  looks.reduce((state, counts) => stepSampleRatio(state, counts, shares), beginSampleRatio(shares));

describe("test (f): the sample ratio", () => {
  test("a split that is right is let be, one that is wrong is found", () => {
    expect(sampleRatioP(fold([[1000, 990]], EVEN))).toBe(1);
    expect(sampleRatioP(fold([[1000, 800]], EVEN))).toBeLessThan(SAMPLE_RATIO_ALPHA);
    expect(sampleRatioP(fold([[100_000, 102_500]], EVEN))).toBeLessThan(SAMPLE_RATIO_ALPHA);
  });

  test("how the users of a stage are cut into looks does not matter to the evidence", () => {
    const looks = fc.array(fc.tuple(fc.nat(2000), fc.nat(2000)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(looks, (some) => {
        const sum = some.reduce(([a, b], [x, y]) => [a + x, b + y] as [number, number], [0, 0] as [number, number]);
        expect(fold(some, EVEN).logE).toBeCloseTo(fold([sum], EVEN).logE, 6);
      }),
    );
  });

  test("the p-value never rises again, and stages with other shares are multiplied", () => {
    const broken = fold([[600, 400]], EVEN);
    const later = stepSampleRatio(broken, [10_000, 10_200], EVEN);
    expect(later.logE).toBeLessThan(broken.logE);
    expect(sampleRatioP(later)).toBe(sampleRatioP(broken));
    const next = stepSampleRatio(broken, [30, 70], [0.25, 0.75]);
    expect(next.logE).toBeCloseTo(broken.logE + fold([[30, 70]], [0.25, 0.75]).logE, 12);
    expect(next.counts).toEqual([30, 70]);
  });

  test("the next user has expectation 1 under the shares, whatever came before", () => {
    const shares = [0.2, 0.3, 0.5];
    fc.assert(
      fc.property(fc.array(fc.nat(500), { minLength: 3, maxLength: 3 }), (before) => {
        const state = fold([before], shares);
        const after = shares.map(
          (_, group) =>
            stepSampleRatio(
              state,
              shares.map((_, other) => (other === group ? 1 : 0)),
              shares,
            ).logE,
        );
        const expectation = shares.reduce((sum, share, group) => sum + share * Math.exp(after[group]! - state.logE), 0);
        expect(expectation).toBeCloseTo(1, 7);
      }),
    );
  });

  test("of 300 seeded right splits, looked at 40 times each, at most 3 are called broken", () => {
    let broken = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed);
      let state = beginSampleRatio([0.1, 0.9]);
      for (let look = 0; look < 40; look++) {
        const first = random.binomial(500, 0.1);
        state = stepSampleRatio(state, [first, 500 - first], [0.1, 0.9]);
      }
      if (sampleRatioP(state) < SAMPLE_RATIO_ALPHA) broken++;
    }
    expect(broken).toBeLessThanOrEqual(3);
  });

  test("goes on from JSON exactly as if it had never stopped", () => {
    const state = fold([[123, 456]], [0.2, 0.8]);
    const read: SampleRatioState = JSON.parse(JSON.stringify(state));
    expect(stepSampleRatio(read, [7, 31], [0.2, 0.8])).toStrictEqual(stepSampleRatio(state, [7, 31], [0.2, 0.8]));
  });

  test("Pearson's figure for people is that of scipy, far into the tail", () => {
    const found = chiSquareOfShares([100, 900], EVEN)!;
    expect(found.chiSquare).toBe(640);
    expect(found.logP).toBeCloseTo(-323.45808188383535, 9);
    expect(chiSquareOfShares([0, 0], EVEN)).toBeUndefined();
  });
});
