import { describe, expect, test, vi } from "vitest";
import { diagnosticsOf, good, planOf, read, shortly, withLine } from "./fakes.ts";

const EVENTS = `    events: { counter: 'errors{group="{{group}}"}' }`;
const STAFF = '    staff: { attribute: email, endsWith: "@example.com" }';

async function said(text: string): Promise<string[]> {
  return (await diagnosticsOf(text)).map(shortly);
}

describe("a query that is not quoted gets one frame, with the hint to quote it", () => {
  const queries = [
    ["a selector", `errors{group="{{group}}",code=~"5.."}`, `'errors{group="{{group}}",code=~"5.."}'`],
    ["the group alone", "{{group}}", "'{{group}}'"],
    ["the group first", "{{group}}_errors", "'{{group}}_errors'"],
    ["brackets within brackets", `sum(rate(errors{group="{{group}}"}[5m]))`, `'sum(rate(errors{group="{{group}}"}[5m]))'`],
    ["quotes within", `errors{group='{{group}}'}`, `'errors{group=''{{group}}''}'`],
  ] as const;

  test.each(queries)("%s, in a flow map", async (_, query, mend) => {
    expect(await said(withLine(EVENTS, `    events: { counter: ${query} }`))).toEqual([
      `16:24 this query is not quoted, and YAML reads its braces as a map → put it in single quotes: ${mend}`,
    ]);
  });

  test("on a line of its own within a flow map", async () => {
    expect(await said(withLine(EVENTS, `    events: {\n      counter: errors{group="{{group}}"},\n    }`))).toEqual([
      `17:16 this query is not quoted, and YAML reads its braces as a map → put it in single quotes: 'errors{group="{{group}}"}'`,
    ]);
  });

  test("at the beginning of a plain value", async () => {
    expect(await said(withLine(EVENTS, "    events:\n      counter: {{group}}_errors"))).toEqual([
      "17:16 this query is not quoted, and YAML reads its braces as a map → put it in single quotes: '{{group}}_errors'",
    ]);
  });

  test("a plain value with braces further on is fine", async () => {
    const plan = await planOf(withLine(EVENTS, `    events:\n      counter: errors{group="{{group}}"}`));
    expect(plan.metrics["errors"]).toMatchObject({ events: { counter: `errors{group="{{group}}"}` } });
  });

  test("several of them get one each, and what else is wrong is shown too", async () => {
    const line = "  site: { source: prd, kind: rate, events: { counter: a{g={{group}}} }, total: { countr: b{g={{group}}} } }";
    const text = good.replace(/^ {2}site: .*$/m, line).replace("- 1%", "- 1");
    expect((await diagnosticsOf(text)).map(({ path }) => path)).toEqual([
      "metrics.site.source",
      "metrics.site.events.counter",
      "metrics.site.total.countr",
      "stages[0]",
    ]);
  });

  test("a reference to a secret gets its own hint", async () => {
    const text = good.replace('bearer: "${env:TOKEN}"', "bearer: ${env:TOKEN}");
    expect(await said(text)).toEqual([
      '11:62 this reference is not quoted, and YAML reads its brace as a map → put it in quotes: "${env:TOKEN}"',
    ]);
  });

  test("nothing is written to stderr, and no warning is emitted", async () => {
    const emitWarning = vi.spyOn(process, "emitWarning");
    const warn = vi.spyOn(console, "warn");
    await read(withLine(EVENTS, "    events: { counter: {{group}} }"));
    await read("{ {a: 1}: 2 }");
    expect(emitWarning).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe("words that other YAML reads as booleans", () => {
  test("on, off, yes and no are texts, as keys and as values", async () => {
    const text = withLine(
      "  backend: { type: fine, file: flags.json }",
      "  backend: { type: fine, file: flags.json }\n  treatment: yes\n  control: no",
    ).replace(STAFF, "    on: { attribute: off, in: [on, off, yes, no] }");
    const plan = await planOf(text);
    expect(plan.flag).toMatchObject({ treatment: "yes", control: "no" });
    expect(plan.audience.segments["on"]).toEqual({ rule: { attribute: "off", in: ["on", "off", "yes", "no"] } });
  });

  test("true and false are the variants of a boolean flag, quoted or not", async () => {
    const text = withLine(
      "  backend: { type: fine, file: flags.json }",
      "  backend: { type: fine, file: flags.json }\n  treatment: true\n  control: 'false'",
    );
    expect((await planOf(text)).flag).toMatchObject({ treatment: "true", control: "false" });
  });

  test.each([
    ["true", '8:5 the boolean true cannot be a key → put it in quotes: "true"'],
    ["12", '8:5 the number 12 cannot be a key → put it in quotes: "12"'],
    ["null", '8:5 nothing cannot be a key → put it in quotes: "null"'],
    ["~", '8:5 nothing cannot be a key → put it in quotes: "~"'],
  ])("the key %s has to be quoted", async (key, sentence) => {
    const shown = await said(withLine(STAFF, `    ${key}: { attribute: a, equals: b }`));
    expect(shown[0]).toBe(sentence);
  });

  test("a value keeps its type, since types count in rules", async () => {
    const plan = await planOf(withLine(STAFF, '    staff: { attribute: a, in: [true, "true", 1, "1", 1.5, null_, on] }'));
    expect(plan.audience.segments["staff"]?.rule).toMatchObject({ in: [true, "true", 1, "1", 1.5, "null_", "on"] });
  });
});

describe("numbers that read otherwise than they look", () => {
  test.each([
    ["010", "8:36 010 reads as 10 here and as an octal number elsewhere"],
    ["12345678901234567890", "8:36 12345678901234567890 is too large to be kept exactly"],
    [".inf", "8:36 .inf is no number that can be used here"],
    [".nan", "8:36 .nan is no number that can be used here"],
  ])("%s is refused", async (number, message) => {
    const shown = await said(withLine(STAFF, `    staff: { attribute: a, equals: ${number} }`));
    expect(shown).toEqual([`${message} → put it in quotes if it is text: "${number}"; or write the number plainly`]);
  });

  test("1.10 is warned of: the version would be 1.1", async () => {
    const reading = await read(withLine(STAFF, "    staff: { attribute: a, equals: 1.10 }"));
    expect(reading.valid && reading.warnings.map(shortly)).toEqual([
      '8:36 1.10 reads as the number 1.1 → put it in quotes if it is text: "1.10"; or write the number plainly',
    ]);
  });
});

describe("what YAML can do and a plan does not", () => {
  test("anchors and aliases are refused once, however many there are", async () => {
    const text = withLine("version: 1", "version: 1\nowner: &me growth\nhypothesis: *me\nrisks: [*me, *me]");
    expect(await said(text)).toEqual([
      "2:12 anchors and aliases are not read: &me (and 3 more) → write the value out in each place where it is needed",
    ]);
  });

  test("an alias to nothing is refused too", async () => {
    expect((await said(withLine("version: 1", "version: 1\nowner: *nobody")))[0]).toContain("anchors and aliases are not read: *nobody");
  });

  test("merges are refused", async () => {
    expect(await said(withLine("version: 1", "version: 1\n<<: { owner: growth }"))).toEqual([
      "2:1 merges (`<<`) are not read → write the keys out here",
    ]);
  });

  test("tags are refused", async () => {
    expect(await said(withLine("version: 1", "version: 1\nowner: !!str 5"))).toEqual([
      "2:14 tags (`!…`) are not read → remove the tag; put text in quotes",
    ]);
  });

  test("a key that comes twice is refused, and the first is taken", async () => {
    expect(await said(withLine("version: 1", "version: 1\nowner: a\nowner: 5"))).toEqual([
      "3:1 the key `owner` comes twice in the same map → keep one of the two",
    ]);
  });

  test("names that every object has are refused", async () => {
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect((await said(withLine(STAFF, `    ${name}: { attribute: a, equals: b }`)))[0]).toBe(
        `8:5 \`${name}\` cannot be used as a name → choose another name`,
      );
    }
  });

  test("tabs do not indent", async () => {
    expect(await said(good.replace("  poll", "\tpoll"))).toEqual(["22:1 a tab cannot indent YAML → indent with spaces"]);
  });

  test("directives are refused, so that no plan is read as YAML 1.1", async () => {
    expect(await said(`%YAML 1.1\n---\n${good}`)).toEqual([
      "1:1 directives (`%YAML`, `%TAG`) are not read → remove the line: a plan is YAML 1.2",
    ]);
  });

  test("one file holds one plan", async () => {
    expect(await said(`${good}---\n${good}`)).toEqual([
      "27:1 the file holds several documents → keep one plan in a file: remove the line `---`",
    ]);
    expect((await read(`---\n${good}...\n`)).valid).toBe(true);
  });

  test.each([
    ["an empty file", "", "1:1 the plan is empty"],
    ["blanks", "  \n\n", "1:1 the plan is empty"],
    ["a comment", "# later\n", "1:1 the plan is empty"],
    ["nothing after the marker", "---\n", "1:4 expected a map of keys and values, found nothing"],
    ["a list", "- 1%\n", "1:1 expected a map of keys and values, found a list"],
    ["a text", "hello\n", "1:1 expected a map of keys and values, found text"],
    [
      "a reserved character",
      withLine("version: 1", "version: 1\nowner: @growth"),
      "2:8 a value cannot begin with @ unless it is quoted → put the value in quotes",
    ],
    [
      "a colon in a value",
      withLine("version: 1", "version: 1\nowner: a: b"),
      "2:8 a map cannot begin in the middle of a line → put the value in quotes",
    ],
    ["quotes without an end", `${good}owner: "abc\n`, "27:8 this is not YAML: missing closing"],
    ["a bracket without an end", withLine("version: 1", "version: 1\nrisks: [a, b"), "3:1 this is not YAML"],
  ])("%s is explained in one frame", async (_, text, sentence) => {
    const shown = await said(text);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toContain(sentence);
  });
});

describe("files as editors leave them", () => {
  test("a byte order mark and CRLF change neither the plan nor the places", async () => {
    const windows = `\uFEFF${good.replaceAll("\n", "\r\n")}`;
    expect(await planOf(windows)).toEqual(await planOf(good));
    const broken = `\uFEFF${withLine("rollout: new-checkout", "rollout: X Y").replaceAll("\n", "\r\n")}`;
    expect((await said(broken))[0]).toMatch(/^2:10 /);
  });

  test("the last line needs no end", async () => {
    expect((await read(good.trimEnd())).valid).toBe(true);
  });
});

describe("files made to hurt", () => {
  test("10 MB are refused before they are parsed", async () => {
    const before = performance.now();
    expect(await said("a: 1\n".repeat(2_000_000))).toEqual([
      "1:1 the plan is too large: it has 9766 KB, at most 256 KB are read → keep long lists of values in files of their own, with `inFile`",
    ]);
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  test("a billion laughs are one frame for all of them, and quick", async () => {
    const laughs = [
      "a: &a [ha, ha]",
      ..."bcdefghi".split("").map((name, index) => `${name}: &${name} [${`*${"abcdefgh"[index]}, `.repeat(9)}]`),
    ].join("\n");
    const before = performance.now();
    const shown = await said(`${good}${laughs}\n`);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(shown.filter((line) => line.includes("anchors and aliases"))).toHaveLength(1);
  });

  test.each([
    ["lists in lists", "[".repeat(200_000)],
    ["dashes", "- ".repeat(100_000)],
    ["maps in maps", "{a: ".repeat(50_000)],
    ["braces", "{{".repeat(100_000)],
    ["unquoted queries", "a: {{b}}\n".repeat(25_000)],
    ["one key many times", "a: 1\n".repeat(50_000)],
    ["questions", "? ".repeat(100_000)],
    ["lines that go in", Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
  ])("%s end with diagnostics", async (_, text) => {
    expect((await diagnosticsOf(text)).length).toBeGreaterThan(0);
  });
});
