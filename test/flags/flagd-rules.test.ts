import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileRule } from "../../src/flags/flagd-rules.ts";
import type { Rule } from "../../src/model/plan.ts";
import { matches, type Context } from "../conformance/flags.ts";
import { evaluatorOf } from "./flagdFile.ts";

/** Whether a context matches by flagd's own evaluator, compiled and interpreted, which must agree and never fail. */
function evaluator(condition: unknown) {
  const targeting = { if: [condition, "on", "off"] };
  const flag = { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting };
  const text = JSON.stringify({ flags: { f: flag } });
  const both = [evaluatorOf(text, "f"), evaluatorOf(text, "f", { interpreted: true })];
  return (context: Context) => {
    const answers = both.map((evaluate) => evaluate("id", context));
    expect(answers[1]).toEqual(answers[0]);
    return answers[0]!.error ?? answers[0]!.value;
  };
}

const missing = Symbol("missing");
const contextOf = (value: unknown): Context => (value === missing ? {} : { a: value });
const anything = [
  missing,
  null,
  0,
  -0,
  1,
  7,
  7.4,
  -1,
  1e21,
  1e-7,
  "",
  "1",
  "7",
  "b",
  "abc",
  "7.4.0",
  true,
  false,
  [],
  [1],
  ["b"],
  ["7.4.0"],
  {},
  { b: 1 },
];

const rules: Rule[] = [
  { attribute: "a", in: ["b", 1, true] },
  { attribute: "a", in: [] },
  { attribute: "a", notIn: ["b", 1] },
  { attribute: "a", equals: "1" },
  { attribute: "a", equals: 1 },
  { attribute: "a", equals: false },
  { attribute: "a", startsWith: "a" },
  { attribute: "a", endsWith: "c" },
  { attribute: "a", contains: "b" },
  { attribute: "a", below: 5 },
  { attribute: "a", below: -0.5 },
  { attribute: "a", above: 5 },
  { attribute: "a", above: -1 },
  { attribute: "a", inFile: "ring.txt", values: ["1", "abc"] },
  { not: { attribute: "a", below: 5 } },
  {
    all: [
      { attribute: "a", above: 0 },
      { attribute: "a", below: 7.2 },
    ],
  },
  {
    any: [
      { attribute: "a", equals: "b" },
      { attribute: "a", equals: 7 },
    ],
  },
  { not: { all: [{ attribute: "a", contains: "b" }] } },
];

describe("a rule means the same to flagd", () => {
  test.each(rules.map((rule) => [JSON.stringify(rule), rule] as const))("%s", (_, rule) => {
    const evaluate = evaluator(compileRule(rule));
    for (const value of anything) expect(evaluate(contextOf(value)), JSON.stringify(value)).toBe(matches(rule, contextOf(value)));
  });

  test.each([
    [">=7.4.0", ["7.4.0", "7.4.1", "8.0.0", "10.0.0", "v7.4.0", "7.4"], ["7.3.9", "7.4.0-beta.1", "7.4.0.1", "b", ""]],
    [">=7.4.0 <8.0.0", ["7.4.0", "7.99.99"], ["8.0.0", "7.3.0", "10.0.0"]],
    ["> 7.4 <= 8", ["7.4.1", "8.0.0"], ["7.4.0", "8.0.1"]],
    ["7.4.0", ["7.4.0", "7.4"], ["7.4.1"]],
    ["!=7.4.0", ["7.4.1"], ["7.4.0", "none"]],
  ])("versions %s", (semver, inside, outside) => {
    const evaluate = evaluator(compileRule({ attribute: "a", semver }));
    for (const a of inside) expect(evaluate({ a }), a).toBe(true);
    for (const a of outside) expect(evaluate({ a }), a).toBe(false);
    // Texts alone are versions.
    for (const a of [missing, null, 7.4, 7, true, ["7.4.0"], {}]) expect(evaluate(contextOf(a)), JSON.stringify(a)).toBe(false);
  });

  test("for any rule and any context", () => {
    const value = fc.oneof(
      fc.constantFrom("a", "b", "ab", "", "1", "5", "ü", "日本", "😀"),
      fc.integer({ min: -3, max: 3 }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
    );
    const attribute = fc.constantFrom("a", "b", "constructor", "länge");
    const text = fc.constantFrom("a", "b", "ab", "ü", "😀");
    const number = fc.integer({ min: -3, max: 3 });
    const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
      rule: fc.oneof(
        { depthSize: "small" },
        fc.record({ attribute, in: fc.array(value, { maxLength: 3 }) }),
        fc.record({ attribute, notIn: fc.array(value, { maxLength: 3 }) }),
        fc.record({ attribute, equals: value }),
        fc.record({ attribute, startsWith: text }),
        fc.record({ attribute, endsWith: text }),
        fc.record({ attribute, contains: text }),
        fc.record({ attribute, below: number }),
        fc.record({ attribute, above: number }),
        fc.record({ all: fc.array(tie("rule"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ any: fc.array(tie("rule"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ not: tie("rule") }),
      ),
    }));
    const odd = fc.oneof(
      value,
      fc.constant(null),
      fc.array(value, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("a", "b"), value, { noNullPrototype: true }),
    );
    const contexts = fc.array(fc.dictionary(fc.constantFrom("a", "b", "länge"), odd, { noNullPrototype: true }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(rule, contexts, (someRule, someContexts) => {
        // As it is written: JSON has no -0.
        const written = JSON.parse(JSON.stringify(someRule)) as Rule;
        const evaluate = evaluator(compileRule(someRule));
        for (const context of someContexts) expect(evaluate(context)).toBe(matches(written, { ...context, ...ownOnly(context) }));
      }),
      { numRuns: 300 },
    );
  });
});

/** The reference looks up names that every object inherits; an evaluator finds none. */
const ownOnly = (context: Context): Context => (Object.hasOwn(context, "constructor") ? {} : { constructor: undefined });

describe("what goes wrong without our guards", () => {
  const a = { var: "a" };
  test("a missing attribute is below everything, and a text makes flagd serve the code's default", () => {
    const bare = evaluator({ "<": [a, 5] });
    expect(bare({})).toBe(true);
    expect(bare({ a: "b" })).toBe("GENERAL");
    expect(bare({ a: ["4"] })).toBe("GENERAL");
    const guarded = evaluator(compileRule({ attribute: "a", below: 5 }));
    for (const context of [{}, { a: "b" }, { a: "4" }, { a: ["4"] }]) expect(guarded(context)).toBe(false);
  });

  test("`in` finds members of a list attribute, and fails on a number", () => {
    const bare = evaluator({ in: ["b", a] });
    expect(bare({ a: ["b"] })).toBe(true);
    expect(bare({ a: 4 })).toBe("GENERAL");
    const guarded = evaluator(compileRule({ attribute: "a", contains: "b" }));
    for (const context of [{ a: ["b"] }, { a: 4 }]) expect(guarded(context)).toBe(false);
  });

  test("`in` against a text instead of a list is a substring", () => {
    expect(evaluator({ in: [a, "eu-west"] })({ a: "eu" })).toBe(true);
    expect(evaluator(compileRule({ attribute: "a", in: ["eu-west"] }))({ a: "eu" })).toBe(false);
  });

  test("a number and a list are versions", () => {
    const bare = evaluator({ sem_ver: [a, ">=", "7.0.0"] });
    expect(bare({ a: 7.4 })).toBe(true);
    expect(bare({ a: ["7.4.0"] })).toBe(true);
  });

  test("a caret is any version of the same major", () => {
    expect(evaluator({ sem_ver: [a, "^", "7.4.0"] })({ a: "7.0.0" })).toBe(true);
    expect(() => compileRule({ attribute: "a", semver: "^7.4.0" })).toThrow("^7.4.0");
  });

  test("a dot in a name is a path", () => {
    expect(evaluator({ "===": [{ var: "user.plan" }, "pro"] })({ "user.plan": "pro" })).toBe(false);
  });
});
