import { describe, expect, test } from "vitest";
import { z } from "zod";
import { secret } from "../../src/model/secret.ts";
import { readLeniently } from "../../src/plan/lenient.ts";
import { collectProblems } from "../../src/plan/problems.ts";

/** Adapters write their schemas as they like: what zod can say has to be read, whatever its form. */
function readBy(schema: z.ZodType, value: unknown) {
  const problems = collectProblems("plan.yaml", "");
  const secrets = new Set<string>();
  const output: unknown = readLeniently(schema, value, [], { problems, secrets });
  return { output, secrets: [...secrets], said: problems.diagnostics().map(({ path, message, mend }) => `${path}: ${message} → ${mend}`) };
}

describe("schemas of adapters", () => {
  const byKind = z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("sum"), of: z.string() }),
    z.object({ kind: z.literal("ratio"), of: z.string(), to: z.string().optional() }),
  ]);

  test("forms that a value tells apart", () => {
    expect(readBy(byKind, { kind: "sum", of: "a" })).toMatchObject({ output: { kind: "sum", of: "a" }, said: [] });
    expect(readBy(byKind, { kind: "ratio", of: "a" })).toMatchObject({ output: { kind: "ratio", of: "a" }, said: [] });
    expect(readBy(byKind, { kind: "ratio", of: 5 }).said).toEqual(['of: expected text, found the number 5 → put it in quotes: "5"']);
    expect(readBy(byKind, { of: "a" }).said).toEqual(["kind: the key `kind` is missing → add `kind: …`: sum or ratio"]);
    expect(readBy(byKind, { of: "a", to: "b" }).said).toEqual(["kind: the key `kind` is missing → add `kind: ratio`"]);
  });

  test("a value that names no form, or another than the keys, is the one mistake", () => {
    expect(readBy(byKind, { kind: "rato", of: 5 }).said).toEqual([
      "kind: expected sum or ratio → did you mean `ratio`?",
      'of: expected text, found the number 5 → put it in quotes: "5"',
    ]);
    expect(readBy(byKind, { kind: "mean", of: "a", from: 1 }).said).toEqual([
      "kind: expected sum or ratio → write sum or ratio",
      "from: `from` is not a key here → the keys here are: kind, of",
    ]);
    expect(readBy(byKind, { kind: "sum", of: "a", to: "b" }).said).toEqual([
      "kind: `to` goes with `kind: ratio`, not with `kind: sum` → write `kind: ratio`",
    ]);
  });

  test("a key that goes with other forms is named with them, and printed nowhere where secrets are", () => {
    const schema = z.discriminatedUnion("by", [
      z.strictObject({ by: z.literal("token"), token: secret() }),
      z.strictObject({ by: z.enum(["user", "team"]), name: z.string() }),
    ]);
    expect(readBy(schema, { by: "token", token: "${env:T}", name: "me" }).said).toEqual([
      "name: `name` is not a key of `by: token` → remove it; it goes with `by` user or team",
    ]);
    expect(readBy(schema, { by: "team", name: "a" })).toMatchObject({ output: { by: "team", name: "a" }, said: [] });
  });

  test("a transformed map is read key by key, secrets included", () => {
    const schema = z.object({ token: secret(), size: z.number() }).transform(({ size }) => size);
    expect(readBy(schema, { token: "${env:T}", size: 1 })).toMatchObject({ secrets: ["token"], said: [] });
    expect(readBy(schema, { token: "${env:T}", sise: 1 }).said).toEqual(["sise: `sise` is not a key here → did you mean `size`?"]);
  });

  test("unknown keys are refused where the schema would drop them", () => {
    expect(readBy(z.object({ a: z.string() }), { a: "x", b: 1 }).said).toEqual(["b: `b` is not a key here → did you mean `a`?"]);
    expect(readBy(z.looseObject({ a: z.string() }), { a: "x", b: 1 })).toMatchObject({ output: { a: "x", b: 1 }, said: [] });
  });

  test("a refinement speaks when the parts are right, with its mend after the colon", () => {
    const schema = z
      .object({ from: z.number(), to: z.number() })
      .refine(({ from, to }) => from < to, { path: ["to"], error: "the end is before the start: swap them" });
    expect(readBy(schema, { from: 2, to: 1 }).said).toEqual(["to: the end is before the start → swap them"]);
    expect(readBy(schema, { from: "2", to: 1 }).said).toEqual(["from: expected a number, found text → remove the quotes: 2"]);
  });

  test("of the branches of a union of scalars, the union's own words are used", () => {
    expect(readBy(z.union([z.literal("all"), z.number()], { error: "expected all, or a number" }), true).said).toEqual([
      ": expected all, or a number, found the boolean true → write all, or a number",
    ]);
    expect(readBy(z.union([z.string(), z.array(z.string())]), ["a", 1]).said).toEqual([
      '[1]: expected text, found the number 1 → put it in quotes: "1"',
    ]);
  });
});
