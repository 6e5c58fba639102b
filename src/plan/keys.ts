import { absenceOf } from "./issues.ts";
import type { Path } from "./path.ts";
import type { Mistake } from "./problems.ts";
import type { Reading } from "./reading.ts";
import type { Schema, Shape } from "./schemas.ts";
import { takesSecret } from "./secrets.ts";
import { nearest } from "../model/nearest.ts";

/** Keys of a map that do not belong there, and those that are missing. */

export function refuseKey(key: string, shape: Shape, path: Path, reading: Reading): void {
  const known = Object.keys(shape);
  const meant = nearest(key, known);
  const mend = meant === undefined ? `the keys here are: ${known.join(", ")}` : `did you mean \`${meant}\`?`;
  refuseKeyAs(key, { message: `\`${key}\` is not a key here`, mend }, shape, path, reading);
}

/** Refuses a key in words of one's own. */
export function refuseKeyAs(key: string, mistake: Mistake, shape: Shape, path: Path, { problems }: Reading): void {
  // Next to secrets, a misspelt key may hold one.
  if (Object.values(shape).some(takesSecret)) problems.hide([...path, key]);
  problems.error([...path, key], mistake, { at: "key" });
  problems.close([...path, key]);
}

/** Reports a key that is not there, unless another key is probably it, misspelt, and was reported. */
export function reportAbsence(
  key: string,
  field: Schema,
  map: Readonly<Record<string, unknown>>,
  shape: Shape,
  path: Path,
  { problems }: Reading,
  mend?: string,
): void {
  const misspelt = Object.keys(map).some((other) => !Object.hasOwn(shape, other) && nearest(other, Object.keys(shape)) === key);
  const mistake = absenceOf(key, field);
  if (!misspelt) problems.error([...path, key], mend === undefined ? mistake : { ...mistake, mend });
}
