import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Taken } from "../../src/ledger/port.ts";
import { MAX_ENTRY_BYTES } from "../../src/model/entry.ts";
import { git, removeEntry } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { bytesOf, fill, gitWorld, textsOf, type GitWorld } from "./gitWorld.ts";

const REF = "refs/rollout/checkout";

describe.skipIf(!requireProgram("git"))("a ledger in git that is not what was written", () => {
  let world: GitWorld;
  beforeEach(async () => {
    world = await gitWorld();
    await fill(world.open(), 3);
  });
  afterEach(() => world.remove());

  const inTeam = (...args: string[]) => git(world.team, args).trim();
  const put = (text: string | Buffer) => git(world.team, ["hash-object", "-w", "--stdin"], { input: text as string }).trim();
  const tree = (...lines: string[]) =>
    git(world.team, ["mktree", "--missing"], { input: lines.map((line) => `${line}\n`).join("") }).trim();
  const commit = (of: string, ...parents: string[]) =>
    git(world.team, ["commit-tree", of, ...parents.flatMap((parent) => ["-p", parent])], { input: "by hand" }).trim();
  const move = (to: string) => inTeam("update-ref", REF, to);
  const damagedWith = (...words: string[]) => ({
    name: "RolloutError",
    code: "damaged",
    message: expect.stringMatching(words.map((word) => `(?=[^]*${word})`).join("")),
  });

  describe("what vanished, went back or was written anew since it was seen here", () => {
    const changes: [string, () => unknown, string][] = [
      ["vanished", () => inTeam("update-ref", "-d", REF), `its ref ${REF} is there no more`],
      ["went back", () => move(`${REF}~1`), "entry 3: it was seen here, and it is there no more"],
      ["was written anew", () => move(commit(`${REF}^{tree}`, `${REF}~1`)), "entry 3: it was seen here, and its commit is another"],
      [
        "has another entry",
        () => move(commit(tree(`100644 blob ${put("mine")}\t000000002.json`), `${REF}~2`)),
        "entry 2: it was seen here, and another is in its place",
      ],
      ["has one less", () => removeEntry(world.team, "checkout", 2), "entry 2: it is missing"],
    ];

    test.each(changes)("%s: damage for whoever has seen it, in every process, and nothing is pushed", async (_, change, words) => {
      const store = world.open();
      await store.read("checkout", 1);
      change();
      const there = world.headThere();
      for (const each of [store, world.open()]) {
        await expect(each.read("checkout", 4)).rejects.toMatchObject(damagedWith(words));
        await expect(each.create("checkout", 4, bytesOf("4\n"))).rejects.toMatchObject(damagedWith(words));
      }
      const asked = ["cart", "checkout"].map((name) => ({ name, from: -1 }));
      await expect(world.open().readAll!(asked)).rejects.toMatchObject(damagedWith(words));
      // By the number that is free now, too: nobody who has seen it makes it anew.
      await expect(world.open().create("checkout", 1, bytesOf("1\n"))).rejects.toMatchObject(damagedWith(words));
      expect(world.headThere()).toBe(there);
    });

    test("can be restored from what was seen, or forgotten, as the hint says", async () => {
      const before = world.headThere()!;
      inTeam("update-ref", "-d", REF);
      const { hint } = (await world
        .open()
        .read("checkout", 1)
        .catch((error: unknown) => error)) as { hint: string };
      const folder = /\S*\.git\/rollout\/\w+/.exec(hint)![0];
      git(folder, ["push", "--quiet", world.team, `${before}:${REF}`]);
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n", "3\n"]);
      inTeam("update-ref", "-d", REF);
      git(world.folder, /git (--git-dir .*)$/.exec(hint)![1]!.split(" "));
      expect(await world.open().read("checkout", 1)).toEqual([]);
    });

    test("a clone that has seen nothing takes what there is, and what is there now for what there is", async () => {
      move(`${REF}~1`);
      await rm(join(world.checkout, ".git", "rollout"), { recursive: true });
      const store = world.open();
      expect(await textsOf(store)).toEqual(["1\n", "2\n"]);
      await store.create("checkout", 3, bytesOf("another 3\n"));
    });
  });

  const file = (seq: number, text: string | Buffer = `${seq}\n`) => `100644 blob ${put(text)}\t00000000${seq}.json`;
  test.each<[string, () => string, string]>([
    ["a merge", () => commit(tree(file(4)), REF, `${REF}~1`), "has 2 parents"],
    [
      "a file beside the entry",
      () => commit(tree(file(4), `100644 blob ${put("x")}\tREADME`), REF),
      "entry 4: its commit holds more than that entry",
    ],
    [
      "the entries before it",
      () => commit(tree(file(1), file(2), file(3), file(4)), REF),
      "entry 4: its commit holds more than that entry",
    ],
    ["no file", () => commit(tree(), REF), "entry 4: it is missing"],
    ["a file of another number", () => commit(tree(file(5)), REF), "entry 4: it is missing"],
    ["the number before it once more", () => commit(tree(file(3)), REF), "entry 4: it is missing"],
    ["a folder in place of the file", () => commit(tree(`040000 tree ${tree(file(4))}\t000000004.json`), REF), "entry 4: it is not a file"],
    [
      "a file that is larger than any entry",
      () => commit(tree(file(4, Buffer.alloc(MAX_ENTRY_BYTES + 1))), REF),
      "entry 4: it has 8388609 bytes",
    ],
    ["no commit but a file", () => put("x"), "which is no commit"],
    ["damage before its last entry", () => commit(tree(file(5)), commit(tree(file(9)), REF)), "entry 4: it is missing"],
  ])("%s is damage, however it is read", async (_, make, words) => {
    move(make());
    await rm(join(world.checkout, ".git", "rollout"), { recursive: true });
    for (const from of [1, -1, 5]) await expect(world.open().read("checkout", from)).rejects.toMatchObject(damagedWith(words));
    const there = world.headThere();
    await expect(world.open().create("checkout", 5, bytesOf("5\n"))).rejects.toMatchObject(damagedWith(words));
    expect(world.headThere()).toBe(there);
  });

  test("a link's mode changes nothing: an entry is bytes", async () => {
    move(commit(tree(file(4).replace("100644", "120000")), REF));
    expect(await textsOf(world.open(), "checkout", 4)).toEqual(["4\n"]);
  });

  test("a remote that itself has but the end of the history is said to be so", async () => {
    const shallow = join(world.folder, "shallow.git");
    git(world.folder, ["init", "--quiet", "--bare", shallow]);
    git(shallow, ["fetch", "--quiet", "--depth=1", `file://${world.team}`, `${REF}:${REF}`]);
    await expect(world.open(shallow).read("checkout", 1)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("shallow"),
    });
  });

  test("one ledger's damage is not another's", async () => {
    await fill(world.open(), 1, "cart");
    inTeam("update-ref", "-d", REF);
    expect(await textsOf(world.open(), "cart")).toEqual(["1\n"]);
    expect(await world.open().list()).toEqual(["cart"]);
    await expect(world.open().create("cart", 1, bytesOf("again\n"))).rejects.toBeInstanceOf(Taken);
  });
});
