import { existsSync, readdirSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeEntry } from "../../src/ledger/chain.ts";
import { applied, intent, look, START } from "../core/builders.ts";
import { git } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { entries } from "./builders.ts";
import { bytesOf, fill, gitWorld, picture, putHook, textsOf, type GitWorld } from "./gitWorld.ts";

describe.skipIf(!requireProgram("git"))("a ledger in the team's repository", () => {
  let world: GitWorld;
  beforeEach(async () => {
    world = await gitWorld();
  });
  afterEach(() => world.remove());

  const log = (...args: string[]) => git(world.team, ["log", ...args, "refs/rollout/checkout"]).trim();

  /** Our own repository within the checkout's. */
  const copyOf = (): string => {
    const folder = join(world.checkout, ".git", "rollout");
    return join(folder, readdirSync(folder)[0]!);
  };

  describe("what is written", () => {
    test("is a ref of its own: a commit an entry, after the one before it, with that entry's file alone", async () => {
      await fill(world.open(), 3);
      expect(git(world.team, ["for-each-ref", "--format=%(refname)"]).trim().split("\n")).toEqual([
        "refs/heads/main",
        "refs/rollout/checkout",
      ]);
      const commits = log("--reverse", "--format=%H %P")
        .split("\n")
        .map((line) => line.trim().split(" "));
      expect(commits.map(([, parent]) => parent)).toEqual([undefined, commits[0]![0], commits[1]![0]]);
      for (const [index, [commit]] of commits.entries()) {
        expect(git(world.team, ["ls-tree", "-r", "--name-only", commit!])).toBe(`00000000${index + 1}.json\n`);
        expect(git(world.team, ["show", `${commit}:00000000${index + 1}.json`])).toBe(`${index + 1}\n`);
      }
    });

    test("reads well in git's log: what, where, who and when", async () => {
      const [first, second] = entries(2);
      const written = [
        first!,
        second!,
        { ...second!, ...look({}), seq: 3, at: START + 60_000, actor: { who: "ci\u001B[31m\nevil\u202E", where: "GitHub Actions, run 7" } },
        { ...second!, ...intent(START), seq: 4 },
        { ...second!, ...applied(4), seq: 5 },
      ];
      await world.open().createAll!("checkout", 1, [
        ...written.map((entry) => encodeEntry(entry as never)),
        bytesOf("\u0000no entry"),
        bytesOf(""),
      ]);
      const subjects = log("--reverse", "--format=%s").split("\n");
      expect(subjects).toEqual([
        "checkout 1, started (ann)",
        "checkout 2, intent: advance, stage 1 (ann)",
        expect.stringMatching(/^checkout 3, look: \w+.* \(ci \[31m evil\)$/),
        "checkout 4, intent: advance, stage 1 (ann)",
        "checkout 5, applied (ann)",
        "checkout 6, entry 6",
        "checkout 7, entry 7",
      ]);
      expect(log("-1", "--skip=4", "--format=%b")).toContain("Run 1. Claimed actor: ci [31m evil, GitHub Actions, run 7.");
      expect(log("-1", "--skip=4", "--format=%an <%ae> %at, %cn <%ce> %ct")).toBe(
        ["", ""].map(() => `rollout <rollout@localhost> ${Math.floor(START / 1000) + 60}`).join(", "),
      );
    });

    test("is dated when it is written where the entry's own instant is none", async () => {
      const odd = [-5, 1e300, "soon", null].map((at) => bytesOf(JSON.stringify({ kind: "look", at, actor: { who: 7 }, data: [] })));
      const before = Math.floor(Date.now() / 1000);
      await world.open().createAll!("checkout", 1, odd);
      for (const time of log("--format=%at").split("\n")) expect(Number(time)).toBeGreaterThanOrEqual(before);
      expect(log("-1", "--format=%B")).toBe("checkout 4, look");
    });
  });

  describe("a checkout", () => {
    test("is left as it was: files, index, HEAD, branches, refs, objects and settings", async () => {
      await writeFile(join(world.checkout, "file"), "changed");
      await writeFile(join(world.checkout, "new"), "new");
      git(world.checkout, ["add", "new"]);
      const before = await picture(world.checkout);
      const store = world.open();
      await fill(store, 2);
      await store.list();
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
      expect(await picture(world.checkout)).toEqual(before);
      expect(git(world.checkout, ["log", "--all", "--format=%s"]).trim().split("\n")).toEqual(["two", "one"]);
    });

    test("needs no name of a user, and its hooks, signatures and other settings do not meet our pushes", async () => {
      const mark = join(world.folder, "ran");
      for (const name of ["pre-push", "reference-transaction", "post-update", "pre-auto-gc"])
        await putHook(join(world.checkout, ".git", "hooks"), name, mark, 1);
      const settings = {
        "core.hooksPath": join(world.checkout, ".git", "hooks"),
        "push.gpgSign": "true",
        "commit.gpgSign": "true",
        "gpg.program": "false",
        "push.followTags": "true",
        "push.pushOption": "odd",
        "user.useConfigOnly": "true",
        "fetch.prune": "true",
        "fetch.fsckObjects": "true",
        "remote.origin.prune": "true",
        "remote.origin.mirror": "true",
        "remote.origin.tagOpt": "--tags",
      };
      for (const [key, value] of Object.entries(settings)) git(world.checkout, ["config", key, value]);
      await fill(world.open(), 2);
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
      expect(existsSync(mark)).toBe(false);
    });

    test.each([
      ["a shallow one", ["--depth=1"]],
      ["one without contents", ["--filter=blob:none", "--no-checkout"]],
      ["one of a single branch", ["--single-branch"]],
      ["a bare one", ["--bare"]],
    ])("%s does as well", async (_, options) => {
      git(world.team, ["config", "uploadpack.allowFilter", "true"]);
      await fill(world.open(), 2);
      const other = join(world.folder, "other");
      git(world.folder, ["clone", "--quiet", ...options, `file://${world.team}`, other]);
      const store = world.open("origin", { cwd: other });
      expect(await textsOf(store)).toEqual(["1\n", "2\n"]);
      await store.create("checkout", 3, bytesOf("3\n"));
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n", "3\n"]);
      if (options[0] === "--depth=1") expect(git(other, ["rev-parse", "--is-shallow-repository"]).trim()).toBe("true");
    });

    test("and the linked worktrees of it remember together, from any folder within", async () => {
      const linked = join(world.folder, "linked");
      git(world.checkout, ["worktree", "add", "--quiet", linked]);
      await mkdir(join(linked, "deep", "within"), { recursive: true });
      await fill(world.open("origin", { cwd: join(linked, "deep", "within") }), 2);
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
      expect(await readdir(join(world.checkout, ".git", "rollout"))).toHaveLength(1);
    });

    test("whose remote is a path relative to its root is understood from a folder within", async () => {
      git(world.checkout, ["remote", "add", "near", "../team.git"]);
      await mkdir(join(world.checkout, "deep"));
      await fill(world.open("near", { cwd: join(world.checkout, "deep") }), 1);
      expect(await textsOf(world.open("./team.git", { cwd: world.folder }))).toEqual(["1\n"]);
    });

    test("whose address git rewrites is followed to where its pushes go", async () => {
      git(world.checkout, ["remote", "add", "short", "team:it.git"]);
      git(world.checkout, ["config", `url.${world.team}.insteadOf`, "team:it.git"]);
      await fill(world.open("short"), 1);
      expect(await textsOf(world.open("team:it.git"))).toEqual(["1\n"]);
      expect(world.headThere()).toBeDefined();
    });

    test("within a git that runs us is our own folder's, not the one that git points at", async () => {
      const elsewhere = join(world.folder, "elsewhere.git");
      git(world.folder, ["init", "--quiet", "--bare", elsewhere]);
      const pointers = { GIT_DIR: elsewhere, GIT_OBJECT_DIRECTORY: join(elsewhere, "objects"), GIT_INDEX_FILE: join(elsewhere, "index") };
      const before = await picture(elsewhere);
      await fill(world.open("origin", { env: pointers }), 1);
      expect(await picture(elsewhere)).toEqual(before);
      expect(world.headThere()).toBeDefined();
    });
  });

  test("an address needs no checkout; what was seen is then kept in the user's cache", async () => {
    const outside = { cwd: world.folder, env: { XDG_CACHE_HOME: join(world.folder, "cache") } };
    await fill(world.open(world.team, outside), 2);
    expect(await textsOf(world.open(`file://${world.team}`, outside))).toEqual(["1\n", "2\n"]);
    expect(await readdir(join(world.folder, "cache", "rollout", "git"))).toHaveLength(2);
    expect(await readdir(world.folder)).toEqual(["cache", "checkout", "home", "team.git"]);
  });

  test("a copy that was removed is fetched again", async () => {
    await fill(world.open(), 2);
    await rm(join(world.checkout, ".git", "rollout"), { recursive: true });
    const store = world.open();
    await store.create("checkout", 3, bytesOf("3\n"));
    expect(await textsOf(store)).toEqual(["1\n", "2\n", "3\n"]);
  });

  test("a copy that git has tidied up is read and written as before", async () => {
    const store = world.open();
    await store.createAll!(
      "checkout",
      1,
      Array.from({ length: 255 }, (_, index) => bytesOf(`${index + 1}\n`)),
    );
    git(copyOf(), ["gc", "--quiet", "--prune=now"]);
    // With this one it looks by itself whether there is something to tidy.
    await store.create("checkout", 256, bytesOf("256\n"));
    for (const each of [store, world.open()]) expect(await textsOf(each, "checkout", 255)).toEqual(["255\n", "256\n"]);
  });

  test("a copy that lost all its objects is fetched again", async () => {
    await fill(world.open(), 2);
    for (const folder of await readdir(join(copyOf(), "objects"))) {
      if (folder.length === 2) await rm(join(copyOf(), "objects", folder), { recursive: true });
    }
    expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
  });

  test.each(["refs/rollout/checkout", "refs/rollout/checkout:", "refs/rollout/checkout:000000002.json"])(
    "a copy in which a power cut emptied %s says so, and what to do",
    async (what) => {
      await fill(world.open(), 2);
      const id = git(copyOf(), ["rev-parse", what]).trim();
      const file = join(copyOf(), "objects", id.slice(0, 2), id.slice(2));
      await rm(file);
      await writeFile(file, "");
      const failure = {
        name: "RolloutError",
        code: "unreachable",
        hint: expect.stringContaining(`remove the folder ${copyOf()}`.slice(1)),
      };
      await expect(world.open().read("checkout", 1)).rejects.toMatchObject(failure);
      await rm(copyOf(), { recursive: true });
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
    },
  );

  test("refs that are no rollout's are nobody's ledgers", async () => {
    await fill(world.open(), 1);
    const head = world.headThere()!;
    for (const ref of [
      "refs/rollout/Checkout",
      "refs/rollout/a/b",
      "refs/rolloutx/cart",
      "refs/refs/rollout/cart",
      "refs/heads/refs/rollout/cart",
      "refs/tags/refs/rollout/cart",
      "refs/remotes/refs/rollout/cart",
    ])
      git(world.team, ["update-ref", ref, head]);
    expect(await world.open().list()).toEqual(["checkout"]);
    expect(await world.open().read("cart", 1)).toEqual([]);
  });
});
