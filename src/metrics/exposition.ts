import { quote } from "./selector.ts";

/** The text that a service shows at `/metrics`: the Prometheus text format, and OpenMetrics. */

export interface Sample {
  /** Without the name; labels with an empty value are left out, as if they were not there. */
  labels: ReadonlyMap<string, string>;
  /** May be NaN or infinite. */
  value: number;
}

export interface Exposition {
  /** By name, the samples of the metrics that were wanted, in the order of the text. */
  samples: Map<string, Sample[]>;
  /** By name, what `# TYPE` says. */
  types: Map<string, string>;
  /** The names of all samples, so that a misspelt one can be told. */
  names: Set<string>;
}

const TYPE_LINE = /^#[ \t]+TYPE[ \t]+("(?:[^"\\]|\\.)*"|[^\s"]+)[ \t]+(\S+)/;
const VALUE = /[ \t]*([^\s]+)/y;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*|"(?:[^"\\]|\\.)*")[ \t]*(=?)[ \t]*("(?:[^"\\]|\\.)*")?[ \t]*(,?)[ \t]*/y;
const AFTER_VALUE = /^(?:[ \t]+[+-]?[0-9.eE+-]+)?[ \t]*(?:#.*)?$/;

/**
 * Reads a whole answer. `strict` is for OpenMetrics, which has to end in `# EOF`. Never throws: what is wrong with the
 * text is returned as a sentence, because one line that cannot be read makes all numbers doubtful.
 */
export function parseExposition(text: string, wanted: ReadonlySet<string>, strict: boolean): Exposition | { problem: string } {
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text)) return { problem: "it is an HTML page, not metrics" };
  const exposition: Exposition = { samples: new Map(), types: new Map(), names: new Set() };
  let ended = false;
  let number = 0;
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from);
    // A text cut in the middle of a number would read as another number.
    if (newline === -1 && !(text.slice(from) === "# EOF")) return { problem: "it ends in the middle of a line" };
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(from, text[end - 1] === "\r" ? end - 1 : end);
    from = end + 1;
    number++;
    if (line === "# EOF") ended = true;
    else if (line.startsWith("#")) readComment(line, exposition);
    else if (line.trim() !== "" && !readSample(line, wanted, exposition))
      return { problem: `line ${number} is not a sample: ${line.trim().slice(0, 60)}` };
  }
  if (strict && !ended) return { problem: "it ends without # EOF: it was cut off" };
  return exposition;
}

function readComment(line: string, { types }: Exposition): void {
  const match = TYPE_LINE.exec(line);
  if (match) types.set(match[1]!.startsWith('"') ? unescape(match[1]!) : match[1]!, match[2]!.toLowerCase());
}

/** Whether the line is a sample; it is kept when its metric is wanted. */
function readSample(line: string, wanted: ReadonlySet<string>, { samples, names }: Exposition): boolean {
  let at = line.length - line.trimStart().length;
  NAME.lastIndex = at;
  let name = NAME.exec(line)?.[0];
  at += name?.length ?? 0;
  const labels = new Map<string, string>();
  while (line[at] === " " || line[at] === "\t") at++;
  if (line[at] === "{") {
    at++;
    let comma = true;
    while (line[at] !== "}") {
      LABEL.lastIndex = at;
      const match = LABEL.exec(line);
      if (!match || !comma) return false;
      at = LABEL.lastIndex;
      comma = match[4] === ",";
      if (match[2] === "" && match[3] === undefined && match[1]!.startsWith('"') && name === undefined) name = unescape(match[1]!);
      else if (match[2] === "=" && match[3] !== undefined) {
        const label = match[1]!.startsWith('"') ? unescape(match[1]!) : match[1]!;
        const value = unescape(match[3]);
        if (labels.has(label)) return false;
        if (value !== "") labels.set(label, value);
      } else return false;
    }
    at++;
  }
  if (name === undefined) return false;
  VALUE.lastIndex = at;
  const value = parseValue(VALUE.exec(line)?.[1] ?? "");
  if (value === undefined || !AFTER_VALUE.test(line.slice(VALUE.lastIndex))) return false;
  names.add(name);
  if (wanted.has(name)) {
    const sample = { labels, value };
    const known = samples.get(name);
    if (known) known.push(sample);
    else samples.set(name, [sample]);
  }
  return true;
}

/** A number as both texts write it, which may be NaN or infinite; nothing when it is none. */
export function parseValue(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const lower = text.toLowerCase();
  if (lower === "nan") return NaN;
  if (/^\+?inf(inity)?$/.test(lower)) return Infinity;
  return /^-inf(inity)?$/.test(lower) ? -Infinity : undefined;
}

function unescape(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gs, (all, character: string) => {
    if (character === "n") return "\n";
    return character === "\\" || character === '"' ? character : all;
  });
}

/** A series as people and queries write it, its labels sorted: the same series always gives the same text. */
export function seriesText(name: string, labels: ReadonlyMap<string, string>): string {
  const parts = [...labels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, value]) => `${label}=${quote(value)}`);
  return parts.length > 0 ? `${name}{${parts.join(",")}}` : name;
}
