import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll } from "vitest";
import type { Store } from "../../src/ledger/port.ts";
import { bareEnvironment, git, makeServed } from "../support/git.ts";
import { openGit } from "./gitOpener.ts";

/** A team's repository with one commit, and a checkout of it. */
export interface GitWorld {
  folder: string;
  /** The team's repository, and its path. */
  team: string;
  checkout: string;
  env: Record<string, string>;
  /** A store as a new process opens it. */
  open(address?: string, options?: { cwd?: string; env?: Record<string, string>; secrets?: string[] }): Store;
  /** The last commit of a ledger in the team's repository; nothing where there is none. */
  headThere(name?: string): string | undefined;
  remove(): Promise<void>;
}

/** A world as it is at first, made once for a file of tests and then copied: git takes longer for it than for most tests. */
let first: string | undefined;
afterAll(() => {
  if (first !== undefined) rmSync(first, { recursive: true, force: true });
});

function makeFirst(): string {
  const folder = mkdtempSync(join(tmpdir(), "rollout-git-"));
  makeServed(folder, "team.git");
  const checkout = join(folder, "checkout");
  git(folder, ["clone", "--quiet", "team.git", checkout]);
  for (const text of ["one", "two"]) {
    writeFileSync(join(checkout, "file"), text);
    git(checkout, ["add", "file"]);
    git(checkout, ["commit", "--quiet", "-m", text]);
  }
  git(checkout, ["push", "--quiet", "origin", "HEAD:main"]);
  mkdirSync(join(folder, "home"));
  return folder;
}

export async function gitWorld(): Promise<GitWorld> {
  first ??= makeFirst();
  const folder = await mkdtemp(join(tmpdir(), "rollout-git-"));
  const team = join(folder, "team.git");
  const checkout = join(folder, "checkout");
  await cp(first, folder, { recursive: true, preserveTimestamps: true });
  const config = join(checkout, ".git", "config");
  await writeFile(config, (await readFile(config, "utf8")).replace(join(first, "team.git"), team));
  const env = bareEnvironment(join(folder, "home"));
  return {
    folder,
    team,
    checkout,
    env,
    open: (address = "origin", { cwd = checkout, env: more = {}, secrets = [] } = {}) =>
      openGit(address, cwd, { ...env, ...more }, { secrets }),
    headThere: (name = "checkout") => git(team, ["for-each-ref", "--format=%(objectname)", `refs/rollout/${name}`]).trim() || undefined,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text, "utf8");

export async function textsOf(store: Store, name = "checkout", from = 1): Promise<string[]> {
  return (await store.read(name, from)).map(({ bytes }) => Buffer.from(bytes).toString("utf8"));
}

/** Entries 1 to `length`, with one push. */
export function fill(store: Store, length: number, name = "checkout"): Promise<void> {
  return store.createAll!(
    name,
    1,
    Array.from({ length }, (_, index) => bytesOf(`${index + 1}\n`)),
  );
}

/** Every file below a folder with its content and time, but for our own folder in `.git`. */
export async function picture(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.map(({ parentPath, name }) => join(parentPath, name)).filter((path) => !path.includes("/.git/rollout"));
  const pictures = files.map(async (path) => {
    const found = await stat(path);
    const content = found.isFile() ? (await readFile(path)).toString("base64") : "";
    // Our own folder is in it, so that its time tells nothing.
    return [relative(folder, path), path.endsWith("/.git") ? "" : `${found.mtimeMs} ${content}`] as const;
  });
  return Object.fromEntries((await Promise.all(pictures)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Puts a hook there that leaves a mark when it runs, and ends with a status. */
export async function putHook(folder: string, name: string, mark: string, status = 0): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\necho ran >> '${mark}'\necho "no entry for you" >&2\nexit ${status}\n`);
  await chmod(join(folder, name), 0o755);
}
