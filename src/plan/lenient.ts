import { z } from "zod";
import { chooseByKeys, chooseByValue, type Form } from "./forms.ts";
import { mistakesOf } from "./issues.ts";
import { refuseKey, reportAbsence } from "./keys.ts";
import { readLeaf, reportIssues } from "./leaf.ts";
import { isMap, type Path } from "./path.ts";
import { found } from "./phrases.ts";
import type { Reading } from "./reading.ts";
import { isContainer, kindOf, unwrapped, type Schema, type Shape } from "./schemas.ts";

/** What was read of a value with errors in it: what could not be read is absent. */
export type Lenient<T> = T extends readonly (infer Item)[]
  ? (Lenient<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Lenient<T[Key]> | undefined }
    : T;

/**
 * Reads a value by a schema, node by node. Unlike the schema's own `parse` it reports every error at its own place (in
 * unions, those of the branch that was meant), refuses unknown keys everywhere, and still gives what could be read.
 */
export function readLeniently<Own extends Schema>(
  schema: Own,
  value: unknown,
  path: Path,
  reading: Reading,
): Lenient<z.output<Own>> | undefined {
  return read(schema, value, path, reading) as Lenient<z.output<Own>> | undefined;
}

function read(schema: Schema, value: unknown, path: Path, reading: Reading): unknown {
  const inner = unwrapped(schema);
  const kind = kindOf(inner);
  switch (kind.type) {
    case "object":
      return ifMap(value, path, reading, (map) => checked(inner, map, path, reading, () => readObject(kind, map, path, reading)));
    case "record":
      return ifMap(value, path, reading, (map) => readRecord(inner, kind, map, path, reading));
    case "array":
      if (!Array.isArray(value)) return readLeaf(inner, value, path, reading);
      return checked(inner, value, path, reading, () => value.map((item, index) => read(kind.element, item, [...path, index], reading)));
    case "pipe":
      return isContainer(kind.in)
        ? checked(inner, value, path, reading, () => read(kind.in, value, path, reading))
        : readLeaf(inner, value, path, reading);
    case "union":
      return readUnion(inner, kind, value, path, reading);
    default:
      return readLeaf(inner, value, path, reading);
  }
}

/** Reads the parts, then, when none of them is wrong, asks the checks of the whole (a minimum length, a refinement, a transformation). */
function checked(schema: Schema, value: unknown, path: Path, reading: Reading, readParts: () => unknown): unknown {
  const before = reading.problems.count();
  const parts = readParts();
  const isWhole = reading.problems.count() === before;
  const kind = kindOf(schema);
  if (isWhole && (kind.type === "pipe" || (kind.checks?.length ?? 0) > 0)) reportIssues(schema, value, path, reading);
  return parts;
}

function ifMap(value: unknown, path: Path, { problems }: Reading, next: (map: Record<string, unknown>) => unknown): unknown {
  if (isMap(value)) return next(value);
  const mend = value === null ? "write its keys below it, or remove the line" : "write keys and values: { key: value }";
  problems.error(path, { message: `expected a map of keys and values, found ${found(value)}`, mend });
  return undefined;
}

function readObject(
  { shape, catchall }: { shape: Shape; catchall?: Schema | undefined },
  map: Record<string, unknown>,
  path: Path,
  reading: Reading,
): Record<string, unknown> {
  const takesOthers = catchall !== undefined && kindOf(catchall).type !== "never";
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(map)) {
    if (Object.hasOwn(shape, key)) continue;
    if (takesOthers) result[key] = read(catchall, map[key], [...path, key], reading);
    else refuseKey(key, shape, path, reading);
  }
  for (const [key, field] of Object.entries(shape)) {
    const value = Object.hasOwn(map, key)
      ? read(field, map[key], [...path, key], reading)
      : absent(key, field, takesOthers ? {} : map, shape, path, reading);
    if (value !== undefined) result[key] = value;
  }
  return result;
}

/** The default of a key that is not there; without one it is reported. */
function absent(key: string, field: Schema, map: Record<string, unknown>, shape: Shape, path: Path, reading: Reading): unknown {
  const result = z.core.safeParse(field, undefined);
  if (result.success) return result.data;
  reportAbsence(key, field, map, shape, path, reading);
  return undefined;
}

function readRecord(
  schema: Schema,
  { keyType, valueType, checks }: z.core.$ZodRecordDef,
  map: Record<string, unknown>,
  path: Path,
  reading: Reading,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const right: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(map)) {
    const below = [...path, key];
    const before = reading.problems.count();
    const parsed = z.core.safeParse(keyType, key);
    if (!parsed.success) {
      for (const { mistake } of mistakesOf(keyType, key, parsed.error.issues)) reading.problems.error(below, mistake, { at: "key" });
    }
    result[key] = read(valueType, value, below, reading);
    if (reading.problems.count() === before) right[key] = value;
  }
  // Entries do not depend on each other, so the checks of the whole need not wait until all are right.
  if ((checks?.length ?? 0) > 0) reportIssues(schema, right, path, reading);
  return result;
}

/** Takes the branch that the value means: by its kind, and of several maps by the key that tells them apart or by those that only one has. */
function readUnion(schema: Schema, union: z.core.$ZodUnionDef, value: unknown, path: Path, reading: Reading): unknown {
  const branches = union.options.map(unwrapped);
  const fitting = branches.filter((branch) => {
    const { type } = kindOf(branch);
    if (isMap(value)) return type === "object" || type === "record";
    return Array.isArray(value) ? type === "array" : type !== "object" && type !== "record" && type !== "array";
  });
  const [only, second] = fitting;
  if (only && !second) return read(only, value, path, reading);
  if (only && isMap(value) && fitting.every((branch) => kindOf(branch).type === "object")) {
    const forms = fitting.map((branch): Form => ({ branch, shape: (kindOf(branch) as z.core.$ZodObjectDef).shape }));
    const key = (union as Partial<z.core.$ZodDiscriminatedUnionDef>).discriminator;
    const chosen = key === undefined ? chooseByKeys(forms, value, path, reading) : chooseByValue(forms, key, value, path, reading);
    return "branch" in chosen ? read(chosen.branch, value, path, reading) : readObject(chosen, value, path, reading);
  }
  return readLeaf(schema, value, path, reading);
}
