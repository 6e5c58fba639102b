// How long `rollout status` takes over a thousand rollouts in PostgreSQL, beside one query that reads the last entry and the
// last checkpoint of each, and does nothing with them.
import pg from "pg";
import { readStates } from "../../src/engine/tail.ts";
import { encodeEntry, GENESIS, hashOf, lineOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import { postgresStore } from "../../src/ledger/postgres.ts";
import type { Entry } from "../../src/model/entry.ts";
import { RolloutError } from "../../src/errors.ts";
import { statusListView, statusOf } from "../../src/report/status.ts";
import { postgresPrograms, startPostgres } from "../support/postgres.ts";
import { settableClock } from "../support/tools.ts";
import { planOf, record, startMidRollout } from "./support/rollout.ts";
import { alternate, print, timeOf } from "./support/rounds.ts";
import { steadySource } from "./support/steady.ts";

const ROLLOUTS = 1_000;
/** With a hundred the last entry carries the checkpoint itself; with more it names an earlier one. */
const LENGTHS = [100, 150];
const ROUNDS = 11;
const MINUTE = 60_000;
const BEGIN = Date.UTC(2026, 0, 1);

/** Each ledger is found in the index from the one before; where the last entry carries no checkpoint, the last hundredth does. */
const QUERY = `
  with recursive ledger (name) as (
    (select rollout from rollout.entry order by rollout limit 1)
    union all
    select (select rollout from rollout.entry where rollout > name order by rollout limit 1) from ledger where name is not null
  )
  select name, last.seq, last.bytes, hundredth.bytes as checkpoint from ledger
  cross join lateral (select seq, bytes from rollout.entry where rollout = name order by seq desc limit 1) as last
  left join rollout.entry as hundredth on hundredth.rollout = name and hundredth.seq = last.seq - last.seq % 100 and last.seq % 100 > 0`;

if (postgresPrograms() === undefined) process.exit(1);
const server = await startPostgres();
const client = new pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres", ssl: false });
try {
  await client.connect();
  for (const length of LENGTHS) await benchStatus(length);
} finally {
  await client.end();
  await server.stop();
}

async function benchStatus(length: number): Promise<void> {
  await server.sql("drop schema if exists rollout cascade");
  const store = postgresStore(server.address, { env: {} });
  await store.init!({});
  await fill(length);
  const show = async () => {
    const names = await store.list();
    const states = await readStates(store, names);
    const rollouts = [...states.values()].flatMap((state) => (state && !(state instanceof RolloutError) ? [statusOf(state, BEGIN)] : []));
    if (rollouts.length !== ROLLOUTS) throw new Error(`${rollouts.length} rollouts were found`);
    statusListView({ schema: "rollout.status-list/1", store: store.address, rollouts }, BEGIN);
  };
  const times = await alternate(ROUNDS, {
    ours: () => timeOf(show),
    "one query for the same entries": () => timeOf(() => client.query(QUERY)),
  });
  print(`status of ${ROLLOUTS} rollouts of ${length} entries`, times);
  await store.close!();
}

/** The same story under a thousand names. */
async function fill(length: number): Promise<void> {
  const told = await storyOf(length);
  for (let ledger = 0; ledger < ROLLOUTS; ledger++) {
    const name = `shop-${ledger}`;
    let prev = GENESIS;
    const rows = told.map((entry) => {
      const checkpoint = entry.checkpoint && { ...entry.checkpoint, state: { ...entry.checkpoint.state, rollout: name } };
      const bytes = encodeEntry({ ...entry, rollout: name, prev, ...(checkpoint && { checkpoint }) });
      prev = hashOf(bytes);
      return bytes;
    });
    await client.query(
      "insert into rollout.entry (rollout, seq, bytes) select $1, position, bytes from unnest($2::bytea[]) with ordinality as entry (bytes, position)",
      [name, rows],
    );
  }
  await server.sql("vacuum analyze rollout.entry");
}

async function storyOf(length: number): Promise<Entry[]> {
  const clock = settableClock(BEGIN - (length + 1) * MINUTE);
  const stored: StoredEntry[] = [];
  const rollout = await startMidRollout(await planOf({ rates: 3 }, "http://127.0.0.1:9", "30s"), clock, clock.now(), {
    address: "memory",
    list: async () => [],
    read: async (_, from) => stored.slice(from === -1 ? -1 : from - 1),
    create: async (_, seq, bytes) => void stored.push({ seq, bytes }),
  });
  const sources = { prod: steadySource(length) };
  while (stored.length < length) {
    clock.set(clock.now() + MINUTE);
    await record(rollout, await rollout.look(sources));
  }
  await rollout.remove();
  return stored.map(({ bytes }) => JSON.parse(Buffer.from(lineOf(bytes)!).toString("utf8")) as Entry);
}
