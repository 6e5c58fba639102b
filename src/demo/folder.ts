import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, RolloutError } from "../errors.ts";
import { DEFAULT_PORT, LOOPBACK } from "./loopback.ts";

/** What a demo works on, and leaves behind. The paths begin with the directory that was given. */
export interface DemoFolder {
  /** The folder's own name in its directory. */
  name: string;
  /** The plan file. */
  plan: string;
  /** The flagd definition file beside it. */
  flags: string;
  /** Where its ledgers go; made by whoever writes the first. */
  store: string;
}

const NAME = "rollout-demo";
const MARKER = ".rollout-demo";
const PLAN = "quickstart.yaml";
const FLAGS = "flags.json";
const STORE = ".rollout";

/**
 * Makes the folder `rollout-demo` in `directory`: the quickstart plan, asking for metrics on `port`, and a flag file in
 * which the feature is off. A folder that an earlier demo made is replaced; anything else of that name is left alone,
 * and the next free name (`rollout-demo-2`) is taken. Throws `RolloutError` (`usage`) when nothing can be made there.
 */
export async function prepareDemoFolder(directory: string, { port }: { port: number }): Promise<DemoFolder> {
  const plan = (await readFile(quickstartPlan(), "utf8")).replaceAll(`${LOOPBACK}:${DEFAULT_PORT}`, `${LOOPBACK}:${port}`);
  try {
    const name = await makeFolder(directory);
    const folder = join(directory, name);
    await writeFile(join(folder, MARKER), `Made by \`rollout demo\`, process ${process.pid}. The next demo replaces this folder.\n`);
    await writeFile(join(folder, PLAN), plan);
    await writeFile(join(folder, FLAGS), flagsText);
    return { name, plan: join(folder, PLAN), flags: join(folder, FLAGS), store: join(folder, STORE) };
  } catch (cause) {
    throw new RolloutError("usage", `the demo's folder cannot be made in ${directory}: ${messageOf(cause)}`, {
      hint: "Run the demo in a directory that you may write to.",
      cause,
    });
  }
}

/** The flag of the demo, and one that is none of its business. */
const flagsText = `${JSON.stringify(
  {
    $schema: "https://flagd.dev/schema/v0/flags.json",
    flags: {
      "new-recommendations": { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting: {} },
      "free-shipping": {
        state: "ENABLED",
        variants: { on: true, off: false },
        defaultVariant: "off",
        targeting: { if: [{ "===": [{ var: "region" }, "eu"] }, "on", "off"] },
      },
    },
  },
  undefined,
  2,
)}\n`;

/** The name of a new folder, empty. Making it is what takes the name: of two demos at once each gets its own. */
async function makeFolder(directory: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? NAME : `${NAME}-${number}`;
    const folder = join(directory, name);
    if (await isLeftByDemo(folder)) await rm(folder, { recursive: true, force: true });
    try {
      await mkdir(folder);
      return name;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
}

/** Whether a folder was made by a demo that has ended, and holds nothing that somebody else put there. */
async function isLeftByDemo(folder: string): Promise<boolean> {
  try {
    // Not through a link: what it leads to may be anybody's.
    if (!(await lstat(folder)).isDirectory()) return false;
    const entries = await readdir(folder);
    if (!entries.every((entry) => [MARKER, PLAN, FLAGS, STORE].includes(entry))) return false;
    const [, maker] = /process (\d+)\./.exec(await readFile(join(folder, MARKER), "utf8")) ?? [];
    return maker !== undefined && (Number(maker) === process.pid || !isAlive(Number(maker)));
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/** The plan that comes with the package, found from here upwards: this code runs from its source, and bundled. */
function quickstartPlan(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const path = join(folder, "plans", PLAN);
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) throw new RolloutError("unexpected", `the package has no plans/${PLAN}`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
