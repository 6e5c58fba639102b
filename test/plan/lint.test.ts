import { describe, expect, test } from "vitest";
import { good, kinds, read, shortly, withLine } from "./fakes.ts";

async function warningsOf(text: string): Promise<string[]> {
  const reading = await read(text);
  if (!reading.valid) throw new Error(reading.diagnostics.map(shortly).join("\n"));
  return reading.warnings.map(shortly);
}

const relative = good.replace("max: 0.1%", "maxIncrease: 20%");

describe("a valid plan that probably does not mean what it says is warned of", () => {
  test("a plan without guardrails", async () => {
    const [warning] = await warningsOf(good.replace(/guardrails:\n.*\n/, ""));
    expect(warning).toContain("1:1 the plan has no guardrails: nothing but a person stops this rollout");
  });

  test("relative guardrails where whole segments alone have the feature", async () => {
    const text = relative.replace("  - 1%", "  - { expose: { segments: [staff] } }\n  - 1%");
    expect(await warningsOf(text)).toEqual([
      "24:5 whole segments alone (staff) leave nobody to compare with: `errors maxIncrease 20%` cannot be judged → add an absolute limit (`max`), or expose a percentage of the segment",
    ]);
    expect(await warningsOf(text.replace("maxIncrease: 20%", "maxIncrease: 20%, stages: [half]"))).toEqual([]);
    expect(await warningsOf(text.replace("[staff]", "[staff], percent: 50%"))).toEqual([]);
  });

  test("relative guardrails at 100% without a holdout", async () => {
    expect(await warningsOf(relative)).toEqual([]);
    expect(await warningsOf(relative.replace("  holdout: 5%\n", ""))).toEqual([
      "25:5 at 100% without a holdout nobody is left to compare with: `errors maxIncrease 20%` cannot be judged → keep a `holdout`, such as 5%, or add an absolute limit (`max`)",
    ]);
  });

  test("not guardrails that compare with the past: they need no split", async () => {
    expect(await warningsOf(relative.replace("  holdout: 5%\n", "").replace("20%", "20%, versus: { before: 24h }"))).toEqual([]);
  });

  test("a guardrail that is required and can never be shown to be kept", async () => {
    const demanding = withLine(
      "  - { metric: errors, max: 0.1% }",
      "  - { metric: errors, maxIncrease: 0%, require: clear, stages: [canary] }",
      kinds,
    );
    expect(await warningsOf(demanding)).toEqual([
      "22:49 that nothing at all got worse can never be shown, so no stage that this guards is ever left → allow a little, such as `maxIncrease: 5%`, or remove `require`",
    ]);
    expect(await warningsOf(demanding.replace("0%, require", "1%, require"))).toEqual([]);
  });

  test("a unit that only looks like one of those that convert", async () => {
    expect(await warningsOf(kinds.replace("unit: B", "unit: bytes"))).toEqual([
      "19:44 `bytes` is taken for a unit of its own, which converts to no other → write B, if that is meant",
    ]);
  });

  test("a first step above 5%", async () => {
    expect(await warningsOf(good.replace("- 1%", "- 10%"))).toEqual([
      "24:5 the first stage that all users may be in begins with 10% of them → begin with 1% or less, so that harm is found while few have met it",
    ]);
  });

  test("an end below 100%", async () => {
    expect((await warningsOf(good.replace("- 100%", "- 90%")))[0]).toContain("26:5 the rollout ends at 90%: it never reaches everybody");
  });

  test("exposing or testing with those who are excluded", async () => {
    const text = good
      .replace("  holdout: 5%", "  exclude: [staff]\n  testers: [staff]")
      .replace("  - 1%", "  - { expose: { segments: [staff] } }\n  - 1%");
    expect((await warningsOf(text)).map((line) => line.split(" → ")[0])).toEqual([
      "7:13 `staff` is excluded as well, and exclusion wins",
      "25:5 `staff` is excluded, so this stage does not reach it",
    ]);
  });
});
