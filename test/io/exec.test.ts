import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openExec, openRun, type ExecSettings } from "../../src/io/exec.ts";
import type { Execution } from "../../src/io/port.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { failure } from "../support/failure.ts";

const CANARY = "canary/5up3r+s3cret=";

let root: string;
let folder: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "rollout-exec-")));
  folder = join(root, "plans");
  await mkdir(folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const { add, redact } = createRedactor();
add(CANARY);

function open(settings: Partial<ExecSettings> = {}) {
  const env = { PATH: process.env["PATH"], HOME: root, SECRET_OF_OURS: "x" };
  return openExec({ folder, root, redact, env, signal: new AbortController().signal, ...settings });
}

/** Runs a text as a program of an adapter's. */
function adapters(script: string, execution: Partial<Execution> = {}) {
  return open().run("sh", ["-c", script], { deadline: 20_000, ...execution });
}

/** Runs a text as a program of a store's. `grace` in milliseconds. */
function stores(script: string, { grace, ...execution }: Partial<Execution> & { grace?: number } = {}) {
  const run = openRun({ redact, ...(grace !== undefined && { grace }) });
  return run("sh", ["-c", script], { cwd: folder, env: { PATH: process.env["PATH"] }, deadline: 20_000, ...execution });
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

/** Resolves when there is no such process any more; one that has ended and was not waited for is gone as well. */
async function gone(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return status === "" || /^State:\s*[ZX]/m.test(status);
}

/** The number of a process that a program has written down. */
async function pidIn(file: string): Promise<number> {
  await expect.poll(() => readFile(join(folder, file), "utf8").catch(() => ""), { timeout: 10_000 }).toMatch(/\n/);
  const pid = Number(await readFile(join(folder, file), "utf8"));
  expect(pid).toBeGreaterThan(0);
  return pid;
}

async function expectGone(...names: string[]): Promise<void> {
  for (const name of names) {
    const pid = await pidIn(name);
    await expect.poll(() => gone(pid), { timeout: 10_000 }).toBe(true);
  }
}

/** Starts a process which would live long and holds the output open, and writes its number down. */
const LEAVES_ONE_BEHIND = "sleep 600 & echo $! > child";

describe("a program of an adapter's", () => {
  test("is told its input and answers with status, output and complaint", async () => {
    const ended = await adapters("printf 'heard '; cat; printf hm >&2; exit 3", { input: "ünïcode ⚡" });
    expect(ended).toEqual({ status: 3, stdout: "heard ünïcode ⚡", stderr: "hm" });
  });

  test("that does not read its input is none the worse", async () => {
    expect(await adapters("printf done", { input: "x".repeat(4 * 1024 * 1024) })).toMatchObject({ status: 0, stdout: "done" });
  });

  test("is given its arguments as they are: there is no shell", async () => {
    const args = ["$HOME", "a b", "`id`", "*", "; touch x", "$(touch y)"];
    const { stdout } = await open().run("printf", ["%s\\n", ...args], { deadline: 20_000 });
    expect(stdout.split("\n")).toEqual([...args, ""]);
  });

  test("has a small environment, what it is given, and nothing else of ours", async () => {
    const { stdout } = await open().run("env", [], { env: { TOKEN: "t" }, deadline: 20_000 });
    expect(stdout.split("\n").toSorted()).toEqual(["", `HOME=${root}`, `PATH=${process.env["PATH"]}`, "TOKEN=t"]);
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
    expect((await adapters("kill -TERM $$; sleep 600")).status).toBeNull();
  });
});

describe("a program of a store's", () => {
  test("gives what it printed, byte for byte, and how it ended", async () => {
    const { status, stdout, stderr } = await stores("cat; echo oops >&2; exit 3", { input: Uint8Array.of(97, 0, 98, 255) });
    expect([status, [...stdout], stderr]).toEqual([3, [97, 0, 98, 255], "oops\n"]);
    expect((await stores("kill -9 $$")).status).toBeNull();
  });

  test("has the environment that it is given and no other, and speaks English", async () => {
    const env = { PATH: process.env["PATH"], SECRET: "in the environment", LC_ALL: "de_DE.UTF-8", NOTHING: undefined };
    const { stdout } = await openRun({ redact })("env", [], { env, deadline: 20_000 });
    expect(textOf(stdout).split("\n").toSorted()).toEqual([
      "",
      "LANGUAGE=",
      "LC_ALL=C",
      `PATH=${process.env["PATH"]}`,
      "SECRET=in the environment",
    ]);
  });

  test("is run without a shell: what looks like a command is a word", async () => {
    const { stdout } = await openRun({ redact })("echo", ["$(touch x)", ";", "touch y"], { cwd: folder, deadline: 20_000 });
    expect(textOf(stdout)).toBe("$(touch x) ; touch y\n");
  });

  test("that reads nothing of what it is given may end", async () => {
    expect((await stores("exit 0", { input: "x".repeat(1_000_000) })).status).toBe(0);
  });

  test("whose helper stays and holds its stderr is not waited for, and the helper is left alone", async () => {
    const { stdout } = await stores(`echo done; exec >&-; ${LEAVES_ONE_BEHIND}`);
    expect(textOf(stdout)).toBe("done\n");
    const helper = await pidIn("child");
    expect(await gone(helper)).toBe(false);
    process.kill(helper);
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
    for (const running of [
      open().run("no-such-program", [], { deadline: 1_000 }),
      openRun({ redact })("no-such-program", [], { env: { PATH: process.env["PATH"] }, deadline: 1_000 }),
    ]) {
      expect(await failure(running)).toMatchObject({
        code: "unreachable",
        message: "the program no-such-program was not found",
        hint: expect.stringMatching(/install.*PATH/),
      });
    }
  });

  test("because its folder is not there is told so", async () => {
    const error = await failure(stores("true", { cwd: join(folder, "gone") }));
    expect(error.message).toBe(`the program sh cannot be started: there is no folder ${join(folder, "gone")}`);
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

describe.each([
  ["an adapter's", adapters],
  ["a store's", stores],
])("a program of %s that goes wrong", (_, run) => {
  test("by hanging is stopped at its deadline, with what it started, and its complaint is told", async () => {
    const script = `${LEAVES_ONE_BEHIND}; echo $$ > own; printf 'waiting for %s\\n and more' "$TOKEN" >&2; wait`;
    const error = await failure(run(script, { env: { PATH: process.env["PATH"], TOKEN: CANARY }, deadline: 1_000 }));
    expect(error).toMatchObject({
      name: "RolloutError",
      code: "unreachable",
      message: "the program sh was not done within 1 s and was stopped: waiting for [secret] and more",
      hint: expect.stringContaining("network"),
    });
    await expectGone("child", "own");
  });

  test("by ignoring every signal that can be ignored is stopped as well", async () => {
    const deaf = "trap '' TERM INT HUP; echo $$ > own; while :; do sleep 0.1; done";
    const error = await failure(run(deaf, { deadline: 500, grace: 200 } as Partial<Execution>));
    expect(error).toMatchObject({ code: "unreachable" });
    await expectGone("own");
  });

  test("by writing a gigabyte is stopped at once, with no more of it in memory than is allowed", async () => {
    const before = process.memoryUsage().rss;
    const error = await failure(run("exec head -c 1G /dev/zero", { maxBytes: 100_000 }));
    expect(error).toMatchObject({ code: "unreachable", message: "the program sh wrote more than 100000 bytes and was stopped" });
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  test("by writing exactly as much as is allowed is none", async () => {
    expect((await run("head -c 100000 /dev/zero", { maxBytes: 100_000 })).stdout).toHaveLength(100_000);
  });

  test("by complaining without end is heard out, and a little of it kept", async () => {
    const { status, stderr } = await run("head -c 16M /dev/zero >&2; exit 4");
    expect(status).toBe(4);
    expect(stderr.length).toBeLessThanOrEqual(16 * 1024);
  });

  test("by repeating a secret does so for nobody, wherever its complaint is cut", async () => {
    for (const length of [0, 16 * 1024 - 10, 16 * 1024 - 5]) {
      const script = `head -c ${length} /dev/zero | tr '\\0' x >&2; printf %s "$TOKEN" >&2`;
      const { stderr } = await run(script, { env: { PATH: process.env["PATH"], TOKEN: CANARY } });
      expect(stderr).toHaveLength(Math.min(length + "[secret]".length, 16 * 1024));
      expect(stderr).not.toMatch(/canar|5up3r/);
    }
  });
});

describe("what an adapter's program leaves behind", () => {
  test("and holds its output open does not keep its answer, and is killed", async () => {
    expect(await adapters(`${LEAVES_ONE_BEHIND}; printf answer`)).toMatchObject({ status: 0, stdout: "answer" });
    await expectGone("child");
  });

  test("in a session of its own is not waited for", async () => {
    const script = "setsid sh -c 'echo $$ > child; exec sleep 600' & while [ ! -s child ]; do sleep 0.01; done; printf answer";
    expect(await adapters(script, { deadline: 15_000 })).toMatchObject({ status: 0, stdout: "answer" });
    const child = await pidIn("child");
    expect(await gone(child)).toBe(false);
    process.kill(child, "SIGKILL");
  });
});

describe("when we leave ourselves", () => {
  test("an adapter's program is killed; a store's finishes what it began", async () => {
    const others = process.listeners("exit");
    const controller = new AbortController();
    const settings = { deadline: 20_000, signal: controller.signal };
    const store = failure(stores("echo $$ > stores; sleep 600", settings));
    const adapter = adapters("echo $$ > adapters; sleep 600", settings);
    const pid = await pidIn("stores");
    await pidIn("adapters");
    for (const leave of process.listeners("exit")) if (!others.includes(leave)) leave.call(process, 0);
    expect((await adapter).status).toBeNull();
    await expectGone("adapters");
    expect(await gone(pid)).toBe(false);
    controller.abort();
    await store;
    await expectGone("stores");
    expect(process.listeners("exit")).toEqual(others);
  });
});

describe("an interruption", () => {
  test("ends what runs, and nothing is begun after it", async () => {
    const controller = new AbortController();
    const exec = open({ signal: controller.signal });
    const running = failure(exec.run("sh", ["-c", "echo $$ > child; sleep 600"], { deadline: 20_000 }));
    await pidIn("child");
    controller.abort();
    expect(await running).toMatchObject({ code: "interrupted" });
    await expectGone("child");
    expect(await failure(exec.run("true", [], { deadline: 1_000 }))).toMatchObject({ code: "interrupted" });
  });
});
