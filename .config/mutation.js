// Mutation tests of the rooms that decide: npm run mutation [-- GLOB…], by default all of src/judge and src/core.
// Stryker and what it needs are installed in a copy of the tree, not here: they are half as large as all else together.
// Prints every mutant that survives, then what became of all; time-outs are counted apart.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const VERSION = "9.6.1";
const root = join(import.meta.dirname, "..");
const mutate = process.argv.length > 2 ? process.argv.slice(2) : ["src/judge/**/*.ts", "src/core/**/*.ts"];
const copy = mkdtempSync(join(tmpdir(), "rollout-mutation-"));

try {
  // No tsconfig.json: Stryker would read it by an interface that TypeScript 7 no longer has.
  for (const each of ["src", "test", ".config", "package.json", "package-lock.json"]) {
    cpSync(join(root, each), join(copy, each), { recursive: true });
  }
  const packages = ["@stryker-mutator/core", "@stryker-mutator/vitest-runner"].map((name) => `${name}@${VERSION}`);
  run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--save-dev", ...packages]);
  writeFileSync(join(copy, "stryker.json"), JSON.stringify(configuration()));
  run("npx", ["stryker", "run", "stryker.json"]);
  report(JSON.parse(readFileSync(join(copy, "mutation.json"), "utf8")));
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function configuration() {
  return {
    mutate,
    testRunner: "vitest",
    vitest: { configFile: ".config/vitest-mutation.ts" },
    reporters: ["json", "progress-append-only"],
    jsonReporter: { fileName: "mutation.json" },
    coverageAnalysis: "perTest",
    concurrency: 2,
    timeoutMS: 20_000,
    ignoreStatic: true,
    tempDirName: ".stryker",
    allowEmpty: false,
  };
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: copy, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with status ${status}`);
}

/** @param result a mutation test report (the schema of mutation-testing-elements) */
function report({ files }) {
  const all = Object.entries(files).flatMap(([file, { source, mutants }]) => mutants.map((mutant) => ({ ...mutant, file, source })));
  const of = (...statuses) => all.filter(({ status }) => statuses.includes(status));
  const survivors = of("Survived", "NoCoverage");
  for (const { file, location, mutatorName, replacement, source, status } of survivors) {
    const line = source.split("\n")[location.start.line - 1].trim();
    console.log(
      `${file}:${location.start.line} ${mutatorName}${status === "NoCoverage" ? " (no test)" : ""}: ${line} → ${(replacement ?? "").replace(/\s+/g, " ")}`,
    );
  }
  const killed = of("Killed").length;
  const judged = killed + survivors.length;
  const share = ((100 * killed) / judged).toFixed(1);
  console.log(
    `\n${killed} of ${judged} mutants killed (${share} %), ${survivors.length} survived; ${of("Timeout").length} timed out, ${of("Ignored", "CompileError", "RuntimeError").length} not counted`,
  );
}
