import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startFlagService, versioned, type FlagService } from "../flags/flagService.ts";
import { gitWorld, type GitWorld } from "../ledger/gitWorld.ts";
import { rollout } from "../support/cli.ts";
import { git } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { runStep, type Step } from "../support/runner.ts";
import { planTree, startShopPage, type ShopPage } from "../support/scene.ts";

/**
 * One job of a CI runner, a step with our action: it has a fresh clone of the repository and nothing of what other jobs have
 * left behind.
 */
async function runnerJob(world: GitWorld, nth: number): Promise<Step> {
  const clone = join(world.folder, `job-${nth}`);
  git(world.folder, ["clone", "--quiet", "--depth=1", `file://${world.team}`, clone]);
  const env = { HOME: world.folder, GITHUB_ACTOR: `runner-${nth % 2}`, GITHUB_RUN_ID: `${nth}` };
  return runStep({ cwd: clone, inputs: { plan: "plan.yaml", store: "git:origin" }, env });
}

describe.skipIf(!requireProgram("git"))("CI jobs that share nothing but the repository and the flag", () => {
  let world: GitWorld;
  let shop: ShopPage;
  let service: FlagService;
  let jobs: number;
  beforeEach(async () => {
    [world, shop, service] = [await gitWorld(), await startShopPage(), await startFlagService({ checkout: 0 })];
    jobs = 0;
    const flag = { backend: { type: "http", ...versioned(service.url) }, propagation: "0s", writeWithin: "20s" };
    const stages = ["1%", "10%", "50%", "100%"].map((expose) => ({ expose, bake: "1ms" }));
    await writeFile(join(world.checkout, "plan.yaml"), JSON.stringify(planTree(shop.url, { flag, stages })));
    git(world.checkout, ["add", "."]);
    git(world.checkout, ["commit", "--quiet", "-m", "a plan"]);
    git(world.checkout, ["push", "--quiet", "origin", "HEAD:main"]);
  });
  afterEach(async () => {
    await Promise.all([world.remove(), service.close()]);
  });

  const job = () => runnerJob(world, ++jobs);
  const changes = () => service.written.filter(({ from, to }) => from !== to).map(({ to }) => to);
  const verify = () => rollout(["log", "verify", "checkout", "--replay", "--store", "git:origin"], { cwd: world.checkout });

  test("take a rollout from nobody to everybody, one after the other", { timeout: 120_000 }, async () => {
    let last: Step | undefined;
    // The first look of a stage may come before its first requests.
    for (let nth = 1; nth <= 10 && last?.outputs["outcome"] !== "complete"; nth++) {
      last = await job();
      expect(last.status, last.log).toBe(0);
      expect(last.summary).toContain(last.outputs["head"]);
    }
    expect(changes()).toEqual([1, 10, 50, 100]);
    expect(last?.outputs).toMatchObject({ outcome: "complete", rollout: "checkout" });
    const { status, stdout } = await verify();
    expect([status, stdout]).toEqual([0, expect.stringContaining(last!.outputs["head"]!)]);
  });

  test("roll back what breaks, whichever of them sees it, and leave it so", { timeout: 120_000 }, async () => {
    expect(await job()).toMatchObject({ status: 0 });
    expect(await job()).toMatchObject({ status: 0 });
    expect(changes()).toEqual([1, 10]);
    shop.errors.treatment = 1000;
    expect(await job()).toMatchObject({ status: 3, outputs: { outcome: "rolledBack" }, annotations: [{ kind: "error" }] });
    expect(changes()).toEqual([1, 10, 0]);
    expect(await job()).toMatchObject({ status: 0, outputs: { outcome: "ended" } });
    expect(changes()).toEqual([1, 10, 0]);
    expect(await verify()).toMatchObject({ status: 0 });
  });

  test("do no harm when they overlap: who loses a race ends with 0", { timeout: 120_000 }, async () => {
    for (let round = 1; round <= 3; round++) {
      const all = await Promise.all([job(), job(), job()]);
      expect(all.filter(({ status }) => status !== 0)).toEqual([]);
    }
    const seen = changes();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual([1, 10, 50, 100].slice(0, seen.length));
    expect(await verify()).toMatchObject({ status: 0 });
  });
});
