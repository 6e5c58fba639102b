import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gitWorld, type GitWorld } from "../ledger/gitWorld.ts";
import { rollout } from "../support/cli.ts";
import { git } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";

const plan = `version: 1
rollout: checkout
flag: { backend: { type: flagd, file: flags.json } }
stages: [{ expose: 10%, bake: 1h }, 100%]
`;
const flags = { flags: { checkout: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off" } } };

describe.skipIf(!requireProgram("git"))("a rollout whose ledger is in the team's repository", () => {
  let world: GitWorld;
  beforeEach(async () => {
    world = await gitWorld();
    await writeFile(join(world.checkout, "plan.yaml"), plan);
    await writeFile(join(world.checkout, "flags.json"), JSON.stringify(flags));
    git(world.checkout, ["add", "."]);
    git(world.checkout, ["commit", "--quiet", "-m", "a plan"]);
    git(world.checkout, ["push", "--quiet", "origin", "HEAD:main"]);
  });
  afterEach(() => world.remove());

  const run = (...args: string[]) => rollout([...args, "--store", "git:origin"], { cwd: world.checkout });

  test("goes on in any clone, and says what is wrong with the remote", async () => {
    expect(await run("advance", "plan.yaml")).toMatchObject({ status: 0, stdout: expect.stringContaining("advanced to 10%") });

    const clone = join(world.folder, "clone");
    git(world.folder, ["clone", "--quiet", "--depth=1", `file://${world.team}`, clone]);
    const elsewhere = await rollout(["status", "checkout"], { cwd: clone, env: { ROLLOUT_STORE: "git:origin" } });
    expect(elsewhere).toMatchObject({ status: 0, stdout: expect.stringContaining("stage 1 of 2: 10%") });

    await rename(world.team, `${world.team}.away`);
    const gone = await run("status", "checkout");
    expect(gone).toMatchObject({ status: 5, stdout: "", stderr: expect.stringContaining("the ledgers in git:origin could not be listed") });
    await rename(`${world.team}.away`, world.team);

    git(world.team, ["update-ref", "refs/rollout/checkout", "refs/rollout/checkout~1"]);
    const cut = await run("advance", "plan.yaml");
    expect(cut).toMatchObject({ status: 7, stderr: expect.stringContaining("entry 4: it was seen here, and it is there no more") });
  });
});
