import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocks, code, list, markdownText, marked, table, withCode } from "../../src/report/markdown.ts";
import { terminalText } from "../../src/report/text.ts";
import { elementsOf, renderedBy, textOf } from "../support/gfm.ts";
import { requireProgram } from "../support/programs.ts";

const cmark = requireProgram("cmark-gfm");

/** What sites make something of, in the text that a reader sees. */
const CALLS = [
  /@\w/, // somebody is called
  /#\d/, // an issue
  /\bGH-\d/i,
  /\bGHSA-\w/i,
  /\b[0-9a-f]{7,40}\b/i, // a commit
  /:[\w+-]+:/, // an emoji
  /\w:\/\//, // an address
  /www\./i,
];

const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "<!-- hidden --><details>",
  "]]> <![CDATA[",
  "@team and @org/team, mail me@example.com",
  "see #12, GH-12, other/repo#3, GHSA-abcd-efgh-ijkl",
  "commit 0123456789abcdef0123456789abcdef01234567, 0a1b2c3",
  "https://evil.example/x http://a.b www.evil.example mailto:a@b.example ftp://x",
  "[click](https://evil.example) ![img](https://evil.example/x.png) [ref]: http://x",
  "<https://evil.example>",
  "a | b || c \\| d",
  "`code` ``more`` ```",
  "**bold** __bold__ ~~gone~~ *it* _it_ snake_case",
  "# heading",
  "- [ ] task",
  "1. one",
  "> quote",
  "===",
  "line one\nline two\n\n# heading\n| a | b |\n|---|---|",
  "$x^2$ $$y$$ $`z`$",
  ":tada: :+1:",
  "&lt;b&gt; &#64;team &nbsp; &amp;",
  "::set-output name=x::y",
  "##[error]bad %0A::error::x",
  "[^1] [^1]: note",
  "\u202Ereversed \u200B\uFEFF zero",
  "trailing backslash \\",
  "    indented",
];

/** As a reader sees it: with the breaks of no width, which nobody sees, left out. */
const seen = (html: string) => textOf(html).replaceAll("\u200B", "").trim();

describe.skipIf(!cmark)("text of others as GitHub renders it", () => {
  const render = (markdown: string) => renderedBy(cmark!, markdown);
  const inCell = (text: string) => render(table(["a", "b"], [[marked`${text}`, marked`end`]]).markdown);

  test.each(HOSTILE)("%j is shown as it is and does nothing, in a line", (text) => {
    const html = render(marked`said: ${text}`.markdown);
    expect(elementsOf(html).filter((name) => name !== "span")).toEqual(["p"]);
    expect(seen(html)).toBe(`said: ${terminalText(text).trim()}`.trim());
    for (const call of CALLS) expect(textOf(html)).not.toMatch(call);
  });

  test.each(HOSTILE)("%j is shown as it is and does nothing, alone", (text) => {
    const html = render(markdownText(text));
    expect(elementsOf(html).filter((name) => name !== "span")).toEqual(["p"]);
    expect(seen(html)).toBe(terminalText(text).trim());
  });

  test.each(HOSTILE)("%j stays within its cell", (text) => {
    const html = inCell(text);
    expect(elementsOf(html).filter((name) => name !== "span")).toEqual(["table", "tbody", "td", "th", "thead", "tr"]);
    const cells = [...html.matchAll(/<td>(.*?)<\/td>/gs)].map(([, cell]) => seen(cell!));
    expect(cells).toEqual([terminalText(text).trim(), "end"]);
  });

  test("holds for every text", { timeout: 60_000 }, () => {
    const pieces = [
      "@",
      "#",
      "1",
      "`",
      "``",
      "|",
      "\\",
      "<",
      ">",
      "&",
      "[",
      "](",
      ")",
      "!",
      "*",
      "_",
      "~",
      "$",
      ":",
      "/",
      "www.",
      "GH-",
      "-",
      "\n",
      " ",
      "a",
      "http:",
    ];
    const texts = fc.sample(
      fc
        .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 30 })
        .map((parts) => parts.join("")),
      1_500,
    );
    // One table for all of them: each must come out whole, in a row of its own.
    const rows = texts.map((text) => [marked`x${text}x`, marked`end`]);
    const html = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400]
      .map((from) => render(table(["a", "b"], rows.slice(from, from + 100)).markdown))
      .join("");
    const cells = [...html.matchAll(/<td>(.*?)<\/td>/gs)].map(([, cell]) => cell!);
    expect(cells).toHaveLength(2 * texts.length);
    texts.forEach((text, index) => {
      const cell = cells[2 * index]!;
      expect(elementsOf(cell).filter((name) => name !== "span")).toEqual([]);
      expect(seen(cell)).toBe(`x${terminalText(text).trim()}x`);
      for (const call of CALLS) expect(textOf(cell)).not.toMatch(call);
    });
  });

  test("and within a sentence that has code, whatever backticks the text adds", () => {
    const pieces = ["`", "``", " ", "|", "\\", "<b>", "@a", "$", "*x*", "a", "https://x.example", "\n"];
    const texts = fc.sample(
      fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join("")),
      100,
    );
    const rows = texts.map((text) => [withCode(`the key \`${text}\` is none, did you mean ${text} or \`b\`?`)]);
    const cells = [...render(table(["a"], rows).markdown).matchAll(/<td>(.*?)<\/td>/gs)].map(([, cell]) => cell!);
    expect(cells).toHaveLength(texts.length);
    const bare = (text: string) => text.replaceAll(/[`\s\u200B]/g, "");
    texts.forEach((text, index) => {
      const cell = cells[index]!;
      expect(elementsOf(cell).filter((name) => name !== "span" && name !== "code")).toEqual([]);
      expect(bare(textOf(cell))).toBe(bare(`the key ${terminalText(text)} is none, did you mean ${terminalText(text)} or b?`));
      // In code, sites look for nothing.
      const outside = textOf(cell.replace(/<code>.*?<\/code>/gs, " "));
      for (const call of CALLS) expect(outside).not.toMatch(call);
    });
  });

  test("a sentence of ours keeps its commands as code, and what stands in it as text", () => {
    const html = render(withCode('next: `rollout resume shop --reason "…"` when @team | may').markdown);
    expect(elementsOf(html)).toEqual(["code", "p"]);
    expect(seen(html)).toBe('next: rollout resume shop --reason "…" when @team | may');
    expect(seen(render(withCode("an odd ` <b>backtick</b>").markdown))).toBe("an odd ` <b>backtick</b>");
    expect(render(withCode("an odd ` <b>backtick</b>").markdown)).not.toContain("<b>");
  });

  test("blocks stand apart, whatever they are", () => {
    const html = render(
      blocks(marked`### ${"one"}`, list([marked`a`, marked`b`]), table(["h"], [[marked`c`]]), marked`last`, table(["none"], [])).markdown,
    );
    expect(elementsOf(html)).toEqual(["h3", "li", "p", "table", "tbody", "td", "th", "thead", "tr", "ul"]);
  });
});

test("a name is code only where it can be nothing else", () => {
  expect(code("checkout-2").markdown).toBe("`checkout-2`");
  expect(code("a`b").markdown).toBe("a\\`b");
  expect(code("a b@c").markdown).toBe("a b@\u200Bc");
});

test("a text that is too long is cut, and a table and a list say how much more there is", () => {
  expect([...markdownText("x".repeat(5_000))]).toHaveLength(1_000);
  const many = Array.from({ length: 150 }, (_, index) => marked`${index}`);
  expect(list(many).markdown.split("\n").at(-1)).toBe("- … and 50 more");
  expect(
    table(
      ["a", "b"],
      many.map((each) => [each, each]),
    )
      .markdown.split("\n")
      .at(-1),
  ).toBe("| … and 50 more |  |");
});
