import { afterAll, describe, expect, test } from "vitest";
import { elementsOf, renderedBy, textOf } from "../support/gfm.ts";
import { startGithubComments } from "../support/githubComments.ts";
import { requireProgram } from "../support/programs.ts";
import { runStep } from "../support/runner.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

/** What a plan, a metric or a person may say, and what it must not become anywhere. */
const NASTY = [
  "<img src=x onerror=alert(1)>",
  "@team",
  "](https://evil.example) ![x](https://evil.example/x.png)",
  "`code` | cell |",
  "]]>",
  "%0A::error file=a.js::forged",
  "%25",
  "see #1 and https://evil.example/x",
].join(" ");
const LINES = `first\n::set-output name=head::forged\n##[error]forged\n::stop-commands::forged\n${NASTY}\nhead=forged\nENV<<EOF\nx\nEOF\nhead=forged\r\n::error::forged`;

const cmark = requireProgram("cmark-gfm");
const servers: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

/** Names of the elements that a summary or a comment of ours has; `!--` begins the comment's marker. */
const OURS = new Set(["!--", "br", "code", "h3", "li", "p", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"]);

function expectTame(markdown: string): void {
  const html = renderedBy(cmark!, markdown);
  expect(elementsOf(html).filter((name) => !OURS.has(name))).toEqual([]);
  expect(textOf(html)).not.toMatch(/@\w|#\d|https?:\/\//);
  // And not by leaving it out: it is all there to read.
  expect(textOf(html).replaceAll("\u200B", "")).toContain(NASTY);
}

describe.skipIf(!cmark)("hostile words", () => {
  test("in a plan do not leave the summary's cells, the comment, the outputs or the annotations", async () => {
    const shop = await startShopPage();
    const scene = await makeScene(
      planTree(shop.url, {
        owner: LINES,
        hypothesis: LINES,
        risks: [LINES],
        audience: { units: 4000, traffic: "60/h" },
        stages: [
          { name: NASTY, expose: "5%", bake: "1ms" },
          { expose: "100%", bake: "1ms" },
        ],
      }),
    );
    const github = await startGithubComments("ghs_1");
    servers.push(github);
    const payload = { pull_request: { number: 7, head: { repo: { full_name: "shop/web" } }, base: { repo: { full_name: "shop/web" } } } };
    const inputs = { plan: "plan.yaml", token: "ghs_1" };
    const env = { GITHUB_API_URL: github.url };
    const explained = await runStep({ cwd: scene.folder, inputs, env, event: { name: "pull_request", payload } });
    expect(explained).toMatchObject({ status: 0, commands: [], environment: "" });
    expectTame(explained.summary);
    expectTame(github.comments[0]!.body);

    const advanced = await runStep({ cwd: scene.folder, inputs });
    expect(advanced).toMatchObject({ status: 0, commands: [], environment: "" });
    expectTame(advanced.summary);
    expect(advanced.outputs).toMatchObject({ outcome: "advanced", stage: NASTY, head: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(advanced.annotations.filter(({ kind }) => kind === "error")).toEqual([]);
    expect(advanced.annotations.at(-1)).toEqual({
      kind: "notice",
      message: `advanced to ${NASTY}: nobody was exposed before`,
      properties: { title: "rollout checkout" },
    });
  });

  test("in a broken plan come out in its own annotations alone", async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { [`stagez ${NASTY}`]: LINES, guardrails: [{ metric: LINES, max: "5%" }] }));
    const { status, commands, environment, annotations, outputs } = await runStep({ cwd: scene.folder, inputs: { plan: "plan.yaml" } });
    expect({ status, commands, environment }).toEqual({ status: 2, commands: [], environment: "" });
    expect(outputs).toMatchObject({ outcome: "invalidPlan", head: "" });
    const places = annotations.filter(({ properties }) => properties["title"] === "rollout plan");
    expect(places.length).toBeGreaterThan(1);
    for (const { properties } of places) expect(properties["file"]).toBe("plan.yaml");
    expect(annotations).toHaveLength(places.length + 1);
  });

  test("in a reason and in a ledger's entries do neither", async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url));
    await scene.call("advance", "plan.yaml");
    await scene.call("pause", "checkout", "--reason", LINES);
    const status = await runStep({ cwd: scene.folder, inputs: { plan: "checkout", command: "status" } });
    expect(status).toMatchObject({ status: 0, commands: [], environment: "" });
    expectTame(status.summary);
    expect(status.outputs).toMatchObject({ outcome: "paused", sentence: `paused by a person: ${LINES}` });
    const held = await runStep({ cwd: scene.folder, inputs: { plan: "checkout" } });
    expect(held).toMatchObject({ status: 0, commands: [], environment: "", outputs: { outcome: "pausedBefore" } });
    expectTame(held.summary);
    expect(held.annotations).toMatchObject([{ kind: "warning", message: expect.stringContaining(NASTY) as string }]);
  });
});
