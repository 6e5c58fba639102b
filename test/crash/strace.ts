import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentIn, SCRIPT } from "../support/cli.ts";

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
}

/** How a traced command ended, and what it did to its world. */
export interface Traced {
  status: number | string;
  stdout: string;
  stderr: string;
  calls: Call[];
}

/** What is sent to the traced process as it enters a call: before the call does anything. */
export interface Injection {
  call: Pick<Call, "name" | "nth">;
  signal: "KILL" | "STOP";
}

/**
 * The threads of node open files of their own while it starts. So many are opened first by the one that all later file
 * work is done in that no other thread gets to the same count.
 */
const OPENS_AHEAD = 100;
const OPEN_AHEAD = `data:text/javascript,${encodeURIComponent(
  `import { open } from "node:fs/promises"; for (let i = 0; i < ${OPENS_AHEAD}; i++) await (await open(process.execPath)).close();`,
)}`;

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
  const injected = injections.flatMap(({ call, signal }) => ["-e", `inject=${call.name}:signal=${signal}:when=${call.nth}`]);
  const command = [process.execPath, "--import", OPEN_AHEAD, SCRIPT, ...args];
  const child = spawn("strace", ["-D", "-f", "-y", "-s", "0", "-o", log, "-e", traced, ...injected, ...command], {
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

/**
 * Runs a command in a world and kills it before the last of the calls that it makes there. Whether it came to that call
 * the result shows: its way there is then the same.
 */
export async function killBeforeLast(folder: string, args: readonly string[], way: readonly Call[]): Promise<Traced> {
  const call = way.at(-1)!;
  if (call.name !== "write") return trace(folder, args, [{ call, signal: "KILL" }]);
  // The event loop writes as well, how often is chance, and strace counts all writes alike. So the command is stopped as
  // it comes back from the call before, and killed there: it changes nothing between the two.
  const running = await startTraced(folder, args, [{ call: way.at(-2)!, signal: "STOP" }]);
  await running.stopped();
  running.kill("SIGKILL");
  return running.ended;
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
    const call: Call = { what: [name, ...paths].join(" "), name, paths, nth, done: result !== undefined && isDone(result) };
    pending.set(thread, call);
    if (paths.length === 0 || (name.startsWith("open") && !rest.includes("O_CREAT"))) continue;
    calls.push(call);
  }
  return calls;
}

function isDone(result: string): boolean {
  return result !== "?" && !result.startsWith("-");
}

/** The arguments that lie in the world, relative to it; what `-y` adds to the results and to AT_FDCWD is none. */
function pathsIn(rest: string, folder: string): string[] {
  const args = rest.replace(/ = [^"]*$/, "").replace(/AT_FDCWD<[^>]*>/, "");
  return [...args.matchAll(/["<]([^"<>]+)[">]/g)].flatMap(([, path]) => {
    if (path !== folder && !path?.startsWith(`${folder}/`)) return [];
    const own = path.slice(folder.length + 1) || ".";
    return [own.replace(/(\.tmp-\d{9})-\d+-[0-9a-f]+$/, "$1").replace(/(\.rollout-)[0-9a-f]+(\.tmp)$/, "$1*$2")];
  });
}
