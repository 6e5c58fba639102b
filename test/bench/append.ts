// How long it takes to append a look to a ledger in a directory, beside the same bytes written by the same system calls.
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs";
import { link, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { settableClock } from "../support/tools.ts";
import { alternate, print, timeOf, type Side } from "./support/rounds.ts";
import { steadySource } from "./support/steady.ts";
import { planOf, record, startMidRollout, type MidRollout } from "./support/rollout.ts";

const SIZES = [1, 10, 50];
const ROUNDS = 101;
const WARM_UP = 10;
const MINUTE = 60_000;
const BEGIN = Date.UTC(2026, 0, 1);

console.log(`medians of ${ROUNDS} rounds, alternating; on the disk of the temporary folder (TMPDIR names another)`);
for (const guardrails of SIZES) await benchAppend(guardrails);

/** Looks a minute apart, each resting on all before it, as the runner of a rollout records them. */
async function benchAppend(guardrails: number): Promise<void> {
  const clock = settableClock(BEGIN);
  const plan = await planOf({ rates: guardrails }, "http://127.0.0.1:9090", "30s");
  const rollout = await startMidRollout(plan, clock, BEGIN);
  const sources = { prod: steadySource(1) };
  try {
    const sides = {
      ours: async () => {
        clock.set(clock.now() + MINUTE);
        const look = await rollout.look(sources);
        return timeOf(() => record(rollout, look));
      },
      "the same bytes, bare, synchronous calls": bareSide(rollout, "bare-synchronous", writeAtOnce),
      "the same bytes, bare, promises as ours": bareSide(rollout, "bare-promises", write),
    };
    await alternate(WARM_UP, sides);
    const times = await alternate(ROUNDS, sides);
    const size = Math.round(statSync(lastFileOf(rollout)).size / 1024);
    print(`append, a look of ${guardrails} guardrail${guardrails > 1 ? "s" : ""}, ${size} KiB`, times);
  } finally {
    await rollout.remove();
  }
}

/** Writes the ledger's last entry once more, into a folder beside it. */
function bareSide(rollout: MidRollout, name: string, writeEntry: typeof write | typeof writeAtOnce): Side {
  const folder = join(rollout.folder, name);
  mkdirSync(folder);
  let seq = 0;
  return () => {
    const bytes = readFileSync(lastFileOf(rollout));
    seq++;
    return timeOf(() => writeEntry(folder, join(folder, `.tmp-${seq}`), join(folder, fileName(seq)), bytes));
  };
}

function writeAtOnce(folder: string, temporary: string, path: string, bytes: Uint8Array): void {
  const file = openSync(temporary, "wx", 0o644);
  writeSync(file, bytes);
  fsyncSync(file);
  closeSync(file);
  linkSync(temporary, path);
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
  unlinkSync(temporary);
}

async function write(folder: string, temporary: string, path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(temporary, "wx", 0o644);
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
  await link(temporary, path);
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
  await unlink(temporary);
}

function lastFileOf({ folder, ledger }: MidRollout): string {
  return join(folder, ledger.name, fileName(ledger.state!.head.seq));
}

function fileName(seq: number): string {
  return `${String(seq).padStart(9, "0")}.json`;
}
