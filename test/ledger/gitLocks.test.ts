import { existsSync, readdirSync } from "node:fs";
import { unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requireProgram } from "../support/programs.ts";
import { bytesOf, fill, gitWorld, textsOf, type GitWorld } from "./gitWorld.ts";

const REF = "refs/rollout/checkout";

describe.skipIf(!requireProgram("git"))("a lock that a killed git left behind", () => {
  let world: GitWorld;
  let copy: string;
  beforeEach(async () => {
    world = await gitWorld();
    await fill(world.open(), 1);
    const copies = join(world.checkout, ".git", "rollout");
    copy = join(copies, readdirSync(copies)[0]!);
  });
  afterEach(() => world.remove());

  /** Somebody else writes, so that the copy has to follow. */
  const growElsewhere = async () => {
    const elsewhere = world.open(world.team, { cwd: world.folder });
    await elsewhere.create("checkout", 2, bytesOf("2\n"));
  };
  const leave = async (lock: string, secondsAgo: number) => {
    await writeFile(lock, "");
    const then = Date.now() / 1000 - secondsAgo;
    await utimes(lock, then, then);
  };

  test("in our own copy, a while ago, is removed by whoever meets it", async () => {
    await growElsewhere();
    await leave(join(copy, `${REF}.lock`), 120);
    expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
    expect(existsSync(join(copy, `${REF}.lock`))).toBe(false);
  });

  test("in our own copy, just now, may be somebody's: it stays, and is said with what to do", async () => {
    await growElsewhere();
    await leave(join(copy, `${REF}.lock`), 0);
    await expect(world.open().read("checkout", 1)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining(`${REF}.lock`),
      hint: expect.stringContaining(`remove the folder ${copy}: it is but a copy`),
    });
    expect(existsSync(join(copy, `${REF}.lock`))).toBe(true);
  });

  test("on all refs of our own copy keeps nobody from reading and writing", async () => {
    await growElsewhere();
    await leave(join(copy, "packed-refs.lock"), 0);
    const store = world.open();
    await store.read("checkout", 1);
    await store.create("checkout", 3, bytesOf("3\n"));
    expect(await textsOf(world.open())).toEqual(["1\n", "2\n", "3\n"]);
  });

  test("at the remote is its owner's to remove: nothing is stored until then, and what to do is said", async () => {
    const lock = join(world.team, `${REF}.lock`);
    await leave(lock, 120);
    const store = world.open();
    await store.read("checkout", 1);
    await expect(store.create("checkout", 2, bytesOf("2\n"))).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining(`${REF}.lock`),
      hint: expect.stringContaining("remove that file at the remote"),
    });
    expect(existsSync(lock)).toBe(true);
    await unlink(lock);
    await store.create("checkout", 2, bytesOf("2\n"));
    expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
  });
});
