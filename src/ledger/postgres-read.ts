import { z } from "zod";
import { RolloutError } from "../errors.ts";
import { MAX_ENTRY_BYTES } from "../model/entry.ts";
import { damaged, missingEntry } from "./names.ts";
import type { StoredEntry } from "./port.ts";
import type { Database, Statement } from "./postgres-connection.ts";

/** Entries of a ledger from a number on; from −1 the last alone. */
export interface Asked {
  name: string;
  from: number;
  /** So many at the most. */
  most?: number | undefined;
}

/** The most entries of one ledger, and the most bytes of all ledgers, that one answer brings. */
const MOST_ENTRIES = 1_000;
const MOST_BYTES = 16 * 1024 * 1024;

const LAST = "select seq, bytes from rollout.entry where rollout = asked.name order by seq desc limit 1";
// Numbers have no gaps, so that an upper bound is a limit, and one whose cost the planner knows.
const FROM = `select seq, bytes from rollout.entry where rollout = asked.name and seq between asked.first and asked.first + least(asked.most, ${MOST_ENTRIES}) - 1`;

/**
 * For each ledger how many entries it has and the number of the last, which is the same where none is missing, beside the
 * entries that were asked for. What would make the answer too large is left out; at least one row comes.
 */
const statementFor = (entries: string): string => `
  select number, last, count, seq, size, case when size <= ${MAX_ENTRY_BYTES} then bytes end as bytes
  from (
    select *, sum(size) over (order by number, seq) - size as before
    from (
      select asked.number::int, whole.last, whole.count, part.seq, part.bytes, coalesce(octet_length(part.bytes), 0) as size
      from unnest($1::text[], $2::bigint[], $3::int[]) with ordinality as asked (name, first, most, number)
      cross join lateral (
        select coalesce(max(seq), 0) as last, count(*)::int from rollout.entry where rollout = asked.name
      ) as whole
      left join lateral (${entries}) as part on true
    ) as found
  ) as measured
  where before < ${MOST_BYTES}
  order by number, seq`;

const rowSchema = z.object({
  /** Which of the ledgers that were asked for, from 1. */
  number: z.int(),
  last: z.int(),
  count: z.int(),
  /** Nothing in the only row of a ledger that has no such entry. */
  seq: z.int().nullable(),
  size: z.int(),
  bytes: z.instanceof(Uint8Array).nullable(),
});
type Row = z.infer<typeof rowSchema>;

/** What is asked for of many ledgers, by name: with one round trip, or some more where it is much. */
export async function readLedgers(database: Database, attempt: string, asked: readonly Asked[]): Promise<Map<string, StoredEntry[]>> {
  const wanted = new Map(asked.map((each) => [each.name, each]));
  const found = new Map([...wanted.keys()].map((name): [string, StoredEntry[]] => [name, []]));
  for (const kind of [LAST, FROM]) {
    let open = [...wanted.values()].filter(({ from }) => (from === -1) === (kind === LAST));
    while (open.length > 0) {
      const values = [open.map(({ name }) => name), open.map(({ from }) => from), open.map(({ most = MOST_ENTRIES }) => most)];
      const rows = await rowsOf(database, attempt, { text: statementFor(kind), values }, rowSchema);
      if (rows.length === 0) throw nonsense(attempt);
      open = await takeIn(database, attempt, open, rows, found);
    }
  }
  return found;
}

/** Adds the rows of an answer to what was found; returns what is still to be asked for. */
async function takeIn(
  database: Database,
  attempt: string,
  open: readonly Asked[],
  rows: readonly Row[],
  found: ReadonlyMap<string, StoredEntry[]>,
): Promise<Asked[]> {
  const next = open.map(({ from }): number | undefined => from);
  const left = open.map(({ most = Number.POSITIVE_INFINITY }) => most);
  for (const { number, last, count, seq, size, bytes } of rows) {
    const each = open[number - 1];
    const from = next[number - 1];
    if (!each || from === undefined) throw nonsense(attempt);
    const { name } = each;
    if (count !== last) throw missingEntry(name, await firstMissing(database, attempt, name));
    if (seq === null) {
      next[number - 1] = undefined;
      continue;
    }
    const expected = from === -1 ? last : Math.max(from, 1);
    if (seq !== expected) throw missingEntry(name, expected);
    if (size > MAX_ENTRY_BYTES) throw damaged(`ledger ${name}, entry ${seq} has ${size} bytes; no entry has more than ${MAX_ENTRY_BYTES}`);
    if (!bytes) throw nonsense(attempt);
    found.get(name)!.push({ seq, bytes });
    left[number - 1]! -= 1;
    next[number - 1] = seq < last && left[number - 1]! > 0 ? seq + 1 : undefined;
  }
  return open.flatMap(({ name, most }, index) => {
    const from = next[index];
    return from === undefined ? [] : [{ name, from, most: most && left[index] }];
  });
}

async function firstMissing(database: Database, attempt: string, name: string): Promise<number> {
  const text = `
    select position from (select seq, row_number() over (order by seq)::int as position from rollout.entry where rollout = $1) as entry
    where seq <> position order by position limit 1`;
  const rows = await rowsOf(database, attempt, { text, values: [name] }, z.object({ position: z.int() }));
  return rows[0]?.position ?? 1;
}

/** The names of all ledgers: each found in the index from the one before, without a look at their entries. */
export async function listLedgers(database: Database): Promise<string[]> {
  const text = `
    with recursive ledger (name) as (
      (select rollout from rollout.entry order by rollout limit 1)
      union all
      select (select rollout from rollout.entry where rollout > name order by rollout limit 1) from ledger where name is not null
    )
    select name from ledger where name is not null`;
  return (await rowsOf(database, "list the ledgers", { text }, z.object({ name: z.string() }))).map(({ name }) => name);
}

/** The rows of a statement that reads. What another server than ours answers is not taken for them. */
export async function rowsOf<T>(database: Database, attempt: string, statement: Statement, schema: z.ZodType<T>): Promise<T[]> {
  const answer = await database.run(attempt, statement);
  const rows = answer.kind === "rows" ? z.array(schema).safeParse(answer.rows) : undefined;
  if (!rows?.success) throw nonsense(attempt);
  return rows.data;
}

function nonsense(attempt: string): RolloutError {
  return new RolloutError("unreachable", `the ledger: could not ${attempt}: the database answers what nobody asked`, {
    hint: "Check that --store names a PostgreSQL database that `rollout store init` has prepared.",
  });
}
