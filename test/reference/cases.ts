import { z } from "zod";

/**
 * A case: what a method must make of some inputs, to an absolute tolerance, relative where the expected number is beyond
 * 1. The expected value may hold less than the method returns.
 */
const caseSchema = z.object({
  name: z.string(),
  method: z.string(),
  inputs: z.unknown(),
  expected: z.unknown(),
  tolerance: z.number().positive(),
});
const fileSchema = z.object({ cases: z.array(caseSchema) });

export type Case = z.infer<typeof caseSchema>;

/** What a method makes of a case's inputs, in the form of its expectation. Some are told apart by the case's name. */
export type Method = (inputs: unknown, name: string) => unknown;

/** Where a result is not what was expected, and both values. */
export interface Miss {
  readonly path: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

export function casesOf(text: string): Case[] {
  return fileSchema.parse(JSON.parse(text)).cases;
}

/** The method's inputs as it needs them. */
export function method<Inputs>(inputs: z.ZodType<Inputs>, compute: (inputs: Inputs, name: string) => unknown): Method {
  return (raw, name) => compute(inputs.parse(raw), name);
}

/** All misses of a case; none if it passes. A method that is unknown or throws is a miss. */
export function missesOf(one: Case, methods: ReadonlyMap<string, Method>): Miss[] {
  const compute = methods.get(one.method);
  if (!compute) return [{ path: "method", actual: "unknown", expected: one.method }];
  try {
    return [...differences(compute(one.inputs, one.name), one.expected, one.tolerance, "")];
  } catch (error) {
    return [{ path: "", actual: String(error), expected: one.expected }];
  }
}

function* differences(actual: unknown, expected: unknown, tolerance: number, path: string): Generator<Miss> {
  if (typeof expected === "number") {
    const near = typeof actual === "number" && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
    if (!near) yield { path, actual, expected };
  } else if (typeof expected === "object" && expected !== null) {
    if (Array.isArray(expected) && (!Array.isArray(actual) || actual.length !== expected.length)) {
      yield { path: `${path}.length`, actual: Array.isArray(actual) ? actual.length : actual, expected: expected.length };
      return;
    }
    const found = typeof actual === "object" && actual !== null ? new Map(Object.entries(actual)) : new Map<string, unknown>();
    for (const [key, value] of Object.entries(expected)) yield* differences(found.get(key), value, tolerance, `${path}.${key}`);
  } else if (actual !== expected) {
    yield { path, actual, expected };
  }
}
