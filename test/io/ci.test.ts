import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claimedActor, forkOf, isCi, type Environment } from "../../src/io/ci.ts";
import { eventsOfGithub, forkJobs, ownJobs } from "../support/ciJobs.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rollout-ci-"));
  for (const [name, event] of Object.entries(eventsOfGithub)) writeFileSync(join(folder, name), event);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a job of a pull request from a fork is one", () => {
  test.each(forkJobs(() => folder))("on $system: $what", ({ system, env }) => {
    expect(forkOf(env())).toBe(system);
    expect(isCi(env())).toBe(true);
  });
});

describe("a job of one's own is none", () => {
  test.each(ownJobs(() => folder))("on $system: $what", ({ env }) => {
    expect(forkOf(env())).toBeUndefined();
    expect(isCi(env())).toBe(true);
  });
});

test.each<[string, Environment]>([
  ["nothing", {}],
  ["CI=false", { CI: "false" }],
  ["CI=0", { CI: "0" }],
  ["an empty CI", { CI: "" }],
  ["variables of a fork without their system", { CHANGE_FORK: "mallory", CIRCLE_PR_NUMBER: "3", SYSTEM_PULLREQUEST_ISFORK: "True" }],
])("with %s it is no CI job", (_, env) => {
  expect(isCi(env)).toBe(false);
  expect(forkOf(env)).toBeUndefined();
});

test("a system that calls itself CI as well goes by its own name", () => {
  const env = { CI: "true", GITLAB_CI: "true", GITLAB_USER_LOGIN: "ann" };
  expect(claimedActor(env)).toEqual({ who: "ann", where: "GitLab CI" });
});

describe("who runs a command", () => {
  test("is the user of the machine, outside of CI", () => {
    expect(claimedActor({ GITHUB_ACTOR: "mallory" })).toEqual({ who: userInfo().username, where: hostname() });
  });

  test.each<[Environment, { who: string; where: string }]>([
    [
      { GITHUB_ACTIONS: "true", GITHUB_ACTOR: "ann", GITHUB_REPOSITORY: "shop/web", GITHUB_RUN_ID: "7", GITHUB_JOB: "rollout" },
      { who: "ann", where: "GitHub Actions, shop/web, run 7, job rollout" },
    ],
    [
      { BUILDKITE: "true", BUILDKITE_BUILD_CREATOR: "Ann", BUILDKITE_PIPELINE_SLUG: "web", BUILDKITE_BUILD_NUMBER: "7" },
      { who: "Ann", where: "Buildkite, web, run 7" },
    ],
    [
      { JENKINS_URL: "http://ci", CHANGE_AUTHOR: "ann", JOB_NAME: "web" },
      { who: "ann", where: "Jenkins, web" },
    ],
    [{ TF_BUILD: "True" }, { who: userInfo().username, where: "Azure Pipelines" }],
    [{ CI: "1" }, { who: userInfo().username, where: "CI" }],
  ])("in %j is what its variables claim", (env, actor) => {
    expect(claimedActor(env)).toEqual(actor);
  });

  test("is cut to what an entry may hold", () => {
    const { who, where } = claimedActor({ GITHUB_ACTIONS: "true", GITHUB_ACTOR: "a".repeat(2000), GITHUB_JOB: "j".repeat(2000) });
    expect([who.length, where.length]).toEqual([500, 500]);
  });
});
