import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { openExec, type ExecSettings } from "../../src/io/exec.ts";
import type { Execution } from "../../src/io/port.ts";
import { createRedactor } from "../../src/io/redact.ts";

const CANARY = "canary/5up3r+s3cret=";

let root: string;
let folder: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "rollout-exec-")));
  folder = join(root, "plans");
  await mkdir(folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const redactor = createRedactor();
redactor.add(CANARY);

function open(settings: Partial<ExecSettings> = {}) {
  const { redact } = redactor;
  const env = { PATH: process.env["PATH"], HOME: root, SECRET_OF_OURS: "x" };
  return openExec({ folder, root, redact, env, signal: new AbortController().signal, ...settings });
}

/** Runs a text as a program of node's. */
function node(code: string, execution: Partial<Execution> = {}, args: string[] = []) {
  return open().run(process.execPath, ["-e", code, ...args], { deadline: 20_000, ...execution });
}

async function failure(running: Promise<unknown>): Promise<RolloutError> {
  const error = await running.then(
    (executed) => expect.fail(JSON.stringify(executed)),
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(RolloutError);
  return error as RolloutError;
}

/** Resolves when there is no such process any more; one that has ended and was not waited for is gone as well. */
async function gone(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return status === "" || /^State:\s*[ZX]/m.test(status);
}

const expectGone = async (file: string) => {
  const pid = Number(await readFile(join(folder, file), "utf8"));
  expect(pid).toBeGreaterThan(0);
  await expect.poll(() => gone(pid), { timeout: 10_000 }).toBe(true);
};

/** Code that starts a process which would live long and holds the output open, and writes its number down. */
const leavesOneBehind = `
  const { pid } = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
  require("node:fs").writeFileSync("child", String(pid));
`;

describe("a program", () => {
  test("is told its input and answers with status, output and complaint", async () => {
    const code = `process.stdin.on("data", (text) => process.stdout.write("heard " + text)); process.stderr.write("hm"); process.exitCode = 3;`;
    expect(await node(code, { input: "ünïcode ⚡" })).toEqual({ status: 3, stdout: "heard ünïcode ⚡", stderr: "hm" });
  });

  test("that does not read its input is none the worse", async () => {
    expect(await node(`process.stdout.write("done")`, { input: "x".repeat(4 * 1024 * 1024) })).toMatchObject({ status: 0, stdout: "done" });
  });

  test("is given its arguments as they are: there is no shell", async () => {
    const args = ["$HOME", "a b", "`id`", "*", "; touch x"];
    const { stdout } = await node(`process.stdout.write(JSON.stringify(process.argv.slice(1)))`, {}, args);
    expect(JSON.parse(stdout)).toEqual(args);
  });

  test("has a small environment, what it is given, and nothing else of ours", async () => {
    const { stdout } = await node(`process.stdout.write(JSON.stringify(process.env))`, { env: { TOKEN: "t" } });
    expect(JSON.parse(stdout)).toEqual({ PATH: process.env["PATH"], HOME: root, TOKEN: "t" });
  });

  test("runs in the plan's folder, and its path is relative to that", async () => {
    await writeFile(join(folder, "flag.sh"), "#!/bin/sh\npwd\n");
    await chmod(join(folder, "flag.sh"), 0o755);
    expect((await open().run("./flag.sh", [], { deadline: 10_000 })).stdout).toBe(`${folder}\n`);
    expect((await open({ folder: root }).run("plans/flag.sh", [], { deadline: 10_000 })).stdout).toBe(`${root}\n`);
  });

  test("is found by its name in PATH", async () => {
    expect((await open().run("sh", ["-c", "echo $0"], { deadline: 10_000 })).stdout).toBe("sh\n");
  });

  test("that a signal ends has no status", async () => {
    expect((await node(`process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)`)).status).toBeNull();
  });
});

describe("a program that is no good", () => {
  test("because it leads out of the repository is refused, also by a link", async () => {
    expect(await failure(open().run("../../bin/sh", [], { deadline: 1_000 }))).toMatchObject({ code: "invalidPlan" });
    await symlink("/bin/sh", join(folder, "shell"));
    const error = await failure(open().run("./shell", [], { deadline: 1_000 }));
    expect(error).toMatchObject({ code: "invalidPlan", message: expect.stringContaining("leads out of the repository") });
  });

  test("because it is not there is told", async () => {
    expect((await failure(open().run("./flag.sh", [], { deadline: 1_000 }))).message).toBe("there is no program ./flag.sh");
    const error = await failure(open().run("no-such-program", [], { deadline: 1_000 }));
    expect(error).toMatchObject({
      code: "unreachable",
      message: "the program no-such-program was not found",
      hint: expect.stringContaining("PATH"),
    });
  });

  test("because it may not be run is told with the mend", async () => {
    await writeFile(join(folder, "flag.sh"), "#!/bin/sh\n");
    const error = await failure(open().run("./flag.sh", [], { deadline: 1_000 }));
    // To root everything may be run that is marked so, and nothing else either.
    expect(error).toMatchObject({ message: "the program ./flag.sh may not be run", hint: expect.stringContaining("chmod +x") });
  });

  test("because an argument cannot be one is told, without the argument", async () => {
    const error = await failure(open().run("sh", [`${CANARY}\0`], { deadline: 1_000 }));
    expect(`${error.message}${error.hint}`).not.toContain("5up3r");
  });
});

describe("a program that goes wrong", () => {
  test("by hanging is killed at its deadline, with what it started, and its complaint is told", async () => {
    const code = `${leavesOneBehind} process.stderr.write("waiting for ${CANARY}\\n and more"); setInterval(() => {}, 1000);`;
    const error = await failure(node(code, { deadline: 2_000 }));
    expect(error.message).toBe(`the program ${process.execPath} was not done within 2 s and was stopped: waiting for [secret] and more`);
    await expectGone("child");
  });

  test("by ignoring every signal that can be ignored is killed as well", async () => {
    const code = `for (const s of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(s, () => {}); require("node:fs").writeFileSync("child", String(process.pid)); setInterval(() => {}, 1000);`;
    await failure(node(code, { deadline: 1_500 }));
    await expectGone("child");
  });

  test("by leaving somebody behind who holds its output open has its answer nevertheless, and is alone", async () => {
    expect(await node(`${leavesOneBehind} process.stdout.write("answer", () => process.exit(0))`)).toMatchObject({
      status: 0,
      stdout: "answer",
    });
    await expectGone("child");
  });

  test("by leaving somebody behind in a session of his own is not waited for", async () => {
    const code = `
      const child = require("node:child_process").spawn(process.execPath, ["-e", "setTimeout(() => {}, 20000)"], { stdio: "inherit", detached: true });
      process.stdout.write(String(child.pid), () => process.exit(0));
    `;
    const { stdout } = await node(code, { deadline: 15_000 });
    expect(await gone(Number(stdout))).toBe(false);
    process.kill(Number(stdout), "SIGKILL");
  });

  test("by writing a gigabyte is stopped at once, with no more of it in memory than is allowed", async () => {
    const before = process.memoryUsage().rss;
    const error = await failure(open().run("head", ["-c", "1G", "/dev/zero"], { deadline: 20_000, maxBytes: 100_000 }));
    expect(error.message).toBe("the program head wrote more than 100000 bytes and was stopped");
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  test("by writing exactly as much as is allowed is none", async () => {
    expect((await open().run("head", ["-c", "100000", "/dev/zero"], { deadline: 20_000, maxBytes: 100_000 })).stdout).toHaveLength(100_000);
  });

  test("by complaining for a gigabyte is heard out, and a little of it kept", async () => {
    const { status, stderr } = await open().run("sh", ["-c", "head -c 1G /dev/zero >&2; exit 4"], { deadline: 60_000 });
    expect(status).toBe(4);
    expect(stderr.length).toBeLessThanOrEqual(16 * 1024);
  }, 60_000);

  test("by repeating a secret does so for nobody, wherever its complaint is cut", async () => {
    for (const length of [0, 16 * 1024 - 10, 16 * 1024 - 5]) {
      const { stderr } = await node(`process.stderr.write("x".repeat(${length}) + process.env.TOKEN)`, { env: { TOKEN: CANARY } });
      expect(stderr).not.toMatch(/canar|5up3r/);
    }
  });
});

describe("an interruption", () => {
  test("ends what runs, and nothing is begun after it", async () => {
    const controller = new AbortController();
    const exec = open({ signal: controller.signal });
    const code = `require("node:fs").writeFileSync("child", String(process.pid)); setInterval(() => {}, 1000);`;
    const running = failure(exec.run(process.execPath, ["-e", code], { deadline: 20_000 }));
    await expect.poll(() => readFile(join(folder, "child"), "utf8").catch(() => ""), { timeout: 10_000 }).not.toBe("");
    controller.abort();
    expect(await running).toMatchObject({ code: "interrupted" });
    await expectGone("child");
    expect(await failure(exec.run("true", [], { deadline: 1_000 }))).toMatchObject({ code: "interrupted" });
  });
});
