import { Taken, type Store, type StoredEntry } from "../../src/ledger/port.ts";
import { missingEntry } from "../../src/ledger/names.ts";

/** A store in memory that remembers what was asked of it: `read checkout 3`, `create checkout 4`, `createAll checkout 4 2`. */
export interface MemoryStore extends Store {
  ledgers: Map<string, StoredEntry[]>;
  asked: string[];
}

export interface MemoryStoreOptions {
  /** Several ledgers are read at once. */
  readsAll?: boolean;
  /** Entries are gathered for so long, and stored at once. */
  gatherFor?: number;
}

export function memoryStore(
  ledgers: Iterable<readonly [string, readonly StoredEntry[]]> = [],
  { readsAll = false, gatherFor }: MemoryStoreOptions = {},
): MemoryStore {
  const held = new Map([...ledgers].map(([name, entries]) => [name, [...entries]]));
  const asked: string[] = [];
  const read = (name: string, from: number, most = Number.POSITIVE_INFINITY): StoredEntry[] => {
    const all = held.get(name) ?? [];
    for (const [index, { seq }] of all.entries()) if (seq !== index + 1) throw missingEntry(name, index + 1);
    return from === -1 ? all.slice(-1) : all.slice(from - 1, from - 1 + most);
  };
  const store = (name: string, first: number, entries: readonly Uint8Array[]) => {
    const before = held.get(name) ?? [];
    if (first !== before.length + 1) throw new Taken(`${name} ${first}`);
    held.set(name, [...before, ...entries.map((bytes, index) => ({ seq: first + index, bytes }))]);
  };
  return {
    ledgers: held,
    asked,
    address: "memory",
    list: async () => [...held.keys()].sort(),
    async read(name, from, most) {
      asked.push(`read ${name} ${from}`);
      return read(name, from, most);
    },
    async create(name, seq, bytes) {
      asked.push(`create ${name} ${seq}`);
      store(name, seq, [bytes]);
    },
    ...(gatherFor !== undefined && {
      gatherFor,
      async createAll(name: string, first: number, entries: readonly Uint8Array[]) {
        asked.push(`createAll ${name} ${first} ${entries.length}`);
        store(name, first, entries);
      },
    }),
    ...(readsAll && {
      async readAll(all: readonly { name: string; from: number }[]) {
        asked.push(`readAll ${all.map(({ name, from }) => `${name} ${from}`).join(" ")}`);
        return new Map(all.map(({ name, from }) => [name, read(name, from)]));
      },
    }),
  };
}
