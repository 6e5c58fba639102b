import { chmod, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments, parseDocument } from "yaml";
import { SCRIPT, runProgram } from "../support/cli.ts";
import { ACTION } from "../support/runner.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFile(`${root}/${path}`, "utf8");
const manifest = JSON.parse(await read("package.json")) as { version: string };

interface Action {
  inputs: Record<string, { description: string; default?: string; required?: boolean }>;
  outputs: Record<string, { value: string }>;
  runs: { steps: { run: string; env: Record<string, string> }[] };
}
const action = parse(await readFile(`${ACTION}/action.yml`, "utf8")) as Action;

/** Every text in a tree, with its path. */
function texts(tree: unknown, path: string[] = []): { path: string[]; text: string }[] {
  if (typeof tree === "string") return [{ path, text: tree }];
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]) => texts(value, [...path, key]));
}

describe("action.yml", () => {
  test("hands every input to the script by the environment, and none to the shell", () => {
    const [step] = action.runs.steps;
    expect(action.runs.steps).toHaveLength(1);
    expect(step!.env).toEqual(
      Object.fromEntries(Object.keys(action.inputs).map((name) => [`INPUT_${name.toUpperCase()}`, `\${{ inputs.${name} }}`])),
    );
    const expressions = texts(action).filter(({ text }) => text.includes("${{"));
    const places = new Set(
      expressions.map(({ path }) =>
        path
          .filter((part) => !/^\d+$/.test(part))
          .slice(0, -1)
          .join("."),
      ),
    );
    expect([...places].sort()).toEqual(
      ["inputs.token", "runs.steps.env", ...Object.keys(action.outputs).map((name) => `outputs.${name}`)].sort(),
    );
  });

  test("declares the outputs that the script writes", async () => {
    const { outputsOf } = (await import(`${ACTION}/outputs.mjs`)) as { outputsOf(...args: unknown[]): Record<string, string> };
    expect(Object.keys(action.outputs).sort()).toEqual(Object.keys(outputsOf("advance", 0, {})).sort());
    for (const [name, { value }] of Object.entries(action.outputs)) expect(value).toBe(`\${{ steps.rollout.outputs.${name} }}`);
  });

  test("reads the inputs that it declares", async () => {
    const script = await readFile(`${ACTION}/inputs.mjs`, "utf8");
    const read = [...script.matchAll(/text\("([A-Z]+)"\)/g)].map(([, name]) => name!.toLowerCase());
    expect(read.sort()).toEqual(Object.keys(action.inputs).sort());
  });
});

interface GitlabJob {
  extends?: string;
  variables?: Record<string, string>;
  rules?: { if: string; when?: string }[];
  before_script?: unknown[];
  script?: string[];
  resource_group?: string;
  interruptible?: boolean;
}

const template = await read("ci/gitlab/rollout.gitlab-ci.yml");

describe("the GitLab template", () => {
  const customTags = [{ tag: "!reference", collection: "seq" as const }];
  const [head, body] = parseAllDocuments(template, { customTags }).map((document) => document.toJS() as unknown);
  const { inputs } = (head as { spec: { inputs: Record<string, { default?: string } | null> } }).spec;
  const jobs = body as Record<string, GitlabJob>;

  test("is YAML without a mistake, and uses the inputs that it declares, all of them and no others", () => {
    for (const document of parseAllDocuments(template, { customTags })) expect(document).toMatchObject({ errors: [], warnings: [] });
    const used = [...template.matchAll(/\$\[\[ inputs\.([\w-]+) \]\]/g)].map(([, name]) => name!);
    expect([...new Set(used)].sort()).toEqual(Object.keys(inputs).sort());
    expect(inputs["version"]?.default).toBe(manifest.version);
  });

  test("puts no input into a script", () => {
    for (const { script, before_script } of Object.values(jobs)) {
      expect(JSON.stringify([script, before_script])).not.toContain("$[[");
    }
  });

  test("rolls out nothing for merge requests, a fork's least of all", () => {
    const [fork, mergeRequest, ours, ...rest] = jobs["rollout-advance"]!.rules!;
    expect(fork).toMatchObject({
      when: "never",
      if: expect.stringContaining("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_MERGE_REQUEST_PROJECT_ID"),
    });
    expect(mergeRequest).toEqual({ when: "never", if: '$CI_PIPELINE_SOURCE == "merge_request_event"' });
    expect(ours).toEqual({ if: expect.stringContaining("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && ") });
    expect(rest).toEqual([]);
    expect(jobs["rollout-advance"]).toMatchObject({ resource_group: "rollout-$[[ inputs.plan ]]", interruptible: false });
  });

  /** Runs scripts of the template as a runner does, with the package built from the source instead of npm's. */
  async function inJob(lines: readonly string[], env: Record<string, string> = {}, plan: (url: string) => unknown = planTree) {
    const shop = await startShopPage();
    const scene = await makeScene(plan(shop.url));
    await scene.write("bin/rollout", `#!/bin/sh\nexec "${process.execPath}" "${SCRIPT}" "$@"\n`);
    await chmod(`${scene.folder}/bin/rollout`, 0o755);
    const ran = await runProgram("bash", ["-eo", "pipefail", "-c", lines.join("\n")], {
      cwd: scene.folder,
      env: {
        CI: "true",
        GITLAB_CI: "true",
        CI_SERVER_URL: "https://gitlab.example",
        CI_JOB_TOKEN: "job-token-1",
        PATH: `${scene.folder}/bin:${process.env["PATH"]}`,
        ROLLOUT_PLAN: "plan.yaml",
        ROLLOUT_WAIT: "10ms",
        ROLLOUT_STORE: ".rollout",
        ...env,
      },
    });
    return { ...ran, scene };
  }
  const credentials = jobs["rollout-advance"]!.before_script!.filter((line): line is string => typeof line === "string");

  test("the check writes a report of what is wrong, at its lines, and explains the plan", async () => {
    const fine = await inJob(jobs["rollout-check"]!.script!);
    expect(fine.status).toBe(0);
    expect(JSON.parse(await fine.scene.read("gl-code-quality-report.json"))).toEqual([]);
    expect(await fine.scene.read("rollout.md")).toContain("### Plan of `checkout`");
    const broken = await inJob(
      jobs["rollout-check"]!.script!,
      {},
      () => "version: 1\nrollout: checkout\nstages:\n  - { expose: 5%, bake: 30 }\n",
    );
    expect(broken.status).toBe(2);
    const report = JSON.parse(await broken.scene.read("gl-code-quality-report.json")) as Record<string, unknown>[];
    expect(report).toContainEqual({
      description: expect.stringContaining("stages[0].bake: expected a duration"),
      check_name: "rollout-plan",
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      severity: "blocker",
      location: { path: "plan.yaml", lines: { begin: 4 } },
    });
    expect(new Set(report.map(({ fingerprint }) => fingerprint)).size).toBe(report.length);
  });

  test("the job advances and keeps its summary", async () => {
    const { status, scene } = await inJob([...credentials, ...jobs["rollout-advance"]!.script!]);
    expect(status).toBe(0);
    expect(await scene.read("rollout.md")).toContain("### Rollout `checkout`: advanced");
  });

  test.each([
    ["the project's token", { ROLLOUT_TOKEN: "glpat-1" }, "oauth2:glpat-1"],
    ["else the job's", {}, "gitlab-ci-token:job-token-1"],
  ])("git is given %s, for its own server alone, by its environment", async (_, env, login) => {
    const ask = (url: string) => `git config --get-urlmatch http.extraHeader ${url} || echo none`;
    const { stdout } = await inJob(
      [...credentials, ask("https://gitlab.example/shop/web.git"), ask("https://elsewhere.example/"), "echo ${ROLLOUT_TOKEN:-gone}"],
      env,
    );
    expect(stdout.split("\n").slice(0, 3)).toEqual([`Authorization: Basic ${Buffer.from(login).toString("base64")}`, "none", "gone"]);
  });
});

describe("docs/ci.md", async () => {
  const text = `${await read("docs/ci.md")}\n${await read("README.md")}`;
  const blocks = [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, block]) => block!);
  const withAction = blocks.filter((block) => block.includes("/.github/actions/advance@"));

  test("every example that uses the action names inputs that there are, and its version", () => {
    expect(withAction.length).toBeGreaterThan(3);
    for (const block of withAction) {
      const document = parseDocument(block);
      expect(document).toMatchObject({ errors: [], warnings: [] });
      const steps = texts(document.toJS()).filter(({ path }) => path.includes("with"));
      for (const { path } of steps) expect(Object.keys(action.inputs)).toContain(path.at(-1));
      expect(block).toContain(`@v${manifest.version}`);
    }
  });

  test("no example puts an expression into a script, cancels who is guarding, or asks for more than it needs", () => {
    for (const block of withAction) {
      const tree = parse(block) as { permissions?: Record<string, string>; concurrency?: Record<string, unknown> };
      for (const { path } of texts(tree).filter(({ text }) => text.includes("${{"))) expect(path.at(-1)).not.toBe("run");
      if (tree.permissions) expect(["contents", "contents,pull-requests"]).toContain(Object.keys(tree.permissions).join(","));
      if (tree.concurrency) expect(tree.concurrency["cancel-in-progress"]).toBe(false);
    }
  });

  test("the template that it includes gets inputs that there are", () => {
    const include = blocks.find((block) => block.startsWith("include:"));
    const [{ inputs }] = (parse(include!) as { include: [{ inputs: Record<string, string> }] }).include;
    const { spec } = parseAllDocuments(template)[0]!.toJS() as {
      spec: { inputs: Record<string, unknown> };
    };
    for (const name of Object.keys(inputs)) expect(Object.keys(spec.inputs)).toContain(name);
  });
});
