import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import type { Output } from "../../src/cli/output.ts";
import { main } from "../../src/cli/program.ts";
import { errorSchema } from "../../src/report/error.schema.ts";
import { plainStyle } from "../../src/report/style.ts";
import { callRollout, rollout, runProgram, SCRIPT } from "../support/cli.ts";
import { makeScene, planTree } from "../support/scene.ts";

let cwd = "";
beforeAll(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), "rollout-usage-")));
});
afterAll(() => rm(cwd, { recursive: true }));

const call = (...args: string[]) => callRollout(args, { cwd });

describe("a mistake on the command line exits 2, with nothing on stdout, and says what was meant", () => {
  test.each([
    [["advence", "plan.yaml"], "unknown command 'advence'", "Did you mean advance?"],
    [["advance", "plan.yaml", "--dryrun"], "unknown option '--dryrun'", "Did you mean --dry-run?"],
    [["log", "verfy", "checkout"], "too many arguments", "rollout --help"],
    [["advance"], "missing required argument 'target'", "rollout --help"],
    [["validate"], "missing required argument 'plan'", "rollout --help"],
    [["advance", "plan.yaml", "--wait"], "option '--wait <duration>' argument missing", "rollout --help"],
    [["resume", "checkout", "--adopt", "--restore"], "cannot be used with option '--restore'", "rollout --help"],
    [["demo", "--break", "everything"], "Allowed choices are errors, latency", "rollout --help"],
    [["advance", "checkout", "--wait", "4"], '--wait: "4" is not a duration', "30s, 4m, 1h30m"],
    [["rollback", "checkout", "--rollback-for", "soon"], '--rollback-for: "soon" is not a duration', "with its unit"],
    [["advance", "checkout", "--wait", "4m", "--dry-run"], "--dry-run looks once and does not wait", ""],
    [["log", "verify", "checkout", "--head", "abc"], "--head is not a hash", "all 64 hex digits"],
    [["advance", "no-such.yaml"], "there is no file no-such.yaml", "rollout status"],
    [["advance", "Not A Name"], "there is no file Not A Name", "rollout status"],
    [["advance", "."], ". is not a file", "Name a plan file"],
    [["advance", "nobody"], "there is no rollout nobody in .rollout", "rollout status"],
    [["status", "nobody"], "there is no rollout nobody in .rollout", "rollout status"],
    [["log", "nobody"], "there is no rollout nobody in .rollout", "rollout status"],
    [["log", "verify", "nobody"], "there is no rollout nobody in .rollout", "rollout status"],
    [["pause", "nobody"], "there is no rollout nobody in .rollout", "rollout status"],
    [["metrics", "nobody"], "there is no rollout nobody in .rollout", "Give its plan file"],
    [["status", "--store", "s3://bucket"], 'there is no store of the kind "s3:"', "--store .rollout"],
    [["status", "--store", "git:ext::sh"], "it would make git run a program", "git:origin"],
  ])("%j", async (args, message, hint) => {
    const { status, stdout, stderr } = await call(...args);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stdout).toBe("");
    expect(status).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test.each([[["advence"]], [["advance"]], [["advance", "plan.yaml", "--dryrun"]], [["advance", "nobody"]], [["demo", "--break", "x"]]])(
    "%j with --json says so in JSON on stdout, and in words on stderr",
    async (args) => {
      for (const all of [
        ["--json", ...args],
        [...args, "--json"],
      ]) {
        const { status, stdout, stderr } = await call(...all);
        expect(errorSchema.parse(JSON.parse(stdout))).toMatchObject({ schema: "rollout.error/1", code: "usage" });
        expect(stderr).toContain("error:");
        expect(status).toBe(2);
      }
    },
  );

  test("the process exits with it", async () => {
    const { status, stdout, stderr } = await rollout(["advence"], { cwd });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Did you mean advance?");
  });
});

describe("help", () => {
  test("is data, exits 0 and names every command", async () => {
    const { status, stdout, stderr } = await call("--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const command of "validate explain advance run rollback pause resume accept restart status log metrics demo".split(" ")) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
      const own = await call(command, "--help");
      expect(own.status).toBe(0);
      expect(own.stdout).toContain(`Usage: rollout ${command}`);
    }
    expect((await call("log", "verify", "--help")).stdout).toContain("--head <hash>");
  });

  test("stands on stderr when no command is given, which is a mistake", async () => {
    const { status, stdout, stderr } = await call();
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Usage: rollout");
  });

  test("the version is that of the package", async () => {
    expect(await call("--version")).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });
});

describe("a plan that is not valid", () => {
  test("is shown in frames on stderr by every command that needs it, exits 2 and records nothing", async () => {
    const scene = await makeScene(planTree("http://127.0.0.1:9", { stages: [{ expose: "5", bake: "20ms" }] }));
    const before = await scene.everything();
    for (const args of [
      ["explain", "plan.yaml"],
      ["advance", "plan.yaml"],
      ["advance", "plan.yaml", "--dry-run"],
      ["run", "plan.yaml"],
      ["accept", "plan.yaml"],
      ["metrics", "plan.yaml"],
    ]) {
      const { status, stdout, stderr } = await scene.call(...args);
      expect({ status, stdout }, args.join(" ")).toEqual({ status: 2, stdout: "" });
      expect(stderr, args.join(" ")).toMatch(/^plan\.yaml:\d+:\d+ error: stages\[0\]\.expose: /m);
      expect(stderr.match(/mend:/g), args.join(" ")).toHaveLength(1);
      expect(stderr, args.join(" ")).toContain("plan.yaml is not a valid plan");
    }
    const { status, stdout, stderr } = await scene.call("validate", "plan.yaml");
    expect({ status, stderr }).toEqual({ status: 2, stderr: "" });
    expect(stdout).toContain("plan.yaml: invalid, 1 error");
    expect(await scene.everything()).toEqual(before);
  });

  test("among several makes validate exit 2, and each is reported", async () => {
    const scene = await makeScene(planTree("http://127.0.0.1:9"));
    await scene.write("other.yaml", "version: 1\n");
    const { status, stdout } = await scene.call("validate", "plan.yaml", "other.yaml");
    expect(status).toBe(2);
    expect(stdout).toContain("plan.yaml: valid");
    expect(stdout).toContain("other.yaml: invalid");
  });
});

test("a defect of ours exits 1, asks to be reported, and shows where it happened only with ROLLOUT_DEBUG", async () => {
  const run = async (env: Record<string, string>, ...args: string[]) => {
    // No command can be made to fail in a way that we know of, so its output does.
    const failing = () => {
      throw new TypeError("it broke");
    };
    const said: string[] = [];
    const output: Output = { ...quiet, data: failing, talk: (line) => void said.push(line) };
    return { status: await main(args, { cwd, env, output, stop: new AbortController().signal }), said: said.join("\n") };
  };
  const plain = await run({}, "status");
  expect(plain.status).toBe(1);
  expect(plain.said).toContain("error: it broke");
  expect(plain.said).toContain("This is a defect of rollout");
  expect(plain.said).not.toMatch(/^\s+at /m);
  expect((await run({ ROLLOUT_DEBUG: "1" }, "status")).said).toMatch(/^\s+at /m);
});

const quiet: Output = {
  style: plainStyle,
  talkStyle: plainStyle,
  interactive: false,
  data() {},
  talk() {},
  progress() {},
  quiet() {},
  failure: () => undefined,
  redactWith() {},
  redacted: (text) => text,
};

test.skipIf(!existsSync("/dev/full"))("a result that cannot be written is not taken for one that was: 5", async () => {
  const ran = await runProgram("sh", ["-c", '"$0" "$@" > /dev/full', process.execPath, SCRIPT, "status"], { cwd });
  expect(ran).toMatchObject({ status: 5, stderr: expect.stringContaining("the result could not be written") });
});
