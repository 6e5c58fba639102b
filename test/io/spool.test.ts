import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import type { Spool } from "../../src/io/port.ts";
import { openSpool } from "../../src/io/spool.ts";
import type { SpooledRollback } from "../../src/model/spool.ts";

/** Where a rollback is kept that the ledger does not know of yet. */

const STORE = "/srv/ledgers";
const id = (number: number) => number.toString(16).padStart(32, "0");
const rollback = (changes: Partial<SpooledRollback> = {}): Omit<SpooledRollback, "store"> => ({
  version: 1,
  id: id(1),
  rollout: "checkout",
  run: 2,
  at: 1_700_000_000_000,
  actor: { who: "ann", where: "desk" },
  reason: "errors everywhere",
  revision: "7",
  ...changes,
});

let home: string;
let spool: Spool;
const own = () => join(home, ".local", "state", "rollout", "spool");
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "rollout-home-"));
  spool = openSpool({ env: { HOME: home }, store: STORE });
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe("a rollback that was kept", () => {
  test("is listed by any later process of this user until it is removed, with the store that it belongs to", async () => {
    const path = await spool.put(rollback());
    const later = openSpool({ env: { HOME: home }, store: STORE });
    expect(await later.list("checkout")).toEqual([{ path, rollback: { ...rollback(), store: STORE } }]);
    await later.remove(path);
    expect(await spool.list("checkout")).toEqual([]);
    await expect(later.remove(path)).resolves.toBeUndefined();
  });

  test("is nobody else's to read, and lies where state is kept", async () => {
    const path = await spool.put(rollback());
    expect(path).toBe(join(own(), `checkout-${id(1)}.json`));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(own())).mode & 0o777).toBe(0o700);
    const elsewhere = openSpool({ env: { HOME: home, XDG_STATE_HOME: join(home, "state") }, store: STORE });
    expect(await elsewhere.put(rollback())).toContain(join(home, "state", "rollout", "spool"));
  });

  test("is of one rollout and one store alone, also where a name begins like another", async () => {
    await spool.put(rollback());
    await spool.put(rollback({ id: id(2), rollout: "checkout-eu" }));
    await openSpool({ env: { HOME: home }, store: "/srv/others" }).put(rollback({ id: id(3) }));
    const idsOf = async (name: string) => (await spool.list(name)).map(({ rollback: found }) => found.id);
    expect(await idsOf("checkout")).toEqual([id(1)]);
    expect(await idsOf("checkout-eu")).toEqual([id(2)]);
    expect(await idsOf("check")).toEqual([]);
  });

  test("stands beside others of the same rollout, and takes no place of theirs", async () => {
    for (const number of [2, 1, 3]) await spool.put(rollback({ id: id(number) }));
    expect((await spool.list("checkout")).map(({ rollback: found }) => found.id)).toEqual([id(1), id(2), id(3)]);
  });
});

describe("where it is kept", () => {
  test("ROLLOUT_SPOOL names the one place, made where it is not there", async () => {
    const place = join(home, "kept", "here");
    const named = openSpool({ env: { HOME: home, ROLLOUT_SPOOL: place }, store: STORE });
    const path = await named.put(rollback());
    expect(path).toBe(join(place, `checkout-${id(1)}.json`));
    expect(await named.list("checkout")).toHaveLength(1);
    expect(await readdir(home)).toEqual(["kept"]);
    expect(await spool.list("checkout")).toEqual([]);
  });

  test("is the temporary folder where the user has no other, and it is found there again", async () => {
    await writeFile(join(home, ".local"), "a file where the folder should be");
    vi.stubEnv("TMPDIR", join(home, "tmp"));
    await mkdir(join(home, "tmp"));
    const path = await openSpool({ env: { HOME: home }, store: STORE }).put(rollback());
    expect(path).toContain(join(home, "tmp", "rollout-spool-"));
    expect(await openSpool({ env: { HOME: home }, store: STORE }).list("checkout")).toHaveLength(1);
    vi.unstubAllEnvs();
  });

  test("is said to be nowhere, and why, where it cannot be kept at all", async () => {
    const place = join(home, "file");
    await writeFile(place, "");
    const error: unknown = await openSpool({ env: { ROLLOUT_SPOOL: join(place, "spool") }, store: STORE })
      .put(rollback())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RolloutError);
    expect(error).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/could not be kept on this machine either: ENOTDIR/),
    });
  });
});

describe("what others put there is not taken for ours", () => {
  const foreign = join("foreign.json");
  const put = async (content: string | Uint8Array) => {
    await mkdir(own(), { recursive: true });
    const path = join(own(), `checkout-${id(9)}.json`);
    await writeFile(path, content);
    return path;
  };
  const valid = (changes: object = {}) => JSON.stringify({ ...rollback({ id: id(9) }), store: STORE, ...changes });

  test.each<[string, () => Promise<unknown>]>([
    ["a file that says something else", () => put("{}")],
    ["a file that is not JSON", () => put("{")],
    ["one with a key too many", () => put(valid({ more: true }))],
    ["one of another version", () => put(valid({ version: 2 }))],
    ["one of another rollout under this name", () => put(valid({ rollout: "cart" }))],
    ["one that is larger than any of ours", () => put(valid({ reason: "x".repeat(65 * 1024) }))],
    ["an empty one", () => put("")],
    [
      "a link",
      async () => {
        await writeFile(join(home, foreign), valid());
        await mkdir(own(), { recursive: true });
        await symlink(join(home, foreign), join(own(), `checkout-${id(9)}.json`));
      },
    ],
    [
      "a pipe, which nobody writes to",
      async () => {
        await mkdir(own(), { recursive: true });
        execFileSync("mkfifo", [join(own(), `checkout-${id(9)}.json`)]);
      },
    ],
    ["a folder", () => mkdir(join(own(), `checkout-${id(9)}.json`), { recursive: true })],
  ])("%s", async (_, make) => {
    await make();
    expect(await spool.list("checkout")).toEqual([]);
    // And it hides none that is.
    await spool.put(rollback());
    expect(await spool.list("checkout")).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() !== 0)("a file of another user", async () => {
    const path = await put(valid());
    expect(await spool.list("checkout")).toHaveLength(1);
    await chown(path, 65_534, 65_534);
    expect(await spool.list("checkout")).toEqual([]);
  });

  test("nor is what has our own name overwritten: it stays, and the rollback is kept in the next place", async () => {
    await spool.put(rollback());
    await unlink(join(own(), `checkout-${id(1)}.json`));
    await symlink(join(home, "target"), join(own(), `checkout-${id(1)}.json`));
    vi.stubEnv("TMPDIR", home);
    const path = await openSpool({ env: { HOME: home }, store: STORE }).put(rollback());
    vi.unstubAllEnvs();
    expect(path).toContain(join(home, "rollout-spool-"));
    await expect(readFile(join(home, "target"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

test("a spool that cannot be read has nothing in it, which keeps nobody from going on", async () => {
  await mkdir(join(home, ".local", "state", "rollout"), { recursive: true });
  await writeFile(own(), "no folder");
  expect(await spool.list("checkout")).toEqual([]);
  await rm(own());
  await mkdir(own());
  await chmod(own(), 0);
  expect(await spool.list("checkout")).toEqual([]);
  await chmod(own(), 0o700);
});
