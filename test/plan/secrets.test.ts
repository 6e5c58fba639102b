import { describe, expect, test } from "vitest";
import { renderDiagnostics } from "../../src/report/frames.ts";
import { diagnosticsOf, good, read, shortly, withLine } from "./fakes.ts";

const CANARY = "canary-7f3a9";
const SOURCE = '  prod: { type: numbers, url: "http://numbers:9090", bearer: "${env:TOKEN}" }';

describe("a secret that stands in a plan is printed nowhere", () => {
  test.each([
    ["as it is", `  prod: { type: numbers, url: "http://numbers:9090", bearer: ${CANARY} }`],
    ["in quotes", `  prod: { type: numbers, url: "http://numbers:9090", bearer: "${CANARY}" }`],
    ["around a reference", `  prod: { type: numbers, url: "http://numbers:9090", bearer: "${CANARY} \${env:X}" }`],
    ["over several lines", `  prod:\n    type: numbers\n    url: "http://numbers:9090"\n    bearer: |\n      ${CANARY}\n      more`],
    ["as a list", `  prod: { type: numbers, url: "http://numbers:9090", bearer: [${CANARY}] }`],
    ["beside another mistake", `  prod: { type: numbers, ulr: "http://numbers:9090", bearer: ${CANARY} }`],
    ["under a misspelt key", `  prod: { type: numbers, url: "http://numbers:9090", baerer: ${CANARY} }`],
    ["beside an unknown type", `  prod: { type: numbrs, url: "http://numbers:9090", pass: ${CANARY} }`],
    ["without a type", `  prod: { url: "http://numbers:9090", bearer: ${CANARY} }`],
    ["with braces, unquoted", `  prod: { type: numbers, url: "http://numbers:9090", bearer: ${CANARY}{x} }`],
    ["in an address", `  prod: { type: nubmers, url: "http://me:${CANARY}@numbers:9090", bearer: "\${env:TOKEN}" }`],
    ["as the key that signs", `${SOURCE}\nledger: { signingKey: ${CANARY} }`],
    ["as the key that signs, over several lines", `${SOURCE}\nledger:\n  signingKey: |\n    ${CANARY}\n    more`],
    ["under a misspelt name of that key", `${SOURCE}\nledger: { signingkey: ${CANARY} }`],
    ["where the syntax is broken", `  prod: { type: numbers, bearer: "${CANARY}" "x" }`],
  ])("%s", async (_, source) => {
    const reading = await read(withLine(SOURCE, source));
    expect(reading.valid).toBe(false);
    const diagnostics = reading.valid ? [] : reading.diagnostics;
    expect(JSON.stringify(diagnostics)).not.toContain(CANARY);
    expect(renderDiagnostics(diagnostics)).not.toContain(CANARY);
  });

  test("the frame says what to write instead", async () => {
    const [frame] = await diagnosticsOf(withLine(SOURCE, `  prod: { type: numbers, url: "http://numbers:9090", bearer: ${CANARY} }`));
    expect(frame && shortly(frame)).toBe(
      '11:62 `bearer` is a secret: a plan holds a reference to it, never itself → write a reference and nothing else, such as "${env:TOKEN}" or "${file:token.txt}"; if it was a real secret, replace it',
    );
    expect(frame?.text).toBeUndefined();
    expect(frame?.excerpt.text).toBe('  prod: { type: numbers, url: "http://numbers:9090", bearer: ******** }');
  });
});

describe("a reference to a secret stands in secret fields alone", () => {
  test.each([
    ["part of an address", SOURCE, '  prod: { type: numbers, url: "http://${env:HOST}:9090" }', "sources.prod.url"],
    [
      "a query",
      "    total: { counter: 'requests{group=\"{{group}}\"}' }",
      '    total: { counter: \'requests{group="{{group}}",t="${env:T}"}\' }',
      "metrics.errors.total.counter",
    ],
    ["words", "version: 1", 'version: 1\nowner: "${file:me.txt}"', "owner"],
    [
      "a rule",
      '    staff: { attribute: email, endsWith: "@example.com" }',
      '    staff: { attribute: email, endsWith: "${env:DOMAIN}" }',
      "audience.segments.staff.endsWith",
    ],
    [
      "a backend's option",
      "  backend: { type: fine, file: flags.json }",
      '  backend: { type: fine, file: "${env:FILE}" }',
      "flag.backend.file",
    ],
  ])("not in %s", async (_, line, replacement, path) => {
    const diagnostics = await diagnosticsOf(withLine(line, replacement));
    expect(diagnostics.map((each) => each.path)).toEqual([path]);
    expect(diagnostics[0]?.message).toBe("this field takes no reference to a secret: it would stand there literally");
  });

  test("there it stays a reference", async () => {
    const reading = await read(good.replace("${env:TOKEN}", "${file:tokens/numbers.txt}"));
    expect(reading.valid && reading.plan.sources["prod"]).toMatchObject({ bearer: "${file:tokens/numbers.txt}" });
  });

  test("the key that signs is one as well, and only one", async () => {
    const written = (ledger: string) => withLine("version: 1", `version: 1\nledger: ${ledger}`);
    const reading = await read(written('{ signingKey: "${env:ROLLOUT_SIGNING_KEY}" }'));
    expect(reading.valid && reading.plan.ledger).toEqual({ signingKey: "${env:ROLLOUT_SIGNING_KEY}" });
    const without = await read(good);
    expect(without.valid && "ledger" in without.plan).toBe(false);
    for (const [ledger, says] of [
      ["{}", "`signingKey` is missing"],
      ['{ signingKey: "${env:A}${env:B}" }', "`signingKey` is a secret"],
      ["{ signingKey: 7 }", "`signingKey` is a secret"],
      ['{ signingKey: "${env:A}", verifyKey: "x" }', "verifyKey"],
      ["signed", "expected a map"],
    ] as const) {
      expect((await diagnosticsOf(written(ledger))).map(shortly).join("\n"), ledger).toContain(says);
    }
  });
});
