import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../../src/ledger/port.ts";
import { postgresStore } from "../../src/ledger/postgres.ts";
import { storeConformance } from "../conformance/stores.ts";
import { postgresPrograms, startPostgres, type Postgres } from "../support/postgres.ts";

const programs = postgresPrograms();

describe.skipIf(!programs)("a real PostgreSQL", () => {
  let server: Postgres;
  const stores: Store[] = [];
  const open = () => {
    const store = postgresStore(server.address, { env: {} });
    stores.push(store);
    return store;
  };
  beforeAll(async () => {
    server = await startPostgres();
    await postgresStore(server.address, { env: {} }).init!({});
  });
  afterAll(() => server?.stop());

  storeConformance("postgres", async () => {
    await tampered(server, "truncate rollout.entry");
    return {
      store: open(),
      reopen: open,
      opener: { module: "ledger/postgres.ts", factory: "postgresStore", arguments: [server.address, { env: {} }] },
      remove: (name, seq) => tampered(server, `delete from rollout.entry where rollout = '${name}' and seq = ${seq}`),
      close: async () => void (await Promise.all(stores.splice(0).map((store) => store.close!()))),
    };
  });
});

/** Does to the table what nobody but a superuser can, who turns off all that guards it. */
async function tampered(server: Postgres, statement: string): Promise<void> {
  await server.sql(`
    begin;
    set local session_replication_role = replica;
    alter table rollout.entry disable trigger entry_is_final;
    ${statement};
    alter table rollout.entry enable always trigger entry_is_final;
    commit;`);
}
