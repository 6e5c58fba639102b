import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventsOfGithub, forkJobs, ownJobs } from "../support/ciJobs.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rollout-events-"));
  for (const [name, event] of Object.entries(eventsOfGithub)) writeFileSync(join(folder, name), event);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function scenery() {
  const shop = await startShopPage();
  return { shop, scene: await makeScene(planTree(shop.url)) };
}

describe("in a job of a pull request from a fork", () => {
  test.each(forkJobs(() => folder))("on $system ($what) nothing goes out, and plans can be checked", async ({ system, env }) => {
    const { shop, scene } = await scenery();
    const before = await scene.everything();
    const refused = await scene.callWith(env(), "advance", "plan.yaml");
    expect(refused).toMatchObject({ status: 4, stdout: "" });
    expect(refused.stderr).toContain(`this ${system} job belongs to a pull request from a fork`);
    expect(refused.stderr).toContain("--trust-plan");
    expect(await scene.callWith(env(), "validate", "plan.yaml")).toMatchObject({ status: 0 });
    expect(await scene.callWith(env(), "explain", "plan.yaml")).toMatchObject({ status: 0 });
    expect(await scene.everything()).toEqual(before);
    expect(shop.requests).toEqual([]);
  });

  const env = { JENKINS_URL: "http://ci", CHANGE_FORK: "mallory" };

  test("every command that would go out is refused, and so is what would write the ledger's flag", async () => {
    const { shop, scene } = await scenery();
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
    const asked = shop.requests.length;
    const before = await scene.everything();
    for (const args of [
      ["run", "plan.yaml"],
      ["run", "checkout"],
      ["advance", "checkout"],
      ["advance", "plan.yaml", "--dry-run"],
      ["metrics", "plan.yaml"],
      ["rollback", "checkout"],
      ["resume", "checkout"],
      ["restart", "plan.yaml", "--reason", "again"],
    ]) {
      const { status, stderr } = await scene.callWith(env, ...args);
      expect(status, args.join(" ")).toBe(4);
      expect(stderr, args.join(" ")).toContain("pull request from a fork");
    }
    expect(await scene.callWith(env, "status")).toMatchObject({ status: 0 });
    expect(await scene.callWith(env, "log", "verify", "checkout")).toMatchObject({ status: 0 });
    expect(await scene.everything()).toEqual(before);
    expect(shop.requests).toHaveLength(asked);
  });

  test("--trust-plan goes on", async () => {
    const { shop, scene } = await scenery();
    expect(await scene.callWith(env, "advance", "plan.yaml", "--trust-plan")).toMatchObject({ status: 0, stderr: "" });
    expect(shop.requests).not.toEqual([]);
    expect(await scene.usersWithFeature()).toBeGreaterThan(0);
  });

  test("the process itself refuses as well", async () => {
    const { shop, scene } = await scenery();
    const { status, stderr } = await scene.rolloutWith(env, "advance", "plan.yaml");
    expect(status).toBe(4);
    expect(stderr).toContain("Jenkins");
    expect(shop.requests).toEqual([]);
  });
});

describe("in a job of one's own", () => {
  test.each(ownJobs(() => folder))("on $system ($what) it goes out, and the entries claim the job", async ({ system, env }) => {
    const { shop, scene } = await scenery();
    expect(await scene.callWith(env(), "advance", "plan.yaml")).toMatchObject({ status: 0 });
    expect(shop.requests).not.toEqual([]);
    const [started] = (await scene.entries()) as unknown as { actor: { where: string } }[];
    expect(started?.actor.where).toContain(system);
  });
});

describe("secrets in CI", () => {
  async function withToken() {
    const shop = await startShopPage();
    const sources = { shop: { type: "openmetrics", url: `${shop.url}/metrics`, bearer: "${env:SHOP_TOKEN}" } };
    return { shop, scene: await makeScene(planTree(shop.url, { sources })) };
  }

  test("are read only from the variables that ROLLOUT_ENV lists", async () => {
    const { shop, scene } = await withToken();
    const env = { CI: "true", SHOP_TOKEN: "ship-shape-9" };
    for (const listed of [undefined, "OTHER", "SHOP_TOKENS"]) {
      const refused = await scene.callWith({ ...env, ...(listed && { ROLLOUT_ENV: listed }) }, "advance", "plan.yaml");
      expect(refused.status).toBe(2);
      expect(refused.stderr).toContain("${env:SHOP_TOKEN} may not be read");
      expect(refused.stderr).toContain("ROLLOUT_ENV=");
    }
    expect(shop.requests).toEqual([]);
    expect(await scene.callWith({ ...env, ROLLOUT_ENV: "OTHER SHOP_TOKEN" }, "advance", "plan.yaml")).toMatchObject({ status: 0 });
    expect(shop.requests[0]?.headers.authorization).toBe("Bearer ship-shape-9");
  });

  test("need no list outside of CI", async () => {
    const { shop, scene } = await withToken();
    expect(await scene.callWith({ SHOP_TOKEN: "ship-shape-9" }, "advance", "plan.yaml")).toMatchObject({ status: 0 });
    expect(shop.requests[0]?.headers.authorization).toBe("Bearer ship-shape-9");
  });
});
