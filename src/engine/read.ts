import { GENESIS, decodeEntry, type ChainedEntry } from "../ledger/chain.ts";
import { evolve } from "../core/evolve.ts";
import type { Clock } from "../io/port.ts";
import type { Store, StoredEntry } from "../ledger/port.ts";
import type { Judge } from "../model/judge.ts";
import type { State } from "../model/state.ts";

/** An entry with its hash and the state after it. */
export interface ReadEntry extends ChainedEntry {
  state: State;
}

/** So many entries are read at once: a long ledger need not fit into memory. */
const PAGE = 200;

/**
 * All entries of a ledger, one after the other, checked as a chain; an unknown name has none. Throws `RolloutError`
 * (`damaged`) at the first entry that is not what was written.
 *
 * @param judge keeps the evidence, see `evolve`
 */
export async function* readLedger(store: Store, name: string, judge?: Judge): AsyncGenerator<ReadEntry> {
  let last: ReadEntry | undefined;
  for (;;) {
    const page = await store.read(name, (last?.entry.seq ?? 0) + 1, PAGE);
    for (const stored of page) yield (last = next(name, last, stored, judge));
    if (page.length < PAGE) return;
  }
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
      latest = next(name, latest, stored);
      yield latest;
    }
    await clock.sleep(FOLLOW_EVERY, stop);
  }
}

function next(name: string, last: ReadEntry | undefined, stored: StoredEntry, judge?: Judge): ReadEntry {
  const head = last ? { seq: last.entry.seq, hash: last.hash } : { seq: 0, hash: GENESIS };
  const chained = decodeEntry(name, stored, head);
  return { ...chained, state: evolve(last?.state, chained.entry, chained.hash, judge) };
}
