import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  describeExposure,
  describeShare,
  includes,
  isFull,
  isOff,
  isSplit,
  sameExposure,
  shareOf,
  union,
  wholeSegments,
} from "../../src/core/exposure.ts";
import { EVERYBODY, exposureSchema, nameSchema, OFF, type Exposure } from "../../src/model/exposure.ts";
import { anyExposure, exposed } from "./builders.ts";

/** A unit as these exposures see it: its segments, its place in the line, and whether it is a tester. */
interface Unit {
  segments: string[];
  place: number;
  tester: boolean;
}
const anyUnit = (): fc.Arbitrary<Unit> =>
  fc.record({
    segments: fc.subarray(["europe", "ring-1", "staff"]),
    place: fc.oneof(fc.constantFrom(0, 999, 1_000, 49_999, EVERYBODY - 1), fc.integer({ min: 0, max: EVERYBODY - 1 })),
    tester: fc.boolean(),
  });
/** The definition, said once more: a unit has the largest share that it matches. */
const isIn = ({ testers, everyone, segments }: Exposure, unit: Unit): boolean =>
  (unit.tester && testers) || unit.place < Math.max(everyone, ...unit.segments.map((name) => segments[name] ?? 0));

describe("union", () => {
  test("whoever is in either is in, and nobody else", () => {
    fc.assert(
      fc.property(anyExposure(), anyExposure(), anyUnit(), (a, b, unit) => {
        expect(isIn(union(a, b), unit)).toBe(isIn(a, unit) || isIn(b, unit));
      }),
    );
  });

  test("is an exposure, the same from both sides and at every repetition, equal as JSON", () => {
    fc.assert(
      fc.property(anyExposure(), anyExposure(), (a, b) => {
        const both = union(a, b);
        exposureSchema.parse(both);
        expect(JSON.stringify(union(b, a))).toBe(JSON.stringify(both));
        expect(JSON.stringify(union(both, a))).toBe(JSON.stringify(both));
      }),
    );
  });

  test("with nobody changes nobody's place", () => {
    fc.assert(
      fc.property(anyExposure(), (a) => {
        expect(union(a, OFF)).toEqual(a);
      }),
    );
  });
});

describe("includes", () => {
  test("says so only if nobody is left out", () => {
    fc.assert(
      fc.property(anyExposure(), anyExposure(), anyUnit(), (a, b, unit) => {
        if (includes(a, b) && isIn(b, unit)) expect(isIn(a, unit)).toBe(true);
      }),
    );
  });

  test("denies only if there is a unit that would be left out", () => {
    const witnesses = (b: Exposure): Unit[] =>
      [[], ["europe"], ["ring-1"], ["staff"]].flatMap((segments) => [
        { segments, place: Math.max(b.everyone, ...segments.map((name) => b.segments[name] ?? 0)) - 1, tester: false },
        { segments, place: EVERYBODY, tester: true },
      ]);
    fc.assert(
      fc.property(anyExposure(), anyExposure(), (a, b) => {
        const leftOut = witnesses(b).some((unit) => isIn(b, unit) && !isIn(a, unit));
        expect(includes(a, b)).toBe(!leftOut);
      }),
    );
  });

  test("a union includes both, and everything includes nobody", () => {
    fc.assert(
      fc.property(anyExposure(), anyExposure(), (a, b) => {
        expect(includes(union(a, b), a) && includes(union(a, b), b)).toBe(true);
        expect(includes(a, OFF)).toBe(true);
      }),
    );
  });
});

describe("the same exposure", () => {
  test("is the same to every unit", () => {
    fc.assert(
      fc.property(anyExposure(), anyExposure(), anyUnit(), (a, b, unit) => {
        if (sameExposure(a, b)) expect(isIn(a, unit)).toBe(isIn(b, unit));
      }),
    );
  });

  test("does not depend on segments that say nothing, nor on their order", () => {
    fc.assert(
      fc.property(anyExposure(), fc.integer({ min: 1, max: EVERYBODY }), (a, share) => {
        fc.pre(share <= a.everyone && a.segments["staff"] === undefined);
        const said = { ...a, segments: { staff: share, ...a.segments } };
        expect(sameExposure(a, said)).toBe(true);
        expect(describeExposure(said)).toBe(describeExposure(a));
      }),
    );
  });

  test("differs in testers, in everybody and in a segment", () => {
    const one = exposed(1_000, { staff: 50_000 });
    expect(sameExposure(one, { ...one, testers: false })).toBe(false);
    expect(sameExposure(one, { ...one, everyone: 1_001 })).toBe(false);
    expect(sameExposure(one, exposed(1_000, { staff: 49_999 }))).toBe(false);
    expect(sameExposure(one, exposed(1_000, { staff: 50_000, europe: 1_001 }))).toBe(false);
  });
});

test("the share of a unit in a segment is its own or everybody's, whichever is larger", () => {
  expect(shareOf(exposed(1_000, { staff: 50_000 }), "staff")).toBe(50_000);
  expect(shareOf(exposed(60_000, { staff: 50_000 }), "staff")).toBe(60_000);
  expect(shareOf(exposed(1_000), "staff")).toBe(1_000);
});

// It fails: every plain object has a property of this name. The mend is for nameSchema to refuse it.
test("no segment has a name that every object knows: its share would be a function", () => {
  expect(["constructor", "constructors", "to-string"].map((name) => nameSchema.safeParse(name).success)).toEqual([false, true, true]);
});

describe("off, full, split", () => {
  test.each<[string, Exposure, boolean, boolean, { withoutHoldout: boolean; withHoldout: boolean }]>([
    ["off", OFF, true, false, { withoutHoldout: false, withHoldout: false }],
    ["testers", exposed(0), false, false, { withoutHoldout: false, withHoldout: false }],
    ["staff", exposed(0, { staff: EVERYBODY }), false, false, { withoutHoldout: false, withHoldout: false }],
    ["20% of europe", exposed(0, { europe: 20_000 }), false, false, { withoutHoldout: true, withHoldout: true }],
    ["staff, 1%", exposed(1_000, { staff: EVERYBODY }), false, false, { withoutHoldout: true, withHoldout: true }],
    ["0.001%", exposed(1), false, false, { withoutHoldout: true, withHoldout: true }],
    ["100%", exposed(EVERYBODY), false, true, { withoutHoldout: false, withHoldout: true }],
    ["100%", exposed(EVERYBODY, { staff: EVERYBODY, europe: 5 }), false, true, { withoutHoldout: false, withHoldout: true }],
    ["99.999%", exposed(EVERYBODY - 1, { staff: 5 }), false, false, { withoutHoldout: true, withHoldout: true }],
  ])("%s", (words, exposure, off, full, split) => {
    expect(describeExposure(exposure)).toBe(words);
    expect(isOff(exposure)).toBe(off);
    expect(isFull(exposure)).toBe(full);
    expect({ withoutHoldout: isSplit(exposure, 0), withHoldout: isSplit(exposure, 5_000) }).toEqual(split);
  });

  test("whole segments are outside the randomised split until everybody is in", () => {
    expect(wholeSegments(exposed(1_000, { staff: EVERYBODY, europe: 20_000, "ring-1": EVERYBODY }))).toEqual(["ring-1", "staff"]);
    expect(wholeSegments(exposed(EVERYBODY, { staff: EVERYBODY }))).toEqual([]);
  });
});

test("a share reads as it is written in a plan, and no two read alike", () => {
  expect([1, 10, 100, 1_000, 12_345, EVERYBODY].map(describeShare)).toEqual(["0.001%", "0.01%", "0.1%", "1%", "12.345%", "100%"]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: EVERYBODY }), (share) => {
      expect(Number.parseFloat(describeShare(share))).toBe(share / 1_000);
    }),
  );
});
