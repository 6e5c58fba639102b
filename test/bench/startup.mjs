// How long `rollout --version` takes from the shell, beside node that does nothing.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROUNDS = 15;
const rollout = join(import.meta.dirname, "..", "..", "bin", "rollout.js");
const bare = [];
const ours = [];

timeOf([rollout, "--version"]); // So that neither pays for a cold disk.
for (let round = 0; round < ROUNDS; round += 1) {
  bare.push(timeOf(["-e", "0"]));
  ours.push(timeOf([rollout, "--version"]));
}

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
console.log(`node -e 0                      ${median(bare).toFixed(1)} ms`);
console.log(`node bin/rollout.js --version  ${median(ours).toFixed(1)} ms`);
console.log(`ratio                          ${(median(ours) / median(bare)).toFixed(2)} (medians of ${ROUNDS}, alternating)`);

function timeOf(command) {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, command);
  const time = performance.now() - begun;
  if (status !== 0) throw new Error(`node ${command.join(" ")} failed: ${stderr}`);
  return time;
}
