import { z } from "zod";
import { RolloutError } from "../errors.ts";
import { MAX_ENTRY_BYTES } from "../model/entry.ts";
import type { StoreInit } from "./port.ts";
import type { Database, Run } from "./postgres-connection.ts";
import { sqlStateOf } from "./postgres-failure.ts";
import { rowsOf } from "./postgres-read.ts";

/**
 * What makes each version of the schema out of the one before. The database itself sees to it that a number is taken once
 * and that the one before it is there (`previous` cannot be written), and that nothing is changed or removed, whoever asks.
 */
const VERSIONS = [
  `
  create schema if not exists rollout;
  create table rollout.schema_version (version integer primary key, since timestamptz not null default now());
  create table rollout.entry (
    rollout text collate "C" not null check (rollout ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    seq integer not null check (seq >= 1),
    previous integer generated always as (nullif(seq - 1, 0)) stored,
    bytes bytea not null check (octet_length(bytes) <= ${MAX_ENTRY_BYTES}),
    stored_at timestamptz not null default now(),
    primary key (rollout, seq),
    foreign key (rollout, previous) references rollout.entry (rollout, seq)
  );
  create function rollout.refuse_change() returns trigger language plpgsql as $$
  begin
    raise exception 'an entry of a ledger is never changed or removed' using errcode = 'restrict_violation';
  end $$;
  create trigger entry_is_final before update or delete or truncate on rollout.entry
    for each statement execute function rollout.refuse_change();
  alter table rollout.entry enable always trigger entry_is_final;
  revoke all on schema rollout from public;
  revoke all on rollout.entry, rollout.schema_version from public;
  `,
];

/** Of all databases of a server, two that prepare the same one wait for each other. */
const LOCK = 7_046_029_254;

const versionSchema = z.object({ version: z.int().nullable() });

/** Throws `RolloutError` (`unreachable`) when the schema is of a later version than this one knows. */
export async function checkVersion(database: Database): Promise<void> {
  const text = "select max(version) as version from rollout.schema_version";
  const [row] = await rowsOf(database, "read the version of the schema", { text }, versionSchema);
  refuseLater(row?.version ?? 0);
}

/** Makes the schema, or what it lacks, and lets `role` read and append. Again and again does no harm. */
export async function prepareSchema(database: Database, address: string, role: string | undefined): Promise<StoreInit> {
  return database.transact("prepare the database", async (run) => {
    try {
      await run({ text: "select pg_advisory_xact_lock($1)", values: [LOCK] });
      const before = await versionIn(run);
      refuseLater(before);
      for (const [index, text] of VERSIONS.entries()) {
        if (index < before) continue;
        await run({ text });
        await run({ text: "insert into rollout.schema_version (version) values ($1)", values: [index + 1] });
      }
      const done = [
        `schema rollout, version ${VERSIONS.length}, ${before === VERSIONS.length ? "was there already" : "made"} in ${address}`,
      ];
      const warnings = await warningsOf(run);
      if (role !== undefined) {
        await grant(run, role);
        done.push(`role ${role} may read entries and append to them`);
        if (await mayChange(run, role)) {
          warnings.push(`role ${role} may do more than that: it owns the table, is a superuser, or was granted it. Runners should not`);
        }
      }
      return { done, warnings };
    } catch (error) {
      if (sqlStateOf(error) !== "42501") throw error;
      throw new RolloutError("unreachable", `the ledger: could not prepare the database ${address}: ${(error as Error).message}`, {
        cause: error,
        hint: "Run it as a role that may create a schema in this database, or as the one that owns the schema already.",
      });
    }
  });
}

async function versionIn(run: Run): Promise<number> {
  const there = "select to_regclass('rollout.schema_version') is not null as there";
  if (!z.array(z.object({ there: z.boolean() })).parse(await run({ text: there }))[0]?.there) return 0;
  const rows = await run({ text: "select max(version) as version from rollout.schema_version" });
  return z.array(versionSchema).parse(rows)[0]?.version ?? 0;
}

/** A column that a runner does not write is one that it cannot lie in: when an entry was stored. */
async function grant(run: Run, role: string): Promise<void> {
  const quoted = quotedName(role);
  try {
    await run({ text: `grant usage on schema rollout to ${quoted}` });
  } catch (error) {
    if (sqlStateOf(error) !== "42704") throw error;
    throw new RolloutError("usage", `there is no role ${role} in the database`, { hint: `Create it first: create role ${quoted} login` });
  }
  await run({ text: `grant select on rollout.entry, rollout.schema_version to ${quoted}` });
  await run({ text: `grant insert (rollout, seq, bytes) on rollout.entry to ${quoted}` });
}

function quotedName(role: string): string {
  if (role !== "" && !role.includes("\0") && Buffer.byteLength(role) <= 63) return `"${role.replaceAll('"', '""')}"`;
  throw new RolloutError("usage", `--role: ${JSON.stringify(role.slice(0, 80))} cannot be the name of a role`, {
    hint: "It has 1 to 63 bytes.",
  });
}

async function mayChange(run: Run, role: string): Promise<boolean> {
  const text = "select has_table_privilege($1, 'rollout.entry', 'update, delete, truncate') as may";
  return z.array(z.object({ may: z.boolean() })).parse(await run({ text, values: [role] }))[0]?.may ?? false;
}

/** What a server may have been told that no statement of ours can make good. */
async function warningsOf(run: Run): Promise<string[]> {
  const rows = z
    .array(z.object({ fsync: z.string(), pages: z.string() }))
    .parse(await run({ text: "select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages" }));
  const off = rows.flatMap(({ fsync, pages }) => [...(fsync === "off" ? ["fsync"] : []), ...(pages === "off" ? ["full_page_writes"] : [])]);
  return off.map((name) => `the server runs with ${name} = off: entries that it said it has stored can be lost in a power cut`);
}

function refuseLater(version: number): void {
  if (version <= VERSIONS.length) return;
  throw new RolloutError(
    "unreachable",
    `the ledger: the schema in the database is of version ${version}; this rollout knows ${VERSIONS.length}`,
    {
      hint: "A newer version of rollout has prepared it: use that one here too.",
    },
  );
}
