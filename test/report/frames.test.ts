import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import { renderDiagnostics } from "../../src/report/frames.ts";
import { colourStyle } from "../../src/report/style.ts";

const bare: Diagnostic = {
  severity: "error",
  file: "plans/a.yaml",
  range: { line: 12, column: 9, endLine: 12, endColumn: 11 },
  path: "stages[2].bake",
  message: "expected a duration with its unit, found the number 30",
  mend: "write it with its unit: 30s, 30m, 30h",
  text: "30",
  excerpt: { text: "  bake: 30", from: 8, to: 10 },
};

describe("a frame", () => {
  test("says where, what and what to do, so that it can be pasted alone", () => {
    expect(renderDiagnostics([bare])).toBe(
      [
        "plans/a.yaml:12:9 error: stages[2].bake: expected a duration with its unit, found the number 30",
        "   12 |   bake: 30",
        "      |         ^^",
        "mend: write it with its unit: 30s, 30m, 30h",
        "",
      ].join("\n"),
    );
  });

  test("a warning is called one, and a frame about the whole plan needs no path", () => {
    const [first] = renderDiagnostics([{ ...bare, severity: "warning", path: "" }]).split("\n");
    expect(first).toBe("plans/a.yaml:12:9 warning: expected a duration with its unit, found the number 30");
  });

  test("the underline stands below what it is about, wide and hidden characters before it or not", () => {
    const text = "  日本\u202E: 30";
    const [, line, caret] = renderDiagnostics([{ ...bare, excerpt: { text, from: text.indexOf("30"), to: text.length } }]).split("\n");
    expect(line).toBe("   12 |   日本<U+202E>: 30");
    // Two columns for each wide letter, eight for the one that is shown by its number.
    expect(caret).toBe(`      | ${" ".repeat(2 + 4 + 8 + 2)}^^`);
  });

  test("nothing in it is taken for a command by a CI system, or steers the terminal", () => {
    const evil = "::error::x\u001B[2J##vso[a]\n::warning::y";
    const frames = renderDiagnostics([
      { ...bare, file: evil, path: evil, message: evil, mend: evil, excerpt: { text: evil, from: 0, to: 3 } },
    ]);
    expect(frames).not.toMatch(/^\s*::/m);
    expect(frames).not.toMatch(/##\w*\[|(?!\n)\p{Cc}/u);
    expect(frames.split("\n")).toHaveLength(5);
  });

  test("colour changes nothing but the colour", () => {
    const coloured = renderDiagnostics([bare], colourStyle);
    expect(coloured).not.toBe(renderDiagnostics([bare]));
    expect(stripVTControlCharacters(coloured)).toBe(renderDiagnostics([bare]));
  });

  test("of thousands the first hundred are shown, and how many more there are", () => {
    const frames = renderDiagnostics(Array.from({ length: 5_000 }, () => bare));
    expect(frames.match(/ error: /g)).toHaveLength(100);
    expect(frames.trimEnd().endsWith("… and 4900 more")).toBe(true);
  });
});
