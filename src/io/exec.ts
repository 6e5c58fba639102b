import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { inOneLine, RolloutError } from "../errors.ts";
import { findFile } from "./files.ts";
import type { Ended, Exec, Execution, Run } from "./port.ts";

const MIB = 1024 * 1024;
/** Of what a program complains so much is kept. Secrets are hidden before it is cut: half a secret would not be found. */
const MAX_COMPLAINT = 16 * 1024;
const LONGEST_SECRET = 64 * 1024;
/** What a program left running may still hold its output open after its end: it is listened to no longer than this, in milliseconds. */
const LAST_WORDS = 200;
/** How long a store's program may clean up once it was told to end, in milliseconds. */
const GRACE = 2_000;

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
  const own = Object.fromEntries(MINIMAL.map((name) => [name, env[name]]));
  return {
    async run(file, args, execution) {
      const found = await locate(file, { folder, root });
      const ended = await runProgram(found, args, {
        cwd: folder,
        maxBytes: MIB,
        ...execution,
        name: execution.name ?? file,
        env: { ...own, ...execution.env },
        signal: execution.signal ? AbortSignal.any([signal, execution.signal]) : signal,
        redact,
        ending: "killed",
      });
      return { ...ended, stdout: Buffer.from(ended.stdout).toString("utf8") };
    },
  };
}

/** Runs programs for stores, in English; see `Run` for what it promises. `grace` in milliseconds. */
export function openRun({ redact, grace = GRACE }: { redact(text: string): string; grace?: number }): Run {
  return (file, args, execution) =>
    runProgram(file, args, {
      name: file,
      maxBytes: 64 * MIB,
      ...execution,
      env: { ...execution.env, LC_ALL: "C", LANGUAGE: "" },
      redact,
      ending: { grace },
    });
}

/** A bare name is the system's to find, and an absolute path is the machine's; all other paths are the repository's. */
async function locate(file: string, place: { folder: string; root: string }): Promise<string> {
  if (!file.includes("/") || file.startsWith("/")) return file;
  const found = await findFile(file, place);
  if (found !== undefined) return found;
  throw new RolloutError("unreachable", `there is no program ${file}`, { hint: "a path of a program is relative to the plan's folder" });
}

/** All that a program needs to be run. */
interface Program extends Execution {
  name: string;
  /** Its whole environment. */
  env: Readonly<Record<string, string | undefined>>;
  maxBytes: number;
  redact(text: string): string;
  /**
   * How it is stopped. `killed`: at once, with us if need be, and what it leaves behind after its end is killed as well.
   * With a grace, in milliseconds: it is asked to end first, so that it lets go of its locks, and killed when that is over.
   * Such a program may outlive us, as a write that was begun is finished, and helpers of its may outlive it.
   */
  ending: "killed" | { grace: number };
}

/**
 * Runs a program, without a shell, in a process group of its own: a Ctrl-C in the terminal is for us, who finish what was
 * begun, and the group is stopped as a whole: at the deadline, when it writes too much, and when the signal aborts.
 */
async function runProgram(file: string, args: readonly string[], program: Program): Promise<Ended> {
  const { cwd, env, signal, deadline, input = "", maxBytes, redact, ending } = program;
  const name = redact(program.name);
  const mayOutlive = ending !== "killed";
  if (signal?.aborted) throw interrupted(name);
  const notStarted = (cause: NodeJS.ErrnoException) => cannotStart(name, cwd, cause);
  const child = begin(() => spawn(file, args, { cwd, env, detached: true, stdio: "pipe" }), notStarted);
  const kill = () => signalGroup(child, "SIGKILL");
  if (!mayOutlive) process.once("exit", kill);
  const timers: NodeJS.Timeout[] = [];
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<Ended>((resolve, reject) => {
      const giveUp = (error: RolloutError) => {
        letGo(child);
        reject(error);
      };
      let failure: RolloutError | undefined;
      const fail = (error: RolloutError) => {
        if (failure) return;
        failure = error;
        stop(child, ending);
        // What cannot even be killed, such as one that waits for a disk, is not waited for.
        const patience = (mayOutlive ? ending.grace : 0) + LAST_WORDS;
        timers.push(setTimeout(() => giveUp(error), patience));
      };
      const tooMuch = () => fail(new RolloutError("unreachable", `the program ${name} wrote more than ${maxBytes} bytes and was stopped`));
      const stdout = gather(child.stdout, maxBytes, tooMuch);
      const stderr = gather(child.stderr, MAX_COMPLAINT + LONGEST_SECRET);
      const complaint = () => redact(stderr().toString("utf8"));
      timers.push(setTimeout(() => fail(notDone(name, deadline, complaint())), deadline));
      onAbort = () => fail(interrupted(name));
      signal?.addEventListener("abort", onAbort, { once: true });
      // It may be closed long before the program ends.
      const written = new Promise<void>((resolved) => child.stdout.once("close", resolved));
      let status: number | null = null;
      child.once("error", (cause) => giveUp(notStarted(cause)));
      child.once("exit", (code) => {
        status = code;
        if (!mayOutlive) kill();
        // The timer alone could come before what is there already was read.
        void (mayOutlive && !failure ? written : Promise.resolve()).then(() =>
          setTimeout(() => setImmediate(() => letGo(child)), LAST_WORDS).unref(),
        );
      });
      child.once("close", () => {
        if (failure) reject(failure);
        else resolve({ status, stdout: stdout(), stderr: complaint().slice(0, MAX_COMPLAINT) });
      });
      // Not everybody reads what he is told.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    process.off("exit", kill);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
}

/** Some of what keeps a program from being started is thrown at once, the rest comes as an event. */
function begin(start: () => ChildProcessWithoutNullStreams, failure: (cause: NodeJS.ErrnoException) => RolloutError) {
  try {
    return start();
  } catch (cause) {
    throw failure(cause as NodeJS.ErrnoException);
  }
}

/** Collects what is written, up to `most` bytes; gives the bytes so far. All that comes after is read and dropped. */
function gather(stream: NodeJS.ReadableStream, most: number, tooMuch: () => void = () => {}): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    if (size < most) chunks.push(chunk.subarray(0, most - size));
    size += chunk.length;
    if (size > most) tooMuch();
  });
  return () => Buffer.concat(chunks);
}

function stop(child: ChildProcessWithoutNullStreams, ending: Program["ending"]): void {
  if (ending === "killed") return signalGroup(child, "SIGKILL");
  signalGroup(child, "SIGTERM");
  setTimeout(() => signalGroup(child, "SIGKILL"), ending.grace).unref();
}

function signalGroup({ pid }: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
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

function notDone(name: string, deadline: number, complaint: string): RolloutError {
  const line = inOneLine(complaint);
  const said = line === "" ? "" : `: ${line}`;
  return new RolloutError("unreachable", `the program ${name} was not done within ${deadline / 1000} s and was stopped${said}`, {
    hint: "does it wait for a network, or for somebody? Run it by hand to see more",
  });
}

/** By the code alone: some messages quote an argument or a variable. */
function cannotStart(name: string, folder: string | undefined, { code = "for an unknown reason" }: NodeJS.ErrnoException): RolloutError {
  // The same code as for a program that is not there.
  if (code === "ENOENT" && folder !== undefined && !existsSync(folder)) {
    return new RolloutError("unreachable", `the program ${name} cannot be started: there is no folder ${folder}`);
  }
  const [text, hint] = reasons[code] ?? [`cannot be started (${code})`, "look at the program, its arguments and its environment"];
  return new RolloutError("unreachable", `the program ${name} ${text}`, { hint });
}

const reasons: Record<string, [text: string, hint: string]> = {
  ENOENT: ["was not found", "install it here, or add its folder to PATH; a script also needs the interpreter that its first line names"],
  EACCES: ["may not be run", "make it executable: chmod +x"],
  ENOEXEC: ["is no program that can be run", "a script begins with a line such as #!/bin/sh"],
  E2BIG: ["cannot be started: its arguments are too long", "shorten the list"],
};
