import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainEnvironment, type BuiltCli } from "../support/builtCli.ts";

/** Every system call by which a process can change what is on a disk. `openat` does so only where it creates. */
const WRITE_SIDE = [
  ...["open", "openat", "openat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat"],
  ...["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice", "fallocate", "io_uring_enter"],
  ...["fsync", "fdatasync", "sync_file_range", "syncfs", "sync"],
  ...["link", "linkat", "symlink", "symlinkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"],
  ...["truncate", "ftruncate", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utimensat"],
];

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
  pid: number;
  /** What it has done so far. */
  calls(): Promise<Call[]>;
  /** How often a signal has stopped it so far. */
  stops(): Promise<number>;
  ended: Promise<Traced>;
}

/** Starts a command in a world under strace. Needs `requireProgram("strace")`. */
export async function startTraced(
  { script }: BuiltCli,
  folder: string,
  args: readonly string[],
  injections: Injection[] = [],
): Promise<Running> {
  const place = await mkdtemp(join(tmpdir(), "rollout-strace-"));
  const log = join(place, "log");
  // Not with --seccomp-bpf: strace 6.1 then injects no signals. With -D the process that is started is the command itself.
  const child = spawn(
    "strace",
    [
      ...["-D", "-f", "-y", "-s", "0", "-o", log, "-e", `trace=${WRITE_SIDE.map((name) => `?${name}`).join(",")}`],
      ...injections.flatMap(({ call, signal }) => ["-e", `inject=${call.name}:signal=${signal}:when=${call.nth}`]),
      ...[process.execPath, "--import", OPEN_AHEAD, script, ...args],
    ],
    { cwd: folder, env: { ...plainEnvironment, UV_THREADPOOL_SIZE: "1" }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const text = () => readFile(log, "utf8");
  const ended = once(child, "close").then(async ([code, signal]): Promise<Traced> => {
    const calls = callsOf(await wholeLog(text, child.pid!), folder);
    await rm(place, { recursive: true });
    return { status: signal ?? code, stdout, stderr, calls };
  });
  return {
    pid: child.pid!,
    calls: async () => callsOf(await text(), folder),
    stops: async () => (await text()).match(/^\d+ +--- stopped by /gm)?.length ?? 0,
    ended,
  };
}

/** Runs a command in a world under strace to its end. */
export async function trace(cli: BuiltCli, folder: string, args: readonly string[], injections: Injection[] = []): Promise<Traced> {
  return (await startTraced(cli, folder, args, injections)).ended;
}

/** The tracer outlives the command by a moment: its last line says how that ended. */
async function wholeLog(text: () => Promise<string>, pid: number): Promise<string> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    const log = await text();
    if (new RegExp(`^${pid} +\\+\\+\\+ (exited|killed)`, "m").test(log)) return log;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("strace did not write how the command ended");
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
