import { describe, expect, test, vi } from "vitest";
import { statusSchema } from "../../src/report/status.schema.ts";
import type { Ran } from "../support/cli.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

/** A flag and a plan that people change by hand while the rollout runs. */

type Tree = Record<string, any>;

async function scenery(changes: Tree = {}) {
  const shop = await startShopPage();
  return {
    shop,
    scene: await makeScene(planTree(shop.url, changes)),
    planAgain: (more: Tree) => planTree(shop.url, { ...changes, ...more }),
  };
}

/** A rollout that stands at its first stage, 5%. */
async function begun(changes: Tree = {}) {
  const all = await scenery(changes);
  expect(await all.scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
  return all;
}

/** What somebody does in the flag file, with an editor. */
async function editFlag(scene: Scene, edit: (flag: Tree) => void) {
  const file = JSON.parse(await scene.read("flags.json")) as Tree;
  edit(file["flags"].checkout);
  await scene.write("flags.json", file);
}

/** The shares of the only split in the flag's rules, as flagd writes them. */
async function editSplit(scene: Scene, shares: { on: number; off: number }) {
  const before = await scene.read("flags.json");
  const text = before.replace(/\["on",\s*\d+\]/, `["on", ${shares.on}]`).replace(/\["off",\s*\d+\]/, `["off", ${shares.off}]`);
  expect(text).not.toBe(before);
  await scene.write("flags.json", text);
}

const kinds = async (scene: Scene) => (await scene.entries()).map(({ kind }) => kind);

async function status(scene: Scene) {
  return statusSchema.parse(JSON.parse((await scene.call("status", "checkout", "--json")).stdout));
}

/** A few looks, the last one when it rolls back: one alone is no proof, however gross the harm. */
async function looksUntilHarm(scene: Scene): Promise<Ran> {
  let ran = await scene.rollout("advance", "plan.yaml");
  for (let looks = 1; looks < 6 && ran.status === 0; looks++) ran = await scene.rollout("advance", "plan.yaml");
  return ran;
}

describe("a flag that somebody set to a larger share", () => {
  async function drifted() {
    const all = await begun();
    await editSplit(all.scene, { on: 40_000, off: 60_000 });
    return all;
  }

  test("pauses with 4, and is left as it is", async () => {
    const { scene } = await drifted();
    const flags = await scene.read("flags.json");
    const ran = await scene.rollout("advance", "plan.yaml");
    expect(ran.status).toBe(4);
    expect(ran.stdout).toContain("paused: the flag is more exposed than the ledger says: 40% instead of 5%");
    expect(ran.stdout).toContain("rollout resume checkout --adopt");
    expect(await scene.read("flags.json")).toBe(flags);
    expect(await scene.call("advance", "plan.yaml", "--detailed-exitcode")).toMatchObject({ status: 24 });
    expect(await scene.read("flags.json")).toBe(flags);
    // A pause that only a decision can end.
    const undecided = await scene.call("resume", "checkout");
    expect(undecided.status).toBe(4);
    expect(undecided.stderr).toContain("the flag says 40%, the ledger 5%");
  });

  test("is rolled back on a breach all the same, with 3", async () => {
    const { shop, scene } = await drifted();
    await scene.call("advance", "plan.yaml");
    shop.errors.treatment = 400;
    expect(await looksUntilHarm(scene)).toMatchObject({ status: 3 });
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test("is rolled back at once when the look that finds it sees the breach", async () => {
    const { shop, scene } = await drifted();
    shop.errors.treatment = 400;
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 3 });
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test("can be adopted: the rollout goes on from there", async () => {
    const { scene } = await drifted();
    await scene.call("advance", "plan.yaml");
    const flags = await scene.read("flags.json");
    expect(await scene.call("resume", "checkout", "--adopt")).toMatchObject({ status: 0 });
    expect(await scene.read("flags.json")).toBe(flags);
    expect(await status(scene)).toMatchObject({ exposed: "40%", stage: { name: "5%" } });
    await scene.call("advance", "plan.yaml");
    expect((await scene.call("advance", "plan.yaml")).stdout).not.toContain("paused");
  });

  test("can be restored to what the ledger says", async () => {
    const { scene } = await begun();
    const users = await scene.usersWithFeature();
    await editSplit(scene, { on: 40_000, off: 60_000 });
    expect(await scene.usersWithFeature()).toBeGreaterThan(users);
    await scene.call("advance", "plan.yaml");
    expect(await scene.call("resume", "checkout", "--restore")).toMatchObject({ status: 0 });
    expect(await scene.usersWithFeature()).toBe(users);
    expect((await status(scene)).paused).toBeUndefined();
  });
});

describe("a flag that somebody turned off", () => {
  const hands: [string, (flag: Tree) => void][] = [
    ["by disabling it", (flag) => void (flag["state"] = "DISABLED")],
    ["by emptying its rules", (flag) => void (flag["targeting"] = {})],
  ];

  test.each(hands)("%s stays off with 4, until somebody adopts that", async (_, hand) => {
    const { scene } = await begun();
    await editFlag(scene, hand);
    const flags = await scene.read("flags.json");
    const ran = await scene.rollout("advance", "plan.yaml");
    expect(ran.status).toBe(4);
    expect(ran.stdout).toContain("paused: the flag was lowered outside of the rollout: off instead of 5%");
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
    expect(await scene.call("advance", "plan.yaml", "--wait", "200ms")).toMatchObject({ status: 0 });
    expect(await scene.call("resume", "checkout")).toMatchObject({ status: 4 });
    expect(await scene.read("flags.json")).toBe(flags);
    expect(await status(scene)).toMatchObject({ paused: { cause: "stoppedOutside" } });

    expect(await scene.call("resume", "checkout", "--adopt")).toMatchObject({ status: 0 });
    expect(await scene.read("flags.json")).toBe(flags);
    expect(await status(scene)).toMatchObject({ exposed: "off" });
    expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 5%/m);
    expect(await scene.usersWithFeature()).toBeGreaterThan(0);
  });

  test.each(hands)("%s is put back by --restore", async (_, hand) => {
    const { scene } = await begun();
    const users = await scene.usersWithFeature();
    await editFlag(scene, hand);
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 4 });
    expect(await scene.call("resume", "checkout", "--restore")).toMatchObject({ status: 0 });
    expect(await scene.usersWithFeature()).toBe(users);
    expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 50%/m);
  });
});

test("a flag with rules that are nobody's plan pauses, cannot be adopted, and is restored", async () => {
  const { scene } = await begun();
  await editFlag(scene, (flag) => void (flag["targeting"] = { if: [{ "==": [{ var: "country" }, "ch"] }, "on", "off"] }));
  expect(await scene.rollout("advance", "plan.yaml")).toMatchObject({ status: 4 });
  const refused = await scene.call("resume", "checkout", "--adopt");
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain("cannot be adopted");
  expect(await scene.call("resume", "checkout", "--restore")).toMatchObject({ status: 0 });
  expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 50%/m);
});

test("a flag file that cannot be read is a hold with 5, and goes on when it can", async () => {
  const { scene } = await begun();
  const flags = await scene.read("flags.json");
  await scene.write("flags.json", "{ not JSON");
  const held = await scene.rollout("advance", "plan.yaml");
  expect(held.status).toBe(5);
  expect(held.stdout).toContain("holding: the flag could not be read");
  await scene.write("flags.json", flags);
  expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 50%/m);
});

test("where the ledger is damaged a rollback is refused with 7, and it is said how to turn the feature off by hand", async () => {
  const { scene } = await begun();
  const next = (await scene.entries()).length + 1;
  await scene.write(`.rollout/checkout/${String(next).padStart(9, "0")}.json`, "");
  for (const args of [
    ["rollback", "plan.yaml"],
    ["advance", "plan.yaml"],
    ["run", "plan.yaml"],
  ]) {
    const { status, stderr } = await scene.call(...args);
    expect([args[0], status, stderr]).toEqual([args[0], 7, expect.stringContaining(`entry ${next}: it is empty`)]);
    expect(stderr).toContain("Nothing guards the feature until the ledger is restored");
    expect(stderr).toContain('by hand: in flags.json, under "flags" → "checkout"');
  }
  expect((await scene.call("rollback", "checkout")).stderr).toContain("With the plan file instead of the name");
  const list = await scene.call("status", "--json");
  expect(list.status).toBe(7);
  expect(JSON.parse(list.stdout)).toMatchObject({ rollouts: [{ rollout: "checkout", code: "damaged" }] });
});

test("a rollback that cannot be written is 9 with what to do by hand, and the next call goes on", async () => {
  const { scene } = await begun();
  const flags = await scene.read("flags.json");
  await scene.write("flags.json", "{ not JSON");
  const failed = await scene.rollout("rollback", "checkout", "--rollback-for", "100ms");
  expect(failed).toMatchObject({ status: 9, stdout: "" });
  expect(failed.stderr).toContain("the feature may still be exposed");
  expect(failed.stderr).toContain('Switch it off by hand: in flags.json, under "flags" → "checkout", set "state": "ENABLED"');
  expect((await status(scene)).underWay).toMatchObject({ purpose: "rollback" });
  await scene.write("flags.json", flags);
  expect(await scene.rollout("advance", "checkout")).toMatchObject({ status: 3 });
  expect(await scene.usersWithFeature()).toBe(0);
  expect(await scene.call("advance", "checkout", "--detailed-exitcode")).toMatchObject({ status: 23 });
});

describe("a plan file that was edited under way", () => {
  test("holds and guards, and goes on once it is accepted", async () => {
    const { scene, planAgain } = await begun();
    await scene.write("plan.yaml", planAgain({ stages: [{ expose: "5%", bake: "1ms" }, { expose: "20%", bake: "1ms" }, "100%"] }));
    const held = await scene.rollout("advance", "plan.yaml");
    expect(held.status).toBe(0);
    expect(held.stdout).toContain("the plan file differs from the plan of this run");
    expect(await scene.call("advance", "plan.yaml", "--detailed-exitcode")).toMatchObject({ status: 20 });
    expect((await scene.call("status", "plan.yaml")).stdout).toContain("rollout accept PLAN");
    const accepted = await scene.call("accept", "plan.yaml");
    expect(accepted).toMatchObject({ status: 0, stderr: "" });
    expect(accepted.stdout).toContain("accepted: stages");
    expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 20%/m);
  });

  test("does not keep a breach from being rolled back", async () => {
    const { shop, scene, planAgain } = await begun();
    await scene.write("plan.yaml", planAgain({ guardrails: [{ metric: "errors", max: "90%" }] }));
    shop.errors.treatment = 400;
    expect(await looksUntilHarm(scene)).toMatchObject({ status: 3 });
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test("in its words alone is taken over and goes on", async () => {
    const { scene, planAgain } = await begun();
    await scene.write("plan.yaml", planAgain({ owner: "somebody else" }));
    expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 50%/m);
    expect(await kinds(scene)).toContain("planChanged");
  });

  test("so that others would be exposed is refused by accept, with 4", async () => {
    const { scene, planAgain } = await begun();
    await scene.write("plan.yaml", planAgain({ flag: { backend: { type: "flagd", file: "flags.json" }, unit: { attribute: "tenant" } } }));
    const refused = await scene.call("accept", "plan.yaml");
    expect(refused).toMatchObject({ status: 4, stdout: "" });
    expect(refused.stderr).toContain("flag.unit decides who is in which group");
    expect(refused.stderr).toContain("rollout rollback checkout");
  });
});

describe("a plan file that is not valid any more", () => {
  async function broken() {
    const all = await begun();
    await all.scene.write("plan.yaml", all.planAgain({ policy: { poll: 50 } }));
    return all;
  }

  test("is shown in frames, and the run is guarded by the ledger's plan but does not advance: 2", async () => {
    const { shop, scene } = await broken();
    const flags = await scene.read("flags.json");
    const asked = shop.requests.length;
    const ran = await scene.rollout("advance", "plan.yaml");
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/^plan\.yaml:\d+:\d+ error: policy\.poll: /m);
    expect(ran.stderr).toContain("checkout is guarded by the plan in its ledger, and does not advance");
    expect(ran.stdout).toContain("inconclusive");
    expect(shop.requests.length).toBeGreaterThan(asked);
    expect(await scene.read("flags.json")).toBe(flags);
  });

  test("does not keep a breach from being rolled back: 3", async () => {
    const { shop, scene } = await broken();
    shop.errors.treatment = 400;
    const ran = await scene.rollout("advance", "plan.yaml");
    expect(ran.status).toBe(3);
    expect(ran.stderr).toContain("error: policy.poll");
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test("does not keep a person from rolling back, by the file or by the name", async () => {
    for (const target of ["plan.yaml", "checkout"]) {
      const { scene } = await broken();
      expect(await scene.call("rollback", target)).toMatchObject({ status: 0 });
      expect(await scene.usersWithFeature()).toBe(0);
    }
  });

  test("of which not even the name can be read says that the name will do", async () => {
    const { scene } = await begun();
    await scene.write("plan.yaml", "version: 1\n");
    const ran = await scene.call("advance", "plan.yaml");
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain("its name will do");
    expect((await scene.call("advance", "checkout")).stdout).toMatch(/^advanced to 50%/m);
  });
});

describe("a rollback that a person asks for", () => {
  test.each(["plan.yaml", "checkout"])("by %s turns the feature off with 0, and asked for again does nothing", async (target) => {
    const { scene } = await begun();
    const ran = await scene.rollout("rollback", target, "--reason", "support is on fire");
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout).toContain("rolled back: the feature is off for everybody");
    expect(await scene.usersWithFeature()).toBe(0);
    expect((await scene.call("log", "checkout")).stdout).toContain("support is on fire");
    const after = await scene.everything();
    const again = await scene.rollout("rollback", target);
    expect(again).toMatchObject({ status: 0 });
    expect(again.stdout).toContain("rolled back already");
    expect(await scene.everything()).toEqual(after);
  });

  test("works when the plan file is gone", async () => {
    const { scene } = await begun();
    await scene.write("plan.yaml", "");
    expect(await scene.call("rollback", "checkout")).toMatchObject({ status: 0 });
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test("is followed by the next run only when it is asked for, with a reason", async () => {
    const { scene } = await begun();
    expect(await scene.call("restart", "plan.yaml", "--reason", "again")).toMatchObject({ status: 4 });
    await scene.call("rollback", "checkout");
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
    expect(await scene.call("restart", "plan.yaml")).toMatchObject({ status: 2 });
    expect(await scene.call("restart", "plan.yaml", "--reason", "mended")).toMatchObject({ status: 0 });
    expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 5%/m);
    expect(await status(scene)).toMatchObject({ run: 2 });
    expect(await scene.call("log", "verify", "checkout")).toMatchObject({ status: 0 });
  });
});

describe("a breach that only pauses", () => {
  const guardrails = [{ metric: "errors", max: "5%", onBreach: "pause" }];

  test("pauses with 4, and is resumed only in spite of it, with a reason", async () => {
    const { shop, scene } = await begun({ guardrails });
    const users = await scene.usersWithFeature();
    shop.errors.treatment = 400;
    const ran = await scene.rollout("advance", "plan.yaml");
    expect(ran.status).toBe(4);
    expect(ran.stdout).toContain("--despite-breach --reason");
    expect(await scene.usersWithFeature()).toBe(users);
    expect(await scene.call("resume", "checkout")).toMatchObject({ status: 4 });
    expect(await scene.call("resume", "checkout", "--despite-breach")).toMatchObject({ status: 2 });
    shop.errors.treatment = 4;
    expect(await scene.call("resume", "checkout", "--despite-breach", "--reason", "a bot")).toMatchObject({ status: 0 });
    await scene.call("advance", "plan.yaml");
    expect((await status(scene)).paused).toBeUndefined();
  });
});

test("a pause by a person stops advancing, never guarding", async () => {
  const { shop, scene } = await begun();
  expect(await scene.call("pause", "checkout", "--reason", "holidays")).toMatchObject({ status: 0 });
  expect((await scene.call("pause", "checkout")).stdout).toContain("it is paused already");
  const held = await scene.call("advance", "plan.yaml", "--detailed-exitcode");
  expect(held.status).toBe(24);
  expect(held.stdout).toContain("holidays");
  shop.errors.treatment = 400;
  expect(await looksUntilHarm(scene)).toMatchObject({ status: 3 });
});

test("a flag that is on before the rollout begins is refused with 4, or adopted", async () => {
  const { scene } = await scenery({ stages: [{ expose: "5%", bake: "1ms" }, { expose: "50%", bake: "1h" }, "100%"] });
  const { scene: other } = await begun();
  await vi.waitFor(async () => expect((await other.call("advance", "plan.yaml")).stdout).toContain("50%"), { timeout: 10_000 });
  await scene.write("flags.json", await other.read("flags.json"));
  const before = await scene.everything();
  const refused = await scene.rollout("advance", "plan.yaml");
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain("the flag checkout is on already: 50%");
  expect(await scene.everything()).toEqual(before);
  const flags = await scene.read("flags.json");
  expect(await scene.call("advance", "plan.yaml", "--adopt")).toMatchObject({ status: 0 });
  expect(await scene.read("flags.json")).toBe(flags);
  expect(await status(scene)).toMatchObject({ exposed: "50%", stage: { name: "50%" } });
});
