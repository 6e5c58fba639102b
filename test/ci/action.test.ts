import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";
import { runStep, type StepOptions } from "../support/runner.ts";

/** A repository with a plan, and a step of the action in it. */
async function scenery(changes: Record<string, unknown> = {}) {
  const shop = await startShopPage();
  const scene = await makeScene(planTree(shop.url, changes));
  const step = (inputs: Record<string, string> = {}, options: Partial<StepOptions> = {}) =>
    runStep({ cwd: scene.folder, inputs: { plan: "plan.yaml", ...inputs }, ...options });
  return { shop, scene, step };
}

describe("a step that advances", () => {
  test("starts the rollout, and says in outputs, summary and a notice what came of it", async () => {
    const { scene, step } = await scenery({ audience: { units: 4000, traffic: "60/h" } });
    const { status, outputs, summary, annotations, commands, environment } = await step();
    expect(status).toBe(0);
    const [last] = (await scene.entries()).slice(-1) as unknown as { seq: number; actor: { who: string; where: string } }[];
    expect(outputs).toEqual({
      command: "advance",
      outcome: "advanced",
      rollout: "checkout",
      stage: "5%",
      exposure: "5%",
      sentence: "advanced to 5%: nobody was exposed before",
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
      seq: String(last?.seq),
      "exit-status": "0",
    });
    expect(last?.actor).toEqual({ who: "ann", where: "GitHub Actions, shop/web, run 42, job advance" });
    expect(summary).toContain("### Rollout `checkout`: advanced");
    expect(summary).toContain(`head ${outputs["seq"]} \`${outputs["head"]}\``);
    // What is doubtful in a plan is for those who read it, not for a job that comes every few minutes.
    expect(annotations).toEqual([
      { kind: "notice", message: "advanced to 5%: nobody was exposed before", properties: { title: "rollout checkout" } },
    ]);
    expect({ commands, environment }).toEqual({ commands: [], environment: "" });
    expect(await scene.rollout("log", "verify", "checkout", "--head", outputs["head"]!)).toMatchObject({ status: 0 });
  });

  /** A rollout at its first stage, whose users meet errors from now on. */
  async function harmed(changes?: Record<string, unknown>) {
    const all = await scenery(changes);
    await all.scene.call("advance", "plan.yaml");
    all.shop.errors.treatment = 400;
    return all;
  }

  test("is red with 3 when it rolled back, and green when the run was over before", async () => {
    const { step } = await harmed();
    const broken = await step({ wait: "20s" });
    expect(broken.status).toBe(3);
    expect(broken.outputs).toMatchObject({ outcome: "rolledBack", stage: "", exposure: "off", "exit-status": "3" });
    expect(broken.summary).toContain("| **breach** | errors max 5% |");
    expect(broken.annotations.at(-1)).toMatchObject({ kind: "error", message: expect.stringContaining("rolled back") as string });
    const after = await step({ plan: "checkout" });
    expect(after.status).toBe(0);
    expect(after.outputs).toMatchObject({ outcome: "ended", "exit-status": "0" });
  });

  test("is red with 4 when it paused, and green when it was paused before", async () => {
    const { step } = await harmed({ guardrails: [{ metric: "errors", max: "5%", onBreach: "pause" }] });
    const paused = await step({ wait: "20s" });
    expect(paused.status).toBe(4);
    expect(paused.outputs).toMatchObject({ outcome: "paused", stage: "5%", "exit-status": "4" });
    expect(paused.annotations.at(-1)).toMatchObject({ kind: "error" });
    const after = await step({ plan: "checkout" });
    expect(after.status).toBe(0);
    expect(after.outputs).toMatchObject({ outcome: "pausedBefore" });
    expect(after.annotations.at(-1)).toMatchObject({ kind: "warning" });
  });

  test("is red with 5 when it could not reach what it needs, and says so in the summary", async () => {
    const { shop, step } = await scenery();
    shop.answerWith((_, response) => response.writeHead(503).end());
    const { status, outputs, summary, annotations } = await step();
    expect(status).toBe(5);
    expect(outputs).toMatchObject({ outcome: "unreachable", head: "", "exit-status": "5" });
    expect(summary).toContain("### Failed: unreachable");
    expect(annotations.at(-1)).toMatchObject({ kind: "error" });
  });

  test("shows what is wrong with a plan at its lines, and is red with 2", async () => {
    const { scene, step } = await scenery();
    await scene.write("bad, plan.yaml", "version: 1\nrollout: checkout\nstages:\n  - { expose: 5%, bake: 30 }\n");
    const { status, outputs, annotations } = await step({ plan: "bad, plan.yaml" });
    expect(status).toBe(2);
    expect(outputs).toMatchObject({ outcome: "invalidPlan", "exit-status": "2" });
    expect(annotations).toContainEqual({
      kind: "error",
      message: expect.stringContaining("stages[0].bake: expected a duration") as string,
      properties: { title: "rollout plan", file: "bad, plan.yaml", line: "4", endLine: "4", col: "25", endColumn: "26" },
    });
  });
});

describe("a step with another command", () => {
  test("runs to the end", async () => {
    const { step } = await scenery();
    const { status, outputs, summary, log } = await step({ command: "run" });
    expect(log.match(/^20\S+Z advanced to \d+%/gm)).toHaveLength(3); // While it goes on, not only at its end.
    expect(status).toBe(0);
    expect(outputs).toMatchObject({ command: "run", outcome: "complete", stage: "100%" });
    expect(summary).toContain("Before that:\n\n- advanced to 5%");
  });

  test("tells the status, and since when nobody has looked, as of now", async () => {
    const { scene, step } = await scenery();
    await scene.call("advance", "plan.yaml");
    const { status, outputs, summary } = await step({ command: "status", plan: "checkout" });
    expect(status).toBe(0);
    expect(outputs).toMatchObject({ command: "status", outcome: "running", stage: "5%" });
    expect(summary).toMatch(/Unguarded for \*\*\d/);
  });

  test("rolls back for a reason that a person gave, whatever it says", async () => {
    const { scene, step } = await scenery();
    await scene.call("advance", "plan.yaml");
    const reason = "--trust-plan $(touch pwned) `touch pwned` ${{ secrets.X }}\n::error::x";
    const { status, outputs } = await step({ command: "rollback", plan: "checkout", reason });
    expect(status).toBe(0);
    expect(outputs).toMatchObject({ outcome: "rolledBack", exposure: "off" });
    expect((await scene.entries()).find(({ kind, data }) => kind === "intent" && data["purpose"] === "rollback")?.data["reason"]).toBe(
      reason,
    );
    expect(Object.keys(await scene.everything())).not.toContain("pwned");
  });
});

describe("inputs", () => {
  test.each([
    ["no plan", { plan: "" }, "plan"],
    ["another command", { command: "accept" }, "advance, run, rollback, status, explain"],
    ["a command with an option", { command: "advance --trust-plan" }, "advance, run, rollback, status, explain"],
    ["a comment that is neither", { comment: "yes" }, "true or false"],
    ["a version that is an address", { version: "file:../evil" }, "version"],
    ["a script that is not there", { cli: "nowhere/rollout.js" }, "not there"],
  ])("%s: refused before anything is done", async (_, inputs, said) => {
    const { shop, scene, step } = await scenery();
    const before = await scene.everything();
    const { status, annotations, outputs } = await step(inputs);
    expect(status).toBe(2);
    expect(annotations).toMatchObject([{ kind: "error", message: expect.stringContaining(said) as string }]);
    expect(outputs).toEqual({});
    expect(shop.requests).toEqual([]);
    expect(await scene.everything()).toEqual(before);
  });

  test("none of them is taken for an option of the command", async () => {
    const { shop, step } = await scenery();
    for (const inputs of [{ plan: "--version" }, { wait: "--dry-run" }, { plan: "--help" }]) {
      const { status, outputs } = await step(inputs);
      expect(status, JSON.stringify(inputs)).toBe(2);
      expect(outputs["outcome"]).toBe("usage");
    }
    expect(shop.requests).toEqual([]);
  });

  test("the token stays with the action", async () => {
    const { step } = await scenery({
      sources: { shop: { type: "openmetrics", url: "http://127.0.0.1:9/metrics", bearer: "${env:INPUT_TOKEN}" } },
    });
    const { status, log } = await step({ token: "ghs_ship-shape" }, { env: { ROLLOUT_ENV: "INPUT_TOKEN" } });
    expect(status).toBe(2);
    expect(log).toContain("${env:INPUT_TOKEN} is not set");
    expect(log).not.toContain("ghs_ship-shape");
  });
});

test("without a script of its own it takes the package from npm, in the action's own version", async () => {
  const { scene, step } = await scenery();
  const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  // A stand-in that says how it was called, and installs nothing.
  await scene.write("bin/npm", '#!/bin/sh\necho "npm $*" >&2\nexit 1\n');
  await chmod(join(scene.folder, "bin/npm"), 0o755);
  const { status, log, annotations } = await step({ cli: "" }, { env: { PATH: `${scene.folder}/bin:${process.env["PATH"]}` } });
  expect(status).toBe(2);
  expect(annotations.at(-1)?.message).toContain(`rollout-cli@${manifest.version} could not be installed`);
  expect(log).toMatch(/npm install --prefix \S+ .*--ignore-scripts .* rollout-cli@/);
});
