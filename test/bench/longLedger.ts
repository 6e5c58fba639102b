// How long `rollout advance` takes on a ledger of ten thousand entries, beside one of ten, as a command that is started anew.
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flagd } from "../../src/flags/flagd.ts";
import type { Store, StoredEntry } from "../../src/ledger/port.ts";
import { realTools, settableClock } from "../support/tools.ts";
import { planOf, record, startMidRollout } from "./support/rollout.ts";
import { alternate, print, timeOf } from "./support/rounds.ts";
import { steadySource } from "./support/steady.ts";

const ROUNDS = 21;
const WARM_UP = 2;
const MINUTE = 60_000;
const SCRIPT = fileURLToPath(new URL("../../bin/rollout.js", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "rollout-bench-long-"));
try {
  await mkdir(join(folder, ".git"));
  await writeFile(join(folder, "flags.json"), '{"flags":{}}');
  const prepared = await planOf({ rates: 3, bake: "1000h" }, "http://127.0.0.1:9", "30s");
  const { flag: { backend: _, ...flag }, audience, stages } = prepared.plan; // prettier-ignore
  const backend = flagd.connect({ file: "flags.json" }, realTools({ clock: settableClock(Date.now()), folder }));
  const note = { rollout: "bench", stage: "50%", reason: "a bench", head: "" };
  await backend.write({ ...flag, audience }, stages[0]!.exposure, "absent", note);
  // Not on a hundredth entry, where the state stands in the entry itself: half-way between two.
  const [short, long] = [await ledgerOf(10), await ledgerOf(10_050)];
  const sides = { ours: () => advance(long), "with ten": () => advance(short) };
  await alternate(WARM_UP, sides);
  print("advance with 10,050 entries, as a command", await alternate(ROUNDS, sides));

  /** A store with one ledger, written without waiting for the disk. */
  async function ledgerOf(length: number): Promise<string> {
    const place = join(folder, `${length}`, "bench");
    await mkdir(place, { recursive: true });
    const clock = settableClock(Date.now() - (length + 1) * MINUTE);
    const entries: StoredEntry[] = [];
    const store: Store = {
      address: "memory",
      list: async () => [],
      read: async (_, from) => entries.slice(from === -1 ? -1 : from - 1),
      create: async (_, seq, bytes) => {
        entries.push({ seq, bytes });
        await writeFile(join(place, `${String(seq).padStart(9, "0")}.json`), bytes);
      },
    };
    const rollout = await startMidRollout(prepared, clock, clock.now(), store);
    const sources = { prod: steadySource(length) };
    while (entries.length < length) {
      clock.set(clock.now() + MINUTE);
      await record(rollout, await rollout.look(sources));
    }
    await rollout.remove();
    return join(folder, `${length}`);
  }

  function advance(store: string): Promise<number> {
    return timeOf(() => {
      // Nothing listens where its metrics should be: the look finds that, holds, and is recorded.
      const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, "advance", "bench", "--store", store], {
        cwd: folder,
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`${status}: ${stdout} ${stderr}`);
    });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
