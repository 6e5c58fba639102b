import { existsSync } from "node:fs";
import { readdir, readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { randomFrom } from "../stats/random.ts";
import { startRollout } from "../support/cli.ts";
import { git, startGitDaemon, type GitServer } from "../support/git.ts";
import { commandOf, descendantsOf, killNow } from "../support/processes.ts";
import { requireProgram } from "../support/programs.ts";
import { startProxy, type Fate, type Proxy } from "../support/proxy.ts";
import { startFleet, type Errand, type Fleet, type Told } from "./fleet.ts";
import { someOf, watchPieces } from "./pieces.ts";
import { lostOf, LONG, makeSharedWorld, startGround, type Ground, type SharedPlan, type SharedWorld } from "./shared.ts";
import { faultsOf, isKnownToLedger, PLAN } from "./world.ts";

const KILLS = LONG ? 150 : 6;
const WRITE_WITHIN = 3_000;

/** Who dies while a push is under way. */
const VICTIMS = ["the push", "the runner", "the runner and its push", "the server's side"] as const;

describe.skipIf(!requireProgram("git"))("a ledger in git, by the network", () => {
  let ground: Ground;
  let fleet: Fleet;
  beforeAll(async () => {
    ground = await startGround();
    fleet = startFleet(1);
  });
  afterAll(async () => {
    fleet?.close();
    await ground?.close();
  });

  let world: SharedWorld;
  let daemon: GitServer;
  let proxy: Proxy;
  const open = async (plan: SharedPlan) => {
    world = await makeSharedWorld(ground, "git", plan, 1);
    daemon = await startGitDaemon(dirname(world.store.team!));
    proxy = await startProxy(Number(new URL(daemon.url("")).port));
  };
  const close = async () => {
    await Promise.all([proxy.close(), daemon.close()]);
    await world.remove();
  };

  const notes = () => join(world.folders[0]!, "told.txt");
  const advance = async (): Promise<Told | undefined> => {
    const store = `git:git://127.0.0.1:${proxy.port}/team.git`;
    const errand: Errand = { folder: world.folders[0]!, plan: PLAN, store, notes: notes() };
    return (await fleet.round(() => errand))[0];
  };
  /** A killed runner leaves a change that is its own for a while. */
  const settled = async ({ openUntil = 0 }: Told) => sleep(Math.max(0, openUntil - Date.now()));

  const soundStanding = async (what: string) => {
    const standing = await world.standing();
    expect(faultsOf(standing.entries), what).toEqual([]);
    expect(isKnownToLedger(standing), what).toBe(true);
    expect(lostOf(standing.entries, await readFile(notes(), "utf8").catch(() => "")), what).toEqual([]);
    // Stage after stage, none twice, by the service itself.
    expect(world.changes(), what).toEqual(world.changes().map((_, index) => index + 1));
    return standing;
  };

  test(
    "loses no entry that was acknowledged and keeps nobody out when a push is killed, on either side",
    { timeout: LONG ? 4 * 3_600_000 : 300_000 },
    async () => {
      const random = randomFrom(9_418);
      const sums = { kills: 0, byItself: 0, unreachable: 0, locksThere: 0, locksHere: 0, entries: 0 };
      const begun = performance.now();
      await open({ stages: Array.from({ length: 99 }, (_, index) => index + 1), writeWithin: WRITE_WITHIN });
      for (let nth = 0; nth < KILLS; nth++) {
        const victim = VICTIMS[nth % VICTIMS.length]!;
        const killed = killAtPush(victim, 1 + Math.floor(random.uniform() * 3), random.uniform() * 40);
        const told = await advance();
        if (await killed()) sums.kills++;
        if (told?.outcome !== undefined) sums.byItself++;
        else if (told?.error !== undefined) {
          expect(told.error, victim).toMatch(/^unreachable: /);
          sums.unreachable++;
        }
        // What follows at once gets through, or names the lock that a killed git left behind.
        let next = (await advance())!;
        const [there, here] = [await locksIn(world.store.team!), await locksIn(join(world.folders[0]!, ".git", "rollout"))];
        if (next.error !== undefined) {
          expect(
            [...there, ...here].some((lock) => next.error!.includes(lock.slice(lock.indexOf("refs")))),
            `${victim}: ${next.error}`,
          ).toBe(true);
          await Promise.all([...there, ...here].map((lock) => unlink(lock)));
          next = (await advance())!;
        }
        expect(next.error, victim).toBeUndefined();
        sums.locksThere += there.length;
        sums.locksHere += here.length;
        await settled(next);
        await soundStanding(victim);
      }
      const last = (await advance())!;
      await settled(last);
      const { entries } = await soundStanding("in the end");
      sums.entries = entries.length;
      expect(await world.rollout(["log", "verify", PLAN, "--replay"])).toMatchObject({ status: 0 });
      await close();
      if (LONG) console.log(JSON.stringify({ ...sums, seconds: Math.round((performance.now() - begun) / 1000) }));
      expect(sums.kills).toBeGreaterThan(KILLS / 2);
    },
  );

  /** Kills somebody once, when so many pushes have begun and a moment later; gives what says whether it came to that. */
  function killAtPush(victim: (typeof VICTIMS)[number], nth: number, after: number): () => Promise<boolean> {
    let left = nth;
    let killing: Promise<void> | undefined;
    const kill = async () => {
      await sleep(after);
      const runner = (await fleet.pids())[0]!;
      const below = descendantsOf(runner);
      const pushes = below.filter((pid) => commandOf(pid).includes("push"));
      switch (victim) {
        case "the push":
          return pushes.forEach(killNow);
        case "the runner":
          return fleet.replace(0);
        case "the runner and its push":
          below.forEach(killNow);
          return fleet.replace(0);
        case "the server's side":
          return descendantsOf(daemon.pid!).forEach(killNow);
        default:
          return victim satisfies never;
      }
    };
    proxy.toServer = (bytes): Fate => {
      if (bytes.includes("git-receive-pack") && --left === 0) killing = kill();
      return "on";
    };
    return async () => {
      proxy.toServer = () => "on";
      await killing;
      return killing !== undefined;
    };
  }

  test(
    "settles what was asked when the connection fails at any byte: each entry is stored once, and the stage is applied once",
    { timeout: LONG ? 4 * 3_600_000 : 300_000 },
    async () => {
      const begun = performance.now();
      const plan = { stages: ["1%, bake: 1h"], writeWithin: WRITE_WITHIN };
      await open(plan);
      const rehearsed = watchPieces(proxy);
      expect(await advance()).toMatchObject({ outcome: "advanced" });
      const faults = rehearsed.faults({ silence: false });
      await close();
      const chosen = LONG ? faults : someOf(faults, 6, randomFrom(11));
      const sums = { faults: 0, unreachable: 0 };
      for (const fault of chosen) {
        await open(plan);
        const happened = fault.arm(proxy);
        const told = (await advance())!;
        const what = `${fault.what}: ${JSON.stringify(told)}`;
        if (happened()) sums.faults++;
        if (told.error !== undefined) {
          expect(told.error, what).toMatch(/^unreachable: /);
          sums.unreachable++;
        }
        proxy.toServer = proxy.toClient = () => "on";
        for (let tries = 0; tries < 5 && (await world.standing()).state?.stage !== 0; tries++) {
          const again = (await advance())!;
          expect(again.error, what).toBeUndefined();
          await settled(again);
        }
        expect(world.changes(), what).toEqual([1]);
        expect((await soundStanding(what)).state, what).toMatchObject({ stage: 0 });
        await close();
      }
      // Of the last pieces there may be one less another time.
      expect(sums.faults).toBeGreaterThan(chosen.length / 2);
      if (LONG) console.log(JSON.stringify({ ...sums, seconds: Math.round((performance.now() - begun) / 1000) }));
    },
  );

  describe("whose ref is moved while a runner is at it", () => {
    beforeEach(() => open({ stages: ["1%, bake: 1h"], writeWithin: WRITE_WITHIN, more: "policy: { poll: 200ms }" }));
    afterEach(() => close());
    const ref = () => `refs/rollout/${world.name}`;
    const there = () => git(world.store.team!, ["for-each-ref", "--format=%(objectname)", ref()]).trim();

    test.each([
      ["deleted", () => git(world.store.team!, ["update-ref", "-d", ref()])],
      ["put back", () => git(world.store.team!, ["update-ref", ref(), `${ref()}~1`])],
    ])("%s, is damaged: the runner ends with 7 and makes nothing anew", { timeout: 120_000 }, async (_, move) => {
      const runner = startRollout(["run", PLAN, "--store", "git:origin"], { cwd: world.folders[0]! });
      await runner.said("the flag says 1%");
      move();
      const after = there();
      expect(await runner.done).toMatchObject({ status: 7, stderr: expect.stringContaining("it was seen here") });
      expect(there()).toBe(after);
      expect(world.changes()).toEqual([1]);
    });
  });
});

async function locksIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const found = await readdir(folder, { recursive: true });
  return found.filter((name) => name.endsWith(".lock")).map((name) => join(folder, name));
}
