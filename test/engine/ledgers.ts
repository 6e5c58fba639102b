import { step } from "../../src/engine/advance.ts";
import { encodeEntry, GENESIS, hashOf, lineOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import { entrySchema, type Entry } from "../../src/model/entry.ts";
import type { Plan } from "../../src/model/plan.ts";
import { ann } from "../ledger/keys.ts";
import { createWorld, fileOf, MINUTE, planOf, relative, stage } from "../support/world.ts";

/** Whole ledgers as runners write them, and what somebody makes of them who may write the store. */

export const NAME = "checkout";

/** So many guardrails that a look says more than an entry is stored plainly with. */
export const MANY = 24;

interface Written {
  /** How long the first stage bakes, in minutes: one look a minute. */
  bake?: number;
  /** How many guardrails the plan has. */
  guardrails?: number;
}

/** A healthy run to its end: signed, with a checkpoint at each stage. */
export async function writtenLedger({ bake = 2, guardrails = 2 }: Written = {}): Promise<StoredEntry[]> {
  const stages = [stage(5, bake * MINUTE), stage(25), stage(50)];
  const plan = planOf({ stages, ledger: { signingKey: "${env:KEY}" }, guardrails: [...planOf().guardrails, ...relatives(guardrails - 1)] });
  const world = createWorld();
  const engine = { ...world.runner("anna").engine, signerFor: () => ann.signer };
  for (;;) {
    const { state } = await step(engine, NAME, { file: fileOf(plan), adopt: false });
    if (state.end) return world.entries(NAME);
    world.time += MINUTE;
  }
}

function relatives(count: number): Plan["guardrails"] {
  return Array.from({ length: count }, (_, index) => ({
    ...relative,
    id: `errors maxIncrease ${50 + index}%`,
    limit: { form: "maxIncrease", by: "ratio", amount: 0.5 + index / 100 },
  }));
}

/** What an entry's bytes say. */
export function entryIn({ bytes }: StoredEntry): Entry {
  return entrySchema.parse(JSON.parse(Buffer.from(lineOf(bytes)!).toString("utf8")));
}

/** The ledger with an entry changed and all hashes after it made right again, as whoever may write the store can do. */
export function forged(ledger: readonly StoredEntry[], seq: number, change: (entry: Entry) => Entry): StoredEntry[] {
  return [
    ...ledger.slice(0, seq - 1),
    ...chained(ledger.slice(seq - 1), ledger[seq - 2], (entry) => (entry.seq === seq ? change(entry) : entry)),
  ];
}

/** The same history as a ledger of another name. */
export function renamed(name: string, ledger: readonly StoredEntry[]): StoredEntry[] {
  return chained(ledger, undefined, ({ checkpoint, ...entry }) => ({
    ...entry,
    rollout: name,
    ...(checkpoint && { checkpoint: { ...checkpoint, state: { ...checkpoint.state, rollout: name } } }),
  }));
}

function chained(ledger: readonly StoredEntry[], before: StoredEntry | undefined, change: (entry: Entry) => Entry): StoredEntry[] {
  let prev = before ? hashOf(before.bytes) : GENESIS;
  return ledger.map((stored): StoredEntry => {
    const { signature: _, ...entry } = entryIn(stored);
    const bytes = encodeEntry({ ...change(entry), prev });
    prev = hashOf(bytes);
    return { seq: stored.seq, bytes };
  });
}
