// Rules for rolling back, ours and those of other tools, on simulated ramps: npm run bench:decisions
//   [-- --runs N] [--seeds 1,2,3] [--only TEXT]... [--markdown] [--json FILE] [--workers N]
// TEXT is a part of a rule's name or a scenario's. The same seeds give the same figures, whatever the machine.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../support/bundle.mjs";

const output = mkdtempSync(join(tmpdir(), "rollout-bench-"));
try {
  const script = await bundle(join(import.meta.dirname, "main.ts"), output);
  process.exitCode = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(output, { recursive: true, force: true });
}
