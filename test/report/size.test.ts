import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { explainPlan } from "../../src/report/explain.ts";
import { previewSchema } from "../../src/report/explain.schema.ts";
import { explainView } from "../../src/report/explainView.ts";
import { sizeSchema } from "../../src/report/size.schema.ts";
import { sizeReport, sizeView } from "../../src/report/size.ts";
import { colourStyle } from "../../src/report/style.ts";
import { sized } from "../simulate/sizePlans.ts";

const HASH = "a".repeat(64);
const GUARDRAILS = [
  "metric: errors, max: 1%",
  "metric: errors, maxIncrease: 20%",
  "metric: site, max: 2%",
  "metric: latency, quantile: 95%, maxIncrease: 50ms",
  "metric: heap, max: 800MiB, failures: 3 of 5",
  "metric: basket, maxIncrease: 2EUR",
];

async function report(guardrails: readonly string[] = GUARDRAILS, about: Parameters<typeof sized>[1] = { stages: "[1%, 50%, 100%]" }) {
  return sizeReport((await sized(guardrails, about)).size, HASH);
}

describe("sizes", () => {
  test.each([{ stages: "[1%, 50%, 100%]" }, { audience: "units: 50000" }, { stages: "[{ expose: 1%, minSamples: auto, bake: 1m }]" }])(
    "are what their schema says: %j",
    async (about) => {
      const result = await report(GUARDRAILS, about);
      expect(sizeSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
    },
  );
});

describe("sizes on a terminal", () => {
  test("a table of each stage, and what to change", async () => {
    const text = sizeView(await report());
    expect(text).toContain(`new-checkout  plan ${HASH.slice(0, 12)}\n6,000 requests/min, 50,000 users, at most 5% false rollbacks; `);
    expect(text).toMatch(/^ {2}errors {3}0\.5% \(half of its limit\)$/m);
    expect(text).toMatch(/^Stage 1: 1% {2}bakes 30 min\n +sees +with 90% +names +needs +users +takes$/m);
    expect(text).toMatch(/^ {2}errors max 1% +2\.\d% \(2\.\dx the limit\) +2\.\d% +2% +2,\d\d0 +\d\d0 +\d\d min$/m);
    expect(text).toMatch(/^ {2}site max 2% .* never$/m);
    expect(text).toMatch(/^ {2}errors max 1%: cannot see 2% in 1,800 of the 2,\d\d0 requests that it takes\. To let it: bake \d\dm; or /m);
    expect(text).toMatch(/^ {2}site max 2%: cannot see 4%: 1% of everybody cannot cause that.*\. To let it: count it by group/m);
    expect(text).toMatch(/^ {2}basket maxIncrease 2EUR: not sized, as .*--base basket=40EUR$/m);
    expect(text).toMatch(/^Stage 3: 100% {2}bakes 30 min\n[^]*not judged here \(see `rollout explain`\): errors maxIncrease 20%, latency/m);
    // What is assumed of a guardrail is told once.
    expect(text.match(/log-normal, with a median/g)).toHaveLength(1);
  });

  test("without traffic: what it takes alone", async () => {
    const text = sizeView(await report(["metric: errors, max: 1%"], { audience: "units: 9" }));
    expect(text).toMatch(/^ +names +needs\n {2}errors max 1% +2% \(2x the limit\) +2,\d\d0$/m);
    expect(text).toMatch(/^note: how much traffic there is, nobody says.*--traffic 6000\/min/m);
  });

  test("what a stage waits for", async () => {
    const text = sizeView(await report(["metric: errors, max: 1%"], { stages: "[{ expose: 1%, minSamples: auto }]" }));
    expect(text).toMatch(/^ {2}by `minSamples` the stage waits for 2,\d\d0 requests, about \d\d min \(errors max 1%\)$/m);
  });

  test("says nothing in the words of a plan that a terminal or a CI system would obey", async () => {
    const evil = '"::error::x\\e[2J ##vso[a]\\u202E"';
    const text = sizeView(await report(["metric: errors, max: 1%"], { stages: `[{ name: ${evil}, expose: 1% }, 2%]` }));
    expect(text).not.toMatch(/^\s*::|##\w*\[/m);
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  });

  test("colour changes nothing but the colour", async () => {
    const result = await report();
    expect(stripVTControlCharacters(sizeView(result, colourStyle))).toBe(sizeView(result));
  });
});

describe("explain, told what stages can see", () => {
  test("says it of each guardrail", async () => {
    const { plan, size } = await sized(["metric: errors, max: 1%", "metric: site, max: 2%", "metric: heap, max: 800MiB"], {
      stages: "[0.5%, 50%]",
    });
    const preview = explainPlan(plan, HASH, [], size);
    expect(previewSchema.parse(JSON.parse(JSON.stringify(preview)))).toEqual(preview);
    const text = explainView(preview);
    expect(text).toMatch(/guarded by {2}errors max 1%, sees \d(\.\d)?% \([\d.]+x the limit\) or worse$/m);
    expect(text).toMatch(/^ +site max 2%, sees nothing in its bake$/m);
    expect(text).toMatch(/^ +heap max 800MiB$/m);
  });

  test("and nothing where nobody says how much traffic there is", async () => {
    const { plan, size } = await sized(["metric: errors, max: 1%"], { audience: "units: 9" });
    expect(explainView(explainPlan(plan, HASH, [], size))).not.toContain("sees");
  });
});
