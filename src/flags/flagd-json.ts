import { isDeepStrictEqual } from "node:util";

/**
 * Changes single values in a JSON text and leaves every other byte as it is. Parsing and printing the whole would round
 * long numbers, move keys that look like numbers to the front, and drown a change of one weight in a reformatted file.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A text that is not JSON, and where: lines and columns count from 1. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  readonly line: number;
  readonly column: number;

  constructor(text: string, position: number, expected: string) {
    super(`expected ${expected}`);
    const before = text.slice(0, position).split("\n");
    this.line = before.length;
    this.column = before.at(-1)!.length + 1;
  }
}

interface Member {
  key: string;
  value: Node;
}

/** A value and where it stands in the text. */
type Node = { start: number; end: number } & (
  { kind: "object"; members: Member[] } | { kind: "array"; items: Node[] } | { kind: "scalar" }
);

const MAX_DEPTH = 200;
const LINE_WIDTH = 80;

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of keys; nothing when it is not there. Throws `JsonSyntaxError`. */
export function getIn(text: string, path: string[]): Json | undefined {
  const node = path.reduce<Node | undefined>((parent, key) => parent && memberOf(parent, key), parse(text));
  return node && (JSON.parse(text.slice(node.start, node.end)) as Json);
}

/**
 * The text with the values at these paths set, each path one of keys whose parent is an object (or was set before).
 * A value that is there already stays as it is written. What is new is laid out as the text is.
 */
export function setAll(text: string, changes: [path: string[], value: Json][]): string {
  const layout = layoutOf(text);
  const changed = changes.reduce((edited, [path, value]) => setIn(edited, path, value, layout), text);
  if (!layout.oneLine) return changed;
  return print(changed, parse(changed), layout, 0) + /\s*$/.exec(text)![0];
}

function setIn(text: string, path: string[], value: Json, layout: Layout): string {
  const key = path.at(-1)!;
  let parent: Node | undefined = parse(text);
  for (const step of path.slice(0, -1)) parent = parent && memberOf(parent, step);
  if (parent?.kind !== "object") throw new TypeError(`${path.slice(0, -1).join(".")} is not an object`);
  const old = memberOf(parent, key);
  if (old) {
    if (isDeepStrictEqual(JSON.parse(text.slice(old.start, old.end)), value)) return text;
    return text.slice(0, old.start) + printValue(value, layout, path.length) + text.slice(old.end);
  }
  const pair = `${JSON.stringify(key)}:${layout.oneLine ? "" : " "}`;
  const last = parent.members.at(-1);
  if (last && !/[\r\n]/.test(text.slice(parent.start, parent.end))) {
    return `${text.slice(0, last.value.end)}, ${pair}${inline(value)}${text.slice(last.value.end)}`;
  }
  const member = pair + printValue(value, layout, path.length);
  if (last) return `${text.slice(0, last.value.end)},${newLine(layout, path.length)}${member}${text.slice(last.value.end)}`;
  const opened = `{${newLine(layout, path.length)}${member}${newLine(layout, path.length - 1)}}`;
  return text.slice(0, parent.start) + opened + text.slice(parent.end);
}

/** The last of several with the same key, as every parser takes it. */
function memberOf(node: Node, key: string): Node | undefined {
  return node.kind === "object" ? node.members.findLast((member) => member.key === key)?.value : undefined;
}

interface Layout {
  indent: string;
  lineBreak: string;
  /** The text has no line breaks of its own: it is laid out anew as a whole. */
  oneLine: boolean;
}

function layoutOf(text: string): Layout {
  return {
    indent: /\n([ \t]+)\S/.exec(text)?.[1] ?? "  ",
    lineBreak: text.includes("\r\n") ? "\r\n" : "\n",
    oneLine: !/[\r\n]/.test(text.trim()),
  };
}

function newLine({ indent, lineBreak }: Layout, depth: number): string {
  return lineBreak + indent.repeat(depth);
}

function inline(value: Json): string {
  const text = JSON.stringify(value);
  return printInline(text, parse(text));
}

function printValue(value: Json, layout: Layout, depth: number): string {
  const text = JSON.stringify(value);
  return print(text, parse(text), layout, depth);
}

/** Lists and objects on one line where they fit, otherwise one member a line; scalars as they are written. */
function print(text: string, node: Node, layout: Layout, depth: number): string {
  const short = printInline(text, node);
  if (node.kind === "scalar" || depth * layout.indent.length + short.length <= LINE_WIDTH) return short;
  const parts =
    node.kind === "array"
      ? node.items.map((item) => print(text, item, layout, depth + 1))
      : node.members.map(({ key, value }) => `${JSON.stringify(key)}: ${print(text, value, layout, depth + 1)}`);
  const [open, close] = node.kind === "array" ? "[]" : "{}";
  return `${open}${parts.map((part) => newLine(layout, depth + 1) + part).join(",")}${newLine(layout, depth)}${close}`;
}

function printInline(text: string, node: Node): string {
  if (node.kind === "scalar") return text.slice(node.start, node.end);
  if (node.kind === "array") return `[${node.items.map((item) => printInline(text, item)).join(", ")}]`;
  if (node.members.length === 0) return "{}";
  return `{ ${node.members.map(({ key, value }) => `${JSON.stringify(key)}: ${printInline(text, value)}`).join(", ")} }`;
}

function parse(text: string): Node {
  let position = 0;

  const fail = (expected: string, at = position): never => {
    throw new JsonSyntaxError(text, at, expected);
  };
  const skipSpace = (): void => {
    while (" \t\r\n".includes(text.charAt(position)) && position < text.length) position += 1;
  };
  const take = (character: string): boolean => {
    skipSpace();
    if (text[position] !== character) return false;
    position += 1;
    return true;
  };
  const expect = (character: string): void => {
    if (!take(character)) fail(`"${character}"`);
  };
  const readString = (): string => {
    const start = position;
    position += 1;
    while (position < text.length && text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
    position += 1;
    try {
      return JSON.parse(text.slice(start, position)) as string;
    } catch {
      return fail("a text that ends with a quote and has valid escapes", start);
    }
  };
  const readList = (close: string, readItem: () => void): void => {
    position += 1;
    if (take(close)) return;
    do readItem();
    while (take(","));
    if (!take(close)) fail(`"," or "${close}"`);
  };
  const readValue = (depth: number): Node => {
    skipSpace();
    const start = position;
    if (depth > MAX_DEPTH) fail(`at most ${MAX_DEPTH} levels`);
    switch (text[position]) {
      case "{": {
        const members: Member[] = [];
        readList("}", () => {
          skipSpace();
          if (text[position] !== '"') fail("a key in quotes");
          const key = readString();
          expect(":");
          members.push({ key, value: readValue(depth + 1) });
        });
        return { kind: "object", start, end: position, members };
      }
      case "[": {
        const items: Node[] = [];
        readList("]", () => items.push(readValue(depth + 1)));
        return { kind: "array", start, end: position, items };
      }
      case '"':
        readString();
        return { kind: "scalar", start, end: position };
      default: {
        const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![^\s,\]}])/y;
        scalar.lastIndex = position;
        const match = scalar.exec(text);
        if (!match) return fail("a value");
        position += match[0].length;
        return { kind: "scalar", start, end: position };
      }
    }
  };

  const root = readValue(0);
  skipSpace();
  if (position < text.length) fail("the end of the file");
  return root;
}
