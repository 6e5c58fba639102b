import { chmod, cp } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startFlagService, versioned, type FlagService } from "../flags/flagService.ts";
import { faults } from "../support/faultyServer.ts";
import { makeScene, planTree, startShopPage, type Scene, type ShopPage } from "../support/scene.ts";

/** Whole rollouts of flags that a service or a program of the team's own keeps. */

const PROGRAM = join(import.meta.dirname, "../../plans/programs/flag.mjs");
const env = { FLAGS_TOKEN: "canary-5up3r-s3cret" };

interface Own {
  scene: Scene;
  shop: ShopPage;
  percentage(): Promise<unknown>;
}

async function onService(changes: Record<string, unknown> = {}): Promise<Own & { service: FlagService }> {
  const [shop, service] = [await startShopPage(), await startFlagService({ checkout: 0 })];
  const backend = { type: "http", bearer: "${env:FLAGS_TOKEN}", ...versioned(service.url), ...changes };
  const scene = await makeScene(planTree(shop.url, { flag: { backend, propagation: "0s", writeWithin: "5s" } }));
  return { scene, shop, service, percentage: async () => service.flags.get("checkout")?.rollout.percentage };
}

async function onProgram(changes: Record<string, unknown> = {}): Promise<Own> {
  const shop = await startShopPage();
  const backend = { type: "command", command: [process.execPath, "flag.mjs", "state.json"], checked: true, ...changes };
  const scene = await makeScene(planTree(shop.url, { flag: { backend, propagation: "0s", writeWithin: "5s" } }));
  await cp(PROGRAM, join(scene.folder, "flag.mjs"));
  return { scene, shop, percentage: async () => JSON.parse(await scene.read("state.json").catch(() => '{"percentage":0}')).percentage };
}

const advance = ({ scene }: Own, ...args: string[]) => scene.callWith(env, "advance", "plan.yaml", ...args);

describe.concurrent.each<[string, () => Promise<Own>]>([
  ["a service", onService],
  ["a program", onProgram],
])("a flag that %s of the team's own keeps", (_, make) => {
  test("goes from nobody to everybody", async () => {
    const own = await make();
    const seen = [];
    for (let steps = 0; steps < 3; steps++) {
      expect(await advance(own, "--wait", "20s")).toMatchObject({ status: 0 });
      seen.push(await own.percentage());
    }
    expect(seen).toEqual([5, 50, 100]);
    const { status, stdout } = await advance(own, "--wait", "20s");
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining("complete at 100%") });
  });

  test("is switched off by a breach", async () => {
    const own = await make();
    await advance(own);
    await advance(own, "--wait", "20s");
    expect(await own.percentage()).toBe(50);
    own.shop.errors.treatment = 1000;
    expect(await advance(own, "--wait", "20s")).toMatchObject({ status: 3, stdout: expect.stringContaining("rolled back") });
    expect(await own.percentage()).toBe(0);
  });

  test("is left alone by what is offline, and by a pull request from a fork", async () => {
    const own = await make();
    await own.scene.write("flag.mjs", 'import { writeFileSync } from "node:fs"; writeFileSync("was-run", "");');
    const before = await own.scene.everything();
    for (const command of ["validate", "explain", "size", "simulate"]) {
      const { status, stderr } = await own.scene.callWith(
        env,
        command,
        "plan.yaml",
        ...(command === "simulate" ? ["--runs", "1", "--traffic", "6000/min"] : []),
      );
      expect({ command, status, stderr }).toMatchObject({ status: 0 });
    }
    const fork = { ...env, GITHUB_ACTIONS: "true", GITHUB_EVENT_NAME: "pull_request", GITHUB_EVENT_PATH: "/nonexistent" };
    for (const command of ["advance", "metrics", "run"]) expect((await own.scene.callWith(fork, command, "plan.yaml")).status).toBe(4);
    expect(await own.scene.everything()).toEqual(before);
    if ("service" in own) expect((own as { service: FlagService }).service.requests).toEqual([]);
  });
});

describe.concurrent("a flag service that fails under way", () => {
  test("after it has written has its write settled by reading, and is written once", async () => {
    const own = await onService();
    own.service.afterNextWrite = (request) => request.socket.destroy();
    expect(await advance(own)).toMatchObject({ status: 0, stdout: expect.stringContaining("advanced to 5%") });
    expect(own.service.requests.filter(({ method }) => method === "PATCH")).toHaveLength(1);
    expect((await own.scene.entries()).map(({ kind }) => kind)).toEqual(["started", "look", "intent", "applied"]);
  });

  test("by asking to wait is written when it has waited", async () => {
    const own = await onService();
    let refused = 0;
    own.service.instead = (request, response) => {
      if (request.method === "PATCH" && refused++ === 0) return void response.writeHead(429, { "retry-after": "1" }).end();
      own.service.serve(request, response);
    };
    expect(await advance(own)).toMatchObject({ status: 0, stdout: expect.stringContaining("advanced to 5%") });
    expect(own.service.requests.filter(({ method }) => method === "PATCH")).toHaveLength(2);
  });

  test("holds while it cannot be read, and says why without the secret", async () => {
    const own = await onService();
    await advance(own);
    own.service.instead = faults["an echo of the headers"];
    const { status, stdout, stderr } = await advance(own);
    expect(status).toBe(5);
    expect(stdout).toContain("answered with status 401");
    expect(stdout + stderr + JSON.stringify(await own.scene.entries())).not.toContain("5up3r");
  });

  test("leaves a person with a command when it cannot be switched off", async () => {
    const own = await onService();
    await advance(own);
    await own.service.close();
    const { status, stderr } = await own.scene.callWith(env, "rollback", "checkout", "--rollback-for", "1s");
    expect(status).toBe(9);
    expect(stderr).toContain('curl -X PATCH -H "Authorization: Bearer $FLAGS_TOKEN"');
    expect(stderr).not.toContain("5up3r");
  });
});

test("a program that is a script of the repository's is run where the plan is", async () => {
  const own = await onProgram({ command: ["./flag.sh"] });
  await own.scene.write("flag.sh", `#!/bin/sh\nexec "${process.execPath}" ./flag.mjs state.json\n`);
  await chmod(join(own.scene.folder, "flag.sh"), 0o755);
  expect(await advance(own)).toMatchObject({ status: 0 });
  expect(await own.percentage()).toBe(5);
});
