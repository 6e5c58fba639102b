import type { Diagnostic, Range } from "../model/diagnostic.ts";

/** Offsets in a text; the end is exclusive. */
export type Span = readonly [start: number, end: number];

const MASK = "********";
const LONGEST = 160;
const BEFORE = 60;

/** Values beside a key that sounds like a secret's are masked even where no schema says that they are one. */
const secretLooking =
  /(?:token|secret|password|passwd|bearer|authorization|credentials?|api[_-]?key|access[_-]?key)["']?\s*:\s*(?!["']?\$\{(?:env|file):)([^\s,}](?:[^,}]*[^\s,}])?)/gi;

const userInAddress = /:\/\/([^/@\s"']*:[^/@\s"']*)(?=@)/g;

/** The lines of a text, for turning offsets into places and excerpts. */
export function linesOf(text: string) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);

  /** The line, from 0, that an offset is on. */
  function lineAt(offset: number): number {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The span of a line, from 0, without its line break. */
  function lineSpan(line: number): Span {
    const start = starts[line]!;
    const next = starts[line + 1];
    const end = next === undefined ? text.length : next - 1;
    return [start, text[end - 1] === "\r" && end > start ? end - 1 : end];
  }

  function rangeOf([start, end]: Span): Range {
    const line = lineAt(start);
    const endLine = lineAt(Math.max(start, end));
    return {
      line: line + 1,
      column: start - starts[line]! + 1,
      endLine: endLine + 1,
      endColumn: Math.max(start, end) - starts[endLine]! + 1,
    };
  }

  /** The first line of a span with the part to underline, `hidden` spans masked. */
  function excerptOf(span: Span, hidden: readonly Span[]): Diagnostic["excerpt"] {
    const [lineStart, lineEnd] = lineSpan(lineAt(span[0]));
    const end = Math.min(Math.max(span[1], span[0] + 1), Math.max(lineEnd, span[0] + 1));
    // A line of hundreds of kilobytes has to stay cheap: only the window around the span is looked at.
    const windowStart = span[0] - lineStart > BEFORE && lineEnd - lineStart > LONGEST ? span[0] - BEFORE : lineStart;
    const windowEnd = Math.min(lineEnd, windowStart + LONGEST);
    const near = Math.max(lineStart, windowStart - 2_000);
    const masks = masksIn(text.slice(near, Math.min(lineEnd, windowEnd + 2_000)), near, hidden);

    let shown = windowStart > lineStart ? "…" : "";
    let from = -1;
    let to = -1;
    for (let at = windowStart; at < windowEnd;) {
      const mask = masks.find(([start, stop]) => start <= at && at < stop);
      const next = mask ? Math.min(mask[1], windowEnd) : at + 1;
      if (from < 0 && span[0] < next) from = shown.length;
      shown += mask ? MASK : text[at];
      if (at < end) to = shown.length;
      at = next;
    }
    if (from < 0) from = shown.length;
    if (windowEnd < lineEnd) shown += "…";
    return { text: shown, from, to: Math.max(to, from + 1) };
  }

  return { lineAt, lineSpan, rangeOf, excerptOf };
}

/** Where nothing is printed, in order and without overlaps. */
function masksIn(line: string, lineStart: number, hidden: readonly Span[]): Span[] {
  const looking = [...line.matchAll(secretLooking), ...line.matchAll(userInAddress)].map((match): Span => {
    const end = lineStart + match.index + match[0].length;
    return [end - match[1]!.length, end];
  });
  const near = hidden.filter(([start, end]) => start < lineStart + line.length && end > lineStart);
  const masks: [number, number][] = [];
  for (const [start, end] of [...near, ...looking].sort((a, b) => a[0] - b[0])) {
    const last = masks.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else masks.push([start, end]);
  }
  return masks;
}
