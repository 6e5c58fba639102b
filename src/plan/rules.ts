import type { Rule } from "../model/plan.ts";
import { messageOf, RolloutError } from "../errors.ts";
import type { Lenient } from "./lenient.ts";
import type { Path } from "./path.ts";
import type { Reading } from "./reading.ts";
import type { WrittenRule } from "./written.ts";

/** The most bytes a file of values may have. */
export const MAX_VALUES_BYTES = 1024 * 1024;

const DEEPEST_RULE = 20;

/** The text of a file below the repository, by its path relative to the plan's folder; nothing when there is none. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/** Fills the values of files in; gives nothing when a part of the rule was in error. */
export async function fillRule(
  rule: Lenient<WrittenRule> | undefined,
  path: Path,
  reading: Reading & { readFile: ReadFile },
  depth = 1,
): Promise<Rule | undefined> {
  if (rule === undefined) return undefined;
  if (depth > DEEPEST_RULE) {
    reading.problems.error(path, {
      message: `rules are nested more than ${DEEPEST_RULE} deep`,
      mend: "split them into segments, or say the same with `in`",
    });
    return undefined;
  }
  if ("all" in rule) {
    const rules = await fillRules(rule.all, [...path, "all"], reading, depth);
    return rules && { all: rules };
  }
  if ("any" in rule) {
    const rules = await fillRules(rule.any, [...path, "any"], reading, depth);
    return rules && { any: rules };
  }
  if ("not" in rule) {
    const inner = await fillRule(rule.not, [...path, "not"], reading, depth + 1);
    return inner && { not: inner };
  }
  if ("inFile" in rule && rule.inFile !== undefined) {
    const values = await valuesOf(rule.inFile, [...path, "inFile"], reading);
    return values && rule.attribute !== undefined ? { attribute: rule.attribute, inFile: rule.inFile, values } : undefined;
  }
  // A part that could not be read is absent and was reported, and then no plan comes of it.
  return rule as Rule;
}

async function fillRules(
  rules: readonly (Lenient<WrittenRule> | undefined)[] | undefined,
  path: Path,
  reading: Reading & { readFile: ReadFile },
  depth: number,
) {
  const filled = await Promise.all((rules ?? []).map((rule, index) => fillRule(rule, [...path, index], reading, depth + 1)));
  return filled.every((rule) => rule !== undefined) ? filled : undefined;
}

/** One value a line; blank lines and comments are skipped. */
async function valuesOf(file: string, path: Path, { problems, readFile }: Reading & { readFile: ReadFile }): Promise<string[] | undefined> {
  let text: string | undefined;
  try {
    text = await readFile(file);
  } catch (error) {
    const hint = error instanceof RolloutError ? error.hint : undefined;
    problems.error(path, {
      message: `the file cannot be read: ${messageOf(error)}`,
      mend: hint ?? "name a small text file below the plan's folder",
    });
    return undefined;
  }
  if (text === undefined) {
    problems.error(path, { message: "there is no such file", mend: "create it, or mend its path: it is relative to the plan's folder" });
  } else if (Buffer.byteLength(text) > MAX_VALUES_BYTES) {
    problems.error(path, { message: "the file is larger than 1 MB", mend: "give the users an attribute of their own, and match that" });
  } else if (/[\0\uFFFD]/.test(text)) {
    problems.error(path, { message: "the file is not UTF-8 text", mend: "save it as UTF-8, with one value a line" });
  } else {
    const lines = text.replace(/^\uFEFF/, "").split(/\r\n|[\n\r]/);
    const values = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
    if (values.length === 0)
      problems.warning(path, { message: "the file holds no values, so nobody matches", mend: "write one value a line" });
    return values;
  }
  return undefined;
}
