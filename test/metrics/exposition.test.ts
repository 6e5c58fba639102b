import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseExposition, seriesText, type Exposition } from "../../src/metrics/exposition.ts";

function parse(text: string, strict = false): Exposition {
  const names = new Set(["x_total", "x", "x_bucket", "x_count", "my.metric"]);
  const result = parseExposition(text, names, strict);
  if ("problem" in result) throw new Error(result.problem);
  return result;
}

function seriesOf(text: string, strict = false): [string, number][] {
  return [...parse(text, strict).samples].flatMap(([name, samples]) =>
    samples.map(({ labels, value }): [string, number] => [seriesText(name, labels), value]),
  );
}

describe("a line is read:", () => {
  test.each<[string, [string, number]]>([
    ["x_total 1", ["x_total", 1]],
    ["x_total{} 1", ["x_total", 1]],
    ['  x_total\t{ a = "b" , }\t 1.5 ', ['x_total{a="b"}', 1.5]],
    ['x_total{b="2",a="1"} 3 1395066363000', ['x_total{a="1",b="2"}', 3]],
    ['x_total{a="q\\"b\\\\c\\nd"} 1', ['x_total{a="q\\"b\\\\c\\nd"}', 1]],
    ['x_total{a="} 7",b="{,"} 2', ['x_total{a="} 7",b="{,"}', 2]],
    ['x_total{a=""} 2', ["x_total", 2]],
    ["x_total 1.7560473e+07", ["x_total", 17_560_473]],
    ["x_total +Inf", ["x_total", Infinity]],
    ["x_total -Inf", ["x_total", -Infinity]],
    ["x_total NaN", ["x_total", NaN]],
    ["x_total .5", ["x_total", 0.5]],
    ['x_bucket{le="0.5"} 129389 # {trace_id="KOO5S4vxi0o"} 0.67 1520879607.789', ['x_bucket{le="0.5"}', 129_389]],
    ["x_total 17 1520879607.789 # {} 1", ["x_total", 17]],
    ['{"my.metric",a="b"} 4', ['my.metric{a="b"}', 4]],
    ['x_total{"a.b"="c"} 4', ['x_total{a.b="c"}', 4]],
    ["x_total 5\r", ["x_total", 5]],
  ])("%j", (line, expected) => {
    expect(seriesOf(`${line}\n`)).toEqual([expected]);
  });
});

describe("a text is refused with", () => {
  test.each<[string, string, RegExp]>([
    ["no value", "x_total\n", /line 1 is not a sample/],
    ["a word for a value", "# HELP\nx_total one\n", /line 2 is not a sample: x_total one/],
    ["a comma for a point", "x_total 1,5\n", /not a sample/],
    ["a hexadecimal value", "x_total 0x10\n", /not a sample/],
    ["an open brace", 'x_total{a="b" 1\n', /not a sample/],
    ["an open quote", 'x_total{a="b} 1\n', /not a sample/],
    ["no comma between labels", 'x_total{a="b"c="d"} 1\n', /not a sample/],
    ["a label without quotes", "x_total{a=b} 1\n", /not a sample/],
    ["a label twice", 'x_total{a="b",a="c"} 1\n', /not a sample/],
    ["more after the value", "x_total 1 2 3\n", /not a sample/],
    ["JSON", '{"status":"ok"}\n', /not a sample/],
    ["HTML", "\n <!DOCTYPE html>\n", /HTML page/],
    ["a cut line", "x_total 1\nx_total 12", /middle of a line/],
  ])("%s", (_, text, problem) => {
    expect(() => parse(text)).toThrow(problem);
  });
});

test("OpenMetrics ends in # EOF, or was cut off", () => {
  const text = "# TYPE x counter\n# UNIT x y\nx_total 1\nx_created 1.5e9\n# EOF";
  expect(seriesOf(`${text}\n`, true)).toEqual([["x_total", 1]]);
  expect(seriesOf(text, true)).toEqual([["x_total", 1]]);
  expect(() => parse("x_total 1\n", true)).toThrow(/without # EOF/);
});

test("types and the names of all that is there are told", () => {
  const { types, names, samples } = parse("# HELP x what\n# TYPE x gauge\nx 1\nother 2\n");
  expect(types.get("x")).toBe("gauge");
  expect([...names]).toEqual(["x", "other"]);
  expect([...samples.keys()]).toEqual(["x"]);
});

test("whatever labels and values a process has, they come back", () => {
  const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/);
  fc.assert(
    fc.property(fc.dictionary(label, fc.string({ unit: "binary" }), { noNullPrototype: true }), fc.double(), (labels, value) => {
      const escape = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
      const text = Object.entries(labels).map(([name, its]) => `${name}="${escape(its)}"`);
      const shown = Number.isNaN(value) ? "NaN" : value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
      const [sample] = parse(`x_total{${text.join(",")}} ${shown}\n`).samples.get("x_total")!;
      expect(Object.fromEntries(sample!.labels)).toEqual(Object.fromEntries(Object.entries(labels).filter(([, its]) => its !== "")));
      expect(sample!.value).toBe(value + 0); // There is no −0 in a text.
    }),
  );
});

test("any text is read or refused, at once", () => {
  const piece = fc.constantFrom(
    "x_total",
    "{",
    "}",
    'a="b"',
    '"',
    "\\",
    ",",
    " ",
    "1",
    "\n",
    "#",
    "# EOF",
    "# TYPE x counter",
    "NaN",
    "\r",
    "\t",
    "=",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(piece, { maxLength: 60 }).map((parts) => parts.join("")),
      ),
      fc.boolean(),
      (text, strict) => {
        const result = parseExposition(text, new Set(["x_total"]), strict);
        expect("problem" in result || result.samples.size >= 0).toBe(true);
      },
    ),
    { numRuns: 10_000 },
  );
});

test.each([
  ["spaces", `x_total${" ".repeat(1_000_000)}y\n`],
  ["spaces inside braces", `x_total{${" ".repeat(1_000_000)}y\n`],
  ["backslashes", `x_total{a="${"\\".repeat(999_999)}\n`],
  ["commas", `x_total{${",".repeat(1_000_000)}} 1\n`],
  ["digits", `x_total ${"1".repeat(1_000_000)}x\n`],
  ["a timestamp", `x_total 1 ${"1".repeat(1_000_000)}x\n`],
  ["a type", `# TYPE ${" ".repeat(1_000_000)}\n`],
  ["a quoted type", `# TYPE "${"\\\\".repeat(500_000)}\n`],
])("a line with a million %s takes no time", (_, text) => {
  const begun = performance.now();
  parseExposition(text, new Set(["x_total"]), false);
  expect(performance.now() - begun).toBeLessThan(1000);
});

test("ten megabytes of metrics are read within seconds", () => {
  const text = Array.from({ length: 100_000 }, (_, index) => `x_bucket{method="GET",path="/some/path/${index}",le="0.5"} ${index}\n`).join(
    "",
  );
  const begun = performance.now();
  expect(parse(text).samples.get("x_bucket")).toHaveLength(100_000);
  expect(performance.now() - begun).toBeLessThan(5000);
});
