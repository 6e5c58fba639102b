import { encodeEntry, GENESIS, hashOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import type { Entry } from "../../src/model/entry.ts";
import { applied, intent, person, START, started } from "../core/builders.ts";

/** The entries of a small ledger, chained. */
export function entries(length = 4): Entry[] {
  const statements = [started(), intent(START), applied(2), person];
  const chain: Entry[] = [];
  let prev = GENESIS;
  for (let seq = 1; seq <= length; seq++) {
    const statement = statements[seq - 1] ?? person;
    const entry: Entry = {
      seq,
      prev,
      id: seq.toString(16).padStart(32, "0"),
      rollout: "checkout",
      run: 1,
      at: START + seq,
      actor: { who: "ann", where: "desk" },
      ...statement,
    };
    chain.push(entry);
    prev = hashOf(encodeEntry(entry));
  }
  return chain;
}

/** As a store hands them out. */
export const stored = (all: Entry[] = entries()): StoredEntry[] => all.map((entry) => ({ seq: entry.seq, bytes: encodeEntry(entry) }));
