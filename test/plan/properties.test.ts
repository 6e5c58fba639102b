import fc from "fast-check";
import { expect, test } from "vitest";
import { previewSchema } from "../../src/report/explain.schema.ts";
import { explainPlan } from "../../src/report/explain.ts";
import { explainView } from "../../src/report/explainView.ts";
import { renderDiagnostics } from "../../src/report/frames.ts";
import { diagnosticSchema } from "../../src/model/diagnostic.ts";
import { planSchema } from "../../src/model/plan.ts";
import { good, kinds, read } from "./fakes.ts";

/** What every reading holds to, whatever the text. */
async function check(text: string): Promise<void> {
  const reading = await read(text);
  if (reading.valid) {
    expect(planSchema.parse(reading.plan)).toEqual(reading.plan);
    const preview = explainPlan(reading.plan, reading.hash, reading.warnings);
    expect(previewSchema.parse(JSON.parse(JSON.stringify(preview)))).toEqual(preview);
    explainView(preview);
  } else {
    expect(reading.diagnostics.some(({ severity }) => severity === "error")).toBe(true);
  }
  const diagnostics = reading.valid ? reading.warnings : reading.diagnostics;
  for (const diagnostic of diagnostics) {
    diagnosticSchema.parse(diagnostic);
    const { text: line, from, to } = diagnostic.excerpt;
    expect(from <= line.length && from < to).toBe(true);
  }
  // Nothing that steers a terminal or a CI system comes out.
  const frames = renderDiagnostics(diagnostics);
  expect(frames).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u);
  expect(frames).not.toMatch(/^\s*::|##\w*\[/m);
}

const snippet = fc.constantFrom(
  ..."{ } [ ] : , - ' \" # &a *a <<: !!str | > % ? {{group}} ${env:X} 1% 30 null on 010 ::error::x ##vso[task]x __proto__ inFile".split(
    " ",
  ),
  ...": |- | #|\n|\n  |\t|---\n|\u202E|\u0000|\u2028|😀".split("|"),
);

test("any text gives a plan or at least one error, and never throws", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(snippet, { maxLength: 40 }).map((parts) => parts.join("")),
      ),
      check,
    ),
    {
      numRuns: 1_500,
    },
  );
});

const everyForm = [
  "errors, maxIncrease: 20%, require: clear, proof: strict, detect: 100%",
  "site, maxIncrease: 1pp, versus: { before: 24h }",
  "basket, maxDecrease: 5EUR",
  "latency, quantile: 95%, max: 500ms",
  "heap, max: 800MiB, failures: 3 of 5",
  "heap, maxTrend: 5MiB/h",
  "queue, max: 20",
].map((guardrail) => `  - { metric: ${guardrail} }\n`);
const plans = [
  ["the good plan", good],
  ["a plan with guardrails of every form", kinds.replace("guardrails:\n", `guardrails:\n${everyForm.join("")}`)],
] as const;

test.each(plans)("%s with some of it replaced gives a plan or at least one error, and never throws", async (_, plan) => {
  expect((await read(plan)).valid).toBe(true);
  const edit = fc.record({ at: fc.nat(plan.length), cut: fc.nat(12), insert: fc.oneof(snippet, fc.string({ maxLength: 4 })) });
  const edited = fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce((text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut), plan));
  await fc.assert(fc.asyncProperty(edited, check), { numRuns: 750 });
});

test.each(plans)("%s with its words exchanged gives a plan or at least one error, and never throws", async (_, plan) => {
  const words = [...new Set(plan.split(/[\s,{}[\]"']+|: /).filter((word) => word !== ""))];
  const exchanged = fc
    .array(fc.tuple(fc.constantFrom(...words), fc.oneof(fc.constantFrom(...words), snippet)), { minLength: 1, maxLength: 3 })
    .map((pairs) => pairs.reduce((text, [from, to]) => text.replace(from, () => to), plan));
  await fc.assert(fc.asyncProperty(exchanged, check), { numRuns: 750 });
});
