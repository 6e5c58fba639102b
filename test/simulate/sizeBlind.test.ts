import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { previewPlanFile } from "../../src/app.ts";
import { diagnosticSchema } from "../../src/model/diagnostic.ts";
import { blindStages } from "../../src/simulate/sizeBlind.ts";
import { sized } from "./sizePlans.ts";

async function blind(...about: Parameters<typeof sized>) {
  const { plan, size } = await sized(...about);
  return blindStages(plan, size);
}

describe("stages that cannot see what their guardrails name", () => {
  test("are told with the numbers, what then happens, and what would do", async () => {
    const [first, ...rest] = await blind(["metric: errors, max: 1%", "metric: errors, maxIncrease: 0.5pp"]);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ stage: 0, guardrails: ["errors max 1%", "errors maxIncrease 0.5pp"] });
    expect(first!.message).toMatch(
      /^this stage cannot see in its bake of 30m what 2 of its 2 guardrails name: `errors max 1%` names 2%, and sees 2\.\d% or worse in 1,800 of the 2,\d\d0 requests that it takes; `errors maxIncrease 0.5pp` names \+1pp, .*\. By `onBlind: hold` it goes on for about \d h/,
    );
    // What helps both: as long a bake, as large a share, as the more demanding of them asks for.
    expect(first!.mend).toMatch(/^bake \dh(\d+m)?, or expose [\d.]+%, or set `minSamples: auto`.*; see `rollout size`$/);
  });

  test.each([
    ["policy: hold", "onBlind: hold", /By `onBlind: hold` it goes on for about/],
    ["policy: pause", "onBlind: pause", /By `onBlind: pause` it pauses there$/],
    ["policy: advance", "onBlind: advance", /By `onBlind: advance` it goes on all the same$/],
  ])("%s", async (_, policy, then) => {
    expect((await blind(["metric: errors, max: 1%"], { policy }))[0]!.message).toMatch(then);
  });

  test.each<[string, string[], Parameters<typeof sized>[1]]>([
    ["a stage that bakes long enough", ["metric: errors, max: 1%"], { stages: "[{ expose: 1%, bake: 3h }]" }],
    ["one that waits for as many requests as it takes", ["metric: errors, max: 1%"], { stages: "[{ expose: 1%, minSamples: auto }]" }],
    ["a plan that does not tell its traffic", ["metric: errors, max: 1%"], { audience: "units: 50000" }],
    ["a stage that cannot judge at all, which is told elsewhere", ["metric: errors, maxIncrease: 20%"], { stages: "[100%]" }],
  ])("nothing is said of %s", async (_, guardrails, about) => {
    expect(await blind(guardrails, about)).toEqual([]);
  });

  test("the first stage that users meet, where it is too small to tell anything", async () => {
    const stages = "[{ expose: 1%, bake: 30m }, { expose: 2%, bake: 30m }]";
    const [first, second] = await blind(["metric: errors, max: 1%"], { stages, audience: "traffic: 20/min" });
    expect(first!.message).toMatch(
      /^the first stage that users meet is too small to tell anything: in its bake of 30m no guardrail sees even ten times what it allows: `errors max 1%` names 2%, and sees .* in 6 of the 2,\d\d0 requests that it takes. By `onBlind/,
    );
    expect(second!.message).toMatch(/^this stage cannot see/);
    // Testers come before users.
    const segments = 'testers: [qa], segments: { qa: { attribute: email, equals: "a" } }, traffic: 20/min';
    const after = await blind(["metric: errors, max: 1%"], { stages: "[{ name: us, expose: 0% }, 1%, 2%]", audience: segments });
    expect(after.map(({ stage, message }) => [stage, message.slice(0, 9)])).toEqual([
      [1, "the first"],
      [2, "this stag"],
    ]);
  });

  test("a number for everybody, and a gauge that is read too seldom", async () => {
    const stages = "[{ expose: 1%, bake: 2m }]";
    const [stage] = await blind(["metric: site, max: 2%", "metric: heap, max: 800MiB, failures: 3 of 5"], { stages });
    expect(stage!.message).toContain("`site max 2%` names 4%, and 1% of everybody cannot cause that, however bad the feature is");
    expect(stage!.message).toContain("`heap max 800MiB in 3 of 5` takes 3 readings, and there are 2");
    expect(stage!.mend).toBe(
      "bake 3m; and count by group what is one number for everybody, or let it guard larger stages alone (`stages`); see `rollout size`",
    );
  });
});

const FILE = `version: 1
rollout: checkout
flag: { backend: { type: flagd, file: flags.json } }
audience: { traffic: 6000/min }
sources: { shop: { type: openmetrics, url: "http://127.0.0.1:1/metrics" } }
metrics:
  errors: { source: shop, kind: rate, events: { counter: 'e{v="{{group}}"}' }, total: { counter: 't{v="{{group}}"}' } }
guardrails: [{ metric: errors, max: 1% }]
stages:
  - 1%
  - { expose: 50%,
      bake: 1h }
`;

async function preview(text: string) {
  const cwd = await mkdtemp(join(tmpdir(), "rollout-size-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, "plan.yaml"), text);
  return previewPlanFile("plan.yaml", { cwd });
}

describe("a plan file that is previewed", () => {
  test("is warned of at the place of the stage, as of any other mistake", async () => {
    const { reading, size } = await preview(FILE.replace("- 1%", "- 0.5%"));
    if (!reading.valid) throw new Error(JSON.stringify(reading.diagnostics));
    expect(size?.stages.map(({ name }) => name)).toEqual(["0.5%", "50%"]);
    const own = reading.warnings.filter(({ message }) => message.includes("cannot see"));
    expect(own.map((each) => diagnosticSchema.parse(each))).toMatchObject([
      {
        severity: "warning",
        file: "plan.yaml",
        path: "stages[0]",
        range: { line: 10, column: 5, endLine: 10, endColumn: 9 },
        text: "0.5%",
        excerpt: { text: "  - 0.5%", from: 4, to: 8 },
      },
    ]);
    // In the order of the file: the rollout ends at 50 %, which is told further down.
    expect(reading.warnings.map(({ path }) => path)).toEqual(["stages[0]", "stages[1]"]);
  });

  test("with a byte order mark in front, or a stage of several lines", async () => {
    const { reading } = await preview(`\uFEFF${FILE.replace("bake: 1h", "bake: 1s")}`);
    const places = reading.valid ? reading.warnings.filter(({ message }) => message.includes("cannot see")) : [];
    expect(places.map(({ path, range, excerpt }) => [path, range.line, excerpt.text])).toEqual([
      ["stages[0]", 10, "  - 1%"],
      ["stages[1]", 11, "  - { expose: 50%,"],
    ]);
  });

  test("that is not valid, or guards nothing, is as it was read", async () => {
    expect((await preview(FILE.replace("max: 1%", "max: 1"))).reading.valid).toBe(false);
    const { reading, size } = await preview(FILE.replace("[{ metric: errors, max: 1% }]", "[]"));
    expect(reading.valid && reading.warnings.some(({ message }) => message.includes("no guardrails"))).toBe(true);
    expect(size).toBeUndefined();
  });
});
