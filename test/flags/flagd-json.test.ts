import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { getIn, JsonSyntaxError, setAll, type Json } from "../../src/flags/flagd-json.ts";

describe("reading", () => {
  test("takes what JSON.parse takes, and nothing else", () => {
    const texts = [
      "{}",
      " [1, 2.5e-3,-0] ",
      '"a\\u00fc\\n\\""',
      "null",
      "true",
      "[[],{}]",
      '{"a":1,"a":2}',
      "",
      "{",
      "[1,]",
      "{,}",
      '{"a"}',
      '{"a":1,}',
      "01",
      "1.",
      "+1",
      "nul",
      "truex",
      '"\n"',
      '"\\x"',
      '"open',
      "1 2",
      "[1}",
      "'a'",
      "\ufeff{}",
      "// c\n1",
      "NaN",
      "-",
      "1e",
      "{a:1}",
    ];
    for (const text of texts) {
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        expect(() => getIn(text, []), text).toThrow(JsonSyntaxError);
        continue;
      }
      expect(getIn(text, []), text).toEqual(expected);
    }
  });

  test("agrees with JSON.parse on any value, however it is laid out", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2, "\t"), (value, space) => {
        expect(getIn(JSON.stringify(value, undefined, space), [])).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("says where it failed", () => {
    const at = (text: string) => {
      try {
        getIn(text, []);
      } catch (error) {
        if (error instanceof JsonSyntaxError) return [error.line, error.column];
      }
      return undefined;
    };
    expect(at('{\n  "a": 1,\n  b: 2\n}')).toEqual([3, 3]);
    expect(at('{"a": 1 "b": 2}')).toEqual([1, 9]);
    expect(at("[".repeat(100_000))).toEqual([1, 202]);
  });

  test("of a key that is there twice takes the last", () => {
    expect(getIn('{"a":{"b":1},"a":{"b":2}}', ["a", "b"])).toBe(2);
    expect(getIn('{"a":1}', ["a", "b"])).toBeUndefined();
  });
});

describe("setting", () => {
  test("changes nothing but the value, whatever the text", () => {
    const text = '{"z" : 1.0,\n\n "big":12345678901234567890, "10": 1, "2": [ 1,2 ] , "a": { "x": 1e2 } }';
    expect(setAll(text, [[["a", "x"], 5]])).toBe(text.replace("1e2", "5"));
    expect(setAll(text, [[["a", "x"], 100]])).toBe(text);
    expect(setAll(text, [[["a", "y"], true]])).toBe(text.replace("1e2", '1e2, "y": true'));
  });

  test("lays what is new out as the text is", () => {
    expect(setAll('{\n    "a": {}\n}\n', [[["a", "b"], { c: [1, 2] }]])).toBe('{\n    "a": {\n        "b": { "c": [1, 2] }\n    }\n}\n');
    expect(setAll('{\n\t"a": 1\n}', [[["b"], "x".repeat(100)]])).toBe(`{\n\t"a": 1,\n\t"b": "${"x".repeat(100)}"\n}`);
  });

  test("lays a text on one line out anew, tokens as they are", () => {
    const text = `{"flags":{"10":{"v":1.0,"long":"${"x".repeat(80)}"},"2":{}}}\n`;
    const changed = setAll(text, [[["flags", "n"], { a: 1 }]]);
    expect(changed.split("\n").slice(0, 4)).toEqual(["{", '  "flags": {', '    "10": {', '      "v": 1.0,']);
    expect(changed.endsWith("}\n")).toBe(true);
  });

  test("then getting gives the value, and every other key is as before", () => {
    const key = fc.constantFrom("a", "b", "1", "__proto__", "ü");
    const object = fc.dictionary(key, fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.dictionary(key, fc.jsonValue({ maxDepth: 1 }))));
    fc.assert(
      fc.property(object, key, fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(0, 1, 4, "\t"), (before, path, value, space) => {
        const text = JSON.stringify(before, undefined, space);
        const plain = JSON.parse(JSON.stringify(value)) as Json;
        const changed = setAll(text, [[[path], plain]]);
        expect(getIn(changed, [path])).toEqual(plain);
        for (const other of Object.keys(before)) if (other !== path) expect(getIn(changed, [other])).toEqual(getIn(text, [other]));
        expect(setAll(changed, [[[path], plain]])).toBe(changed);
      }),
    );
  });
});
