// How long it takes to append an entry to a ledger in PostgreSQL, beside a bare insert of the same bytes into a table
// without guards; and to read one entry of each of many ledgers, beside one plain query that does the same.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { postgresStore } from "../../src/ledger/postgres.ts";
import { postgresPrograms, startPostgres, type Postgres } from "../support/postgres.ts";
import { alternate, print, timeOf } from "./support/rounds.ts";

const SIZES = [1, 8, 64];
const ROUNDS = 301;
const WARM_UP = 20;
const LEDGERS = 1_000;
const ENTRIES = 100;

if (postgresPrograms() === undefined) process.exit(1);
const server = await startPostgres({ durable: true });
const store = postgresStore(server.address, { env: {} });
const client = new pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres", ssl: false });
try {
  await store.init!({});
  await client.connect();
  console.log(
    `medians of ${ROUNDS} rounds, alternating, over loopback; durable, on the disk of the temporary folder (TMPDIR names another)`,
  );
  for (const kibibytes of SIZES) await benchAppend(kibibytes);
  await fill(server);
  console.log(`\nmedians of 15 rounds, alternating; ${LEDGERS} ledgers of ${ENTRIES} entries of 1 KiB`);
  await benchReadAll();
} finally {
  await client.end();
  await store.close!();
  await server.stop();
}

async function benchAppend(kibibytes: number): Promise<void> {
  const name = `size-${kibibytes}`;
  const table = `bare_${kibibytes}`;
  await client.query(
    `create table ${table} (rollout text, seq integer, bytes bytea, stored_at timestamptz default now(), primary key (rollout, seq))`,
  );
  let [ours, bare] = [0, 0];
  let bytes: Buffer = Buffer.alloc(0);
  const sides = {
    ours: () => {
      bytes = entryOf(kibibytes);
      return timeOf(() => store.create(name, ++ours, bytes));
    },
    "a bare insert, committed": () =>
      timeOf(() => client.query(`insert into ${table} (rollout, seq, bytes) values ($1, $2, $3)`, [name, ++bare, bytes])),
  };
  await store.create(name, ++ours, entryOf(kibibytes));
  await alternate(WARM_UP, sides);
  print(`append an entry of ${kibibytes} KiB`, await alternate(ROUNDS, sides));
}

/** JSON compresses, chance does not: an entry lies between. */
function entryOf(kibibytes: number): Buffer {
  return Buffer.from(randomBytes(kibibytes * 512).toString("hex"));
}

async function fill({ sql }: Postgres): Promise<void> {
  await sql(`
    insert into rollout.entry (rollout, seq, bytes)
    select 'many-' || ledger, seq, convert_to(repeat(md5(ledger || ' ' || seq), 32), 'UTF8')
    from generate_series(1, ${LEDGERS}) as ledger, generate_series(1, ${ENTRIES}) as seq;`);
  await sql("vacuum analyze rollout.entry");
}

async function benchReadAll(): Promise<void> {
  const names = Array.from({ length: LEDGERS }, (_, index) => `many-${index + 1}`);
  const older = ENTRIES - 10;
  const last = await alternate(15, {
    ours: () => timeOf(() => store.readAll!(names.map((name) => ({ name, from: -1 })))),
    "one plain query": () =>
      timeOf(() =>
        client.query(
          `select name, entry.seq, entry.bytes from unnest($1::text[]) as name
           cross join lateral (select seq, bytes from rollout.entry where rollout = name order by seq desc limit 1) as entry`,
          [names],
        ),
      ),
  });
  print("the last entry of each", last);
  const from = await alternate(15, {
    ours: () => timeOf(() => store.readAll!(names.map((name) => ({ name, from: older })))),
    "one plain query": () =>
      timeOf(() =>
        client.query(
          `select rollout, seq, bytes from unnest($1::text[]) as name
           join rollout.entry on rollout = name and seq >= $2 order by rollout, seq`,
          [names, older],
        ),
      ),
  });
  print(`the entries of each from ${older} on`, from);
}
