import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runProgram } from "../../src/io/run.ts";

describe("a program that is run", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rollout-exec-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const env = { PATH: process.env["PATH"], SECRET: "in the environment" };
  const shell = (script: string, more: { input?: string; deadline?: number; maxBytes?: number } = {}) =>
    runProgram({ program: "sh", args: ["-c", script], folder, env, deadline: 20_000, ...more });
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test("gives what it printed and how it ended", async () => {
    const { status, stdout, stderr } = await shell("cat; echo oops >&2; exit 3", { input: "a\0b" });
    expect([status, text(stdout), stderr]).toEqual([3, "a\0b", "oops\n"]);
    expect((await shell("kill -9 $$")).status).toBe(-1);
  });

  test("has the environment that it is given and no other, and speaks English", async () => {
    const { stdout } = await shell("env");
    const names = text(stdout)
      .split("\n")
      .map((line) => line.split("=")[0]!);
    expect(text(stdout)).toContain("LC_ALL=C\n");
    expect(text(stdout)).toContain("SECRET=in the environment\n");
    expect(names).not.toContain("HOME");
  });

  test("is run without a shell: what looks like a command is a word", async () => {
    const { stdout } = await runProgram({ program: "echo", args: ["$(touch x)", ";", "touch y"], folder, env, deadline: 20_000 });
    expect(text(stdout)).toBe("$(touch x) ; touch y\n");
  });

  test("that takes too long is ended, with all that it started", async () => {
    const slow = shell("sleep 600 & echo $! > child; echo $$ > own; wait", { deadline: 2_000 });
    await expect(slow).rejects.toMatchObject({
      name: "RolloutError",
      code: "unreachable",
      message: expect.stringContaining("took longer than"),
    });
    for (const name of ["child", "own"]) {
      const pid = Number(await readFile(join(folder, name), "utf8"));
      for (let waited = 0; isAlive(pid) && waited < 5_000; waited += 20) await sleep(20);
      expect(isAlive(pid)).toBe(false);
    }
  });

  test("that does not listen is made to end", async () => {
    await expect(shell("trap '' TERM; while :; do sleep 0.1; done", { deadline: 300 })).rejects.toMatchObject({ code: "unreachable" });
  });

  test("that prints too much is ended", async () => {
    await expect(shell("yes", { maxBytes: 10_000 })).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("more than 10000 bytes"),
    });
  });

  test("whose helper stays and holds its stderr is not waited for", async () => {
    const { stdout } = await shell("echo done; exec >&-; sleep 600 & echo $! > child");
    expect(text(stdout)).toBe("done\n");
    process.kill(Number(await readFile(join(folder, "child"), "utf8")));
  });

  test("that reads nothing of what it is given may end", async () => {
    expect((await shell("exit 0", { input: "x".repeat(1_000_000) })).status).toBe(0);
  });

  test("that is not there says so", async () => {
    await expect(runProgram({ program: "no-such-program", args: [], env, deadline: 1_000 })).rejects.toMatchObject({
      code: "unreachable",
      message: "no-such-program cannot be run: it is not there",
      hint: expect.stringContaining("PATH"),
    });
  });
});
