import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { randomFrom } from "../stats/random.ts";
import { postgresPrograms, type Postgres } from "../support/postgres.ts";
import { startProxy, type Fate, type Proxy } from "../support/proxy.ts";
import { startFleet, type Errand, type Fleet, type Told } from "./fleet.ts";
import { lostOf, LONG, makeSharedWorld, startGround, type Ground, type SharedWorld } from "./shared.ts";
import { faultsOf, isKnownToLedger, PLAN } from "./world.ts";
import { someOf, watchPieces } from "./pieces.ts";

const KILLS = LONG ? 200 : 6;
const WRITE_WITHIN = 1_000;

/** When the server dies: before it has an entry, while it stores it, when it has, or whenever. */
const MOMENTS = ["before", "amid", "after", "whenever"] as const;

describe.skipIf(!postgresPrograms())("a PostgreSQL under a runner", () => {
  let ground: Ground;
  let server: Postgres;
  let proxy: Proxy;
  let fleet: Fleet;
  beforeAll(async () => {
    ground = await startGround();
    server = await ground.postgres();
    fleet = startFleet(1);
  });
  afterAll(async () => {
    fleet?.close();
    await ground?.close();
  });
  beforeEach(async () => {
    proxy = await startProxy(server.port);
  });
  afterEach(() => proxy.close());

  const address = () => `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
  const notesOf = ({ folders }: SharedWorld) => join(folders[0]!, "told.txt");
  const advanceIn = async (world: SharedWorld): Promise<Told> => {
    const errand: Errand = { folder: world.folders[0]!, plan: PLAN, store: address(), notes: notesOf(world) };
    return (await fleet.round(() => errand))[0]!;
  };
  const soundStanding = async (world: SharedWorld, what: string) => {
    const standing = await world.standing();
    expect(faultsOf(standing.entries), what).toEqual([]);
    expect(isKnownToLedger(standing), what).toBe(true);
    const notes = await readFile(notesOf(world), "utf8").catch(() => "");
    expect(lostOf(standing.entries, notes), what).toEqual([]);
    return standing;
  };

  test(
    "that is killed while it stores an entry loses none that it acknowledged, and the runner goes on",
    { timeout: LONG ? 3_600_000 : 300_000 },
    async () => {
      const random = randomFrom(5_432);
      const stages = Array.from({ length: 90 }, (_, index) => index + 1);
      const sums = { kills: 0, byItself: 0, unreachable: 0, entries: 0 };
      const begun = performance.now();
      let world = await makeSharedWorld(ground, "postgres", { stages, writeWithin: WRITE_WITHIN }, 1);
      const finish = async () => {
        sums.entries += (await soundStanding(world, "in the end")).entries.length;
        expect(await world.rollout(["log", "verify", PLAN, "--replay"])).toMatchObject({ status: 0 });
        await world.remove();
      };
      for (let nth = 0; nth < KILLS; nth++) {
        if (world.changes().length > 60) {
          await finish();
          world = await makeSharedWorld(ground, "postgres", { stages, writeWithin: WRITE_WITHIN }, 1);
        }
        const moment = MOMENTS[nth % MOMENTS.length]!;
        const killed = killAt(moment, random.uniform());
        const told = await advanceIn(world);
        // An advance may end before its moment has come.
        const died = await killed();
        if (died) sums.kills++;
        if (told.error === undefined) sums.byItself += died ? 1 : 0;
        else {
          expect(told.error, moment).toMatch(/^unreachable: /);
          sums.unreachable++;
        }
        await soundStanding(world, moment);
        // Stage after stage, none twice, by the service itself.
        expect(world.changes(), moment).toEqual(world.changes().map((_, index) => index + 1));
      }
      await finish();
      if (LONG) console.log(JSON.stringify({ ...sums, seconds: Math.round((performance.now() - begun) / 1000) }));
      expect(sums.kills).toBeGreaterThan(KILLS / 2);
    },
  );

  /** Kills the server once, at the moment that it is said; gives what waits until it is there again and says whether it died. */
  function killAt(moment: (typeof MOMENTS)[number], chance: number): () => Promise<boolean> {
    let restarted: Promise<void> | undefined;
    const kill = async () => {
      if (restarted) return;
      const halted = server.halt("kill");
      restarted = halted.then(() => server.start());
      await halted;
    };
    let inserts = 1 + Math.floor(chance * 3);
    let answered = false;
    let timer: NodeJS.Timeout | undefined;
    const isMoment = (bytes: Buffer) => bytes.includes("insert into rollout.entry") && --inserts === 0;
    proxy.toServer = async (bytes): Promise<Fate> => {
      if (!isMoment(bytes)) return "on";
      answered = true;
      if (moment === "before") await kill();
      if (moment === "amid") timer = setTimeout(() => void kill(), chance * 3);
      return "on";
    };
    proxy.toClient = async (): Promise<Fate> => {
      if (answered && moment === "after") await kill();
      answered = false;
      return "on";
    };
    if (moment === "whenever") timer = setTimeout(() => void kill(), chance * 60);
    return async () => {
      clearTimeout(timer);
      proxy.toServer = () => "on";
      proxy.toClient = () => "on";
      await restarted;
      return restarted !== undefined;
    };
  }

  test(
    "whose connection fails at any byte settles what it was asked: each entry is stored once, and the stage is applied once",
    { timeout: LONG ? 3_600_000 : 300_000 },
    async () => {
      const begun = performance.now();
      const plan = { stages: ["10%, bake: 1h"], writeWithin: WRITE_WITHIN };
      const rehearsal = await makeSharedWorld(ground, "postgres", plan, 1);
      const rehearsed = watchPieces(proxy);
      expect(await advanceIn(rehearsal)).toMatchObject({ outcome: "advanced" });
      const faults = rehearsed.faults({ silence: LONG });
      await rehearsal.remove();
      const chosen = LONG ? faults : someOf(faults, 16, randomFrom(7));
      const sums = { faults: 0, unreachable: 0 };
      for (const fault of chosen) {
        const world = await makeSharedWorld(ground, "postgres", plan, 1);
        const happened = fault.arm(proxy);
        const told = await advanceIn(world);
        const what = `${fault.what}: ${JSON.stringify(told)}`;
        if (happened()) sums.faults++;
        if (told.error !== undefined) {
          expect(told.error, what).toMatch(/^unreachable: /);
          sums.unreachable++;
        }
        proxy.toServer = proxy.toClient = () => "on";
        for (let tries = 0; tries < 5 && (await world.standing()).state?.stage !== 0; tries++) {
          const again = await advanceIn(world);
          expect(again.error, what).toBeUndefined();
          if (again.openUntil !== undefined) await sleep(Math.max(0, again.openUntil - Date.now()));
        }
        expect(world.changes(), what).toEqual([10]);
        expect((await soundStanding(world, what)).state, what).toMatchObject({ stage: 0 });
        await world.remove();
      }
      // Of the last pieces there may be one less another time.
      expect(sums.faults).toBeGreaterThan(chosen.length / 2);
      if (LONG) console.log(JSON.stringify({ ...sums, seconds: Math.round((performance.now() - begun) / 1000) }));
    },
  );
});
