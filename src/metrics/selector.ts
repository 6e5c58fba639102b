import { anchoredPattern, escapePattern, PatternError } from "./regex.ts";

/** Plain Prometheus selectors: read, filled in for a group, written and matched. Shared by all sources that count. */

export type Operator = "=" | "!=" | "=~" | "!~";

export interface Matcher {
  label: string;
  operator: Operator;
  value: string;
}

/** One metric's name and what its labels must be. */
export interface Selector {
  name: string;
  matchers: Matcher[];
}

/** What stands for a group's label in a query. */
export const PLACEHOLDER = "{{group}}";

/** What a selector is for, in the words of the messages about it. */
export interface Purpose {
  example: string;
  /** What it selects. */
  one: string;
  /** What becomes of its series, so that no function is needed. */
  then: string;
}

const COUNTED = "its counters are subtracted for you";
export const COUNTER: Purpose = { example: `http_requests_total{variant="${PLACEHOLDER}",code=~"5.."}`, one: "a counter", then: COUNTED };
export const BUCKETS: Purpose = {
  example: `http_request_duration_seconds_bucket{variant="${PLACEHOLDER}"}`,
  one: "a histogram",
  then: COUNTED,
};
export const GAUGE: Purpose = {
  example: `process_resident_memory_bytes{variant="${PLACEHOLDER}"}`,
  one: "a gauge",
  then: "`over` says how its series become one number",
};

const MAX_SELECTOR = 4000;

/** A text that is not a plain selector; the message says what to write instead. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

/** Reads `name{label="value",…}` or `{__name__="name",…}`. Throws `SelectorError`. */
export function parseSelector(text: string, { example, one, then }: Purpose = COUNTER): Selector {
  if (text.length > MAX_SELECTOR) throw new SelectorError(`a selector has at most ${MAX_SELECTOR} characters`);
  let rest = text.trim();
  const outside = /^[^{"'`]*\{\{|^[^{"'`]*\{[^"'`]*\{\{/.test(rest);
  if (outside) throw new SelectorError(`${PLACEHOLDER} stands for the value of a label, in quotes: ${example}`);

  let name: string | undefined;
  const matchers: Matcher[] = [];
  const named = take(/^[a-zA-Z_:][a-zA-Z0-9_:]*/);
  if (named) name = named[0];
  if (take(/^\s*\{\s*/)) {
    while (!take(/^\}/)) {
      const matcher = takeMatcher();
      if (matcher.label !== "__name__") matchers.push(matcher);
      else if (name !== undefined) throw new SelectorError(`the metric is named twice: ${name} and ${matcher.value}`);
      else if (matcher.operator !== "=")
        throw new SelectorError(`${one} is one metric: write __name__="…", not __name__${matcher.operator}`);
      else name = matcher.value;
      if (!take(/^\s*,\s*/) && !/^\s*\}/.test(rest)) throw new SelectorError(`expected a comma or } before ${shown(rest)}`);
      take(/^\s+/);
    }
  }
  if (rest.trim() !== "") throw new SelectorError(notPlain(text, rest.trim(), `write a plain selector such as ${example}; ${then}`));
  if (!name) throw new SelectorError(`the name of the metric is missing: write ${example}`);
  if (name.includes(PLACEHOLDER)) throw new SelectorError(`${PLACEHOLDER} stands for the value of a label, not for a name: ${example}`);
  return { name, matchers };

  function take(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(rest);
    if (!match) return undefined;
    rest = rest.slice(match[0].length);
    return match;
  }

  function takeMatcher(): Matcher {
    const label = take(/^[a-zA-Z_][a-zA-Z0-9_]*/);
    if (!label) throw new SelectorError(`expected a label before ${shown(rest)}: write ${example}`);
    const operator = take(/^\s*(=~|!~|!=|=)\s*/);
    if (!operator) throw new SelectorError(`expected = or != or =~ or !~ after the label ${label[0]}`);
    const quoted = take(/^"(?:[^"\\\n]|\\.)*"|^'(?:[^'\\\n]|\\.)*'|^`[^`]*`/);
    if (!quoted) throw new SelectorError(`the value of the label ${label[0]} needs quotes: ${label[0]}${operator[1]}"…"`);
    const matcher: Matcher = { label: label[0], operator: operator[1] as Operator, value: unquote(quoted[0]) };
    const unknown = /\{\{.*?\}\}/.exec(matcher.value.replaceAll(PLACEHOLDER, ""));
    if (unknown) throw new SelectorError(`${unknown[0]} is not known: ${PLACEHOLDER} is all that is filled in`);
    if (matcher.operator.endsWith("~")) checkPattern(matcher);
    return matcher;
  }
}

function checkPattern({ label, value }: Matcher): void {
  try {
    // A group's label is put in escaped, so any plain word stands for it here.
    anchoredPattern(value.replaceAll(PLACEHOLDER, "group"));
  } catch (error) {
    if (error instanceof PatternError) throw new SelectorError(`the pattern of the label ${label} cannot be used: ${error.message}`);
    throw error;
  }
}

function notPlain(text: string, rest: string, write: string): string {
  if (rest.startsWith("(")) return `${shown(text)} is a function or an aggregation: ${write}`;
  if (rest.startsWith("[")) return `a selector has no range ${shown(rest)}: ${write}`;
  return `${shown(rest)} is not part of a selector: ${write}`;
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text === "" ? "the end" : text;
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("`")) return inner;
  return inner.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/gs, (all, hex?: string, unicode?: string, character?: string) => {
    const code = hex ?? unicode;
    if (code !== undefined) return String.fromCharCode(parseInt(code, 16));
    if (character === "\\" || character === '"' || character === "'") return character;
    const escaped = escapes[character!];
    if (escaped === undefined) throw new SelectorError(`${all} is not an escape that Prometheus knows: write \\${all} for a backslash`);
    return escaped;
  });
}

/** The selector for one group: its label in place of `{{group}}`, taken literally also inside a pattern. */
export function forGroup(selector: Selector, label: string): Selector {
  return {
    name: selector.name,
    matchers: selector.matchers.map((matcher) => ({
      ...matcher,
      value: matcher.value.replaceAll(PLACEHOLDER, () => (matcher.operator.endsWith("~") ? escapePattern(label) : label)),
    })),
  };
}

/** The selector as Prometheus reads it: backslash, quote and line break in a value are escaped. */
export function formatSelector({ name, matchers }: Selector): string {
  const plain = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
  const parts = matchers.map(({ label, operator, value }) => `${label}${operator}${quote(value)}`);
  if (!plain) parts.unshift(`__name__=${quote(name)}`);
  return `${plain ? name : ""}${parts.length > 0 ? `{${parts.join(",")}}` : ""}`;
}

/** A text in double quotes, with backslash, quote and line break escaped. */
export function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\r", "\\r")}"`;
}

/** Whether a series' labels (without its name) fit; a label that is not there is the empty text. */
export function labelMatcher({ matchers }: Selector): (labels: ReadonlyMap<string, string>) => boolean {
  const tests = matchers.map(({ label, operator, value }) => {
    if (operator === "=") return (labels: ReadonlyMap<string, string>) => (labels.get(label) ?? "") === value;
    if (operator === "!=") return (labels: ReadonlyMap<string, string>) => (labels.get(label) ?? "") !== value;
    const matches = anchoredPattern(value);
    const wanted = operator === "=~";
    return (labels: ReadonlyMap<string, string>) => matches(labels.get(label) ?? "") === wanted;
  });
  return (labels) => tests.every((test) => test(labels));
}
