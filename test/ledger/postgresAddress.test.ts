import { describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { readAddress } from "../../src/ledger/postgres-address.ts";

describe("what an address leaves out, the variables say, and then the usual", () => {
  test.each<[string, Record<string, string>, object]>([
    [
      "postgres:",
      { PGUSER: "ann" },
      { host: "localhost", port: 5432, user: "ann", database: "ann", address: "postgres://localhost:5432/ann" },
    ],
    [
      "postgres:",
      { PGHOST: "db", PGPORT: "6432", PGDATABASE: "shop", PGUSER: "ann" },
      { host: "db", port: 6432, database: "shop", user: "ann" },
    ],
    [
      "postgres://bob@other:1/cart",
      { PGHOST: "db", PGPORT: "6432", PGDATABASE: "shop", PGUSER: "ann" },
      { host: "other", port: 1, database: "cart", user: "bob" },
    ],
    ["postgresql://db/shop", { PGUSER: "ann" }, { host: "db", database: "shop", address: "postgres://db:5432/shop" }],
    ["POSTGRES://db", { PGUSER: "ann" }, { host: "db", database: "ann" }],
    ["postgres://Ann%20Lee@db/my%20shop", {}, { user: "Ann Lee", database: "my shop" }],
    ["postgres://ann@[::1]:5433/shop", {}, { host: "::1", address: "postgres://[::1]:5433/shop", tls: { mode: "disable" } }],
    [
      "postgres:///shop?host=/var/run/postgresql",
      { PGUSER: "ann" },
      { host: "/var/run/postgresql", database: "shop", tls: { mode: "disable" } },
    ],
    ["postgres://ann@%2Frun%2Fpg/shop?sslmode=require", {}, { host: "/run/pg", tls: { mode: "disable" } }],
    ["postgres://ann@db", { PGCONNECT_TIMEOUT: "3" }, { connectWithin: 3_000 }],
    ["postgres://ann@db?connect_timeout=7", { PGCONNECT_TIMEOUT: "3" }, { connectWithin: 7_000 }],
    ["postgres://ann@db", { PGSERVICE: "shop" }, { host: "db" }],
  ])("%s with %j", (given, env, place) => expect(readAddress(given, env)).toMatchObject(place));
});

describe("the way is encrypted unless it stays on this machine or somebody says otherwise", () => {
  test.each<[string, Record<string, string>, object]>([
    ["postgres://ann@db", {}, { mode: "require" }],
    ["postgres://ann@localhost", {}, { mode: "disable" }],
    ["postgres://ann@127.0.0.1", {}, { mode: "disable" }],
    ["postgres://ann@127.0.0.1.example.com", {}, { mode: "require" }],
    ["postgres://ann@db?sslmode=disable", {}, { mode: "disable" }],
    ["postgres://ann@db", { PGSSLMODE: "verify-full" }, { mode: "verify-full" }],
    ["postgres://ann@db?sslmode=disable", { PGSSLMODE: "verify-full" }, { mode: "disable" }],
    ["postgres://ann@db", { PGSSLROOTCERT: "ca.pem" }, { mode: "verify-full", rootCertificate: "ca.pem" }],
    ["postgres://ann@db?sslmode=require&sslrootcert=ca.pem", {}, { mode: "verify-ca", rootCertificate: "ca.pem" }],
    ["postgres://ann@localhost?sslmode=verify-ca", { PGSSLROOTCERT: "ca.pem" }, { mode: "verify-ca", rootCertificate: "ca.pem" }],
    ["postgres://ann@db", { PGSSLCERT: "me.pem", PGSSLKEY: "me.key" }, { mode: "require", certificate: "me.pem", key: "me.key" }],
  ])("%s with %j", (given, env, tls) => expect(readAddress(given, env).tls).toEqual(tls));
});

describe("an address that is none, or says too much, is refused with what to do, and never repeated", () => {
  const secret = "s3cret-pass";
  test.each<[string, Record<string, string>, string]>([
    [`postgres://ann:${secret}@db/shop`, {}, "PGPASSWORD"],
    [`postgres://ann@db/shop?password=${secret}`, {}, "PGPASSWORD"],
    [`postgres://ann@db/shop?sslpassword=${secret}`, {}, "PGPASSWORD"],
    [`postgres://ann:${secret}#1@db/shop`, {}, "postgres://USER@HOST"],
    [`postgres://ann:5432/${secret}@db/shop`, {}, "postgres://USER@HOST"],
    [`postgres://ann:${secret}/x@db/shop`, {}, "postgres://USER@HOST"],
    [`postgres:${secret}`, {}, "postgres://USER@HOST"],
    [`postgres://ann@db:${secret}/shop`, {}, "postgres://USER@HOST"],
    ["postgres://ann@db/a%zz", {}, "postgres://USER@HOST"],
    ["postgres://ann@db/shop?options=-csearch_path%3Dx", {}, "There are host, sslmode"],
    ["postgres://ann@db?sslmode=prefer", {}, "verify-full"],
    ["postgres://ann@db", { PGSSLMODE: "sometimes" }, "verify-full"],
    ["postgres://ann@db?sslmode=verify-ca", {}, "PGSSLROOTCERT"],
    ["postgres://ann@db?sslmode=verify-ca&sslrootcert=system", {}, "PGSSLROOTCERT"],
    ["postgres://ann@db", { PGPORT: "5432x" }, "PGPORT"],
    ["postgres://ann@db", { PGCONNECT_TIMEOUT: "soon" }, "from 1 to 3600"],
    ["postgres:", { PGUSER: "ann", PGSERVICE: "shop" }, "PGHOST"],
  ])("%s with %j", (given, env, advice) => {
    let failure: unknown;
    try {
      readAddress(given, env);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(RolloutError);
    const { code, message, hint = "" } = failure as RolloutError;
    expect([code, `${message} ${hint}`]).toEqual(["usage", expect.stringContaining(advice)]);
    expect(`${message} ${hint}`).not.toContain(secret);
  });
});
