import { execFile } from "node:child_process";
import { cp, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** A folder with what the package holds, built from the source as it was when the tests began. */
    packageFolder: string;
  }
}

const PARTS = ["bin", "plans", "package.json"];

/** Builds the package once for all tests, with the options of every build: `dist/` may be of an earlier source. */
export default async function build({ provide }: TestProject): Promise<() => Promise<void>> {
  const repository = fileURLToPath(new URL("../..", import.meta.url));
  const folder = await mkdtemp(join(await realpath(tmpdir()), "rollout-package-"));
  const rolldown = join(repository, "node_modules", "rolldown", "bin", "cli.mjs");
  await promisify(execFile)(process.execPath, [rolldown, "-c", ".config/rolldown.js", "-d", join(folder, "dist")], { cwd: repository });
  for (const part of PARTS) await cp(join(repository, part), join(folder, part), { recursive: true });
  provide("packageFolder", folder);
  return () => rm(folder, { recursive: true, force: true });
}
