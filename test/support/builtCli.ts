import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The command, built from the source as it is now. */
export interface BuiltCli {
  /** The script that node runs. */
  script: string;
  /** Its folder: the script and its chunks. */
  folder: string;
  /** Runs it to its end. */
  run(args: readonly string[], options: { cwd: string }): Promise<CliResult>;
  remove(): Promise<void>;
}

export interface CliResult {
  /** The exit status; the signal's name where a signal ended it. */
  status: number | string;
  stdout: string;
  stderr: string;
}

/** What the environment must not add to a run: a CI job's variables, colours, a store of somebody's own. */
export const plainEnvironment: Readonly<Record<string, string>> = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds into a temporary folder, with the options of every build: `dist/` may be of an earlier source. */
export async function buildCli(): Promise<BuiltCli> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-built-"));
  const rolldown = join(root, "node_modules", "rolldown", "bin", "cli.mjs");
  await promisify(execFile)(process.execPath, [rolldown, "-c", ".config/rolldown.js", "-d", folder], { cwd: root });
  const script = join(folder, "cli.js");
  return {
    script,
    folder,
    run: (args, { cwd }) =>
      new Promise((resolve) => {
        execFile(process.execPath, [script, ...args], { cwd, env: { ...plainEnvironment } }, (error, stdout, stderr) => {
          resolve({ status: error ? (error.signal ?? error.code ?? "unknown") : 0, stdout, stderr });
        });
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
