import { chmod, chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { postgresStore } from "../../src/ledger/postgres.ts";
import type { Store } from "../../src/ledger/port.ts";
import { makeAuthority, type Authority, type Certified } from "../support/certificates.ts";
import { callRollout, rollout, runProgram } from "../support/cli.ts";
import { listen, type Listening } from "../support/listening.ts";
import { freePort } from "../support/ports.ts";
import { postgresPrograms, startPostgres, type Postgres } from "../support/postgres.ts";
import { requireProgram } from "../support/programs.ts";

const PASSWORD = "correct horse: battery\\staple";
const openssl = requireProgram("openssl");

describe.skipIf(!postgresPrograms() || !openssl)("a PostgreSQL that refuses", () => {
  let server: Postgres;
  let folder: string;
  const stores: Store[] = [];
  const file = (name: string) => join(folder, name);
  const open = (rest: string, env: Record<string, string> = {}) => {
    const redactor = createRedactor();
    // No password file of whoever runs the tests.
    const store = postgresStore(`postgres://${rest}`, {
      env: { PGPORT: String(server.port), HOME: folder, ...env },
      hide: redactor.add,
      redact: redactor.redact,
      reconnectFor: 100,
    });
    stores.push(store);
    return store;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "rollout-refused-"));
    server = await startPostgres();
    await postgresStore(server.address, { env: {} }).init!({});
    await server.sql(`
      create role keeper login password '${PASSWORD}';
      create role barred login; create role stranger login; create role crowd login connection limit 0;
      create role reader login; alter role reader set default_transaction_read_only = on;
      create role hasty login; alter role hasty set statement_timeout = 1;
      create role encrypted login; create role certified login`);
    await server.sql("create database empty");
    await postgresStore(server.address, { env: {} }).init!({ role: "keeper" });
    for (const role of ["reader", "encrypted", "certified", "crowd"]) await postgresStore(server.address, { env: {} }).init!({ role });
    await server.configure(
      "pg_hba.conf",
      `host all keeper all scram-sha-256
host all barred all reject
hostnossl all encrypted all reject
hostssl all certified all cert`,
    );
  });
  afterEach(async () => void (await Promise.all(stores.splice(0).map((store) => store.close!()))));
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  describe("says what was tried, what happened, and what to do", () => {
    const create = (store: Store) => store.create("checkout", 1, Buffer.from("1\n"));
    const list = (store: Store) => store.list();
    test.each<[string, string, Record<string, string>, (store: Store) => Promise<unknown>, RegExp, string]>([
      [
        "a wrong password",
        "keeper@127.0.0.1/postgres",
        { PGPASSWORD: "wrong-password" },
        list,
        /password authentication failed/,
        "PGPASSWORD",
      ],
      ["a user that is not there", "nobody@127.0.0.1/postgres", {}, list, /role "nobody" does not exist/, "pg_hba.conf"],
      ["a user that may not come in", "barred@127.0.0.1/postgres", {}, list, /pg_hba.conf rejects connection/, "sslmode=require"],
      ["a database that is not there", "postgres@127.0.0.1/shop", {}, list, /database "shop" does not exist/, "PGDATABASE"],
      ["a database that was not prepared", "postgres@127.0.0.1/empty", {}, list, /relation .* does not exist/, "rollout store init"],
      [
        "a role without privileges",
        "stranger@127.0.0.1/postgres",
        {},
        list,
        /permission denied for schema rollout/,
        "rollout store init --role stranger",
      ],
      ["too many connections", "crowd@127.0.0.1/postgres", {}, list, /too many connections/, "pooler"],
      ["a replica", "reader@127.0.0.1/postgres", {}, create, /read-only transaction/, "primary"],
      ["a server without TLS", "postgres@127.0.0.1/postgres?sslmode=require", {}, list, /does not support SSL/, "sslmode=disable"],
    ])("%s", async (_, rest, env, attempt, what, advice) => {
      const failure: unknown = await attempt(open(rest, env)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RolloutError);
      const { code, message, hint } = failure as RolloutError;
      expect([code, message, hint]).toEqual(["unreachable", expect.stringMatching(what), expect.stringContaining(advice)]);
      expect(message).toMatch(/^the ledger: could not [a-z0-9 ]+ in postgres:\/\/127\.0\.0\.1:\d+\/\w+: /);
      expect(message + hint).not.toContain("wrong-password");
    });

    test("a port where nothing listens", async () => {
      const port = await freePort();
      await expect(open(`ann@127.0.0.1:${port}/db`).list()).rejects.toMatchObject({
        code: "unreachable",
        message: expect.stringContaining("ECONNREFUSED"),
        hint: expect.stringContaining(`127.0.0.1, port ${port}`),
      });
      await expect(open(`ann@localhost:${port}/db`).list()).rejects.toMatchObject({ message: expect.stringContaining("ECONNREFUSED") });
    });

    test.each<[string, (socket: Socket) => void, RegExp]>([
      ["says nothing", () => {}, /timeout/],
      ["hangs up", (socket) => socket.destroy(), /terminated|ECONNRESET/],
      ["speaks something else", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), /terminated|ECONNRESET|timeout/],
    ])("something else than PostgreSQL, which %s", async (_, answer, what) => {
      const other = await serve(answer);
      try {
        await expect(open(`ann@127.0.0.1:${other.port}/db`, { PGCONNECT_TIMEOUT: "1" }).list()).rejects.toMatchObject({
          code: "unreachable",
          message: expect.stringMatching(what),
          hint: expect.stringContaining("PostgreSQL server answers"),
        });
      } finally {
        await other.close();
      }
    });

    test("a limit of time of its own", async () => {
      await server.sql("grant usage on schema rollout to hasty; grant select on all tables in schema rollout to hasty");
      const locker = new pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres", ssl: false });
      await locker.connect();
      await locker.query("begin; lock table rollout.schema_version");
      await expect(open("hasty@127.0.0.1/postgres").list()).rejects.toMatchObject({
        message: expect.stringContaining("statement timeout"),
        hint: expect.stringContaining("statement_timeout"),
      });
      await locker.end();
    });
  });

  describe("a password", () => {
    const entry = PASSWORD.replace(/[\\:]/g, "\\$&");
    const passwordFile = async (text: string, mode = 0o600) => {
      const path = file(`pgpass-${Math.random()}`);
      await writeFile(path, text, { mode });
      return path;
    };

    test("comes from PGPASSWORD, or from the line of the password file that fits", async () => {
      expect(await open("keeper@127.0.0.1/postgres", { PGPASSWORD: PASSWORD }).list()).toEqual([]);
      const lines = `# one a line\n127.0.0.1:${server.port}:other:keeper:wrong\n127.0.0.1:*:postgres:keeper:${entry}\n*:*:*:*:wrong\n`;
      expect(await open("keeper@127.0.0.1/postgres", { PGPASSFILE: await passwordFile(lines) }).list()).toEqual([]);
      expect(await open("keeper@127.0.0.1/postgres", { PGPASSFILE: await passwordFile(`*:*:*:*:${entry}`) }).list()).toEqual([]);
    });

    test("that nobody has given is asked for in words", async () => {
      for (const env of [{}, { PGPASSFILE: await passwordFile("other:*:*:*:x\nnot a line\n") }, { PGPASSFILE: file("missing") }]) {
        await expect(open("keeper@127.0.0.1/postgres", env).list()).rejects.toMatchObject({
          code: "usage",
          message: expect.stringContaining("asks for a password, and none is known for user keeper"),
          hint: expect.stringContaining("PGPASSWORD"),
        });
      }
    });

    test("in a file that others can read is not used", async () => {
      const path = await passwordFile(`*:*:*:*:${entry}\n`, 0o644);
      await chmod(path, 0o644);
      await expect(open("keeper@127.0.0.1/postgres", { PGPASSFILE: path }).list()).rejects.toMatchObject({
        code: "usage",
        hint: `chmod 600 ${path}`,
      });
    });

    test("in the address is refused, and not repeated", async () => {
      const ran = await rollout(["status", "--json", "--store", "postgres://keeper:s3cret-pass@127.0.0.1/postgres"], { cwd: folder });
      expect(ran).toMatchObject({ status: 2, stderr: expect.stringContaining("PGPASSWORD") });
      expect(ran.stdout + ran.stderr).not.toContain("s3cret-pass");
    });

    test("is not shown when a server repeats it", async () => {
      // It asks for the password in the clear, and complains with what it gets.
      const other = await serve((socket) => {
        socket.once("data", () => {
          socket.write(message("R", Buffer.from([0, 0, 0, 3])));
          socket.once("data", (given) =>
            socket.end(message("E", Buffer.from(`SFATAL\0C28P01\0Mnot ${given.subarray(5, -1).toString()}\0\0`))),
          );
        });
      });
      try {
        const env = { PGPASSWORD: PASSWORD };
        const failure = await open(`keeper@127.0.0.1:${other.port}/db`, env)
          .list()
          .catch((error: RolloutError) => error.message);
        expect(failure).toMatch(/: not \[secret\]$/);
        const ran = await callRollout(["status", "--json", "--store", `postgres://keeper@127.0.0.1:${other.port}/db`], {
          cwd: folder,
          env,
        });
        expect(ran).toMatchObject({ status: 5, stderr: expect.stringContaining("not [secret]") });
        expect(ran.stdout + ran.stderr).not.toContain("battery");
      } finally {
        await other.close();
      }
    });

    test("that is missing leaves no process waiting", async () => {
      await server.configure("postgresql.conf", "authentication_timeout = 600");
      const script = `const { openApp } = await import(${JSON.stringify(`${inject("packageFolder")}/dist/app.js`)});
        const address = "postgres://keeper@127.0.0.1:${server.port}/postgres";
        await openApp({ cwd: "/", env: {}, store: address }).engine.store.list().catch(({ code }) => console.log(code));`;
      const ran = await runProgram(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
      expect(ran).toEqual({ status: 0, stdout: "usage\n", stderr: "" });
    });
  });

  describe("TLS", () => {
    let authority: Authority;
    let other: Authority;
    let named: Certified;
    let ca: Record<string, string>;
    /** Lets the server show another certificate. */
    const show = async ({ key, certificate }: Certified) => {
      const { uid, gid } = await stat(server.folder);
      for (const [name, text] of Object.entries({ "server.pem": certificate, "server.key": key })) {
        const path = join(server.folder, name);
        await writeFile(path, text, { mode: 0o600 });
        await chown(path, uid, gid);
      }
      const lines = `ssl = on\nssl_cert_file = '${server.folder}/server.pem'\nssl_key_file = '${server.folder}/server.key'\nssl_ca_file = '${server.folder}/ca.pem'`;
      await writeFile(join(server.folder, "ca.pem"), authority.ca, { mode: 0o644 });
      await server.configure("postgresql.conf", lines);
    };
    const at = (host: string, mode: string, env: Record<string, string> = {}) =>
      open(`encrypted@${host}/postgres?sslmode=${mode}`, env).list();
    const refused = (what: RegExp, advice: string) => ({
      code: "unreachable",
      message: expect.stringMatching(what),
      hint: expect.stringContaining(advice),
    });
    beforeAll(async () => {
      [authority, other] = [makeAuthority(openssl!), makeAuthority(openssl!)];
      ca = { PGSSLROOTCERT: authority.path };
      named = authority.certify("named", ["localhost"]);
      await show(named);
    });
    afterAll(async () => {
      await server.configure("postgresql.conf", "ssl = off");
      authority.remove();
      other.remove();
    });

    test("verify-full connects where the certificate is for the host and signed by the authority named", async () => {
      expect(await at("localhost", "verify-full", ca)).toEqual([]);
      expect(await open(`encrypted@localhost/postgres`, ca).list()).toEqual([]);
    });

    test("an authority that did not sign it is refused", async () => {
      for (const mode of ["verify-full", "verify-ca", "require"]) {
        await expect(at("localhost", mode, { PGSSLROOTCERT: other.path })).rejects.toMatchObject(refused(/certificate/, "PGSSLROOTCERT"));
      }
      await expect(at("localhost", "verify-full")).rejects.toMatchObject(refused(/certificate/, "PGSSLROOTCERT"));
    });

    test("a certificate for another host is refused by verify-full alone", async () => {
      await expect(at("127.0.0.1", "verify-full", ca)).rejects.toMatchObject(refused(/does not match/, "for the host 127.0.0.1"));
      expect(await at("127.0.0.1", "verify-ca", ca)).toEqual([]);
      expect(await at("127.0.0.1", "require")).toEqual([]);
    });

    test("a host that is a number is checked as one", async () => {
      await show(authority.certify("numbered", ["127.0.0.1"]));
      expect(await at("127.0.0.1", "verify-full", ca)).toEqual([]);
      await expect(at("localhost", "verify-full", ca)).rejects.toMatchObject(refused(/does not match/, "for the host localhost"));
      await show(named);
    });

    test("without it, a server that demands it says so", async () => {
      await expect(at("127.0.0.1", "disable")).rejects.toMatchObject(refused(/no encryption|rejects/, "sslmode=require"));
    });

    test("a certificate of one's own is shown", async () => {
      const certified = authority.certify("certified", ["certified"]);
      const own = { ...ca, PGSSLCERT: certified.path, PGSSLKEY: certified.keyPath };
      expect(await open("certified@localhost/postgres?sslmode=verify-full", own).list()).toEqual([]);
      await expect(open("certified@localhost/postgres?sslmode=verify-full", ca).list()).rejects.toMatchObject(refused(/certificate/, ""));
    });

    test("a file that is not there is a mistake in the settings", async () => {
      await expect(at("localhost", "verify-full", { PGSSLROOTCERT: file("nowhere.pem") })).rejects.toMatchObject({
        code: "usage",
        hint: expect.stringContaining("PGSSLROOTCERT"),
      });
    });
  });
});

/** A message of the server. */
function message(kind: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
}

function serve(answer: (socket: Socket) => void): Promise<Listening> {
  return listen(createServer(answer));
}
