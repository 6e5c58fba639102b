import { execFileSync } from "node:child_process";

const EXTENSIONS = ["table", "autolink", "strikethrough", "tasklist", "footnotes"];

/**
 * What GitHub's own Markdown makes of a text: HTML, with its tables, its links and whatever HTML was written in it.
 *
 * @param program the path of `cmark-gfm`
 */
export function renderedBy(program: string, markdown: string): string {
  const options = ["--unsafe", ...EXTENSIONS.flatMap((name) => ["--extension", name])];
  return execFileSync(program, options, { input: markdown, encoding: "utf8" });
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** The text that a reader of the HTML sees. */
export function textOf(html: string): string {
  return html.replace(/<[^>]*>/g, "").replace(/&(amp|lt|gt|quot);/g, (_, name: string) => NAMED[name]!);
}

/** The names of the elements in HTML, each once. */
export function elementsOf(html: string): string[] {
  return [...new Set([...html.matchAll(/<([a-z!][\w-]*)/gi)].map(([, name]) => name!))].sort();
}
