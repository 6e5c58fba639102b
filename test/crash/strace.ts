import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentIn, SCRIPT } from "../support/cli.ts";

/** More bytes than a file of a world has. */
const MOST_BYTES = 1024 * 1024;

/** Every system call by which a process can change what is on a disk. `openat` does so only where it creates. */
const WRITE_SIDE = `
  open openat openat2 creat mkdir mkdirat mknod mknodat
  write writev pwrite64 pwritev pwritev2 sendfile copy_file_range splice fallocate io_uring_enter
  fsync fdatasync sync_file_range syncfs sync
  link linkat symlink symlinkat rename renameat renameat2 unlink unlinkat rmdir
  truncate ftruncate chmod fchmod fchmodat chown fchown lchown fchownat utimensat
`
  .trim()
  .split(/\s+/);

/** One system call on the write side of a world. */
export interface Call {
  /** What it did to what, without what differs from run to run: `link .rollout/x/.tmp-000000002 .rollout/x/000000002.json`. */
  what: string;
  name: string;
  /** The paths in the world that it named, likewise. */
  paths: string[];
  /** Which of its thread's calls of this name it was, from 1 on: strace counts by thread and name. */
  nth: number;
  /** Whether it came back without an error; false for one that a kill came before. */
  done: boolean;
  /** Of a `pwrite64`: what it was to write, and at which place of the file. */
  content?: { at: number; bytes: Uint8Array };
}

/** How a traced command ended, and what it did to its world. */
export interface Traced {
  status: number | string;
  stdout: string;
  stderr: string;
  calls: Call[];
}

/**
 * What the traced process meets as it enters a call, before the call does anything: a signal; an error, which the call comes
 * back with and has done nothing; or `answered`: it comes back with that number, and has done nothing either. With
 * `andAfter` all later calls of this name in that thread meet the same.
 */
export type Injection = { call: Pick<Call, "name" | "nth">; andAfter?: boolean } & (
  { signal: "KILL" | "STOP" } | { error: string } | { answered: number }
);

/**
 * What makes the calls of a command countable.
 *
 * The threads of node open files of their own while it starts. So many are opened first by the one that all later file
 * work is done in that no other thread gets to the same count. And its event loop is woken by `write`, how often is chance:
 * whole files are written by `pwrite64` instead, as many bytes at a time as the system takes, as node does by `write`.
 */
const OPENS_AHEAD = 100;
const COUNTABLE = `data:text/javascript,${encodeURIComponent(`
import { open } from "node:fs/promises";
let file;
for (let i = 0; i < ${OPENS_AHEAD}; i++) await (file = await open(process.execPath)).close();
Object.getPrototypeOf(file).writeFile = async function (bytes) {
  for (let at = 0; at < bytes.length; ) at += (await this.write(bytes, at, bytes.length - at, at)).bytesWritten;
};`)}`;

/** A command under strace that has been started. */
export interface Running {
  /** Resolves once a signal has stopped it, or it has ended. */
  stopped(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Traced>;
}

/** Starts a command in a world under strace. Needs `requireProgram("strace")`. */
export async function startTraced(folder: string, args: readonly string[], injections: Injection[] = []): Promise<Running> {
  const place = await mkdtemp(join(tmpdir(), "rollout-strace-"));
  const log = join(place, "log");
  // Not with --seccomp-bpf: strace 6.1 then injects no signals. With -D the process that is started is the command itself.
  const traced = `trace=${WRITE_SIDE.map((name) => `?${name}`).join(",")}`;
  const injected = injections.flatMap((each) => ["-e", injectionText(each)]);
  const command = [process.execPath, "--import", COUNTABLE, SCRIPT, ...args];
  const child = spawn("strace", ["-D", "-f", "-y", "-xx", "-s", String(MOST_BYTES), "-o", log, "-e", traced, ...injected, ...command], {
    cwd: folder,
    env: { ...environmentIn(folder), UV_THREADPOOL_SIZE: "1" },
    // The last is written by nobody: it closes, and `close` comes, when the tracer has ended too, which holds it open as well.
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdio[3]!.on("error", () => undefined);
  (child.stdio[3] as Readable).resume();
  const text = () => readFile(log, "utf8").catch(() => "");
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  const ended = once(child, "close").then(async ([code, signal]): Promise<Traced> => {
    const calls = callsOf(await text(), folder);
    await rm(place, { recursive: true });
    return { status: signal ?? code, stdout, stderr, calls };
  });
  return {
    async stopped() {
      while (isAlive() && !/^\d+ +--- stopped by /m.test(await text())) await sleep(5);
    },
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** Runs a command in a world under strace to its end. */
export async function trace(folder: string, args: readonly string[], injections: Injection[] = []): Promise<Traced> {
  return (await startTraced(folder, args, injections)).ended;
}

function injectionText(injection: Injection): string {
  const { call, andAfter = false } = injection;
  const fate =
    "signal" in injection
      ? `signal=${injection.signal}`
      : "error" in injection
        ? `error=${injection.error}`
        : `retval=${injection.answered}`;
  return `inject=${call.name}:${fate}:when=${call.nth}${andAfter ? "+" : ""}`;
}

function callsOf(log: string, folder: string): Call[] {
  const calls: Call[] = [];
  const counts = new Map<string, number>();
  const pending = new Map<string, Call>();
  for (const line of log.split("\n")) {
    const resumed = /^(\d+) +<\.\.\. \w+ resumed>.* = (\S+)/.exec(line);
    if (resumed) {
      const call = pending.get(resumed[1]!);
      if (call) call.done = isDone(resumed[2]!);
      continue;
    }
    const [, thread, name, rest] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    if (thread === undefined || name === undefined || rest === undefined) continue;
    const key = `${thread} ${name}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    const result = / = (-?\w+|\?)[^"]*$/.exec(rest)?.[1];
    const paths = pathsIn(rest, folder);
    const call: Call = {
      what: [name, ...paths].join(" "),
      name,
      paths,
      nth,
      done: result !== undefined && isDone(result),
      ...(name === "pwrite64" && { content: contentOf(rest) }),
    };
    pending.set(thread, call);
    if (paths.length === 0 || (name.startsWith("open") && !rest.includes("O_CREAT"))) continue;
    calls.push(call);
  }
  return calls;
}

function isDone(result: string): boolean {
  return result !== "?" && !result.startsWith("-");
}

/** The texts of a call, quoted or added by `-y`; `-xx` gives each byte as `\x2e`. */
function textsIn(rest: string): Buffer[] {
  return [...rest.matchAll(/["<]((?:\\x[0-9a-f]{2})+)[">]/g)].map(([, hex]) => Buffer.from(hex!.replaceAll("\\x", ""), "hex"));
}

/** The arguments that lie in the world, relative to it; what `-y` adds to the results and to AT_FDCWD is none. */
function pathsIn(rest: string, folder: string): string[] {
  const args = rest.replace(/ = [^"]*$/, "").replace(/AT_FDCWD<[^>]*>/, "");
  return textsIn(args).flatMap((text) => {
    const path = text.toString("utf8");
    if (path !== folder && !path.startsWith(`${folder}/`)) return [];
    const own = path.slice(folder.length + 1) || ".";
    return [own.replace(/(\.tmp-\d{9})-\d+-[0-9a-f]+$/, "$1").replace(/(\.rollout-)[0-9a-f]+(\.tmp)$/, "$1*$2")];
  });
}

/** What a `pwrite64` was to write, and where. */
function contentOf(rest: string): { at: number; bytes: Buffer } {
  const offset = /, (\d+)(?:\)| <unfinished)/.exec(rest)?.[1];
  return { at: Number(offset), bytes: textsIn(rest)[1] ?? Buffer.alloc(0) };
}
