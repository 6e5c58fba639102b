import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLedger } from "../../src/engine/ledger.ts";
import { Taken } from "../../src/ledger/port.ts";
import { person, started } from "../core/builders.ts";
import { git, startGitHttp, type GitHttp } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { settableClock } from "../support/tools.ts";
import { bytesOf, fill, gitWorld, picture, putHook, textsOf, type GitWorld } from "./gitWorld.ts";

/** What every process of this machine was called with. */
function processes(): string {
  const read = (id: string) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc")
    .map((name) => (/^\d+$/.test(name) ? read(name) : ""))
    .join("\n");
}

describe.skipIf(!requireProgram("git"))("a push to a ledger in git", () => {
  let world: GitWorld;
  beforeEach(async () => {
    world = await gitWorld();
  });
  afterEach(() => world.remove());

  test("that somebody else was quicker than has lost, and theirs stays", async () => {
    const [ours, theirs] = [world.open(), world.open(world.team, { cwd: world.folder })];
    await fill(ours, 1);
    await theirs.read("checkout", 1);
    await theirs.create("checkout", 2, bytesOf("theirs\n"));
    await expect(ours.create("checkout", 2, bytesOf("ours\n"))).rejects.toBeInstanceOf(Taken);
    expect(await textsOf(ours)).toEqual(["1\n", "theirs\n"]);
    await ours.create("checkout", 3, bytesOf("ours\n"));
    await expect(theirs.createAll!("checkout", 3, [bytesOf("a"), bytesOf("b")])).rejects.toBeInstanceOf(Taken);
    expect(await textsOf(theirs)).toEqual(["1\n", "theirs\n", "ours\n"]);
  });

  test("that the remote's hook refuses says so with its words, and is not stored", async () => {
    const store = world.open();
    await fill(store, 1);
    const mark = join(world.folder, "ran");
    await putHook(join(world.team, "hooks"), "pre-receive", mark, 1);
    await expect(store.create("checkout", 2, bytesOf("2\n"))).rejects.toMatchObject({
      name: "RolloutError",
      code: "unreachable",
      message: expect.stringMatching(/could not take an entry of checkout: .*no entry for you.*pre-receive hook declined/),
      hint: expect.stringContaining("refs/rollout/*"),
    });
    expect(existsSync(mark)).toBe(true);
    await rm(join(world.team, "hooks", "pre-receive"));
    await store.create("checkout", 2, bytesOf("2\n"));
    expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
  });

  test("to a remote that is gone says so, and what was seen stays; when it is back, all goes on", async () => {
    const store = world.open();
    await fill(store, 1);
    await rename(world.team, `${world.team}.away`);
    const before = await picture(world.checkout);
    const failure = {
      name: "RolloutError",
      code: "unreachable",
      message: expect.stringContaining("team.git"),
      hint: expect.stringContaining("address"),
    };
    await expect(store.create("checkout", 2, bytesOf("2\n"))).rejects.toMatchObject(failure);
    for (const each of [store, world.open()]) {
      await expect(each.read("checkout", 1)).rejects.toMatchObject(failure);
      await expect(each.read("cart", 1)).rejects.toMatchObject(failure);
      await expect(each.list()).rejects.toMatchObject(failure);
    }
    expect(await picture(world.checkout)).toEqual(before);
    await rename(`${world.team}.away`, world.team);
    await store.create("checkout", 2, bytesOf("2\n"));
    expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
  });

  describe("over HTTP", () => {
    let server: GitHttp;
    beforeEach(async () => {
      server = await startGitHttp(world.folder);
    });
    afterEach(() => server.close());

    test("is the one round trip of a write, and a read has one", async () => {
      const store = world.open(server.url("team.git"));
      await fill(store, 1);
      await fill(world.open(), 1, "cart");
      const service = (name: string) => [`/team.git/info/refs?service=git-${name}`, `/team.git/git-${name}`];
      const askedBy = async (work: () => Promise<unknown>) => {
        server.asked.length = 0;
        await work();
        return server.asked.filter((path) => path.includes("info/refs")).concat(server.asked.slice(-1));
      };
      expect(await askedBy(() => store.create("checkout", 2, bytesOf("2\n")))).toEqual(service("receive-pack"));
      expect(await askedBy(() => store.read("checkout", 3))).toEqual(service("upload-pack"));
      await world.open().create("checkout", 3, bytesOf("3\n"));
      expect(await askedBy(() => store.read("checkout", 3))).toEqual(service("upload-pack"));
      const both = ["checkout", "cart"].map((name) => ({ name, from: 1 }));
      expect(await askedBy(() => store.readAll!(both))).toEqual(service("upload-pack"));
    });

    test("whose answer is lost is stored once, and known to be", async () => {
      const store = world.open(server.url("team.git"));
      await fill(store, 1);
      server.onPushed = () => "lose";
      await store.create("checkout", 2, bytesOf("2\n"));
      await store.createAll!("checkout", 3, [bytesOf("3\n"), bytesOf("4\n")]);
      delete server.onPushed;
      await store.create("checkout", 5, bytesOf("5\n"));
      expect(await textsOf(world.open())).toEqual(["1\n", "2\n", "3\n", "4\n", "5\n"]);
    });

    test("whose answer is lost after somebody else wrote the next is stored, too", async () => {
      const store = world.open(server.url("team.git"));
      await fill(store, 1);
      server.onPushed = () => {
        // Once: git sends it anew where a connection that it kept open is cut.
        server.onPushed = () => "lose";
        const head = world.headThere()!;
        const blob = git(world.team, ["hash-object", "-w", "--stdin"], { input: "theirs\n" }).trim();
        const tree = git(world.team, ["mktree"], { input: `100644 blob ${blob}\t000000003.json\n` }).trim();
        git(world.team, [
          "update-ref",
          "refs/rollout/checkout",
          git(world.team, ["commit-tree", tree, "-p", head], { input: "theirs" }).trim(),
        ]);
        return "lose";
      };
      await store.create("checkout", 2, bytesOf("2\n"));
      delete server.onPushed;
      expect(await textsOf(store)).toEqual(["1\n", "2\n", "theirs\n"]);
    });

    test("that never arrives is not stored; nobody is told that it was", async () => {
      const store = world.open(server.url("team.git"));
      await fill(store, 1);
      const before = world.headThere();
      await server.close();
      await expect(store.create("checkout", 2, bytesOf("2\n"))).rejects.toMatchObject({ code: "unreachable" });
      expect(world.headThere()).toBe(before);
      server = await startGitHttp(world.folder);
    });

    test("a ledger goes on through lost answers, each entry once", async () => {
      const options = { clock: settableClock(1_000_000), actor: async () => ({ who: "ann", where: "desk" }) };
      const ledger = await openLedger("checkout", { ...options, store: world.open(server.url("team.git")) });
      server.onPushed = () => "lose";
      await ledger.append(() => started());
      for (let index = 0; index < 2; index++) await ledger.append(() => person);
      delete server.onPushed;
      const read = await openLedger("checkout", { ...options, store: world.open() });
      expect(read.state?.head).toEqual(ledger.state?.head);
      expect(read.state?.head.seq).toBe(3);
    });

    describe("with a password", () => {
      const login = { username: "deploy", password: "s3cret/pass word" };
      const address = (user: string, password: string) =>
        server.url("team.git").replace("://", `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
      const remoteIs = (url: string) => git(world.checkout, ["remote", "set-url", "origin", url]);
      beforeEach(() => {
        server.login = login;
      });

      test("that stands in the remote's address works, and is seen in no list of processes", async () => {
        remoteIs(address(login.username, login.password));
        const lists: string[] = [];
        server.onPushed = () => {
          lists.push(processes());
          return "answer";
        };
        const secrets: string[] = [];
        const store = world.open("origin", { secrets });
        await fill(store, 2);
        expect(await textsOf(world.open())).toEqual(["1\n", "2\n"]);
        expect(lists).toHaveLength(1);
        for (const list of lists) {
          expect(list).toContain(server.url("team.git"));
          for (const form of ["s3cret", "deploy:"]) expect(list).not.toContain(form);
        }
        expect(secrets).toContain(login.password);
        expect(store.address).toBe("git:origin");
      });

      test("that git's settings of the checkout give works, as a CI system leaves them there", async () => {
        remoteIs(server.url("team.git"));
        const basic = Buffer.from(`${login.username}:${login.password}`).toString("base64");
        git(world.checkout, ["config", `http.${server.url("")}.extraHeader`, `AUTHORIZATION: basic ${basic}`]);
        // The server wants it as browsers write it.
        git(world.checkout, ["config", `http.${server.url("")}.extraHeader`, `Authorization: Basic ${basic}`]);
        const secrets: string[] = [];
        await fill(world.open("origin", { secrets }), 1);
        expect(secrets).toContain(basic);
      });

      test("that a credential helper of the user gives works", async () => {
        remoteIs(server.url("team.git"));
        const helper = `!f() { echo "username=${login.username}"; echo "password=${login.password}"; }; f`;
        git(world.checkout, ["config", "credential.helper", helper]);
        await fill(world.open(), 1);
        expect(world.headThere()).toBeDefined();
      });

      test("that is wrong, or that nobody gives, is said without it, and without waiting for somebody to type one", async () => {
        for (const url of [address("deploy", "wr0ng"), address("t0ken-instead-of-a-name", ""), server.url("team.git")]) {
          remoteIs(url);
          const failure = (await world
            .open()
            .read("checkout", 1)
            .catch((error: unknown) => error)) as { code: string; message: string; hint: string };
          expect(failure.code).toBe("unreachable");
          expect(failure.message).toMatch(/Authentication failed|could not read (Username|Password)/);
          for (const secret of ["wr0ng", "t0ken"]) expect(`${failure.message} ${failure.hint}`).not.toContain(secret);
        }
      });
    });
  });
});
