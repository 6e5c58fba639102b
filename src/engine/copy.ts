import { RolloutError } from "../errors.ts";
import { decodeEntry, GENESIS, hashOf, type Before } from "../ledger/chain.ts";
import { Taken, type Store, type StoredEntry } from "../ledger/port.ts";

/** A ledger that was copied from one store into another. */
export interface Copied {
  rollout: string;
  /** How many entries there are, and how many of them were not in the other store before. */
  entries: number;
  added: number;
  head: { seq: number; hash: string };
}

/** So many entries are read at once, and stored at once where a store can. */
const PAGE = 100;

/** The entries of a ledger as they are stored, each checked to belong after the one before. */
export async function* storedEntries(store: Store, name: string): AsyncGenerator<StoredEntry> {
  let head: Before = { seq: 0, hash: GENESIS };
  for (;;) {
    const page = await store.read(name, head.seq + 1, PAGE);
    for (const stored of page) {
      head = { seq: stored.seq, hash: decodeEntry(name, stored, head).hash };
      yield stored;
    }
    if (page.length < PAGE) return;
  }
}

/**
 * Copies a ledger, checked as a chain on the way, and reads back what was stored. What the other store has of it already must
 * be the same; a copy that was broken off goes on. Throws `RolloutError` (`refused`) where the other has another ledger of
 * that name, (`damaged`) where an entry is not what was written.
 */
export async function copyLedger(from: Store, to: Store, name: string): Promise<Copied> {
  let entries = 0;
  let added = 0;
  let head = "";
  let page: StoredEntry[] = [];
  const flush = async () => {
    const [first] = page;
    if (!first) return;
    const there = await to.read(name, first.seq, page.length);
    const differing = there.find((each, index) => hashOf(each.bytes) !== hashOf(page[index]!.bytes));
    if (differing) throw another(name, differing.seq, to);
    const missing = page.slice(there.length);
    if (missing[0]) await storeAll(to, name, missing);
    const after = await to.read(name, first.seq, page.length);
    const wrong = page.find((each, index) => !after[index] || hashOf(after[index].bytes) !== hashOf(each.bytes));
    if (wrong) throw another(name, wrong.seq, to);
    added += missing.length;
    page = [];
  };
  for await (const stored of storedEntries(from, name)) {
    entries = stored.seq;
    head = hashOf(stored.bytes);
    page.push(stored);
    if (page.length === PAGE) await flush();
  }
  await flush();
  if ((await to.read(name, entries + 1, 1)).length > 0) throw ahead(name, entries, to);
  return { rollout: name, entries, added, head: { seq: entries, hash: head } };
}

async function storeAll(to: Store, name: string, entries: readonly StoredEntry[]): Promise<void> {
  try {
    if (to.createAll) return await to.createAll(name, entries[0]!.seq, entries.map(({ bytes }) => bytes)); // prettier-ignore
    for (const { seq, bytes } of entries) await to.create(name, seq, bytes);
  } catch (error) {
    if (!(error instanceof Taken)) throw error;
    throw new RolloutError("refused", `somebody else writes the ledger ${name} in ${to.address} at the same time`, {
      hint: "Stop whatever uses the ledger, then copy again: it goes on where it was.",
    });
  }
}

function another(name: string, seq: number, { address }: Store): RolloutError {
  return new RolloutError("refused", `${address} has another ledger ${name}: entry ${seq} is not the same`, {
    hint: "Nothing is overwritten. Copy into a store that does not have it.",
  });
}

function ahead(name: string, entries: number, { address }: Store): RolloutError {
  return new RolloutError("refused", `the ledger ${name} in ${address} has the same ${entries} entries and more`, {
    hint: "It is the newer one: nothing needs to be copied.",
  });
}
