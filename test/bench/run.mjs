// Runs all benches of this folder, or those named, one after the other: npm run bench [-- startup]
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dirname;
const benches = readdirSync(folder)
  .filter((file) => file.endsWith(".mjs") && file !== "run.mjs")
  .map((file) => file.slice(0, -".mjs".length))
  .toSorted();
const wanted = process.argv.length > 2 ? process.argv.slice(2) : benches;

for (const name of wanted) {
  if (!benches.includes(name)) {
    console.error(`There is no bench ${name}; there are ${benches.join(", ")}.`);
    process.exitCode = 2;
    continue;
  }
  console.log(`\n# ${name}`);
  const { status } = spawnSync(process.execPath, [join(folder, `${name}.mjs`)], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
