// Runs all benches of this folder, or those named, one after the other: npm run bench [-- look append]
// They print and never fail for being slow: a figure depends on the machine.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "./support/bundle.mjs";

const folder = import.meta.dirname;
const benches = new Map(
  readdirSync(folder)
    .filter((file) => /\.(mjs|ts)$/.test(file) && file !== "run.mjs")
    .toSorted()
    .map((file) => [file.replace(/\.\w+$/, ""), file]),
);
const wanted = process.argv.length > 2 ? process.argv.slice(2) : [...benches.keys()];

for (const name of wanted) {
  const file = benches.get(name);
  if (!file) {
    console.error(`There is no bench ${name}; there are ${[...benches.keys()].join(", ")}.`);
    process.exitCode = 2;
    continue;
  }
  console.log(`\n# ${name}`);
  const status = file.endsWith(".ts") ? await runBundled(join(folder, file)) : run(join(folder, file));
  if (status !== 0) process.exitCode = 1;
}

/** A bench of the product's own modules runs as they are shipped: bundled. */
async function runBundled(entry) {
  const output = mkdtempSync(join(tmpdir(), "rollout-bench-"));
  try {
    return run(await bundle(entry, output));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function run(script) {
  return spawnSync(process.execPath, [...process.execArgv, script], { stdio: "inherit" }).status;
}
