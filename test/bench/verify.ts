// How long it takes to check a ledger of ten thousand entries, beside parsing and hashing the same bytes and nothing else.
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { verifyLedger } from "../../src/engine/verify.ts";
import type { Store, StoredEntry } from "../../src/ledger/port.ts";
import { settableClock } from "../support/tools.ts";
import { planOf, record, startMidRollout } from "./support/rollout.ts";
import { alternate, print, timeOf } from "./support/rounds.ts";
import { steadySource } from "./support/steady.ts";

const MINUTE = 60_000;
const ROUNDS = 9;

for (const [rates, length] of [[1, 10_000], [3, 10_000], [50, 500]] as const) await benchVerify(rates, length); // prettier-ignore

async function benchVerify(rates: number, length: number): Promise<void> {
  const entries: StoredEntry[] = [];
  const store: Store = {
    address: "memory",
    list: async () => ["bench"],
    read: async (_, from, most = length) => (from === -1 ? entries.slice(-1) : entries.slice(from - 1, from - 1 + most)),
    create: async (_, seq, bytes) => void entries.push({ seq, bytes }),
  };
  const clock = settableClock(Date.UTC(2026, 0, 1));
  const rollout = await startMidRollout(await planOf({ rates, bake: "1000h" }, "http://127.0.0.1:9", "30s"), clock, clock.now(), store);
  const sources = { prod: steadySource(rates) };
  while (entries.length < length) {
    clock.set(clock.now() + MINUTE);
    await record(rollout, await rollout.look(sources));
  }
  await rollout.remove();
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
  const times = await alternate(ROUNDS, {
    ours: () => timeOf(() => verifyLedger(store, "bench")),
    "parsed and hashed": () => timeOf(parseAndHash),
  });
  print(`verify ${length} looks at ${rates} guardrails, ${(bytes / 1024 / 1024).toFixed(1)} MiB`, times);

  function parseAndHash(): void {
    for (const { bytes } of entries) {
      createHash("sha256").update(bytes).digest("hex");
      const line = bytes[0] === 0x1f ? gunzipSync(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      JSON.parse(line.toString("utf8"));
    }
  }
}
