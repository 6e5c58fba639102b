import { afterAll, describe, expect, test } from "vitest";
import { runStep } from "../support/runner.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";
import { startGithubComments, type Comment } from "../support/githubComments.ts";

const TOKEN = "ghs_ship-shape-9";

const servers: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

function pullRequest(from: string | null = "shop/web") {
  const repo = from === null ? null : { full_name: from };
  return { name: "pull_request", payload: { pull_request: { number: 7, head: { repo }, base: { repo: { full_name: "shop/web" } } } } };
}

async function scenery(comments: Comment[] = []) {
  const shop = await startShopPage();
  // So little traffic that its stages see nothing, of which the plan's reader is warned.
  const scene = await makeScene(planTree(shop.url, { audience: { units: 4000, traffic: "60/h" } }));
  const github = await startGithubComments(TOKEN, comments);
  servers.push(github);
  const step = (inputs: Record<string, string> = {}, event: { name: string; payload?: unknown } = pullRequest()) =>
    runStep({
      cwd: scene.folder,
      inputs: { plan: "plan.yaml", token: TOKEN, ...inputs },
      event,
      env: { GITHUB_API_URL: github.url },
    });
  return { shop, scene, github, step };
}

const writes = ({ requests }: { requests: { method: string }[] }) => requests.filter(({ method }) => method !== "GET");

describe("on a pull request", () => {
  test("a step that would advance explains the plan, touches nothing, and writes one comment that it keeps up to date", async () => {
    const others = Array.from({ length: 250 }, (_, id): Comment => ({ id, body: "looks good", user: { login: "ann", type: "User" } }));
    const { shop, scene, github, step } = await scenery(others);
    const before = await scene.everything();
    const first = await step();
    expect(first.status).toBe(0);
    expect(first.outputs).toMatchObject({ command: "explain", outcome: "valid", rollout: "checkout", head: "" });
    expect(first.annotations).not.toEqual([]);
    for (const { kind, properties } of first.annotations) {
      expect({ kind, ...properties }).toMatchObject({ kind: "warning", title: "rollout plan", file: "plan.yaml" });
    }
    expect(shop.requests).toEqual([]);
    expect(await scene.everything()).toEqual(before);

    expect(writes(github)).toMatchObject([
      {
        method: "POST",
        path: "/repos/shop/web/issues/7/comments",
        headers: {
          accept: "application/vnd.github+json",
          authorization: `Bearer ${TOKEN}`,
          "content-type": "application/json",
          "x-github-api-version": "2022-11-28",
        },
      },
    ]);
    expect(github.comments).toHaveLength(251);
    expect(github.comments[250]!.body).toMatch(/^<!-- rollout-plan [0-9a-f]{32} -->\n### Plan of `checkout`/);
    expect(first.summary).toBe(github.comments[250]!.body.replace(/^.*\n/, ""));

    await step();
    expect(writes(github)).toHaveLength(1); // Nothing has changed.

    await scene.write("plan.yaml", planTree(shop.url, { owner: "growth" }));
    await step();
    expect(writes(github)[1]).toMatchObject({ method: "PATCH", path: `/repos/shop/web/issues/comments/${github.comments[250]!.id}` });
    expect(github.comments).toHaveLength(251);
    expect(github.comments[250]!.body).toContain("owner: growth");
  });

  test("a plan that is not valid is told in the comment as well, and the step is red", async () => {
    const { scene, github, step } = await scenery();
    await scene.write("plan.yaml", "version: 1\nrollout: checkout\nstages: []\n");
    const { status, outputs, annotations } = await step({ command: "explain" });
    expect(status).toBe(2);
    expect(outputs).toMatchObject({ outcome: "invalidPlan" });
    expect(annotations.filter(({ properties }) => properties["file"] === "plan.yaml")).not.toHaveLength(0);
    expect(github.comments[0]!.body).toContain("### plan.yaml: not valid");
  });

  test("a comment of somebody else that begins as ours does is left alone", async () => {
    const forged = "### forged";
    const { github, step } = await scenery();
    await step();
    const [own] = github.comments.splice(0);
    const marker = own!.body.split("\n")[0]!;
    for (const user of [{ login: "mallory", type: "User" } as const, null]) {
      github.comments.push({ id: github.comments.length + 1, body: `${marker}\n${forged}`, user });
    }
    await step();
    expect(github.comments.map(({ body }) => body.split("\n")[1])).toEqual([forged, forged, "### Plan of `checkout`"]);
  });

  test("nothing is posted where it is not wanted, or where the token may not write", async () => {
    const { github, step } = await scenery();
    expect(await step({ comment: "false" })).toMatchObject({ status: 0 });
    expect(github.requests).toEqual([]);
    github.refuseWith(403);
    const refused = await step();
    expect(refused.status).toBe(0);
    expect(refused.summary).toContain("### Plan of `checkout`");
    expect(refused.annotations.at(-1)).toMatchObject({
      kind: "notice",
      message: expect.stringContaining("pull-requests: write") as string,
    });
    expect(refused.log).not.toContain(TOKEN);
  });
});

describe("on a pull request from a fork", () => {
  test.each([
    ["pull_request", "mallory/web", "advance"],
    ["pull_request_target", "mallory/web", "rollback"],
    ["pull_request", null, "run"],
  ])("%s of %s: instead of %s the summary explains the plan, nothing goes out and nothing is posted", async (name, from, command) => {
    const { shop, scene, github, step } = await scenery();
    const before = await scene.everything();
    const { status, outputs, summary } = await step({ command }, { ...pullRequest(from), name });
    expect(status).toBe(0);
    expect(outputs).toMatchObject({ command: "explain", outcome: "valid" });
    expect(summary).toContain("### Plan of `checkout`");
    expect(github.requests).toEqual([]);
    expect(shop.requests).toEqual([]);
    expect(await scene.everything()).toEqual(before);
  });

  test("a workflow that runs after a fork's is refused by the command itself", async () => {
    const { shop, step } = await scenery();
    const payload = { repository: { full_name: "shop/web" }, workflow_run: { head_repository: { full_name: "mallory/web" } } };
    const { status, outputs } = await step({}, { name: "workflow_run", payload });
    expect(status).toBe(4);
    expect(outputs).toMatchObject({ command: "advance", outcome: "refused" });
    expect(shop.requests).toEqual([]);
  });
});
