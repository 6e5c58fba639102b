// A week of looks, one a minute, at fifty guardrails (ten of them on histograms): how large the ledger is, and how much
// memory those take that write it, show it and check it.
import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { settableClock } from "../support/tools.ts";
import { planOf, record, startMidRollout } from "./support/rollout.ts";
import { steadySource } from "./support/steady.ts";

const MINUTE = 60_000;
/** `BENCH_LOOKS=500` is enough to see where it goes. */
const LOOKS = Number(process.env["BENCH_LOOKS"] ?? 7 * 24 * 60);
const BEGIN = Date.UTC(2026, 0, 1);
const MEBIBYTE = 1024 * 1024;

const clock = settableClock(BEGIN);
const plan = await planOf({ rates: 40, histograms: 10, bake: "400h" }, "http://127.0.0.1:9090", "30s");
const rollout = await startMidRollout(plan, clock, BEGIN - MINUTE);
try {
  const sources = { prod: steadySource(1) };
  const begun = performance.now();
  let peak = 0;
  for (let look = 1; look <= LOOKS; look++) {
    clock.set(clock.now() + MINUTE);
    await record(rollout, await rollout.look(sources));
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  const each = (performance.now() - begun) / LOOKS;
  console.log(`${LOOKS} looks at 50 guardrails, ${each.toFixed(1)} ms each`);
  const size = (option: string) => Number(execFileSync("du", ["-s", option, rollout.folder], { encoding: "utf8" }).split("\t")[0]);
  line("the ledger, its bytes", size("--bytes"));
  line("the ledger, on the disk", size("--block-size=1"));
  line("memory of the process that writes it", peak);
  for (const args of [["status", "bench"], ["log", "bench"], ["log", "verify", "bench"], ["log", "verify", "bench", "--replay"]]) measure(args); // prettier-ignore
} finally {
  await rollout.remove();
}

/** Runs a command on the ledger, and says what memory it took at the most. */
function measure(args: readonly string[]): void {
  const script = fileURLToPath(new URL("../../bin/rollout.js", import.meta.url));
  const begun = performance.now();
  const { status, stderr } = spawnSync("/usr/bin/time", ["-f", "%M", process.execPath, script, ...args, "--store", rollout.folder], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kibibytes = Number(stderr.trim().split("\n").at(-1));
  if (status !== 0 || Number.isNaN(kibibytes)) throw new Error(stderr);
  line(`memory of rollout ${args.join(" ")}`, kibibytes * 1024, `   in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

function line(what: string, bytes: number, more = ""): void {
  console.log(`${what.padEnd(50)} ${(bytes / MEBIBYTE).toFixed(1).padStart(8)} MiB${more}`);
}
