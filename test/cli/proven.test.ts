import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { logEntrySchema } from "../../src/report/log.schema.ts";
import type { Ran } from "../support/cli.ts";
import { eventsOfGithub } from "../support/ciJobs.ts";
import { REQUEST_TOKEN, startIssuer, type Issuer } from "../support/issuer.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

let issuer: Issuer;
let events = "";
beforeAll(async () => {
  issuer = await startIssuer();
  events = mkdtempSync(join(tmpdir(), "rollout-events-"));
  for (const [name, event] of Object.entries(eventsOfGithub)) writeFileSync(join(events, name), event);
});
beforeEach(() => {
  issuer.handOut = issuer.token();
  issuer.requests.length = 0;
});
afterAll(async () => {
  await issuer.close();
  rmSync(events, { recursive: true });
});

async function makeRollout(): Promise<Scene> {
  const shop = await startShopPage();
  return makeScene(planTree(shop.url));
}

/** Neither the token, nor its signature, nor what it is asked for with is in any file or in anything that was said. */
function expectSilence(scene: Scene, ...runs: Ran[]) {
  const files = readdirSync(scene.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
  for (const { stdout, stderr } of runs) texts.push(stdout, stderr);
  const secrets = [issuer.handOut, issuer.handOut.split(".")[2]!, REQUEST_TOKEN];
  for (const text of texts) for (const secret of secrets) expect(text).not.toContain(secret);
}

describe("a job that its CI system vouches for", () => {
  test("is recorded as proven, by every entry of the command, and reads so", async () => {
    const scene = await makeRollout();
    const env = { ...issuer.githubJob(), ROLLOUT_DEBUG: "1" };
    const runs = [await scene.rolloutWith(env, "advance", "plan.yaml", "--json")];
    expect(runs[0]).toMatchObject({ status: 0, stderr: "" });
    const entries = (await scene.entries()) as unknown as { actor: { who: string; proven?: { repository: string } } }[];
    expect(entries.map(({ actor }) => [actor.who, actor.proven?.repository])).toEqual(Array.from({ length: 4 }, () => ["ann", "shop/web"]));
    // Once for the whole process.
    expect(issuer.requests.filter(({ path }) => path.startsWith("/request"))).toHaveLength(1);
    runs.push(
      await scene.callWith(env, "pause", "checkout"),
      await scene.call("log", "checkout"),
      await scene.call("log", "checkout", "--json"),
    );
    for (const { status } of runs) expect(status).toBe(0);
    const host = new URL(issuer.url).host;
    expect(runs[2]!.stdout).toContain(`[ann@${host}, shop/web, run 4711, proven to its runner by ${host}]`);
    expect(runs[2]!.stdout).not.toContain("claimed");
    for (const line of runs[3]!.stdout.trim().split("\n"))
      expect(logEntrySchema.parse(JSON.parse(line)).entry.actor.proven?.run).toBe("4711");
    expectSilence(scene, ...runs);
  });

  test("on GitLab has its token in a variable, which no plan may have", async () => {
    const shop = await startShopPage();
    const env = {
      CI: "true",
      GITLAB_CI: "true",
      ROLLOUT_ID_TOKEN: issuer.handOut,
      ROLLOUT_OIDC_ISSUER: issuer.url,
      ROLLOUT_ENV: "ROLLOUT_ID_TOKEN",
    };
    const scene = await makeScene(planTree(shop.url));
    const run = await scene.callWith(env, "advance", "plan.yaml");
    expect(run).toMatchObject({ status: 0, stderr: "" });
    expect((await scene.entries())[0]).toMatchObject({ actor: { proven: { issuer: issuer.url } } });
    const sources = { shop: { type: "openmetrics", url: `${shop.url}/metrics`, bearer: "${env:ROLLOUT_ID_TOKEN}" } };
    const thief = await makeScene(planTree(shop.url, { sources }));
    const asked = shop.requests.length;
    const refused = await thief.callWith(env, "advance", "plan.yaml");
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("${env:ROLLOUT_ID_TOKEN} may not be read") });
    expect(shop.requests).toHaveLength(asked);
    expectSilence(scene, run, refused);
  });
});

describe("where the proof fails nothing is held up:", () => {
  test.each<[string, () => void, string]>([
    ["an expired token", () => (issuer.handOut = issuer.token({ claims: { exp: 1 } })), "the token has expired"],
    [
      "a token that anybody could sign",
      () => (issuer.handOut = issuer.token({ by: "public key as secret" })),
      "no algorithm that can be trusted",
    ],
  ])("%s", async (_, spoil, why) => {
    spoil();
    const scene = await makeRollout();
    const runs = [
      await scene.callWith(issuer.githubJob(), "advance", "plan.yaml", "--json"),
      await scene.callWith(issuer.githubJob(), "rollback", "checkout", "--json"),
    ];
    for (const { status, stderr } of runs) {
      expect(status).toBe(0);
      // One warning, however many entries.
      expect(stderr).toMatch(new RegExp(`^warning: who runs this is recorded as a claim.*${why}\\n$`));
    }
    expect(await scene.usersWithFeature()).toBe(0);
    const log = await scene.call("log", "checkout");
    expect(log.stdout).toMatch(/\[mallory@GitHub Actions, claimed\]/);
    expect(log.stdout).not.toContain("proven");
    expectSilence(scene, ...runs, log);
  });
});

describe("nobody is asked for a token", () => {
  test("by what writes nothing", async () => {
    const scene = await makeRollout();
    const env = issuer.githubJob();
    for (const args of [
      ["validate", "plan.yaml"],
      ["explain", "plan.yaml"],
      ["size", "plan.yaml"],
      ["advance", "plan.yaml", "--dry-run"],
      ["status"],
      ["metrics", "plan.yaml"],
    ]) {
      expect((await scene.callWith(env, ...args)).status, args.join(" ")).toBe(0);
    }
    expect(issuer.requests).toEqual([]);
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
    for (const args of [
      ["status", "checkout"],
      ["log", "checkout"],
      ["log", "verify", "checkout"],
    ]) {
      expect((await scene.callWith(env, ...args)).status, args.join(" ")).toBe(0);
    }
    expect(issuer.requests).toEqual([]);
  });

  test("in a job of a pull request from a fork, until its plan is trusted", async () => {
    const scene = await makeRollout();
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
    const env = { ...issuer.githubJob(), GITHUB_EVENT_NAME: "pull_request", GITHUB_EVENT_PATH: join(events, "fork.json") };
    expect(await scene.callWith(env, "pause", "checkout")).toMatchObject({ status: 0, stderr: "" });
    expect(issuer.requests).toEqual([]);
    expect((await scene.entries()).at(-1)).toMatchObject({ actor: { who: "mallory" } });
    expect(await scene.callWith(env, "resume", "checkout", "--trust-plan")).toMatchObject({ status: 0 });
    expect((await scene.entries()).at(-1)).toMatchObject({ actor: { who: "ann", proven: { repository: "shop/web" } } });
  });
});

test("a ledger that says of itself that somebody was proven has that printed as text", async () => {
  const scene = await makeRollout();
  const hostile = issuer.token({ claims: { actor: "ann\u202E\u001B[31m", repository: "::error::shop" } });
  const env = { CI: "true", ROLLOUT_ID_TOKEN: hostile, ROLLOUT_OIDC_ISSUER: issuer.url };
  expect(await scene.callWith(env, "advance", "plan.yaml")).toMatchObject({ status: 0 });
  const { stdout } = await scene.call("log", "checkout");
  expect(stdout).toContain("ann<U+202E><U+001B>[31m@");
  for (const character of ["\u202E", "\u001B"]) expect(stdout).not.toContain(character);
});
