import { z } from "zod";
import { mistakesOf } from "./issues.ts";
import type { Path } from "./path.ts";
import type { Reading } from "./reading.ts";
import type { Schema } from "./schemas.ts";
import { refusesSecret } from "./secrets.ts";

/** Reads one value as a whole; reports what is wrong with it, and then gives nothing. */
export function readLeaf(schema: Schema, value: unknown, path: Path, reading: Reading): unknown {
  if (refusesSecret(schema, value, path, reading)) return undefined;
  return reportIssues(schema, value, path, reading);
}

export function reportIssues(schema: Schema, value: unknown, path: Path, { problems }: Reading): unknown {
  const result = z.core.safeParse(schema, value);
  if (result.success) return result.data;
  for (const { path: below, mistake, at } of mistakesOf(schema, value, result.error.issues))
    problems.error([...path, ...below], mistake, { at });
  return undefined;
}
