// Compares our statistics with files of cases by others: npm run reference -- FILE… (test/reference/*.json, for example).
// Node 20 cannot run TypeScript, so it is bundled first. Exits with 1 if a case is missed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../bench/support/bundle.mjs";

const output = mkdtempSync(join(tmpdir(), "rollout-reference-"));
try {
  const script = await bundle(join(import.meta.dirname, "cli.ts"), output);
  process.exitCode = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(output, { recursive: true, force: true });
}
