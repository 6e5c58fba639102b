import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { RolloutError } from "../errors.ts";
import { findFile } from "./files.ts";
import type { Exec, Executed, Execution } from "./port.ts";

const MAX_BYTES = 1024 * 1024;
/** Of what a program complains so much is kept. Secrets are hidden before it is cut: half a secret would not be found. */
const MAX_COMPLAINT = 16 * 1024;
const LONGEST_SECRET = 64 * 1024;
/** What a program left running may still hold its output open after its end: it is listened to no longer than this, in milliseconds. */
const LAST_WORDS = 1_000;

/** What a program finds in its environment, where we have it ourselves; all else it is given by name. */
const MINIMAL = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];

export interface ExecSettings {
  /** The folder that programs run in and that their paths are relative to, and the root that those stay below. */
  folder: string;
  root: string;
  redact(text: string): string;
  env: Readonly<Record<string, string | undefined>>;
  /** Kills whatever is running when it aborts. */
  signal: AbortSignal;
}

/** Runs programs for adapters; see `Exec` for what it promises. */
export function openExec({ folder, root, redact, env, signal }: ExecSettings): Exec {
  const own = Object.fromEntries(MINIMAL.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))) as Record<string, string>;
  return {
    async run(file, args, execution) {
      const program = await locate(file, { folder, root });
      const given = { cwd: folder, ...execution, env: { ...own, ...execution.env } };
      return runProgram(program, args, { ...given, signal: anyOf(signal, execution.signal), name: redact(execution.name ?? file), redact });
    },
  };
}

/** A bare name is the system's to find, and an absolute path is the machine's; all other paths are the repository's. */
async function locate(file: string, place: { folder: string; root: string }): Promise<string> {
  if (!file.includes("/") || file.startsWith("/")) return file;
  const found = await findFile(file, place);
  if (found !== undefined) return found;
  throw new RolloutError("unreachable", `there is no program ${file}`, { hint: "a path of a program is relative to the plan's folder" });
}

function anyOf(signal: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other ? AbortSignal.any([signal, other]) : signal;
}

/** All that a program needs to be run. */
export interface Program extends Execution {
  name: string;
  /** Its whole environment. */
  env: Record<string, string>;
  redact(text: string): string;
}

/**
 * Runs a program in a process group of its own, which is killed as a whole at the deadline, when it writes too much, when
 * the signal aborts, and when we leave ourselves. Once it has ended, what it started and left behind is killed as well.
 */
export async function runProgram(file: string, args: readonly string[], program: Program): Promise<Executed> {
  const { name, cwd, env, signal, deadline, input = "", maxBytes = MAX_BYTES, redact } = program;
  if (signal?.aborted) throw interrupted(name);
  // Detached: a group of its own, to be killed as a whole. A Ctrl-C in the terminal is for us, and we finish what was begun.
  const child = begin(name, () => spawn(file, args, { cwd, env, detached: true, stdio: "pipe" }));
  const kill = () => killGroup(child);
  process.once("exit", kill);
  let timer: NodeJS.Timeout | undefined;
  let stopped: (() => void) | undefined;
  try {
    return await new Promise<Executed>((resolve, reject) => {
      const fail = (error: RolloutError) => {
        kill();
        letGo(child);
        reject(error);
      };
      const stdout = gather(child.stdout, maxBytes, () =>
        fail(new RolloutError("unreachable", `the program ${name} wrote more than ${maxBytes} bytes and was stopped`)),
      );
      const stderr = gather(child.stderr, MAX_COMPLAINT + LONGEST_SECRET);
      timer = setTimeout(() => {
        const said = complaint(redact(stderr()));
        fail(new RolloutError("unreachable", `the program ${name} was not done within ${deadline / 1000} s and was stopped${said}`));
      }, deadline);
      stopped = () => fail(interrupted(name));
      signal?.addEventListener("abort", stopped, { once: true });
      child.once("error", (cause: NodeJS.ErrnoException) => fail(cannotStart(name, cause)));
      let status: number | null = null;
      child.once("exit", (code) => {
        status = code;
        kill();
        setTimeout(() => letGo(child), LAST_WORDS).unref();
      });
      child.once("close", () => resolve({ status, stdout: stdout(), stderr: redact(stderr()).slice(0, MAX_COMPLAINT) }));
      // Not everybody reads what he is told.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  } finally {
    clearTimeout(timer);
    process.off("exit", kill);
    if (stopped) signal?.removeEventListener("abort", stopped);
  }
}

/** Some of what keeps a program from being started is thrown at once, the rest comes as an event. */
function begin(name: string, start: () => ChildProcessWithoutNullStreams): ChildProcessWithoutNullStreams {
  try {
    return start();
  } catch (cause) {
    throw cannotStart(name, cause as NodeJS.ErrnoException);
  }
}

/** Collects what is written, up to `most` bytes; gives the text so far. All that comes after is read and dropped. */
function gather(stream: NodeJS.ReadableStream, most: number, tooMuch: () => void = () => {}): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    if (size >= most && chunk.length > 0) tooMuch();
    else if (size + chunk.length > most) {
      chunks.push(chunk.subarray(0, most - size));
      tooMuch();
    } else chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function killGroup({ pid }: ChildProcessWithoutNullStreams): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

/** Whoever left the group may hold the pipes open for ever: nothing of ours waits for them. */
function letGo(child: ChildProcessWithoutNullStreams): void {
  child.stdin.destroy();
  child.stdout.destroy();
  child.stderr.destroy();
}

function interrupted(name: string): RolloutError {
  return new RolloutError("interrupted", `the program ${name} was interrupted`);
}

/** By the code alone: some messages quote an argument or a variable. */
function cannotStart(name: string, { code = "for an unknown reason" }: NodeJS.ErrnoException): RolloutError {
  const [text, hint] = reasons[code] ?? [`cannot be started (${code})`, "look at the program, its arguments and its environment"];
  return new RolloutError("unreachable", `the program ${name} ${text}`, { hint });
}

const reasons: Record<string, [text: string, hint: string]> = {
  ENOENT: ["was not found", "is it installed here, and in PATH? A script also needs the interpreter that its first line names"],
  EACCES: ["may not be run", "make it executable: chmod +x"],
  ENOEXEC: ["is no program that can be run", "a script begins with a line such as #!/bin/sh"],
  E2BIG: ["cannot be started: its arguments are too long", "shorten the list"],
};

/** What a program said on its standard error, as the end of a sentence; cut where it is long. */
function complaint(stderr: string): string {
  const line = stderr.replace(/\s+/g, " ").trim();
  if (line === "") return "";
  return `: ${line.length > 300 ? `${line.slice(0, 300)}…` : line}`;
}
