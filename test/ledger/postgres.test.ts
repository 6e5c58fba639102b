import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Taken, type Store } from "../../src/ledger/port.ts";
import { postgresStore } from "../../src/ledger/postgres.ts";
import { MAX_ENTRY_BYTES } from "../../src/model/entry.ts";
import { storeInitSchema } from "../../src/report/store.schema.ts";
import { storeConformance } from "../conformance/stores.ts";
import { callRollout } from "../support/cli.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";
import { postgresPrograms, startPostgres, type Postgres } from "../support/postgres.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");

describe.skipIf(!postgresPrograms())("a real PostgreSQL", () => {
  let server: Postgres;
  const stores: Store[] = [];
  const open = (user = "postgres", database = "postgres") => {
    const store = postgresStore(`postgres://${user}@127.0.0.1:${server.port}/${database}`, { env: {} });
    stores.push(store);
    return store;
  };
  const closeAll = () => Promise.all(stores.splice(0).map((store) => store.close!()));
  /** Does what only a superuser can who turns off all that guards the table. */
  const tamper = (statement: string) =>
    server.sql(`
      begin;
      set local session_replication_role = replica;
      alter table rollout.entry disable trigger entry_is_final;
      ${statement};
      alter table rollout.entry enable always trigger entry_is_final;
      commit`);

  beforeAll(async () => {
    server = await startPostgres();
    await open().init!({});
  });
  afterAll(() => server?.stop());

  storeConformance("postgres", async () => {
    await tamper("truncate rollout.entry");
    return {
      store: open(),
      reopen: open,
      opener: { module: "ledger/postgres.ts", factory: "postgresStore", arguments: [server.address, { env: {} }] },
      remove: async (name, seq) => void (await tamper(`delete from rollout.entry where rollout = '${name}' and seq = ${seq}`)),
      close: async () => void (await closeAll()),
    };
  });

  describe("what is long or wrong", () => {
    beforeEach(() => tamper("truncate rollout.entry"));
    afterEach(closeAll);

    test("a ledger that no one answer can bring is read whole, alone and beside others", async () => {
      const store = open();
      const all = Array.from({ length: 2_500 }, (_, index) => bytes(`${index + 1}\n`));
      await store.createAll!("long", 1, all);
      const large = [1, 2, 3].map((digit) => Buffer.alloc(MAX_ENTRY_BYTES, `${digit}`));
      for (const [index, each] of large.entries()) await store.create("large", index + 1, each);
      const found = await store.readAll!([
        { name: "large", from: 1 },
        { name: "long", from: 1 },
      ]);
      expect(found.get("long")!.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
      expect(Buffer.concat(found.get("long")!.map((each) => each.bytes)).equals(Buffer.concat(all))).toBe(true);
      expect(found.get("large")!.map((each) => Buffer.compare(each.bytes, large[each.seq - 1]!))).toEqual([0, 0, 0]);
      expect((await store.read("long", 1_400)).map(({ seq }) => seq)).toEqual(all.slice(1_399).map((_, index) => index + 1_400));
    });

    test("an entry that is larger than any, or is no entry's number, is damage", async () => {
      await open().create("checkout", 1, bytes("1\n"));
      await server.sql("alter table rollout.entry drop constraint entry_bytes_check");
      await server.sql(
        `insert into rollout.entry (rollout, seq, bytes) values ('checkout', 2, decode(repeat('00', ${MAX_ENTRY_BYTES + 1}), 'hex'))`,
      );
      await expect(open().read("checkout", -1)).rejects.toMatchObject({
        code: "damaged",
        message: expect.stringContaining("8388609 bytes"),
      });
      await tamper("truncate rollout.entry");
      await server.sql(`alter table rollout.entry add check (octet_length(bytes) <= ${MAX_ENTRY_BYTES})`);
    });

    test("the database itself refuses an entry after none, and what is no name", async () => {
      await open().create("checkout", 1, bytes("1\n"));
      for (const values of ["'checkout', 3, 'x'", "'cart', 2, 'x'", "'checkout', 1, 'x'", "'checkout', 0, 'x'", "'a/b', 1, 'x'"]) {
        await expect(server.sql(`insert into rollout.entry (rollout, seq, bytes) values (${values})`)).rejects.toThrow(/violates/);
      }
      await expect(server.sql("insert into rollout.entry (rollout, seq, previous, bytes) values ('cart', 2, null, 'x')")).rejects.toThrow(
        /non-DEFAULT value into column "previous"/,
      );
    });

    test.each([
      "update rollout.entry set bytes = ''",
      "delete from rollout.entry",
      "truncate rollout.entry",
      "insert into rollout.entry (rollout, seq, bytes) values ('checkout', 1, '') on conflict (rollout, seq) do update set bytes = ''",
      "set session_replication_role = replica; delete from rollout.entry",
    ])("not even the owner of the table may: %s", async (statement) => {
      await open().create("checkout", 1, bytes("1\n"));
      await expect(server.sql(statement)).rejects.toThrow("an entry of a ledger is never changed or removed");
      expect(await open().read("checkout", 1)).toEqual([{ seq: 1, bytes: bytes("1\n") }]);
    });
  });

  describe("durability, where the database answers before anything is on the disk", () => {
    beforeAll(() => server.sql("alter database postgres set synchronous_commit = off; create table bare (seq integer)"));
    afterAll(() => server.sql("alter database postgres reset synchronous_commit; drop table bare"));
    afterEach(closeAll);

    test("an entry survives the server's death right after the answer; a bare insert does not", async () => {
      await tamper("truncate rollout.entry");
      const store = open();
      await store.createAll!("checkout", 1, [bytes("1\n"), bytes("2\n")]);
      await server.sql("insert into bare values (1)");
      await store.create("checkout", 3, bytes("3\n"));
      await server.sql("insert into bare values (2)");
      await server.halt("crash");
      await server.start();
      expect((await open().read("checkout", 1)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
      // The first was written along with the entry after it.
      expect(await server.sql("select seq from bare")).toEqual([{ seq: 1 }]);
    });
  });

  describe("a rollout whose ledger is there", () => {
    test("goes to its end with two runners at once, and each stage is applied once", async () => {
      await tamper("truncate rollout.entry");
      const shop = await startShopPage();
      const scene = await makeScene(planTree(shop.url));
      // The variables alone say where.
      const env = { ...server.env, ROLLOUT_STORE: "postgres:" };
      const ran = await Promise.all([0, 1].map(() => scene.rolloutWith(env, "run", "plan.yaml")));
      expect(ran.map(({ status }) => status)).toEqual(ran.map(() => 0));
      expect((await scene.rolloutWith(env, "status", "checkout")).stdout).toContain("complete");
      expect(await scene.usersWithFeature()).toBe(200);
      const verified = await scene.rolloutWith(env, "log", "verify", "checkout", "--json");
      const entries = await open().read("checkout", 1);
      expect(JSON.parse(verified.stdout)).toMatchObject({ entries: entries.length });
      const kinds = entries.map((entry) => (JSON.parse(Buffer.from(entry.bytes).toString()) as { kind: string }).kind);
      expect(kinds.filter((kind) => kind === "applied")).toHaveLength(3);
      expect(Object.keys(await scene.everything()).filter((path) => path.startsWith(".rollout"))).toEqual([]);
    });
  });

  describe("rollout store init", () => {
    let cwd: string;
    beforeEach(async () => {
      cwd = await mkdtemp(`${tmpdir()}/rollout-init-`);
      await server.sql("drop database if exists shop");
      await server.sql("create database shop");
    });
    afterEach(async () => {
      await closeAll();
      await rm(cwd, { recursive: true });
    });
    const call = (args: string[], user = "postgres") =>
      callRollout([...args, "--store", `postgres://${user}@127.0.0.1:${server.port}/shop`], { cwd });
    const shop = (text: string) => server.sql(text, "shop");

    test("says before it that it is needed, does it once, and does no harm again", async () => {
      const before = await call(["status"]);
      expect(before).toMatchObject({
        status: 5,
        stdout: "",
        stderr: expect.stringContaining("Run `rollout store init` with the same --store"),
      });
      const address = `postgres://127.0.0.1:${server.port}/shop`;
      expect(await call(["store", "init"])).toMatchObject({ status: 0, stdout: `schema rollout, version 1, made in ${address}\n` });
      await open("postgres", "shop").create("checkout", 1, bytes("1\n"));
      const again = await call(["store", "init", "--json"]);
      expect(again.status).toBe(0);
      expect(storeInitSchema.parse(JSON.parse(again.stdout))).toEqual({
        schema: "rollout.store-init/1",
        store: address,
        done: [`schema rollout, version 1, was there already in ${address}`],
      });
      expect(await open("postgres", "shop").read("checkout", 1)).toHaveLength(1);
    });

    test("warns of a server that forgets what it has stored", async () => {
      expect((await call(["store", "init"])).stderr).toContain("the server runs with fsync = off");
    });

    test("two at once make one schema", async () => {
      const both = await Promise.all([0, 1].map(() => open("postgres", "shop").init!({})));
      expect(both.map(({ done }) => done[0]!.includes("made")).sort()).toEqual([false, true]);
      expect(await shop("select version from rollout.schema_version")).toEqual([{ version: 1 }]);
    });

    test("a schema of a later version is left alone, by every command", async () => {
      await call(["store", "init"]);
      await shop("insert into rollout.schema_version (version) values (2)");
      const later = {
        code: "unreachable",
        message: expect.stringContaining("of version 2; this rollout knows 1"),
        hint: expect.stringContaining("newer"),
      };
      await expect(open("postgres", "shop").read("checkout", 1)).rejects.toMatchObject(later);
      await expect(open("postgres", "shop").create("checkout", 1, bytes("1\n"))).rejects.toMatchObject(later);
      await expect(open("postgres", "shop").init!({})).rejects.toMatchObject(later);
    });

    test("a role that may not make it says so, and makes nothing", async () => {
      await server.sql("create role visitor login");
      expect(await call(["store", "init"], "visitor")).toMatchObject({ status: 5, stderr: expect.stringContaining("may create a schema") });
      expect(await shop("select to_regnamespace('rollout') as there")).toEqual([{ there: null }]);
    });

    test("a role that is not there, or cannot be, is a mistake on the command line, and nothing is half done", async () => {
      expect(await call(["store", "init", "--role", "nobody"])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining("create role"),
      });
      expect(await call(["store", "init", "--role", "x".repeat(64)])).toMatchObject({ status: 2 });
      expect(await shop("select to_regnamespace('rollout') as there")).toEqual([{ there: null }]);
    });

    test("a directory needs none, and knows no roles", async () => {
      expect(await callRollout(["store", "init", "--store", "state"], { cwd })).toMatchObject({
        status: 0,
        stdout: "nothing to prepare: state is made with its first entry\n",
      });
      expect(await callRollout(["store", "init", "--store", "state", "--role", "ann"], { cwd })).toMatchObject({ status: 2 });
    });

    describe("--role", () => {
      const role = 'Runner "1"';
      const runner = () => open(encodeURIComponent(role), "shop");
      const asRunner = (statement: string) => shop(`set role "Runner ""1"""; ${statement}`);
      beforeAll(() => server.sql('create role "Runner ""1""" login'));
      let granted: Awaited<ReturnType<typeof call>>;
      beforeEach(async () => {
        granted = await call(["store", "init", "--role", role]);
      });

      test("says what it has granted", () => {
        expect(granted).toMatchObject({ status: 0, stdout: expect.stringContaining(`role ${role} may read entries and append to them\n`) });
        expect(granted.stderr).not.toContain("may do more");
      });

      test("the role can append and read", async () => {
        await runner().create("checkout", 1, bytes("1\n"));
        await runner().createAll!("checkout", 2, [bytes("2\n"), bytes("3\n")]);
        await expect(runner().create("checkout", 3, bytes("late\n"))).rejects.toBeInstanceOf(Taken);
        await expect(runner().create("checkout", 5, bytes("early\n"))).rejects.toBeInstanceOf(Taken);
        expect(await runner().list()).toEqual(["checkout"]);
        expect((await runner().read("checkout", 1)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
      });

      test.each([
        "update rollout.entry set bytes = ''",
        "delete from rollout.entry",
        "truncate rollout.entry",
        "drop table rollout.entry",
        "drop schema rollout cascade",
        "alter table rollout.entry disable trigger all",
        "alter table rollout.entry add column more text",
        "insert into rollout.entry (rollout, seq, bytes, stored_at) values ('cart', 1, '', 'yesterday')",
        "update rollout.schema_version set version = 9",
        "insert into rollout.schema_version (version) values (9)",
        "create table rollout.other ()",
      ])("it can not: %s", async (statement) => {
        await runner().create("checkout", 1, bytes("1\n"));
        await expect(asRunner(statement)).rejects.toThrow(/permission denied|must be owner/);
        expect(await runner().read("checkout", 1)).toHaveLength(1);
      });

      test("a role that may do more is told of", async () => {
        expect(await call(["store", "init", "--role", "postgres"])).toMatchObject({
          status: 0,
          stderr: expect.stringContaining("may do more than that"),
        });
      });
    });
  });
});
