import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anchoredPattern, escapePattern, PatternError } from "../../src/metrics/regex.ts";

test.each<[string, string, boolean]>([
  ["5..", "503", true],
  ["5..", "5030", false],
  ["5..", "1503", false],
  ["", "", true],
  ["", "x", false],
  [".*", "", true],
  [".+", "", false],
  ["a|bc", "bc", true],
  ["a|bc", "ac", false],
  ["(a|b)*c", "abbac", true],
  ["(?:on|off)-staff", "off-staff", true],
  ["(?i)GET", "get", true],
  ["GET", "get", false],
  ["^on$", "on", true],
  ["o^n", "on", false],
  ["x{2,3}", "xx", true],
  ["x{2,3}", "xxxx", false],
  ["x{2,}", "xxxxx", true],
  ["x{2}", "xxx", false],
  ["x{,2}", "x{,2}", true],
  ["a{", "a{", true],
  ["[^45]..", "503", false],
  ["[^45]..", "200", true],
  ["[a\\-z]+", "a-z", true],
  ["[a\\-z]+", "b", false],
  ["[]a]+", "]a", true],
  ["[\\d.]+", "1.2", true],
  ["\\d+\\.\\d+", "10.25", true],
  ["\\w+\\s\\S", "ab c", true],
  ["/api/v1/.*", "/api/v1/users", true],
  ["a.c", "a\nc", true],
  ["😀?.", "x", true],
  ["[😀-😂]", "😁", true],
  ["a*?b", "aab", true],
  ["a]b}", "a]b}", true],
])("%s matches %j: %s", (pattern, text, expected) => {
  expect(anchoredPattern(pattern)(text)).toBe(expected);
});

test.each([
  "(",
  ")",
  "a)",
  "(a",
  "*",
  "{2}",
  "a**",
  "a+*",
  "[a",
  "[b-a]",
  "\\",
  "(?=a)",
  "(?<n>a)",
  "\\1",
  "\\b",
  "\\pL",
  "[[:alpha:]]",
  "x{2000}",
  "x{3,2}",
  "(x{1000}){1000}",
  "a".repeat(1001),
  "(".repeat(60) + ")".repeat(60),
])("%s is refused", (pattern) => {
  expect(() => anchoredPattern(pattern)).toThrow(PatternError);
});

describe("the time is linear in the text", () => {
  test.each([
    "(a+)+b",
    "(a|a)*b",
    "(a|aa)+b",
    ".*.*.*.*.*.*.*b",
    "(.*)*b",
    "(a?){50}a{50}b",
    "((a*)*)*b",
    "((((){1000}){1000}){1000}){1000}b",
    "(((a{0}){1000}){1000}){1000}b",
  ])("%s", (pattern) => {
    const matches = anchoredPattern(pattern);
    const begun = performance.now();
    expect(matches("a".repeat(5000))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

/** Nothing where JavaScript refuses: it does not repeat ^ and $. */
function asJavaScript(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`, "s");
  } catch {
    return undefined;
  }
}

test("what both know, it decides as JavaScript's own engine does", () => {
  const piece = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\d", "0", "(", ")", "(?:", "|", "*", "+", "?", "{2}", "{1,2}", "^", "$");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 10 }),
      fc.array(fc.stringMatching(/^[ab0]{0,6}$/), { minLength: 5, maxLength: 5 }),
      (pieces, texts) => {
        const pattern = pieces.join("");
        let matches: (text: string) => boolean;
        try {
          matches = anchoredPattern(pattern);
        } catch (error) {
          expect(error).toBeInstanceOf(PatternError);
          return;
        }
        const reference = asJavaScript(pattern);
        if (!reference) return;
        for (const text of texts) expect(`${text} ${matches(text)}`).toBe(`${text} ${reference.test(text)}`);
      },
    ),
    { numRuns: 20_000 },
  );
});

test("an escaped text matches itself and nothing else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), fc.string({ maxLength: 20 }), (text, other) => {
      const matches = anchoredPattern(escapePattern(text));
      expect(matches(text)).toBe(true);
      expect(matches(other)).toBe(other === text);
    }),
  );
});

test("any text is a pattern or refused", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (pattern, text) => {
      try {
        anchoredPattern(pattern)(text);
      } catch (error) {
        expect(error).toBeInstanceOf(PatternError);
      }
    }),
    { numRuns: 5000 },
  );
});
