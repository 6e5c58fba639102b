import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { counterQuery } from "../../src/metrics/queries.ts";
import { formatSelector, forGroup, labelMatcher, parseSelector, SelectorError } from "../../src/metrics/selector.ts";

describe("a selector", () => {
  test.each<[string, string]>([
    ["up", "up"],
    ["up{}", "up"],
    [' http:requests_total { code = "500" , } ', 'http:requests_total{code="500"}'],
    ["{__name__='x_total',a!=\"b\"}", 'x_total{a!="b"}'],
    ["x{a=~`5\\d+`,b!~'c|d'}", 'x{a=~"5\\\\d+",b!~"c|d"}'],
    ['x{a="q\\"b\\\\n\\n"}', 'x{a="q\\"b\\\\n\\n"}'],
    ["x{a='it\\'s \"quoted\"'}", 'x{a="it\'s \\"quoted\\""}'],
    ['x{a="\\u00e9\\x41"}', 'x{a="éA"}'],
    ['x{a="},{"}', 'x{a="},{"}'],
    ['{__name__="my.metric"}', '{__name__="my.metric"}'],
  ])("%s is read", (text, formatted) => {
    expect(formatSelector(parseSelector(text))).toBe(formatted);
    expect(parseSelector(formatted)).toEqual(parseSelector(text));
  });

  test.each<[string, RegExp]>([
    ["", /name of the metric is missing/],
    ['{a="b"}', /name of the metric is missing/],
    ["{}", /name of the metric is missing/],
    ['{__name__=~"a|b"}', /one metric/],
    ['x{__name__="y"}', /named twice: x and y/],
    ["rate(x[5m])", /rate\(x\[5m\]\) is a function or an aggregation: write a plain selector/],
    ["sum(x)", /is a function or an aggregation/],
    ["x[5m]", /has no range \[5m\]/],
    ['x{a="b"}[5m]', /has no range/],
    ["x offset 1h", /offset 1h is not part of a selector/],
    ["x @ 123", /@ 123 is not part of a selector/],
    ["x + y", /\+ y is not part of a selector/],
    ["x{a=b}", /value of the label a needs quotes: a="…"/],
    ["x{a}", /expected = or != or =~ or !~ after the label a/],
    ['x{a=="b"}', /needs quotes/],
    ['x{a="b" c="d"}', /expected a comma or }/],
    ['x{a="b"', /expected a comma or }/],
    ['x{"a"="b"}', /expected a label before/],
    ['x{a=~"("}', /pattern of the label a cannot be used: a group is not closed/],
    ['x{a=~"(?=b)"}', /cannot be used: groups are/],
    ['x_{{group}}{a="b"}', /stands for the value of a label/],
    ["x{a={{group}}}", /stands for the value of a label, in quotes/],
    ['{__name__="x_{{group}}"}', /not for a name/],
    ['x{a="{{variant}}"}', /{{variant}} is not known/],
    ['x{a="\\d"}', /\\d is not an escape that Prometheus knows: write \\\\d/],
    [`x{a="${"b".repeat(4000)}"}`, /at most 4000 characters/],
  ])("%s is refused, with what to write", (text, message) => {
    expect(() => parseSelector(text)).toThrow(SelectorError);
    expect(() => parseSelector(text)).toThrow(message);
    expect(counterQuery.safeParse({ counter: text }).success).toBe(false);
  });

  test("from a plan that was not quoted is refused with a hint", () => {
    expect(counterQuery.safeParse({ counter: { "x{a": "b" } }).error?.issues[0]?.message).toContain("expected a selector in quotes");
  });
});

describe("a group's label", () => {
  const anyLabel = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom('"', "\\", "\n", '\\"}', "$&", "{{group}}", "a|b", ".*"));

  test("is put in literally, whatever is in it: the selector matches that label alone", () => {
    fc.assert(
      fc.property(anyLabel, anyLabel, (label, other) => {
        for (const operator of ["=", "=~"]) {
          const selector = forGroup(parseSelector(`x{v${operator}"{{group}}"}`), label);
          // What is sent reads back as the same; only a placeholder of its own would not.
          if (!label.includes("{")) expect(parseSelector(formatSelector(selector))).toEqual(selector);
          const matches = labelMatcher(selector);
          expect(matches(new Map([["v", label]]))).toBe(true);
          expect(matches(new Map([["v", other]]))).toBe(other === label);
        }
      }),
    );
  });

  test("stands in the middle of a value as well", () => {
    expect(formatSelector(forGroup(parseSelector('x{v="shop-{{group}}",w=~"{{group}}|all"}'), "a.b"))).toBe(
      'x{v="shop-a.b",w=~"a\\\\.b|all"}',
    );
  });
});

test("any text is a selector or refused, at once", () => {
  const pieces = fc.array(
    fc.constantFrom("x", "{", "}", "a", "=", "=~", '"', "'", "`", "\\", ",", "{{group}}", " ", "[5m]", "(", "b*", "__name__"),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        pieces.map((parts) => parts.join("")),
      ),
      (text) => {
        const begun = performance.now();
        try {
          parseSelector(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SelectorError);
        }
        expect(performance.now() - begun).toBeLessThan(500);
      },
    ),
    { numRuns: 5000 },
  );
});
