import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { processOutput, type Streams } from "../../src/cli/output.ts";
import { summarise } from "../../src/cli/summary.ts";
import { list, marked } from "../../src/report/markdown.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

async function scenery(changes: Record<string, unknown> = {}) {
  const shop = await startShopPage();
  const scene = await makeScene(planTree(shop.url, changes));
  let seen = 0;
  /** What a command has added to the summary. */
  const added = async () => {
    const text = existsSync(join(scene.folder, "summary.md")) ? await scene.read("summary.md") : "";
    const part = text.slice(seen);
    seen = text.length;
    return part;
  };
  return { shop, scene, added, call: (...args: string[]) => scene.call(...args, "--summary", "summary.md") };
}

describe("--summary", () => {
  test("gets the result of each command at its end, behind what was there", async () => {
    const { scene, added, call } = await scenery();
    await scene.write("summary.md", "# Of another step\n\n");
    expect(await added()).toBe("# Of another step\n\n");
    await call("explain", "plan.yaml");
    expect(await added()).toMatch(/^### Plan of `checkout`\n/);
    await call("advance", "plan.yaml", "--dry-run");
    expect(await added()).toMatch(/^### Rollout `checkout`: would start\n\nA dry run: nothing was written\./);
    await call("advance", "plan.yaml");
    const step = await added();
    expect(step).toMatch(/^### Rollout `checkout`: advanced\n/);
    expect(step).toContain("| **here** | 5% | 5% | 1 ms |\n|  | 50% | 50% | 1 ms |\n");
    await call("status");
    expect(await added()).toMatch(
      /^### Rollouts in \.rollout\n\n\| rollout \| .*\n.*\n\| `checkout` \| 5% \| .* \| \d+ \w+ \| \d+ `[0-9a-f]{64}` \|\n/,
    );
    await call("status", "checkout");
    const status = await added();
    expect(status).toMatch(/\n\nUnguarded for \*\*\d+ \w+\*\*: nobody has looked since\.\n/);
    await call("rollback", "checkout", "--reason", "a drill");
    expect(await added()).toMatch(/^### Rollout `checkout`: rollback\n\n\*\*rolled back: the feature is off for everybody\*\*/);
    const { entries } = JSON.parse((await scene.call("log", "verify", "checkout", "--json")).stdout) as { entries: number };
    await call("advance", "plan.yaml");
    const over = await added();
    expect(over).toMatch(/^### Rollout `checkout`: over before\n/);
    expect(over).toContain(`head ${entries} \``);
  });

  test("of a run holds every stage that it moved to, and where the run ended", async () => {
    const { added, call } = await scenery();
    await call("run", "plan.yaml");
    const summary = await added();
    expect(summary).toMatch(/^### Rollout `checkout`: complete\n/);
    expect(summary.match(/^- advanced to .*?:/gm)).toEqual(["- advanced to 5%:", "- advanced to 50%:", "- advanced to 100%:"]);
    expect(summary.match(/^\| passed \|/gm)).toHaveLength(3);
  });

  test("of a breach says what it has cost, and what to do", async () => {
    const { shop, added, call, scene } = await scenery();
    await scene.call("advance", "plan.yaml");
    shop.errors.treatment = 900;
    expect(await call("advance", "plan.yaml")).toMatchObject({ status: 3 });
    const summary = await added();
    expect(summary).toContain("Decision: **rollback**, because\n\n- breach: errors max 5%: errors are 90% with the feature");
    expect(summary).toMatch(/^blast radius: about 200 users/m);
    expect(summary).toContain('- next: mend the feature, then begin again with `rollout restart checkout --reason "…"`');
    expect(summary).toMatch(/^\| \*\*breach\*\* \| errors max 5% \| errors are 90% .* \|$/m);
    expect(summary).toMatch(/^\| breach \| \*\*failed\*\* \|/m);
  });

  test("gets failures as well, in the words of the terminal", async () => {
    const { shop, scene, added, call } = await scenery();
    expect(await call("advance", "nowhere.yaml")).toMatchObject({ status: 2 });
    expect(await added()).toBe(
      "### Failed: usage\n\n**there is no file nowhere.yaml**\n\nName a plan file, or a rollout that has been started; `rollout status` lists those.\n\n",
    );
    await scene.write("broken.yaml", "version: 1\nrollout: checkout\nstages: []\n");
    expect(await call("explain", "broken.yaml")).toMatchObject({ status: 2 });
    const broken = await added();
    expect(broken).toMatch(/^### broken\.yaml: not valid\n/);
    expect(broken).toContain(
      "| **error** | line 1, column 1: flag | the key `flag` is missing | add `flag: …` |\n| **error** | line 3, column 9: stages |",
    );
    expect(broken).toContain("\n### Failed: invalidPlan\n");
    shop.answerWith((_, response) => response.writeHead(500).end());
    expect(await call("advance", "plan.yaml")).toMatchObject({ status: 5 });
    expect(await added()).toMatch(/^### Failed: unreachable\n/);
  });

  test("that cannot be written is told, and what was done counts all the same", async () => {
    const { shop, scene } = await scenery();
    await scene.call("advance", "plan.yaml");
    shop.errors.treatment = 900;
    const { status, stderr } = await scene.call("advance", "plan.yaml", "--summary", "nowhere/summary.md");
    expect(status).toBe(3);
    expect(stderr).toContain("warning: the summary could not be written: ENOENT");
    expect(await scene.usersWithFeature()).toBe(0);
  });
});

describe("what goes into a summary", () => {
  async function summaryOf<Report>(report: Report, view: (report: Report) => ReturnType<typeof marked>) {
    const scene = await makeScene("");
    const output = processOutput({ stdout: process.stdout, stderr: process.stderr, stdin: process.stdin, env: {} } as Streams);
    output.redactWith((text) => text.replaceAll("s_e*cret", "[secret]"));
    const cli = { cwd: scene.folder, env: {}, output, stop: new AbortController().signal };
    await summarise(cli, { summary: "summary.md" }, report, view);
    return readFile(join(scene.folder, "summary.md"), "utf8");
  }

  test("holds no secret, also where its characters are escaped", async () => {
    const report = { deep: [{ sentence: "401: s_e*cret was refused" }] };
    expect(await summaryOf(report, ({ deep }) => marked`${deep[0]!.sentence}`)).toBe("401: \\[secret\\] was refused\n");
  });

  test("ends at a whole line where it would be too long to be shown", async () => {
    const lines = Array.from({ length: 50 }, () => "x|".repeat(500));
    const summary = await summaryOf(lines, (each) => marked`${list(each.map((line) => marked`${line}`))}`);
    expect(Buffer.byteLength(summary)).toBeLessThan(512 * 1024);
    const huge = await summaryOf(lines, (each) => marked`${list([...each, ...each].map((line) => marked`${line}${line}${line}`))}`);
    expect(Buffer.byteLength(huge)).toBeLessThan(513 * 1024);
    expect(huge).toMatch(/\n- (x&#124;)+\n\nThe rest is left out: it is too long\.\n\n$/);
  });
});
