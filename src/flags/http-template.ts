import { RolloutError } from "../errors.ts";
import { nearest } from "../model/nearest.ts";

/** Texts with placeholders, `{{key}}`, that are filled in and never evaluated: what is filled in is not looked at again. */

export const placeholders = ["key", "percentage", "revision", "rollout", "stage", "reason", "head"] as const;
export type Placeholder = (typeof placeholders)[number];
export type Values = Partial<Record<Placeholder, string | number>>;

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/** The placeholders that a text has, as they are written. */
function namesIn(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!.trim());
}

/** Whether a text, or one within a tree, has the placeholder. */
export function mentions(tree: unknown, placeholder: Placeholder): boolean {
  if (typeof tree === "string") return namesIn(tree).includes(placeholder);
  if (typeof tree !== "object" || tree === null) return false;
  return Object.entries(tree).some(([key, value]) => mentions(key, placeholder) || mentions(value, placeholder));
}

/** What is wrong with the placeholders of a text, as a sentence; only those that are allowed may be in it. */
export function placeholderProblem(text: string, allowed: readonly Placeholder[]): string | undefined {
  const shown = (name: string) => `{{${name}}}`;
  for (const name of namesIn(text)) {
    if ((allowed as readonly string[]).includes(name)) continue;
    if ((placeholders as readonly string[]).includes(name))
      return `${shown(name)} cannot stand here: write one of ${allowed.map(shown).join(", ")}`;
    const meant = nearest(name, allowed);
    return `there is no placeholder ${shown(name)}: ${meant === undefined ? `there are ${allowed.map(shown).join(", ")}` : `did you mean ${shown(meant)}?`}`;
  }
  return text.replace(PLACEHOLDER, "").includes("{{")
    ? "a placeholder is not closed: write {{key}}, with two braces on each side"
    : undefined;
}

function fill(text: string, values: Values, write: (value: string | number) => string): string {
  return text.replace(PLACEHOLDER, (_, name: string) => write(values[name.trim() as Placeholder] ?? ""));
}

/** An address, each value percent-encoded. Throws for a value that would be a step in the path. */
export function fillUrl(text: string, values: Values): string {
  return fill(text, values, (value) => {
    // `..` is no text to a URL but the way up, also when it is encoded.
    if (/^\.{0,2}$/.test(String(value))) {
      throw new RolloutError("refused", `${JSON.stringify(value)} cannot be filled into the address ${text}`, {
        hint: "a part of an address that is empty or consists of dots leads elsewhere",
      });
    }
    // Half a surrogate pair cannot be encoded.
    return encodeURIComponent(Buffer.from(String(value)).toString());
  });
}

/** A header. Throws for a value that would not be one line of plain ASCII. */
export function fillHeader(text: string, values: Values): string {
  const filled = fill(text, values, String);
  if (!/[^\t\x20-\x7e]/.test(filled)) return filled;
  throw new RolloutError("refused", `a header cannot hold what ${text} stands for: it is not one line of plain ASCII`);
}

/** JSON that is written as text: values are escaped as within quotes, numbers are as they are. */
export function fillJson(text: string, values: Values): string {
  return fill(text, values, (value) => (typeof value === "number" ? String(value) : JSON.stringify(value).slice(1, -1)));
}

/** A tree of JSON: a text that is one placeholder and nothing else becomes the value itself, a number a number. */
export function fillTree(tree: unknown, values: Values): unknown {
  if (typeof tree === "string") {
    const [whole] = namesIn(tree);
    const isWhole = whole !== undefined && /^\{\{[^{}]*\}\}$/.test(tree);
    return isWhole ? (values[whole as Placeholder] ?? "") : fill(tree, values, String);
  }
  if (Array.isArray(tree)) return tree.map((each) => fillTree(each, values));
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [fill(key, values, String), fillTree(value, values)]));
}
