import { z } from "zod";
import { refuseKey, refuseKeyAs, reportAbsence } from "./keys.ts";
import { readLeaf } from "./leaf.ts";
import type { Path } from "./path.ts";
import { listed } from "./phrases.ts";
import type { Reading } from "./reading.ts";
import type { Schema, Shape } from "./schemas.ts";
import { nearest } from "../model/nearest.ts";

/** Which of several forms of a map was meant, and what to say when that cannot be told. */

export interface Form {
  branch: Schema;
  shape: Shape;
}

/** The form that was meant, or the map as it would be if all that is there belonged together. */
export type Choice = Form | { shape: Shape };

type Values = Readonly<Record<string, unknown>>;

/**
 * The form whose keys the map has. When no form or more than one is meant, that is reported, and the rest of what is
 * there is checked nevertheless.
 */
export function chooseByKeys(forms: readonly Form[], map: Values, path: Path, reading: Reading): Choice {
  const { all, present, fitting } = compared(forms, map);
  const complete = fitting.filter(({ shape }) =>
    Object.entries(shape).every(([key, field]) => Object.hasOwn(map, key) || isOptional(field)),
  );
  const meant = fitting.length === 1 ? fitting[0] : nearestRight(complete, map);
  if (meant) return meant;

  for (const key of Object.keys(map)) if (!Object.hasOwn(all, key)) refuseKey(key, all, path, reading);
  if (fitting.length === 0) reportExclusion(forms, present, path, reading);
  else reportMissing(fitting, map, path, reading);
  return whatIsThere(forms, map);
}

/**
 * The form that the value of one key names (`kind: rate`). A value that is none of them is reported; then, and where the
 * key is missing, the form is meant that is nearest, so that the rest of the map is checked by it.
 */
export function chooseByValue(forms: readonly Form[], key: string, map: Values, path: Path, reading: Reading): Choice {
  const named = forms.find(({ shape }) => valuesOf(shape[key]).includes(map[key]));
  if (named) {
    const other = onlyOther(named, forms, map);
    if (other) reportOther(named, other, key, map, path, reading);
    else refuseKeysOfOthers(named, forms, key, map, path, reading);
    return other ?? named;
  }
  const values = forms.flatMap(({ shape }) => valuesOf(shape[key])).filter(isWritten);
  if (!Object.hasOwn(map, key)) {
    const { all, fitting } = compared(forms, map);
    const [only, second] = fitting;
    const meant = only && !second ? only : undefined;
    const names = meant ? valuesOf(meant.shape[key]).filter(isWritten) : values;
    const mend = names.length === 1 ? `add \`${key}: ${names[0]}\`` : `add \`${key}: …\`: ${listed(names.map(String), "or")}`;
    reportAbsence(key, all[key]!, map, meant?.shape ?? all, path, reading, mend);
    return meant ?? whatIsThere(forms, map);
  }
  readLeaf(z.literal(values), map[key], [...path, key], reading);
  const near = nearest(String(map[key]), values.map(String));
  const meant = forms.find(({ shape }) =>
    valuesOf(shape[key])
      .map(String)
      .includes(near ?? ""),
  );
  return meant ?? whatIsThere(forms, map);
}

/** What a field that tells forms apart may hold. */
function valuesOf(field: Schema | undefined): unknown[] {
  return [...(field?._zod.values ?? [])];
}

function isWritten(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** The one form that has all the keys which are there, where the named one has not. */
function onlyOther(named: Form, forms: readonly Form[], map: Values): Form | undefined {
  const { fitting } = compared(forms, map);
  return fitting.length === 1 && fitting[0] !== named ? fitting[0] : undefined;
}

function reportOther(named: Form, other: Form, key: string, map: Values, path: Path, { problems }: Reading): void {
  const keys = Object.keys(map).filter((each) => Object.hasOwn(other.shape, each) && !Object.hasOwn(named.shape, each));
  const needed = Object.keys(named.shape).filter((each) => !Object.hasOwn(other.shape, each) && !isOptional(named.shape[each]!));
  const meant = `\`${key}: ${valuesOf(other.shape[key]).filter(isWritten).join(" or ")}\``;
  const otherwise = needed.length > 0 ? `, or use ${listed(needed.map(quoted), "and")}` : "";
  problems.error([...path, key], {
    message: `${listed(keys.map(quoted), "and")} ${keys.length > 1 ? "go" : "goes"} with ${meant}, not with \`${key}: ${String(map[key])}\``,
    mend: `write ${meant}${otherwise}`,
  });
}

/** Keys that the named form does not have, while others have them. */
function refuseKeysOfOthers(named: Form, forms: readonly Form[], key: string, map: Values, path: Path, reading: Reading): void {
  const { all } = compared(forms, map);
  for (const other of Object.keys(map)) {
    if (Object.hasOwn(named.shape, other)) continue;
    const owners = forms.filter(({ shape }) => Object.hasOwn(shape, other)).flatMap(({ shape }) => valuesOf(shape[key]).filter(isWritten));
    if (owners.length === 0) continue;
    const message = `\`${other}\` is not a key of \`${key}: ${String(map[key])}\``;
    const mend = `remove it; it goes with \`${key}\` ${listed(owners.map(String), "or")}`;
    refuseKeyAs(other, { message, mend }, all, path, reading);
  }
}

function compared(forms: readonly Form[], map: Values) {
  const all: Shape = Object.assign({}, ...forms.map(({ shape }) => shape));
  const present = Object.keys(all).filter((key) => Object.hasOwn(map, key));
  const fitting = forms.filter(({ shape }) => present.every((key) => Object.hasOwn(shape, key)));
  return { all, present, fitting };
}

function whatIsThere(forms: readonly Form[], map: Values): { shape: Shape } {
  const { all, present } = compared(forms, map);
  const common = Object.keys(all).filter((key) => forms.every(({ shape }) => Object.hasOwn(shape, key)));
  return { shape: Object.fromEntries([...common, ...present].map((key) => [key, all[key]!])) };
}

/** Of forms with the same keys the one that finds least wrong with the map: what tells them apart is a value. */
function nearestRight(forms: readonly Form[], map: Values): Form | undefined {
  const wrong = forms.map(({ branch }) => {
    const result = z.core.safeParse(branch, map);
    return result.success ? 0 : result.error.issues.length;
  });
  return forms[wrong.indexOf(Math.min(...wrong))];
}

function isOptional(field: Schema): boolean {
  return z.core.safeParse(field, undefined).success;
}

function reportExclusion(forms: readonly Form[], present: string[], path: Path, { problems }: Reading): void {
  const goesWithAll = (key: string) =>
    forms.every(({ shape }) => Object.hasOwn(shape, key) || !present.some((other) => other !== key && Object.hasOwn(shape, other)));
  const guilty = present.filter((key) => !goesWithAll(key));
  const mistake = { message: `${listed(guilty.map(quoted), "and")} exclude each other`, mend: "keep one of them" };
  problems.error([...path, guilty[1]!], mistake, { at: "key" });
}

function reportMissing(fitting: readonly Form[], map: Values, path: Path, { problems }: Reading): void {
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
