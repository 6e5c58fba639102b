import type { Span } from "./excerpt.ts";

/** A value that YAML cannot read as it stands, because braces in it are not quoted. */
export interface UnquotedQuery {
  span: Span;
  /** The value as it was meant. */
  query: string;
}

/**
 * The unquoted queries on the line between `start` and `end`: values in a flow map (`{ counter: errors{group="{{group}}"} }`)
 * that contain a brace, and values anywhere that begin with `{{`. `inFlow` says that the line is known to be within a flow map that an
 * earlier line opened.
 */
export function unquotedQueries(text: string, [start, end]: Span, inFlow: boolean): UnquotedQuery[] {
  const found: UnquotedQuery[] = [];
  let depth = inFlow ? 1 : 0;
  for (let at = start; at < end;) {
    const character = text[at]!;
    if (character === '"' || character === "'") {
      at = afterQuotes(text, at, end) ?? at + 1;
    } else if (character === "#" && (at === start || /\s/.test(text[at - 1]!))) {
      break;
    } else if (character === ":" && /\s/.test(text[at + 1] ?? " ")) {
      at = afterBlanks(text, at + 1, end);
      const isQuery = text.startsWith("{{", at) || (depth > 0 && !/["'{[]/.test(text[at] ?? '"'));
      if (!isQuery) continue;
      const stop = endOfValue(text, at, end, depth > 0);
      const query = text.slice(at, stop);
      if (query.includes("{")) found.push({ span: [at, stop], query });
      at = stop;
    } else {
      if (character === "{" || character === "[") depth++;
      if (character === "}" || character === "]") depth = Math.max(0, depth - 1);
      at++;
    }
  }
  return found;
}

/** The text with each query replaced by as many letters, so that the rest can be read and every offset stays as it is. */
export function cover(text: string, queries: readonly UnquotedQuery[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const {
    span: [start, end],
  } of queries.toSorted((a, b) => a.span[0] - b.span[0])) {
    pieces.push(text.slice(at, start), "x".repeat(end - start));
    at = end;
  }
  return [...pieces, text.slice(at)].join("");
}

/** Where a value ends whose brackets and quotes are balanced. */
function endOfValue(text: string, start: number, end: number, inFlow: boolean): number {
  let depth = 0;
  let at = start;
  while (at < end) {
    const character = text[at]!;
    const quoted = /["'`]/.test(character) ? afterQuotes(text, at, end) : undefined;
    if (quoted !== undefined) {
      at = quoted;
      continue;
    }
    if (character === "#" && /\s/.test(text[at - 1]!)) break;
    if (inFlow && depth === 0 && /[,}\]]/.test(character)) break;
    if (/[({[]/.test(character)) depth++;
    if (/[)}\]]/.test(character)) depth--;
    at++;
  }
  while (at > start && /\s/.test(text[at - 1]!)) at--;
  return at;
}

/** The offset after a quoted text that begins at `at`; nothing when its end is not on the line. */
function afterQuotes(text: string, at: number, end: number): number | undefined {
  for (let next = at + 1; next < end; next++) {
    if (text[next] === "\\" && text[at] === '"') next++;
    else if (text[next] === text[at]) return next + 1;
  }
  return undefined;
}

function afterBlanks(text: string, at: number, end: number): number {
  let next = at;
  while (next < end && /[ \t]/.test(text[next]!)) next++;
  return next;
}
