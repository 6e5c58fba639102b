import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { terminalText } from "../../src/report/text.ts";

describe("text of others on a terminal", () => {
  test.each([
    ["stays as it is when it is plain", "Größe 5% – 日本 😀 a::b # c", "Größe 5% – 日本 😀 a::b # c"],
    ["is one line", "a\nb\r\nc\td\u2028e", "a b c d e"],
    ["does not steer the terminal", "\u001B[31mred\u0007\u009B2J", "<U+001B>[31mred<U+0007><U+009B>2J"],
    ["does not reorder what stands beside it", "abc\u202Etxt\u2066.exe\u200F", "abc<U+202E>txt<U+2066>.exe<U+200F>"],
    ["hides no letters", "pay\u200Bload\uFEFF\u{E0041}", "pay<U+200B>load<U+FEFF><U+E0041>"],
    ["has no half characters", "a\uD83Db", "a<U+D83D>b"],
    ["is no command of GitHub's", "::error file=a::b", ": :error file=a::b"],
    ["nor after blanks", "  \n::set-output name=x::y", "   : :set-output name=x::y"],
    ["nor of the old kind", "ok ##[error]bad", "ok # #[error]bad"],
    ["nor one of Azure's", "##vso[task.setvariable]x", "# #vso[task.setvariable]x"],
    ["nor one of TeamCity's", "a ##teamcity[x]", "a # #teamcity[x]"],
  ])("%s", (_, text, shown) => {
    expect(terminalText(text)).toBe(shown);
  });

  test("holds for every text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(":", "::", "#", "##", "[", "vso[", " ", "\n"))),
        (parts) => {
          const shown = terminalText(parts.join(""));
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
          expect(shown).not.toMatch(/^\s*::|##\w*\[/);
        },
      ),
    );
  });
});
