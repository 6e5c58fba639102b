import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const prefix = "rollout-built-";
/** A build that nobody has asked for in so long is of a source that is gone. */
const KEPT_FOR = 60 * 60_000;

let built: Promise<string> | undefined;

/**
 * The path of `bin/rollout.js` in a temporary folder, with the package as it is now built beside it. It is built once for
 * each state of the source, whoever asks, so that a change during the tests harms none of them.
 */
export function builtCli(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const folder = join(tmpdir(), `${prefix}${await hashOfSource()}`);
  const entry = join(folder, "bin", "rollout.js");
  if (await isThere(entry)) {
    await utimes(folder, new Date(), new Date());
    return entry;
  }
  await sweep();
  const making = await mkdtemp(join(tmpdir(), `${prefix}making-`));
  const rolldown = join(repository, "node_modules", "rolldown", "bin", "cli.mjs");
  await promisify(execFile)(
    process.execPath,
    [rolldown, "-c", join(".config", "rolldown.js"), "--dir", join(making, "dist"), "--log-level", "silent"],
    {
      cwd: repository,
    },
  );
  for (const part of ["bin", "plans", "package.json"]) await cp(join(repository, part), join(making, part), { recursive: true });
  try {
    await rename(making, folder);
  } catch (error) {
    // Another worker was quicker; its build is the same.
    await rm(making, { recursive: true });
    if (!(await isThere(entry))) throw error;
  }
  return entry;
}

async function hashOfSource(): Promise<string> {
  const hash = createHash("sha256");
  for (const part of ["src", "bin", "plans", ".config"]) {
    const entries = await readdir(join(repository, part), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    for (const file of files.sort()) hash.update(`${file}\0`).update(await readFile(file));
  }
  for (const file of ["package.json", "package-lock.json"]) hash.update(await readFile(join(repository, file)));
  return hash.digest("hex").slice(0, 16);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const path = join(tmpdir(), name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > KEPT_FOR) await rm(path, { recursive: true, force: true });
  }
}
