import { z } from "zod";
import type { Path } from "./path.ts";
import { found, listed, splitSentence } from "./phrases.ts";
import { nearest } from "../model/nearest.ts";
import type { Mistake } from "./problems.ts";

/** For a schema of the plan's own: what to write instead of a value that it refused. */
const mends = z.registry<{ mend: (value: unknown) => string }>();

/** The schema, with what to do about a value that it refuses. */
export function mendedBy<Schema extends z.ZodType>(schema: Schema, mend: (value: unknown) => string): Schema {
  mends.add(schema, { mend });
  return schema;
}

/** For a schema of the plan's own: what to say when its key is not there. */
const absences = z.registry<Mistake>();

/** The schema, with what is said when its key is missing. */
export function missedAs<Schema extends z.ZodType>(schema: Schema, mistake: Mistake): Schema {
  const own = schema.clone();
  absences.add(own, mistake);
  return own;
}

/** What is wrong where a key is missing. */
export function absenceOf(key: string, schema: z.core.$ZodType): Mistake {
  return absences.get(schema as z.ZodType) ?? { message: `the key \`${key}\` is missing`, mend: `add \`${key}: …\`` };
}

type Issue = z.core.$ZodIssue;

/** What zod found wrong with one value, as mistakes with the paths below the value. */
export function mistakesOf(
  schema: z.core.$ZodType,
  value: unknown,
  issues: readonly Issue[],
): { path: Path; mistake: Mistake; at: "key" | "value" }[] {
  return issues.flatMap(deepest).flatMap((issue) => {
    const path = issue.path as Path;
    const input = path.reduce<unknown>(
      (node, step) => (typeof node === "object" && node !== null ? (node as Record<string, unknown>)[step] : undefined),
      value,
    );
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: [...path, key],
        mistake: { message: `\`${key}\` is not a key here`, mend: "remove it" },
        at: "key" as const,
      }));
    }
    const own = path.length === 0 ? mends.get(schema as z.ZodType)?.mend(input) : undefined;
    const message = messageOf(issue, input);
    const mistake = message.startsWith("expected ")
      ? { message, mend: own ?? mendOf(issue, input) }
      : splitSentence(message, own ?? "change it");
    return [{ path, mistake, at: issue.code === "invalid_key" ? ("key" as const) : ("value" as const) }];
  });
}

/** Of a union's issues those of the branch that got furthest, unless the union speaks for itself. */
function deepest(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || issue.errors.length === 0 || issue.message !== "Invalid input") return [issue];
  const branches = issue.errors.map((errors) =>
    errors.map((error) => ({ ...error, path: [...issue.path, ...error.path] })).flatMap(deepest),
  );
  const depth = (branch: Issue[]) => Math.max(...branch.map(({ path }) => path.length));
  const best = branches.reduce((a, b) => (depth(b) > depth(a) ? b : a));
  const sameDepth = branches.filter((branch) => depth(branch) === depth(best));
  return sameDepth.length > 1 && depth(best) === issue.path.length ? [issue] : best;
}

const kindNames: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a map of keys and values",
  record: "a map of keys and values",
  array: "a list",
};

/** What was expected and what stands there, in one sentence. */
function messageOf(issue: Issue, input: unknown): string {
  return withFound(issue.message.startsWith("expected ") ? issue.message : builtIn(issue), input);
}

/** zod's own message in our words; one that an adapter wrote is left as it is. */
function builtIn(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.message.startsWith("Invalid input") ? `expected ${kindNames[issue.expected] ?? issue.expected}` : issue.message;
    case "invalid_value":
      return /^Invalid (input|option)/.test(issue.message) ? `expected ${listed(issue.values.map(String), "or")}` : issue.message;
    case "too_small":
      if (!issue.message.startsWith("Too small")) return issue.message;
      if (issue.origin === "array" || issue.origin === "string")
        return `expected ${issue.origin === "array" ? "a list" : "text"} that is not empty`;
      return `expected a number ${issue.inclusive ? "of at least" : "above"} ${issue.minimum}`;
    case "too_big":
      if (!issue.message.startsWith("Too big")) return issue.message;
      if (issue.origin === "array" || issue.origin === "string")
        return `expected at most ${issue.maximum} ${issue.origin === "array" ? "items" : "characters"}`;
      return `expected a number ${issue.inclusive ? "of at most" : "below"} ${issue.maximum}`;
    case "invalid_key":
      return issue.issues[0] ? issue.issues[0].message : issue.message;
    default:
      return issue.message;
  }
}

function withFound(message: string, input: unknown): string {
  const isOtherKind = typeof input !== "string" || /^expected (a list|a map|a number|a whole number|true or false)/.test(message);
  return message.startsWith("expected ") && isOtherKind ? `${message}, found ${found(input)}` : message;
}

/** What to do about it, as far as the kind of the issue tells. */
function mendOf(issue: Issue, input: unknown): string {
  const expected = issue.message.startsWith("expected ") ? issue.message : builtIn(issue);
  if (input === null) return "give it a value, or remove the line";
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    const meant = typeof input === "string" ? nearest(input, values) : undefined;
    return meant === undefined ? `write ${listed(values, "or")}` : `did you mean \`${meant}\`?`;
  }
  if (
    issue.code === "invalid_type" &&
    issue.expected === "string" &&
    (typeof input === "number" || typeof input === "boolean") &&
    expected === "expected text"
  ) {
    return `put it in quotes: "${String(input)}"`;
  }
  if (
    issue.code === "invalid_type" &&
    issue.expected === "number" &&
    typeof input === "string" &&
    input.trim() !== "" &&
    Number.isFinite(Number(input))
  ) {
    return `remove the quotes: ${input}`;
  }
  if (issue.code === "invalid_type" && issue.expected === "array" && typeof input === "string") return "write a list: [a, b]";
  return `write ${expected.slice("expected ".length)}`;
}
