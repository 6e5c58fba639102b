import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stepSchema } from "../../src/report/step.schema.ts";
import { evaluatorOf } from "../flags/flagdFile.ts";
import { callRollout, rollout } from "../support/cli.ts";
import { everythingIn } from "../support/scene.ts";

let folder = "";
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "rollout-demo-")));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a demo in a directory of its own, which has its folder when it is over. */
async function runDemo(...args: string[]) {
  const cwd = await mkdtemp(join(folder, "demo-"));
  const ran = await rollout(["demo", ...args], { cwd });
  const evaluate = evaluatorOf(await readFile(join(cwd, "rollout-demo", "flags.json"), "utf8"), "new-recommendations");
  const values = Array.from({ length: 200 }, (_, index) =>
    evaluate(`user-${index}`, {
      userId: `user-${index}`,
      email: `user-${index}@${index % 25 === 0 ? "example.com" : "mail.test"}`,
      region: "eu",
    }),
  );
  return { cwd, ran, values: values.map(({ value }) => value) };
}

describe("the demo", () => {
  test.concurrent("with a sound feature ends at 100 % with 0, and every next step that it names works", { timeout: 120_000 }, async () => {
    const { cwd, ran, values } = await runDemo();
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/^complete/m);
    expect(values.every((value) => value === true)).toBe(true);
    const named = ran.stderr.split("\n").filter((line) => line.startsWith("  npx rollout "));
    expect(named).toHaveLength(5);
    for (const line of named) {
      const { status, stderr } = await rollout(line.trim().split(" ").slice(2), { cwd });
      expect({ status, stderr }, line).toEqual({ status: 0, stderr: "" });
    }
  });

  test.concurrent.each(["errors", "latency"])(
    "with --break %s ends with 3, and nobody has it any more",
    { timeout: 120_000 },
    async (what) => {
      const { cwd, ran, values } = await runDemo("--break", what, "--json");
      expect(ran.status).toBe(3);
      const report = stepSchema.parse(JSON.parse(ran.stdout));
      expect(report).toMatchObject({ schema: "rollout.demo/1", outcome: "rolledBack", exposed: "off" });
      const broken = report.verdicts.filter(({ verdict }) => verdict === "breach").map(({ metric }) => metric);
      expect(new Set(broken)).toEqual(new Set([what === "errors" ? "errors" : "slow"]));
      expect(values).toEqual(Array.from({ length: 200 }, () => false));

      const store = ["--store", join("rollout-demo", ".rollout")];
      const verified = await rollout(["log", "verify", "new-recommendations", ...store, "--head", report.head.hash], { cwd });
      expect(verified).toMatchObject({ status: 0, stderr: "" });
      const after = await everythingIn(cwd);
      const plan = join("rollout-demo", "quickstart.yaml");
      expect(await rollout(["advance", plan, ...store], { cwd })).toMatchObject({ status: 0, stderr: "" });
      for (let advanced = 1; advanced < 20; advanced++) {
        expect(await callRollout(["advance", plan, ...store], { cwd })).toMatchObject({ status: 0, stderr: "" });
      }
      expect(await everythingIn(cwd)).toEqual(after);
    },
  );

  test("is refused where it may not write", async () => {
    // Whoever runs the tests may be allowed everything; a folder that is not there lets nobody write.
    const { status, stdout, stderr } = await callRollout(["demo"], { cwd: join(folder, "nowhere") });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Run the demo in a directory that you may write to.");
  });
});
