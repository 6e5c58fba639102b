import { z } from "zod";
import { mistakesOf } from "./issues.ts";
import { isMap, type Path } from "./path.ts";
import { found, listed } from "./phrases.ts";
import type { Reading } from "./reading.ts";
import { refusesSecret, takesSecret } from "./secrets.ts";
import { nearest } from "./suggest.ts";

/** What was read of a value with errors in it: what could not be read is absent. */
export type Lenient<T> = T extends readonly (infer Item)[]
  ? (Lenient<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Lenient<T[Key]> | undefined }
    : T;

type Schema = z.core.$ZodType;
/** A schema by its kind, so that one from another copy of zod works too. */
type Kind = z.core.$ZodTypes["_zod"]["def"];

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

function kindOf(schema: Schema): Kind {
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** The schema itself, without "may be absent" and the like. */
function unwrapped(schema: Schema): Schema {
  const kind = kindOf(schema);
  switch (kind.type) {
    case "optional":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
      return unwrapped(kind.innerType);
    case "lazy":
      return unwrapped(kind.getter());
    default:
      return schema;
  }
}

function isContainer(schema: Schema): boolean {
  const { type } = kindOf(unwrapped(schema));
  return type === "object" || type === "record" || type === "array";
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

function readLeaf(schema: Schema, value: unknown, path: Path, reading: Reading): unknown {
  if (refusesSecret(schema, value, path, reading)) return undefined;
  return reportIssues(schema, value, path, reading);
}

function reportIssues(schema: Schema, value: unknown, path: Path, { problems }: Reading): unknown {
  const result = z.core.safeParse(schema, value);
  if (result.success) return result.data;
  for (const { path: below, mistake, at } of mistakesOf(schema, value, result.error.issues))
    problems.error([...path, ...below], mistake, { at });
  return undefined;
}

function ifMap(value: unknown, path: Path, { problems }: Reading, next: (map: Record<string, unknown>) => unknown): unknown {
  if (isMap(value)) return next(value);
  const mend = value === null ? "write its keys below it, or remove the line" : "write keys and values: { key: value }";
  problems.error(path, { message: `expected a map of keys and values, found ${found(value)}`, mend });
  return undefined;
}

function readObject(
  { shape, catchall }: z.core.$ZodObjectDef,
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

type Shape = Readonly<Record<string, Schema>>;

function refuseKey(key: string, shape: Shape, path: Path, { problems }: Reading): void {
  const known = Object.keys(shape);
  const meant = nearest(key, known);
  const mend = meant === undefined ? `the keys here are: ${known.join(", ")}` : `did you mean \`${meant}\`?`;
  // Next to secrets, a misspelt key may hold one.
  if (Object.values(shape).some(takesSecret)) problems.hide([...path, key]);
  problems.error([...path, key], { message: `\`${key}\` is not a key here`, mend }, { at: "key" });
  problems.close([...path, key]);
}

/** The default of a key that is not there; without one it is reported, unless another key is probably it, misspelt. */
function absent(key: string, field: Schema, map: Record<string, unknown>, shape: Shape, path: Path, { problems }: Reading): unknown {
  const result = z.core.safeParse(field, undefined);
  if (result.success) return result.data;
  const misspelt = Object.keys(map).some((other) => !Object.hasOwn(shape, other) && nearest(other, Object.keys(shape)) === key);
  if (!misspelt) problems.error([...path, key], { message: `the key \`${key}\` is missing`, mend: `add \`${key}: …\`` });
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

/** Takes the branch that the value means: by its kind, and of several maps by the keys that only one of them has. */
function readUnion(schema: Schema, { options }: z.core.$ZodUnionDef, value: unknown, path: Path, reading: Reading): unknown {
  const branches = options.map(unwrapped);
  const fitting = branches.filter((branch) => {
    const { type } = kindOf(branch);
    if (isMap(value)) return type === "object" || type === "record";
    return Array.isArray(value) ? type === "array" : type !== "object" && type !== "record" && type !== "array";
  });
  const [only, second] = fitting;
  if (only && !second) return read(only, value, path, reading);
  if (only && isMap(value) && fitting.every((branch) => kindOf(branch).type === "object")) {
    const chosen = chooseByKeys(fitting, value, path, reading);
    return "branch" in chosen ? read(chosen.branch, value, path, reading) : readObject(chosen, value, path, reading);
  }
  return readLeaf(schema, value, path, reading);
}

/**
 * The branch whose keys the map has. When no branch or more than one is meant, that is reported, and what comes back is
 * the map as it would be if all that is there belonged together, so that the rest of it is checked nevertheless.
 */
function chooseByKeys(
  branches: Schema[],
  map: Record<string, unknown>,
  path: Path,
  reading: Reading,
): { branch: Schema } | z.core.$ZodObjectDef {
  const forms = branches.map((branch) => ({ branch, shape: (kindOf(branch) as z.core.$ZodObjectDef).shape as Shape }));
  const all: Shape = Object.assign({}, ...forms.map(({ shape }) => shape));
  const present = Object.keys(all).filter((key) => Object.hasOwn(map, key));
  const fitting = forms.filter(({ shape }) => present.every((key) => Object.hasOwn(shape, key)));
  const complete = fitting.filter(({ shape }) =>
    Object.entries(shape).every(([key, field]) => Object.hasOwn(map, key) || isOptional(field)),
  );
  const meant = fitting.length === 1 ? fitting[0] : nearestRight(complete, map);
  if (meant) return { branch: meant.branch };

  for (const key of Object.keys(map)) if (!Object.hasOwn(all, key)) refuseKey(key, all, path, reading);
  if (fitting.length === 0) reportExclusion(forms, present, path, reading);
  else reportMissing(fitting, map, path, reading);
  const common = Object.keys(all).filter((key) => forms.every(({ shape }) => Object.hasOwn(shape, key)));
  return { type: "object", shape: Object.fromEntries([...common, ...present].map((key) => [key, all[key]!])) };
}

interface Form {
  branch: Schema;
  shape: Shape;
}

/** Of forms with the same keys the one that finds least wrong with the map: what tells them apart is a value. */
function nearestRight(forms: Form[], map: Record<string, unknown>): Form | undefined {
  const wrong = forms.map(({ branch }) => {
    const result = z.core.safeParse(branch, map);
    return result.success ? 0 : result.error.issues.length;
  });
  return forms[wrong.indexOf(Math.min(...wrong))];
}

function isOptional(field: Schema): boolean {
  return z.core.safeParse(field, undefined).success;
}

function reportExclusion(forms: Form[], present: string[], path: Path, { problems }: Reading): void {
  const goesWithAll = (key: string) =>
    forms.every(({ shape }) => Object.hasOwn(shape, key) || !present.some((other) => other !== key && Object.hasOwn(shape, other)));
  const guilty = present.filter((key) => !goesWithAll(key));
  const mistake = { message: `${listed(guilty.map(quoted), "and")} exclude each other`, mend: "keep one of them" };
  problems.error([...path, guilty[1]!], mistake, { at: "key" });
}

function reportMissing(fitting: Form[], map: Record<string, unknown>, path: Path, { problems }: Reading): void {
  const known: Shape = Object.assign({}, ...fitting.map(({ shape }) => shape));
  const marks = Object.keys(known).filter((key) => !isOptional(known[key]!) && !fitting.every(({ shape }) => Object.hasOwn(shape, key)));
  // An unknown key is most likely the missing one, misspelt, and was reported. A common key is reported with the others.
  if (marks.length === 0 || Object.keys(map).some((key) => !Object.hasOwn(known, key))) return;
  problems.error([...path, marks[0]!], {
    message: `one of the keys ${listed(marks.map(quoted), "or")} is missing`,
    mend: "add the one that is meant",
  });
}

function quoted(key: string): string {
  return `\`${key}\``;
}
