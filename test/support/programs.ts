import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The path of a program that tests need, or nothing after saying so loudly: then the tests that need it are skipped.
 * In CI a missing program is an error, so that no test is skipped there unseen.
 *
 * @param elsewhere folders where it may be besides those of PATH
 */
export function requireProgram(name: string, debianPackage = name, elsewhere: readonly string[] = []): string | undefined {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...elsewhere]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  const message = `${name} is not installed: the tests that need it cannot run (on Debian: apt-get install ${debianPackage})`;
  process.stderr.write(`\n*** ${message} ***\n\n`);
  if (process.env["CI"]) throw new Error(message);
  return undefined;
}
