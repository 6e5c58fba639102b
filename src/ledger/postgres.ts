import { z } from "zod";
import { checkedName, isName } from "./names.ts";
import { Taken, type Store } from "./port.ts";
import { readAddress } from "./postgres-address.ts";
import { openDatabase, type DatabaseOptions } from "./postgres-connection.ts";
import { listLedgers, readLedgers, rowsOf } from "./postgres-read.ts";
import { checkVersion, prepareSchema } from "./postgres-schema.ts";

/**
 * Ledgers in a PostgreSQL database, in the table `rollout.entry` that `rollout store init` makes. The primary key lets
 * exactly one writer have a number, and a foreign key asks for the one before it. Every call is one statement in a
 * transaction of its own and leaves nothing behind in the session, so that a pooler may share it.
 *
 * @param given `postgres:`, `postgres://user@host:5432/database`; throws `RolloutError` (`usage`) when it is neither
 */
export function postgresStore(given: string, options: DatabaseOptions): Store {
  const place = readAddress(given, options.env);
  const database = openDatabase(place, options);
  let checked: Promise<void> | undefined;
  const ready = async () => {
    checked ??= checkVersion(database);
    await checked.catch((error: unknown) => {
      checked = undefined;
      throw error;
    });
  };

  /** Whether these very entries are there. */
  const areStored = async (attempt: string, name: string, first: number, entries: readonly Uint8Array[]) => {
    const text = "select bytes from rollout.entry where rollout = $1 and seq between $2 and $3 order by seq";
    const values = [name, first, first + entries.length - 1];
    const rows = await rowsOf(database, attempt, { text, values }, z.object({ bytes: z.instanceof(Uint8Array) }));
    return rows.length === entries.length && entries.every((bytes, index) => Buffer.compare(bytes, rows[index]!.bytes) === 0);
  };

  const createAll = async (given: string, first: number, entries: readonly Uint8Array[]) => {
    const name = checkedName(given);
    if (entries.length === 0) return;
    const last = first + entries.length - 1;
    const what = last === first ? `entry ${first} of ${name}` : `entries ${first} to ${last} of ${name}`;
    if (first < 1) throw new Taken(`there is no ${what}`);
    await ready();
    const attempt = `store ${what}`;
    const answer = await database.run(attempt, { text: insertionOf(entries.length), values: [name, first, ...entries], writes: true });
    if (answer.kind === "rows") return;
    // The connection was lost once, and the number may be taken by what was sent over it.
    if (answer.repeated && (await areStored(attempt, name, first, entries))) return;
    throw new Taken(`${what}: the number is taken, or the one before it is not`);
  };

  return {
    address: place.address,

    async list() {
      await ready();
      return (await listLedgers(database)).filter(isName).sort();
    },

    async read(given, from, most) {
      const name = checkedName(given);
      await ready();
      return (await readLedgers(database, `read ledger ${name}`, [{ name, from, most }])).get(name)!;
    },

    async readAll(given) {
      const asked = given.map(({ name, from }) => ({ name: checkedName(name), from }));
      if (asked.length === 0) return new Map();
      await ready();
      return readLedgers(database, `read ${asked.length} ledgers`, asked);
    },

    create: (name, seq, bytes) => createAll(name, seq, [bytes]),
    createAll,
    init: ({ role }) => prepareSchema(database, place.address, role),
    close: () => database.close(),
  };
}

/**
 * The statement that stores so many entries, all or none. With its answer they are on the disk: a database may be told to
 * answer before (`synchronous_commit = off`), which the first row takes back for this transaction alone. (As a condition
 * of an `insert … select` it is slower.)
 */
function insertionOf(entries: number): string {
  const durable = "set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true) <> ''";
  const rows = Array.from({ length: entries }, (_, index) => {
    const seq = index === 0 ? `case when ${durable} then $2::int end` : `$2::int + ${index}`;
    return `($1, ${seq}, $${index + 3}::bytea)`;
  });
  return `insert into rollout.entry (rollout, seq, bytes) values ${rows.join(", ")}`;
}
