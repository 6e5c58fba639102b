import { spawn, type ChildProcess } from "node:child_process";
import { RolloutError } from "../errors.ts";
import type { Command, Ended, Run } from "./port.ts";

/** How much of what a program says of itself is kept. */
const MOST_WORDS = 64 * 1024;
/** How long a program may clean up once it was told to end, in milliseconds. */
const GRACE = 2_000;
/** A helper that outlives its program (a connection that is kept open) may hold its stderr: that is not waited for. */
const LINGER = 200;

/**
 * Runs programs, without a shell, in English, each in a process group of its own: a Ctrl-C in the terminal must not cut
 * off a write that was begun, and a deadline ends a program with all that it started.
 */
export const runProgram: Run = (command) =>
  new Promise((resolve, reject) => {
    const { program, args, folder, env, input, deadline, maxBytes = 64 * 1024 * 1024 } = command;
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...env, LC_ALL: "C", LANGUAGE: "" },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      windowsHide: true,
    });
    const stdout = collect(child.stdout, maxBytes, () => fail(tooMuch(command, maxBytes)));
    const stderr = collect(child.stderr, MOST_WORDS);
    let failure: RolloutError | undefined;
    const fail = (error: RolloutError) => {
      failure ??= error;
      end(child);
    };
    const timer = setTimeout(() => fail(tooLong(command)), deadline);
    const settle = (status: number | null) => {
      clearTimeout(timer);
      for (const stream of child.stdio) stream?.destroy();
      if (failure) reject(failure);
      else resolve({ status: status ?? -1, stdout: stdout.bytes(), stderr: Buffer.from(stderr.bytes()).toString("utf8") } satisfies Ended);
    };

    child.once("error", (cause) => {
      failure ??= notStarted(command, cause);
      settle(null);
    });
    child.once("exit", (status) => {
      void stdout.ended.then(() => Promise.race([stderr.ended, sleep(LINGER)])).then(() => settle(status));
      if (failure) setTimeout(() => settle(status), LINGER);
    });
    // A program may end without reading all that it is given.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });

/** Asks the whole group to end, so that locks are let go of, and then makes it. */
function end({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name);
    } catch {
      return;
    }
  };
  signal("SIGTERM");
  setTimeout(() => signal("SIGKILL"), GRACE).unref();
}

function collect(stream: NodeJS.ReadableStream, limit: number, overflow?: () => void) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    if (length + chunk.length <= limit) chunks.push(chunk);
    else overflow?.();
    length += chunk.length;
  });
  const ended = new Promise<void>((resolve) => stream.once("close", resolve).once("error", resolve));
  return { ended, bytes: () => Buffer.concat(chunks) as Uint8Array };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function notStarted({ program, folder }: Command, cause: Error): RolloutError {
  const missing = "code" in cause && cause.code === "ENOENT";
  return new RolloutError(
    "unreachable",
    missing ? `${program} cannot be run: it is not there` : `${program} cannot be run: ${cause.message}`,
    {
      cause,
      hint: `Install ${program}, or add its folder to PATH${folder === undefined ? "" : `; and see that the folder ${folder} is there`}.`,
    },
  );
}

function tooLong({ program, args, deadline }: Command): RolloutError {
  return new RolloutError("unreachable", `${program} ${args[0] ?? ""} took longer than ${Math.round(deadline / 1000)} s and was ended`, {
    hint: "Check the network and the other side, then run the command again.",
  });
}

function tooMuch({ program, args }: Command, maxBytes: number): RolloutError {
  return new RolloutError("unreachable", `${program} ${args[0] ?? ""} printed more than ${maxBytes} bytes and was ended`);
}
