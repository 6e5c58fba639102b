import { readFileSync } from "node:fs";
import { casesOf, missesOf } from "./cases.ts";
import { methods } from "./methods.ts";

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("Usage: npm run reference -- FILE…");
  process.exit(2);
}

let [passed, failed] = [0, 0];
for (const file of files) {
  for (const one of casesOf(readFileSync(file, "utf8"))) {
    const misses = missesOf(one, methods);
    if (misses.length === 0) passed++;
    else failed++;
    for (const { path, actual, expected } of misses) {
      console.log(`${one.method} ${one.name}${path && ` ${path}`}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
