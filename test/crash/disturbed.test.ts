import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom, type Random } from "../stats/random.ts";
import type { TestServer } from "../support/faultyServer.ts";
import { startFleet, type Errand, type Fleet, type Told } from "./fleet.ts";
import { lostOf, LONG, makeSharedWorld, startGround, storeKinds, type Ground, type SharedWorld, type StoreKind } from "./shared.ts";
import { counted, givenOut, guardedBy, METRICS, startShop } from "./shop.ts";
import { faultsOf, isKnownToLedger, PLAN } from "./world.ts";

const PROCESSES = 8;
/** Each world is new to its first round, so that the runners also race to start it. */
const ROUNDS = 5;
/** 200 rounds for each store in the long form. Git takes longest. */
const WORLDS: Record<StoreKind, number> = LONG ? { directory: 40, git: 40, postgres: 40 } : { directory: 2, git: 1, postgres: 2 };
/** Rounds in which nobody is disturbed, until nothing is open any more. */
const MOST_CALM_ROUNDS = 4;

/** How long a write may take, in milliseconds: whoever is stopped for longer than twice that is overtaken. */
const WRITE_WITHIN: Record<StoreKind, number> = { directory: 500, git: 2_000, postgres: 500 };

let ground: Ground;
let shop: TestServer;
let fleet: Fleet;
beforeAll(async () => {
  [ground, shop] = [await startGround(), await startShop()];
  fleet = startFleet(PROCESSES);
});
afterAll(async () => {
  fleet?.close();
  await Promise.all([shop?.close(), ground?.close()]);
});

describe(`${PROCESSES} runners that share a flag and a ledger, and are stopped and killed at random (seeded)`, () => {
  test.each(storeKinds())(
    "apply each stage once, lose no entry and count no number twice (%s)",
    { timeout: LONG ? 4 * 3_600_000 : 300_000 },
    async (kind) => {
      const random = randomFrom(20_261);
      const before = { ...fleet.meddled };
      const sums = { rounds: 0, entries: 0, stages: 0, acknowledged: 0 };
      const outcomes = new Map<string, number>();
      const begun = performance.now();
      for (let nth = 1; nth <= WORLDS[kind]; nth++) {
        const world = await makeSharedWorld(ground, kind, { stages, writeWithin: WRITE_WITHIN[kind], more: guardedBy(shop.url) });
        for (const { outcome = "tooLate" } of await goThrough(world, random, WRITE_WITHIN[kind])) {
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        const { entries, acknowledged } = await expectSound(world);
        sums.rounds += ROUNDS;
        sums.entries += entries;
        sums.acknowledged += acknowledged;
        sums.stages += world.changes().length;
        await world.remove();
      }
      const done = { kills: fleet.meddled.kills - before.kills, stops: fleet.meddled.stops - before.stops };
      expect(done.kills).toBeGreaterThan(0);
      expect(done.stops).toBeGreaterThan(0);
      expect(outcomes.get("advanced")).toBeGreaterThan(0);
      const seconds = Math.round((performance.now() - begun) / 1000);
      if (LONG) console.log(kind, JSON.stringify({ ...sums, ...done, ...Object.fromEntries(outcomes), seconds }));
    },
  );
});

/** As many as the runners could move in all rounds of a world: it never comes to its end. */
const stages = Array.from({ length: PROCESSES * (ROUNDS + MOST_CALM_ROUNDS) + 1 }, (_, index) => index + 1);

/** What a runner may come to, whoever was disturbed. A hold is that of another's change that is open. */
const EXPECTED = new Set(["advanced", "abandoned", "holding", "lost"]);

function isExpected({ outcome, error = "" }: Told): boolean {
  // Who is stopped in the very moment between its last look at the clock and its write says so, and has not written.
  return outcome === undefined ? error.endsWith("was not sent: there was no time left") : EXPECTED.has(outcome);
}

/** All rounds of a world, and then some without disturbance: what was left behind is settled by whoever comes. */
async function goThrough(world: SharedWorld, random: Random, writeWithin: number): Promise<Told[]> {
  const errandOf = (runner: number): Errand => ({
    folder: world.folders[runner % world.folders.length]!,
    plan: PLAN,
    store: world.store.address,
    notes: notesOf(world),
  });
  const told: Told[] = [];
  const settled = (last: Told[]) => Math.max(0, ...last.map(({ openUntil = 0 }) => openUntil - Date.now()));
  const take = (last: Told[]) => {
    expect(last.filter((each) => !isExpected(each))).toEqual([]);
    told.push(...last);
    return settled(last);
  };
  for (let round = 1; round <= ROUNDS; round++) {
    const open = take(await fleet.disturbedRound(errandOf, random, 3 * writeWithin));
    // Half of the time the others come while a change is still its runner's, who may be dead.
    if (random.uniform() < 0.5) await sleep(open);
  }
  for (let calm = 1; calm <= MOST_CALM_ROUNDS; calm++) {
    const open = take(await fleet.round(errandOf));
    if (open === 0 && calm > 1) break;
    await sleep(open);
  }
  return told;
}

function notesOf({ folders }: SharedWorld): string {
  return join(folders[0]!, "told.txt");
}

async function expectSound(world: SharedWorld): Promise<{ entries: number; acknowledged: number }> {
  const standing = await world.standing();
  const { entries, state } = standing;
  expect(state).toMatchObject({ run: 1 });
  expect(state).not.toHaveProperty("pause");
  expect(state).not.toHaveProperty("intent");
  expect(isKnownToLedger(standing)).toBe(true);
  expect(faultsOf(entries)).toEqual([]);

  const notes = await readFile(notesOf(world), "utf8");
  expect(lostOf(entries, notes)).toEqual([]);

  // By the service itself: from each stage to the next, and never back or twice.
  const applied = entries.filter(({ entry }) => entry.kind === "applied").length;
  expect(world.changes()).toEqual(Array.from({ length: applied }, (_, index) => index + 1));
  expect(state).toMatchObject({ stage: applied - 1 });

  for (const metric of METRICS) expect(counted(entries, metric)).toEqual(givenOut(entries, metric));
  expect(await world.rollout(["log", "verify", PLAN, "--replay"])).toMatchObject({ status: 0 });
  return { entries: entries.length, acknowledged: notes.trimEnd().split("\n").length };
}
