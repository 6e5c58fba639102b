import { RolloutError } from "../errors.ts";
import type { Store } from "./port.ts";

export interface Deadlines {
  /** Milliseconds for reading, and for storing. */
  read: number;
  write: number;
}

/**
 * The same store, every call of which ends in time: one that has no answer by then is `unreachable`, and what it does goes on
 * for itself. Whether an entry was stored all the same, a read tells.
 */
export function withDeadlines(store: Store, { read, write }: Deadlines): Store {
  const { address } = store;
  const limited = <T>(what: string, milliseconds: number, work: Promise<T>) => inTime(`${what} ${address}`, milliseconds, work);
  return {
    ...store,
    list: () => limited("read", read, store.list()),
    read: (...asked) => limited("read", read, store.read(...asked)),
    create: (...entry) => limited("write", write, store.create(...entry)),
    ...(store.createAll && { createAll: (...entries) => limited("write", write, store.createAll!(...entries)) }),
    ...(store.readAll && { readAll: (asked) => limited("read", read, store.readAll!(asked)) }),
  };
}

async function inTime<T>(attempt: string, milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new RolloutError("unreachable", `the ledger: could not ${attempt}: no answer in ${milliseconds / 1000} s`, {
          hint: "Check the network and the other side, then run the command again.",
        }),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
