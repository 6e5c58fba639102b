import { chmod, copyFile, link, mkdir, mkdtemp, readdir, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { directoryStore } from "../../src/ledger/directory.ts";
import type { Store } from "../../src/ledger/port.ts";
import { MAX_ENTRY_BYTES } from "../../src/model/entry.ts";
import { storeConformance } from "../conformance/stores.ts";
import { raceOf } from "./processes.ts";

const openerOf = (root: string) => ({ module: "ledger/directory.ts", factory: "directoryStore", arguments: [root] });

storeConformance("directory", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rollout-ledger-"));
  // Neither it nor the folder above it is there before the first entry.
  const root = join(folder, "state", ".rollout");
  return {
    store: directoryStore(root),
    reopen: () => directoryStore(root),
    opener: openerOf(root),
    remove: (name, seq) => unlink(join(root, name, `${String(seq).padStart(9, "0")}.json`)),
    close: () => rm(folder, { recursive: true, force: true }),
  };
});

describe("a directory in which other things lie", () => {
  let root: string;
  let store: Store;
  const path = (...parts: string[]) => join(root, "checkout", ...parts);
  const textsOf = async (from = 1) => (await store.read("checkout", from)).map(({ bytes }) => Buffer.from(bytes).toString("utf8"));

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "rollout-ledger-"));
    store = directoryStore(root);
    for (const seq of [1, 2]) await store.create("checkout", seq, Buffer.from(`${seq}\n`));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test("an entry is a file with its number, and nothing else is left behind", async () => {
    expect(await readdir(path())).toEqual(["000000001.json", "000000002.json"]);
    await expect(store.create("checkout", 2, Buffer.from("late\n"))).rejects.toThrow("exists");
    expect(await readdir(path())).toEqual(["000000001.json", "000000002.json"]);
  });

  test("the same bytes twice are one entry: over a network the answer to the first link may be lost", async () => {
    await expect(store.create("checkout", 2, Buffer.from("2\n"))).resolves.toBeUndefined();
    expect(await textsOf()).toEqual(["1\n", "2\n"]);
  });

  test("what a writer left that was killed is no entry", async () => {
    await writeFile(path(".tmp-000000003-1-abc"), "half an en");
    expect(await textsOf()).toEqual(["1\n", "2\n"]);
    await store.create("checkout", 3, Buffer.from("3\n"));
    expect(await textsOf(-1)).toEqual(["3\n"]);
  });

  test("a folder with nothing but what a killed writer left is no ledger yet, and can become one", async () => {
    await mkdir(join(root, "cart"));
    await writeFile(join(root, "cart", ".tmp-000000001-1-abc"), "");
    expect(await store.list()).toEqual(["checkout"]);
    expect(await store.read("cart", 1)).toEqual([]);
    await store.create("cart", 1, Buffer.from("1\n"));
    expect(await store.list()).toEqual(["cart", "checkout"]);
  });

  test("what was left long ago is swept away in time, what may still be written is not", async () => {
    await writeFile(path(".tmp-000000003-1-old"), "");
    await utimes(path(".tmp-000000003-1-old"), new Date(0), new Date(0));
    await writeFile(path(".tmp-000000003-1-new"), "");
    for (let seq = 3; seq <= 64; seq++) await store.create("checkout", seq, Buffer.from(`${seq}\n`));
    const left = (await readdir(path())).filter((name) => name.startsWith(".tmp-"));
    expect(left).toEqual([".tmp-000000003-1-new"]);
    expect(await textsOf()).toHaveLength(64);
  });

  test("files of other names are nobody's entries", async () => {
    for (const name of ["README.md", "3.json", "000000003.json.bak", "0000000003.json", "000000003.JSON", ".DS_Store"])
      await writeFile(path(name), "x");
    await writeFile(join(root, "000000001.json"), "x");
    expect(await textsOf()).toEqual(["1\n", "2\n"]);
    expect(await store.list()).toEqual(["checkout"]);
  });

  test("folders whose names are no rollout's are nobody's ledgers", async () => {
    for (const name of [".git", "Checkout", "checkout backup", "checkout.old"]) {
      await mkdir(join(root, name));
      await copyFile(path("000000001.json"), join(root, name, "000000001.json"));
    }
    expect(await store.list()).toEqual(["checkout"]);
  });

  test("a ledger that a link leads to is listed as it is read", async () => {
    await symlink(path(), join(root, "linked"));
    await symlink(path("000000001.json"), join(root, "file"));
    await symlink(join(root, "nowhere"), join(root, "dangling"));
    await symlink(join(root, "loop"), join(root, "loop"));
    expect(await store.list()).toEqual(["checkout", "linked"]);
    expect(await store.read("linked", -1)).toHaveLength(1);
  });

  const damaged = { name: "RolloutError", code: "damaged", message: expect.stringContaining("000000003.json") };
  test.each<[string, (entry: string) => Promise<unknown>]>([
    ["a folder", (entry) => mkdir(entry)],
    ["a link to a file elsewhere", (entry) => symlink(path("000000001.json"), entry)],
    ["a link to nothing", (entry) => symlink(path("nothing"), entry)],
    ["a link to a device that never ends", (entry) => symlink("/dev/zero", entry)],
    ["a pipe that nobody writes to", async (entry) => execFileSync("mkfifo", [entry])],
    ["a file that is larger than any entry", (entry) => writeFile(entry, Buffer.alloc(MAX_ENTRY_BYTES + 1))],
  ])("%s in place of an entry is damage, and is not read", async (_, put) => {
    await put(path("000000003.json"));
    await expect(store.read("checkout", 1)).rejects.toMatchObject(damaged);
    await expect(store.read("checkout", -1)).rejects.toMatchObject(damaged);
  });

  test("a second name of an entry is that entry: so each is made", async () => {
    await link(path("000000002.json"), path(".tmp-000000002-1-abc"));
    expect(await textsOf()).toEqual(["1\n", "2\n"]);
  });

  test("a number that was never there is no entry", async () => {
    await writeFile(path("000000000.json"), "0\n");
    await expect(store.read("checkout", 1)).rejects.toMatchObject({ code: "damaged" });
  });
});

describe("a directory that cannot be used says so, and what to do", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "rollout-ledger-"));
  });
  afterEach(async () => {
    await chmod(root, 0o755);
    await rm(root, { recursive: true, force: true });
  });

  /** Root may write anywhere, so that somebody else has to try. */
  const somebody = process.getuid?.() === 0 ? 65_534 : undefined;

  test("a folder that may not be written", async () => {
    await chmod(root, 0o555);
    const [writer] = await raceOf(openerOf(root), "checkout", 1, 1, somebody);
    expect(writer!.failure).toMatchObject({
      name: "RolloutError",
      code: "unreachable",
      message: expect.stringContaining("could not store entry 1 of checkout: EACCES"),
      hint: `Make ${join(root, "checkout")} writable, or name another place with --store.`,
    });
    expect(await readdir(root)).toEqual([]);
  });

  test("a ledger that may not be written", async () => {
    await directoryStore(root).create("checkout", 1, Buffer.from("1\n"));
    await chmod(join(root, "checkout"), 0o555);
    await chmod(root, 0o755);
    const [writer] = await raceOf(openerOf(root), "checkout", 2, 1, somebody);
    expect(writer!.failure).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("could not store entry 2 of checkout: EACCES"),
    });
    await chmod(join(root, "checkout"), 0o755);
    expect(await readdir(join(root, "checkout"))).toEqual(["000000001.json"]);
  });

  test("a folder that may not be read", async () => {
    await chmod(root, 0o000);
    const [writer] = await raceOf(openerOf(root), "checkout", 1, 1, somebody);
    expect(writer!.failure).toMatchObject({ code: "unreachable", message: expect.stringMatching(/could not list .*EACCES/) });
  });

  test("a file where the folder should be", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    const unreachable = { name: "RolloutError", code: "unreachable", hint: expect.stringContaining("--store") };
    await expect(directoryStore(file).list()).rejects.toMatchObject(unreachable);
    await expect(directoryStore(file).read("checkout", 1)).rejects.toMatchObject(unreachable);
    await expect(directoryStore(file).create("checkout", 1, Buffer.from("1\n"))).rejects.toMatchObject(unreachable);
    await expect(directoryStore(root).create("file", 1, Buffer.from("1\n"))).rejects.toMatchObject(unreachable);
  });
});
