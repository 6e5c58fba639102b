import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isOff, sameExposure } from "../../src/core/exposure.ts";
import type { Json } from "../../src/flags/flagd-json.ts";
import { compileTargeting, readTargeting, type CompiledTargeting } from "../../src/flags/flagd-targeting.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagTarget } from "../../src/model/flag.ts";
import type { Rule } from "../../src/model/plan.ts";
import { conformanceTarget, expectShare, matches, ownShare } from "../conformance/flags.ts";

const noRules: FlagTarget["audience"] = { exclude: [], testers: [], holdout: 0, segments: {} };
const simple = conformanceTarget({ audience: noRules });
const full = conformanceTarget();
const exposure = (everyone: number, segments: Exposure["segments"] = {}, testers = true): Exposure => ({ testers, everyone, segments });

function definitionOf({ targeting, variants }: CompiledTargeting): { [key: string]: Json } {
  const values = Object.fromEntries(Object.entries(variants).map(([name, group]) => [name, group === "treatment"]));
  return { state: "ENABLED", variants: values, defaultVariant: "off", targeting };
}
const written = (target: FlagTarget, wanted: Exposure) => definitionOf(compileTargeting(target, wanted));

describe("reading is the inverse of compiling", () => {
  const names = ["a", "b", "c", "rest-of-world"];
  const rule = fc.constantFrom<Rule[]>(
    { attribute: "region", in: ["eu"] },
    { attribute: "region", in: ["us"] },
    { attribute: "age", below: 30 },
    { any: [{ attribute: "v", semver: ">=1.0.0" }, { not: { attribute: "x", contains: "y" } }] },
    { attribute: "id", inFile: "f.txt", values: [] },
  );
  const share = fc.oneof(fc.constantFrom(0, 1, 50_000, EVERYBODY - 1, EVERYBODY), fc.integer({ min: 0, max: EVERYBODY }));
  const someNames = fc.subarray(names);
  const target = fc
    .record({
      rules: fc.tuple(rule, rule, rule, rule),
      exclude: someNames,
      testers: someNames,
      holdout: share,
      eligible: fc.option(rule, { nil: undefined }),
      unit: fc.option(fc.constantFrom({ attribute: "tenant" }, { attribute: "targetingKey" }), { nil: undefined }),
      variants: fc.constantFrom(["on", "off"], ["true", "false"], ["v2", "control of the flag"]),
    })
    .map(({ rules, exclude, testers, holdout, eligible, unit, variants }) => {
      const segments = Object.fromEntries(names.map((name, index) => [name, { rule: rules[index]! }]));
      const audience = { exclude, testers, holdout, segments, ...(eligible && { eligible }) };
      return conformanceTarget({ audience, treatment: variants[0]!, control: variants[1]!, ...(unit && { unit }) });
    });
  const anyExposure = fc
    .record({ testers: fc.boolean(), everyone: share, shares: fc.dictionary(fc.constantFrom(...names), share) })
    .map(({ testers, everyone, shares }) =>
      exposure(everyone, Object.fromEntries(Object.entries(shares).filter(([, one]) => one > 0)), testers),
    );

  test("for any audience and exposure, also after a trip through JSON", () => {
    fc.assert(
      fc.property(target, anyExposure, (someTarget, wanted) => {
        const definition = { ...written(someTarget, wanted), defaultVariant: someTarget.control };
        const reading = readTargeting(someTarget, JSON.parse(JSON.stringify(definition)) as Json);
        expect(reading.kind).toBe("known");
        if (reading.kind === "known") expect(sameExposure(reading.exposure, wanted)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("and different exposures never have the same targeting", () => {
    fc.assert(
      fc.property(target, anyExposure, anyExposure, (someTarget, one, other) => {
        fc.pre(!sameExposure(one, other));
        expect(compileTargeting(someTarget, one).targeting).not.toEqual(compileTargeting(someTarget, other).targeting);
      }),
      { numRuns: 500 },
    );
  });

  test("no edit of a weight is read as another exposure than it serves", () => {
    fc.assert(
      fc.property(target, anyExposure, fc.nat(), fc.integer({ min: -1, max: EVERYBODY + 1 }), (someTarget, wanted, which, weight) => {
        const definition = { ...written(someTarget, wanted), defaultVariant: someTarget.control };
        const text = JSON.stringify(definition);
        const weights = [...text.matchAll(/",(\d+)\]/g)];
        fc.pre(weights.length > 0);
        const chosen = weights[which % weights.length]!;
        const edited = `${text.slice(0, chosen.index)}",${weight}]${text.slice(chosen.index + chosen[0].length)}`;
        const reading = readTargeting(someTarget, JSON.parse(edited) as Json);
        if (reading.kind === "known")
          expect(compileTargeting(someTarget, reading.exposure).targeting).toEqual(JSON.parse(edited).targeting);
        else expect(reading.found).toBeTruthy();
      }),
      { numRuns: 500 },
    );
  });
});

describe("a flag reads as off", () => {
  const variants = { on: true, off: false };
  test.each<[string, Json | undefined]>([
    ["absent", undefined],
    ["disabled", { state: "DISABLED", variants, defaultVariant: "on", targeting: { fractional: [["on", 1]] } }],
    ["without targeting", { state: "ENABLED", variants, defaultVariant: "off" }],
    ["with empty targeting", { state: "ENABLED", variants, defaultVariant: "off", targeting: {} }],
    [
      "with a plain split of nothing",
      {
        state: "ENABLED",
        variants,
        defaultVariant: "off",
        targeting: {
          fractional: [
            ["on", 0],
            ["off", 100],
          ],
        },
      },
    ],
  ])("%s", (_, definition) => {
    expect(readTargeting(simple, definition)).toEqual({ kind: "known", exposure: OFF });
  });

  test("and off is written as a rule, not by disabling the flag", () => {
    expect(compileTargeting(full, OFF)).toEqual({ targeting: {}, variants: { on: "treatment", off: "control" } });
  });
});

describe("a flag edited by hand", () => {
  const plain = (on: Json, off: Json, target = simple) =>
    readTargeting(target, {
      ...written(simple, OFF),
      targeting: {
        fractional: [
          ["on", on],
          ["off", off],
        ],
      },
    });

  test.each([
    [5, 95, 5_000],
    [1, 999, 100],
    [1, 1, 50_000],
    [1, 0, EVERYBODY],
    [25_000, 75_000, 25_000],
  ])("into a plain split of %d to %d is that exposure", (on, off, share) => {
    expect(plain(on, off)).toEqual({ kind: "known", exposure: exposure(share) });
  });

  test.each<[string, Json, Json]>([
    ["fractions, of which flagd makes nobody", 0.5, 99.5],
    ["finer than a share can be", 1, 2],
    ["without units", 0, 0],
    ["negative", -1, 101],
    ["texts", "5", "95"],
  ])("into a plain split that is %s is foreign", (_, on, off) => {
    expect(plain(on, off).kind).toBe("foreign");
  });

  test("into a plain split is foreign where the plan has rules that it leaves out", () => {
    const targets: FlagTarget[] = [
      full,
      { ...simple, unit: { attribute: "tenant" } },
      { ...simple, audience: { ...noRules, holdout: 1 } },
      { ...simple, audience: { ...noRules, eligible: { attribute: "a", equals: 1 } } },
    ];
    for (const target of targets) expect(plain(5, 95, target).kind).toBe("foreign");
    expect(plain(5, 95).kind).toBe("known");
  });

  test("with the control first is foreign: who is in would not stay in", () => {
    const targeting = {
      fractional: [
        ["off", 95],
        ["on", 5],
      ],
    };
    expect(readTargeting(simple, { ...written(simple, OFF), targeting }).kind).toBe("foreign");
  });

  test("in both weights of our own tree is the exposure it now is, in one of them foreign", () => {
    const text = JSON.stringify(written(full, exposure(5_000)));
    const both = text.replace('["on",5000],["off",95000]', '["on",50000],["off",50000]');
    expect(readTargeting(full, JSON.parse(both))).toEqual({ kind: "known", exposure: exposure(50_000) });
    const one = text.replace('["on",5000]', '["on",50000]');
    expect(one).not.toBe(text);
    const reading = readTargeting(full, JSON.parse(one));
    expect(reading).toMatchObject({ kind: "foreign", found: expect.stringContaining("targeting") });
  });

  test.each<[string, Record<string, Json>, string]>([
    ["to serve the treatment by default", { defaultVariant: "on" }, 'defaultVariant is "on"'],
    ["to have no default", { defaultVariant: null }, "defaultVariant is null"],
    ["to another state", { state: "PAUSED" }, 'state is "PAUSED"'],
    ["to a targeting of its own", { targeting: { if: [{ in: ["@", { var: "email" }] }, "on"] } }, "is none that this plan writes"],
    ["to a reference", { targeting: { $ref: "shared" } }, "is none that this plan writes"],
    ["to one variant for all", { targeting: { if: ["on"] } }, "is none that this plan writes"],
    [
      "to other values of our variants",
      { variants: { ...(written(full, exposure(1_000)).variants as object), "off-holdout": true } },
      '"off-holdout" is true',
    ],
    ["to fewer variants", { variants: { on: true, off: false } }, 'no variant "off-excluded"'],
    ["to no variants", { variants: {} }, 'no variant "off"'],
  ])("%s is foreign, and says so", (_, change, found) => {
    const reading = readTargeting(full, { ...written(full, exposure(1_000)), ...change });
    expect(reading).toMatchObject({ kind: "foreign", found: expect.stringContaining(found) });
  });

  test("to the same value for both variants is foreign", () => {
    const definition = { ...written(simple, exposure(1_000)), variants: { on: 1, off: 1, "on-tester": 1, "off-ineligible": 1 } };
    expect(readTargeting(simple, definition)).toMatchObject({ kind: "foreign", found: expect.stringContaining("same value") });
  });

  test.each<[string, Json]>([
    ["null", null],
    ["a list", []],
    ["a text", "on"],
    ["an empty object", {}],
  ])("to %s is foreign", (_, definition) => {
    expect(readTargeting(full, definition).kind).toBe("foreign");
  });
});

test("testers alone are not off, also where the plan names none", () => {
  for (const target of [simple, full]) {
    const wanted = exposure(0);
    expect(isOff(wanted)).toBe(false);
    expect(readTargeting(target, written(target, wanted))).toEqual({ kind: "known", exposure: wanted });
  }
});

test("the reference agrees with itself on whom a share belongs to", () => {
  expect(ownShare(full, exposure(1_000, { europe: 20_000 }), { region: "eu-west" })).toBe(20_000);
  expect(matches({ attribute: "a", notIn: ["x"] }, {})).toBe(true);
  expect(() => expectShare(100, 1_000, 0.05, "twice too many")).toThrow("twice too many");
});
