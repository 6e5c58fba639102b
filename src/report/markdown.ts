import { terminalText } from "./text.ts";

/** Markdown that may be shown as it is: our own words, with everything else escaped. It comes of `marked`. */
export interface Markdown {
  readonly markdown: string;
}

/** The most characters of one text: a summary that is too large is not shown at all. */
const MOST_CHARACTERS = 1_000;
/** The most rows of one table. */
const MOST_ROWS = 100;
/** Breaks a word where it must not be read as one, without being seen. What others wrote has none left by then. */
const BREAK = "\u200B";

/**
 * Any text as one line of Markdown that shows it, and nothing else. Plans, metrics and ledgers are written by others, and
 * what comes of this is posted in our name, so a text must not:
 * - be Markdown or HTML, or end the cell or the line that it stands in
 * - call somebody (`@team`), refer to an issue or a commit, or become a link, an emoji or a formula: sites look for these
 *   in what is rendered, where an escape is gone already, so they are broken by a space of no width
 */
export function markdownText(text: string): string {
  return cut(terminalText(text).trim())
    .replace(/@|#(?=\w)|:(?=\S)|www(?=\.)|(?<![a-z0-9])GH(SA)?-(?=\w)/gi, (found) => `${found}${BREAK}`)
    .replace(/[0-9a-f]{7,}/gi, (run) => run.match(/.{1,6}/g)!.join(BREAK))
    .replace(/[\\`*_[\]~]/g, "\\$&")
    .replace(/[&<>|]/g, (character) => `&#${character.codePointAt(0)};`)
    .replaceAll("$", "<span>$</span>")
    .replace(/^[-+=#]/, "\\$&")
    .replace(/^(\d+)([.)])/, "$1\\$2");
}

function cut(text: string): string {
  const characters = [...text];
  return characters.length <= MOST_CHARACTERS ? text : `${characters.slice(0, MOST_CHARACTERS - 1).join("")}…`;
}

/**
 * Markdown of our own with values in it: each text is escaped, each piece of Markdown stands as it is. (A tag named `md`
 * would have its templates reformatted by prettier.)
 */
export function marked(words: TemplateStringsArray, ...values: (string | number | Markdown)[]): Markdown {
  const shown = values.map((value) => (typeof value === "object" ? value.markdown : markdownText(String(value))));
  return { markdown: String.raw({ raw: words }, ...shown) };
}

/** A name, a hash or the like in the type of code, where it cannot be anything else; any other text as text. */
export function code(text: string): Markdown {
  return /^[\w.-]+$/.test(text) ? { markdown: `\`${text}\`` } : marked`${text}`;
}

/** A sentence with code between backticks. What others put into it is text or code, whatever backticks they add. */
export function withCode(sentence: string): Markdown {
  const parts = sentence.split("`");
  // One that is not closed is no code.
  if (parts.length % 2 === 0) return joined(parts.map(spaced), "\\`");
  const shown = parts.map((part, index): Markdown => {
    if (index % 2 === 1)
      return part === "" ? { markdown: "\\`\\`" } : { markdown: `\`${cut(terminalText(part)).replaceAll("|", "\\|")}\`` };
    // Backticks of two codes must not become one run.
    return part === "" && index > 0 && index < parts.length - 1 ? { markdown: BREAK } : spaced(part);
  });
  return joined(shown, "");
}

/** The blanks around a part of a sentence belong to it. */
function spaced(part: string): Markdown {
  const text = markdownText(part);
  const before = /^\s/.test(part) ? " " : "";
  const after = /\s$/.test(part) && text !== "" ? " " : "";
  return { markdown: `${before}${text}${after}` };
}

export function joined(parts: readonly Markdown[], between: string): Markdown {
  return { markdown: parts.map(({ markdown }) => markdown).join(between) };
}

/** Blocks one below the other, each a paragraph, a heading, a list or a table; those that hold nothing are left out. */
export function blocks(...parts: readonly Markdown[]): Markdown {
  const there = parts.filter(({ markdown }) => markdown !== "");
  return { markdown: there.map(({ markdown }) => `${markdown.trimEnd()}\n`).join("\n") };
}

/** A table; nothing where it would have no rows. */
export function table(head: readonly string[], rows: readonly (readonly Markdown[])[]): Markdown {
  if (rows.length === 0) return { markdown: "" };
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const shown = rows.slice(0, MOST_ROWS).map((cells) => line(cells.map(({ markdown }) => markdown)));
  const rest = rows.length - shown.length;
  const more = rest > 0 ? [line(head.map((_, column) => (column === 0 ? `… and ${rest} more` : "")))] : [];
  return { markdown: [line(head.map(markdownText)), line(head.map(() => "---")), ...shown, ...more].join("\n") };
}

export function list(items: readonly Markdown[]): Markdown {
  const shown = items.slice(0, MOST_ROWS).map(({ markdown }) => `- ${markdown}`);
  const rest = items.length - shown.length;
  return { markdown: [...shown, ...(rest > 0 ? [`- … and ${rest} more`] : [])].join("\n") };
}
