import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { openLedger } from "../../src/engine/ledger.ts";
import { Taken, type Store } from "../../src/ledger/port.ts";
import { postgresStore } from "../../src/ledger/postgres.ts";
import type { DatabaseOptions } from "../../src/ledger/postgres-connection.ts";
import { START, started } from "../core/builders.ts";
import { callRollout, runProgram } from "../support/cli.ts";
import { pgbouncerProgram, startPgbouncer } from "../support/pgbouncer.ts";
import { postgresPrograms, startPostgres, type Postgres } from "../support/postgres.ts";
import { startProxy, type Fate, type Proxy } from "../support/proxy.ts";
import { settableClock } from "../support/tools.ts";
import { raceOf } from "./processes.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");
const textsOf = async (store: Store) => (await store.read("checkout", 1)).map((each) => Buffer.from(each.bytes).toString("utf8"));

describe.skipIf(!postgresPrograms())("a PostgreSQL whose connections break", () => {
  let server: Postgres;
  let proxy: Proxy;
  let direct: Store;
  const stores: Store[] = [];
  const open = (port: number, options: Partial<DatabaseOptions> = {}) => {
    const store = postgresStore(`postgres://postgres@127.0.0.1:${port}/postgres`, { env: {}, ...options });
    stores.push(store);
    return store;
  };
  /** A store behind the proxy that has been used, so that the next statement is the first to be harmed. */
  const openThrough = async (options: Partial<DatabaseOptions> = {}) => {
    const store = open(proxy.port, options);
    await store.list();
    return store;
  };
  /** What becomes of the first bytes to the server that hold the text; later ones go on. */
  const once = (text: string, fate: Fate, meanwhile: () => unknown = () => {}) => {
    proxy.toServer = async (piece) => {
      if (!piece.includes(text)) return "on";
      proxy.toServer = () => "on";
      await meanwhile();
      return fate;
    };
  };

  beforeAll(async () => {
    server = await startPostgres();
    await postgresStore(server.address, { env: {} }).init!({});
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    proxy = await startProxy(server.port);
    await server.sql(
      "alter table rollout.entry disable trigger all; truncate rollout.entry; alter table rollout.entry enable trigger all; alter table rollout.entry enable always trigger entry_is_final",
    );
    direct = open(server.port);
    await direct.create("checkout", 1, bytes("1\n"));
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close!()));
    await proxy.close();
  });

  describe("an entry whose answer never came", () => {
    test("is found, where it had been stored", async () => {
      const store = await openThrough();
      once("insert into rollout.entry", "cutAfter");
      await store.create("checkout", 2, bytes("mine\n"));
      expect(await textsOf(direct)).toEqual(["1\n", "mine\n"]);
      expect(proxy.connections).toBe(2);
    });

    test("is stored, where it had not been", async () => {
      const store = await openThrough();
      once("insert into rollout.entry", "cut");
      await store.create("checkout", 2, bytes("mine\n"));
      expect(await textsOf(direct)).toEqual(["1\n", "mine\n"]);
    });

    test("is stored, where half of it arrived", async () => {
      const store = await openThrough();
      once("insert into rollout.entry", 100);
      await store.create("checkout", 2, bytes("mine\n"));
      expect(await textsOf(direct)).toEqual(["1\n", "mine\n"]);
    });

    test("is lost, where somebody else had that number by then", async () => {
      const store = await openThrough();
      once("insert into rollout.entry", "cut", () => direct.create("checkout", 2, bytes("theirs\n")));
      await expect(store.create("checkout", 2, bytes("mine\n"))).rejects.toBeInstanceOf(Taken);
      expect(await textsOf(direct)).toEqual(["1\n", "theirs\n"]);
    });

    test("is settled likewise for several at once", async () => {
      const store = await openThrough();
      once("insert into rollout.entry", "cutAfter");
      await store.createAll!("checkout", 2, [bytes("2\n"), bytes("3\n")]);
      once("insert into rollout.entry", "cut", () => direct.create("checkout", 4, bytes("4\n")));
      await expect(store.createAll!("checkout", 4, [bytes("4\n"), bytes("mine\n")])).rejects.toBeInstanceOf(Taken);
      expect(await textsOf(direct)).toEqual(["1\n", "2\n", "3\n", "4\n"]);
    });

    test("is settled once the server is back", async () => {
      const store = await openThrough();
      once("insert into rollout.entry", "cutAfter", () => {
        proxy.toClient = () => {
          proxy.down = true;
          setTimeout(() => (proxy.down = false), 200);
          proxy.toClient = () => "on";
          return "dropped";
        };
      });
      await store.create("checkout", 2, bytes("mine\n"));
      expect(await textsOf(direct)).toEqual(["1\n", "mine\n"]);
    });

    test("is asked for again, where the server says nothing at all", async () => {
      const store = await openThrough({ answerWithin: 1_000 });
      once("insert into rollout.entry", "dropped");
      await store.create("checkout", 2, bytes("mine\n"));
      expect(await textsOf(direct)).toEqual(["1\n", "mine\n"]);
    });

    test("is told as unknown, where the server does not come back; the ledger then says what is there", async () => {
      const store = await openThrough({ reconnectFor: 200 });
      once("insert into rollout.entry", "cutAfter", () => setImmediate(() => (proxy.down = true)));
      await expect(store.create("checkout", 2, bytes("mine\n"))).rejects.toMatchObject({
        name: "RolloutError",
        code: "unreachable",
        message: expect.stringContaining(`could not store entry 2 of checkout in postgres://127.0.0.1:${proxy.port}/postgres`),
        hint: expect.stringContaining("Whether it was recorded is not known"),
      });
      proxy.down = false;
      await vi.waitFor(async () => expect(await textsOf(store)).toEqual(["1\n", "mine\n"]));
    });

    test("is one entry for the engine", async () => {
      const store = await openThrough();
      const ledger = await openLedger("cart", { store, clock: settableClock(START), actor: async () => ({ who: "ann", where: "desk" }) });
      once("insert into rollout.entry", "cutAfter");
      const entry = await ledger.append((state) => (state ? undefined : started()));
      expect(entry).toMatchObject({ seq: 1, kind: "started" });
      expect(await direct.read("cart", 1)).toHaveLength(1);
    });
  });

  test("what is read is asked for again when the answer is cut off", async () => {
    const store = await openThrough();
    await direct.create("checkout", 2, Buffer.alloc(100_000, "x"));
    let cuts = 0;
    proxy.toClient = (piece) => (piece.length > 1_000 && cuts++ === 0 ? 1_000 : "on");
    expect(await store.read("checkout", 2)).toEqual([{ seq: 2, bytes: Buffer.alloc(100_000, "x") }]);
    expect(cuts).toBeGreaterThan(0);
  });

  test("bytes that come one by one, and late, are whole", async () => {
    const store = await openThrough();
    proxy.toClient = () => new Promise((resolve) => setTimeout(() => resolve("on"), 20));
    expect(await textsOf(store)).toEqual(["1\n"]);
  });

  test("a server that was started anew is used again", async () => {
    await direct.list();
    await server.halt("fast");
    await expect(direct.list()).rejects.toMatchObject({ code: "unreachable", message: expect.stringContaining("ECONNREFUSED") });
    const stopped = await callRollout(["status", "--store", server.address], { cwd: "/" });
    expect(stopped).toMatchObject({ status: 5, stdout: "", stderr: expect.stringContaining(`127.0.0.1, port ${server.port}`) });
    await server.start();
    await direct.create("checkout", 2, bytes("2\n"));
    expect(await textsOf(direct)).toEqual(["1\n", "2\n"]);
  });

  test("a connection that the server ends is not missed", async () => {
    await direct.list();
    await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rollout'");
    await direct.create("checkout", 2, bytes("2\n"));
    expect(await textsOf(direct)).toEqual(["1\n", "2\n"]);
  });

  test("connections that are kept do not keep a process that is done", async () => {
    const script = `const { openApp } = await import(${JSON.stringify(`${inject("packageFolder")}/dist/app.js`)});
      console.log(await openApp({ cwd: "/", env: {}, store: ${JSON.stringify(server.address)} }).engine.store.list());`;
    const ran = await runProgram(process.execPath, ["--input-type=module", "-e", script], { cwd: "/" });
    expect(ran).toEqual({ status: 0, stdout: "[ 'checkout' ]\n", stderr: "" });
  });

  describe.skipIf(!pgbouncerProgram())("behind PgBouncer in transaction mode, with one connection for all", () => {
    let bouncer: Awaited<ReturnType<typeof startPgbouncer>>;
    beforeAll(async () => {
      bouncer = await startPgbouncer(server.port);
    });
    afterAll(() => bouncer?.stop());

    test("the schema is prepared, entries are stored and read", async () => {
      const [one, other] = [open(bouncer.port), open(bouncer.port)];
      expect((await one.init!({})).done).toEqual([expect.stringContaining("was there already")]);
      await Promise.all([
        one.create("checkout", 2, bytes("2\n")),
        other.createAll!("cart", 1, [bytes("1\n"), bytes("2\n")]),
        one.read("checkout", -1),
        other.list(),
      ]);
      await expect(other.create("checkout", 2, bytes("mine\n"))).rejects.toBeInstanceOf(Taken);
      expect(await textsOf(other)).toEqual(["1\n", "2\n"]);
      expect([...(await one.readAll!([{ name: "cart", from: -1 }])).values()]).toEqual([[{ seq: 2, bytes: bytes("2\n") }]]);
    });

    test("of writers in several processes each number has one winner", async () => {
      const address = `postgres://postgres@127.0.0.1:${bouncer.port}/postgres`;
      const opener = { module: "ledger/postgres.ts", factory: "postgresStore", arguments: [address, { env: {} }] };
      const writers = await raceOf(opener, "checkout", 30, 3);
      expect(writers.map(({ failure }) => failure)).toEqual(writers.map(() => undefined));
      expect(writers.flatMap(({ won }) => won).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 29 }, (_, index) => index + 2));
    });
  });
});
