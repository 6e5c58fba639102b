import { evolve } from "../core/evolve.ts";
import { decodeEntry, GENESIS, type ChainedEntry } from "../ledger/chain.ts";
import type { Clock } from "../io/port.ts";
import type { Store, StoredEntry } from "../ledger/port.ts";
import type { State } from "../model/state.ts";

/** An entry with its hash and the state after it. */
export interface ReadEntry extends ChainedEntry {
  state: State;
}

/**
 * A whole ledger, checked as a chain; an unknown name has no entries. Throws `RolloutError` (`damaged`) at the first
 * entry that is not what was written.
 *
 * @param look is shown each entry with its bytes, before the next is read
 */
export async function readLedger(
  store: Store,
  name: string,
  look: (entry: ReadEntry, stored: StoredEntry) => void = () => {},
): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for (const stored of await store.read(name, 1)) {
    const entry = follow(name, entries.at(-1), stored);
    look(entry, stored);
    entries.push(entry);
  }
  return entries;
}

/** How often a ledger that is followed is asked for more, in milliseconds. */
const FOLLOW_EVERY = 500;

/** The entries that come after `last`, as they come, until `stop` aborts. */
export async function* followLedger(
  store: Store,
  name: string,
  last: ReadEntry | undefined,
  clock: Clock,
  stop: AbortSignal,
): AsyncGenerator<ReadEntry> {
  let latest = last;
  while (!stop.aborted) {
    for (const stored of await store.read(name, (latest?.entry.seq ?? 0) + 1)) {
      latest = follow(name, latest, stored);
      yield latest;
    }
    await clock.sleep(FOLLOW_EVERY, stop);
  }
}

function follow(name: string, last: ReadEntry | undefined, stored: Parameters<typeof decodeEntry>[1]): ReadEntry {
  const head = last ? { seq: last.entry.seq, hash: last.hash } : { seq: 0, hash: GENESIS };
  const chained = decodeEntry(name, stored, head);
  return { ...chained, state: evolve(last?.state, chained.entry, chained.hash) };
}
