import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { join } from "node:path";
import { inject } from "vitest";
import { processOutput, type Streams } from "../../src/cli/output.ts";
import { main } from "../../src/cli/program.ts";

/** What became of a process. */
export interface Ran {
  /** The exit status; null where a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A process of the command line that is running. */
export interface Running {
  child: ChildProcessWithoutNullStreams;
  /** What it has said so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves once what it has said, on either side, holds the text; rejects when it ends without. */
  said(text: string): Promise<void>;
  done: Promise<Ran>;
}

export interface Place {
  cwd: string;
  /** On top of an environment that holds nothing but the path: no CI, no settings of whoever runs the tests. */
  env?: Record<string, string>;
}

/** A process that has not ended by then hangs. */
const PATIENCE = 90_000;

/** The script of the command, in a package built from the source. */
export const SCRIPT = join(inject("packageFolder"), "bin", "rollout.js");

/** Starts `rollout ARGS` as a user would. */
export function startRollout(args: readonly string[], place: Place): Running {
  return start(process.execPath, [SCRIPT, ...args], place);
}

/** Runs `rollout ARGS` to its end. */
export function rollout(args: readonly string[], place: Place): Promise<Ran> {
  return startRollout(args, place).done;
}

/** Runs a program to its end, with the environment of `rollout`. */
export function runProgram(program: string, args: readonly string[], place: Place): Promise<Ran> {
  return start(program, args, place).done;
}

/** What of the environment of whoever runs the tests a process has. */
export function environmentIn(cwd: string): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: cwd };
}

function start(program: string, args: readonly string[], { cwd, env = {} }: Place): Running {
  const child = spawn(program, args, { cwd, env: { ...environmentIn(cwd), ...env } });
  child.stdin.end();
  const said = { stdout: "", stderr: "" };
  let heard = () => {};
  for (const side of ["stdout", "stderr"] as const) {
    child[side].setEncoding("utf8").on("data", (text: string) => {
      said[side] += text;
      heard();
    });
    child[side].on("error", () => {});
  }
  const kill = () => child.kill("SIGKILL");
  const timer = setTimeout(kill, PATIENCE);
  process.once("exit", kill);
  const done = new Promise<Ran>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(timer);
      process.off("exit", kill);
      resolve({ status, ...said });
    });
  });
  return {
    child,
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    said: (text) =>
      new Promise((resolve, reject) => {
        const before = heard;
        heard = () => {
          before();
          if (said.stdout.includes(text) || said.stderr.includes(text)) resolve();
        };
        heard();
        void done.then(({ status }) => reject(new Error(`it ended with ${status} and never said "${text}": ${said.stdout}${said.stderr}`)));
      }),
    done,
  };
}

/** What a stream of a process in this one is. */
export interface Terminal {
  stdout?: boolean;
  stderr?: boolean;
  stdin?: boolean;
  stop?: AbortSignal;
}

/** Runs `rollout ARGS` from its source, within this process: all but what a process of its own would show. */
export async function callRollout(args: readonly string[], { cwd, env = {} }: Place, terminal: Terminal = {}): Promise<Ran> {
  const said = { stdout: "", stderr: "" };
  const stream = (side: "stdout" | "stderr") => {
    const write = (text: string, after?: () => void) => {
      said[side] += text;
      after?.();
      return true;
    };
    return { isTTY: terminal[side] ?? false, columns: 100, on() {}, write };
  };
  const streams = { stdout: stream("stdout"), stderr: stream("stderr"), stdin: { isTTY: terminal.stdin ?? false }, env };
  const output = processOutput(streams as unknown as Streams);
  const status = await main(args, { cwd, env, output, stop: terminal.stop ?? new AbortController().signal });
  return { status, ...said };
}
