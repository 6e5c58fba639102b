import { beforeEach, describe, expect, test } from "vitest";
import { openLedger, type AppendOptions, type Draft, type Ledger, type LedgerOptions } from "../../src/engine/ledger.ts";
import { RolloutError } from "../../src/errors.ts";
import { decodeChain } from "../../src/ledger/chain.ts";
import type { Entry } from "../../src/model/entry.ts";
import { runToEnd } from "../../src/engine/loop.ts";
import { pause, resume } from "../../src/engine/people.ts";
import { look, started, START } from "../core/builders.ts";
import { memoryStore, type MemoryStore } from "../support/memoryStore.ts";
import { createWorld, fileOf, HARMFUL, MINUTE, planOf, stage, type World } from "../support/world.ts";
import { entriesOf, kindsOf } from "./worlds.ts";

/** Where a write is slow, looks on which nothing rests are gathered and stored together with what comes next. */

const NAME = "checkout";
const GATHER_FOR = 60_000;

let store: MemoryStore;
let clock: { now: number };
let dropped: number[];
let told: Entry[];
beforeEach(() => {
  store = memoryStore([], { gatherFor: GATHER_FOR });
  clock = { now: 0 };
  dropped = [];
  told = [];
});

let ids = 0;
function open(changes: Partial<LedgerOptions> = {}): Promise<Ledger> {
  return openLedger(NAME, {
    store,
    clock: { now: () => START + clock.now, monotonic: () => clock.now, sleep: async () => {} },
    actor: async () => ({ who: "ann", where: "desk" }),
    newId: () => (++ids).toString(16).padStart(32, "0"),
    onAppend: (entry) => told.push(entry),
    onDrop: (entries) => dropped.push(entries),
    ...changes,
  });
}

/** Says something on the state as it is now, and nothing once that has moved: as a decision does. */
async function decide(ledger: Ledger, draft: Draft, options?: AppendOptions): Promise<Entry | undefined> {
  const base = ledger.state?.head.hash;
  return ledger.append((state) => (state?.head.hash === base ? draft : undefined), options);
}
const gathers = { gather: true };
/** As it is stored: what the judge remembers is folded from what it read. */
function aLook(): Draft {
  const { kind, data } = look() as Extract<Draft, { kind: "look" }>;
  const { evidence: _, ...stored } = data;
  return { kind, data: stored };
}
const kinds = () => decodeChain(NAME, store.ledgers.get(NAME) ?? []).map(({ entry }) => entry.kind);
const writes = () => store.asked.filter((each) => each.startsWith("create"));

async function begun(): Promise<Ledger> {
  const ledger = await open();
  await decide(ledger, started());
  store.asked.length = 0;
  return ledger;
}

describe("gathered looks", () => {
  test("are the ledger's state and told at once, and not stored", async () => {
    const ledger = await begun();
    const first = await decide(ledger, aLook(), gathers);
    const second = await decide(ledger, aLook(), gathers);
    expect(writes()).toEqual([]);
    expect(kinds()).toEqual(["started"]);
    expect(ledger.state?.head.seq).toBe(3);
    expect(told.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect([first?.seq, second?.seq]).toEqual([2, 3]);
  });

  test("are stored with the next entry that something rests on, all with one write and in their order", async () => {
    const ledger = await begun();
    for (let nth = 0; nth < 3; nth++) await decide(ledger, aLook(), gathers);
    await decide(ledger, { kind: "paused", data: { reason: "lunch" } });
    expect(writes()).toEqual([`createAll ${NAME} 2 4`]);
    expect(kinds()).toEqual(["started", "look", "look", "look", "paused"]);
    expect(ledger.state?.head.hash).toBe(decodeChain(NAME, store.ledgers.get(NAME)!).at(-1)!.hash);
  });

  test("are stored when they are asked for, once", async () => {
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    await decide(ledger, aLook(), gathers);
    await ledger.flush();
    await ledger.flush();
    expect(writes()).toEqual([`createAll ${NAME} 2 2`]);
    expect((await open()).state).toEqual(ledger.state);
  });

  test("are stored with the one that comes after their time", async () => {
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    clock.now += GATHER_FOR - 1;
    await decide(ledger, aLook(), gathers);
    expect(writes()).toEqual([]);
    clock.now += 1;
    await decide(ledger, aLook(), gathers);
    expect(writes()).toEqual([`createAll ${NAME} 2 3`]);
    // And the next ones have a time of their own.
    await decide(ledger, aLook(), gathers);
    clock.now += GATHER_FOR - 1;
    await decide(ledger, aLook(), gathers);
    expect(writes()).toHaveLength(1);
  });

  test("are stored at once by a store that does not gather", async () => {
    store = memoryStore();
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    expect(writes()).toEqual([`create ${NAME} 2`]);
  });
});

describe("gathered looks are dropped, all of them, when somebody else has written", () => {
  const interrupt = async () => {
    const other = await open({ onAppend: () => {}, onDrop: () => {} });
    await other.append(() => ({ kind: "paused", data: { reason: "by another" } }));
  };

  test("what is found when the ledger is read again is what the other wrote, and nothing of the dropped is counted", async () => {
    const ledger = await begun();
    for (let nth = 0; nth < 2; nth++) await decide(ledger, aLook(), gathers);
    await interrupt();
    const state = await ledger.refresh();
    expect(dropped).toEqual([2]);
    expect(state).toEqual((await open()).state);
    expect(state).toMatchObject({ head: { seq: 2 }, pause: { cause: "person" } });
    expect(state).not.toHaveProperty("lastLook");
  });

  test("a decision that rests on them is not made, and a fact is said on what the other wrote", async () => {
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    await interrupt();
    // It was to be the third entry: what it rests on, the look, is not there any more.
    expect(await decide(ledger, aLook())).toBeUndefined();
    expect(dropped).toEqual([1]);
    expect(kinds()).toEqual(["started", "paused"]);
    await ledger.append(() => ({ kind: "paused", data: { reason: "a fact" } }));
    expect(kinds()).toEqual(["started", "paused", "paused"]);
  });

  test("also when as many entries stand there as were gathered: what tells is their hash, not their number", async () => {
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    const base = ledger.state!.head;
    await interrupt();
    expect((await ledger.refresh())!.head.seq).toBe(base.seq);
    expect(ledger.state!.head.hash).not.toBe(base.hash);
    expect(await ledger.append((state) => (state?.head.hash === base.hash ? aLook() : undefined))).toBeUndefined();
  });

  test("on the flush as well, which then stores nothing", async () => {
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    await interrupt();
    await ledger.flush();
    expect(dropped).toEqual([1]);
    expect(kinds()).toEqual(["started", "paused"]);
    expect(ledger.state).toEqual((await open()).state);
  });
});

describe("when the store fails", () => {
  test("what was gathered is still there for the next write", async () => {
    const ledger = await begun();
    for (let nth = 0; nth < 2; nth++) await decide(ledger, aLook(), gathers);
    const { createAll } = store;
    store.createAll = () => Promise.reject(new RolloutError("unreachable", "no answer"));
    await expect(ledger.flush()).rejects.toThrow("no answer");
    store.createAll = createAll!;
    await ledger.flush();
    expect(kinds()).toEqual(["started", "look", "look"]);
    expect(dropped).toEqual([]);
  });

  test("after it has stored them, and only its answer was lost, they are stored once", async () => {
    const ledger = await begun();
    await decide(ledger, aLook(), gathers);
    await decide(ledger, aLook(), gathers);
    const { createAll } = store;
    store.createAll = async (...args) => {
      await createAll!(...args);
      throw new RolloutError("unreachable", "no answer");
    };
    await ledger.flush();
    expect(kinds()).toEqual(["started", "look", "look"]);
    expect(ledger.state?.head.seq).toBe(3);
  });
});

describe("while `run` goes on, on a store that gathers for a quarter of an hour", () => {
  const plan = planOf({ stages: [stage(5, 40 * MINUTE), stage(25)] });

  /** A world whose store gathers, and how many entries it stored with each write. */
  function gatheringWorld() {
    const world = createWorld();
    const runner = world.runner("anna");
    const stored: string[][] = [];
    const { store: plainStore } = runner.engine;
    const record = (entries: number) => stored.push(kindsOf(world).slice(-entries));
    runner.engine.store = {
      ...plainStore,
      gatherFor: 15 * MINUTE,
      async create(...entry) {
        await plainStore.create(...entry);
        record(1);
      },
      async createAll(name, first, entries) {
        for (const [index, bytes] of entries.entries()) await plainStore.create(name, first + index, bytes);
        record(entries.length);
      },
    };
    const run = () => runToEnd(runner.engine, plan.rollout, { file: fileOf(plan), adopt: false });
    return { world, runner, stored, run };
  }

  test("looks that say the same are stored together: after their time, and before an intent", async () => {
    const { world, stored, run } = gatheringWorld();
    expect((await run()).result.outcome).toBe("complete");
    const [started, first, intent, applied, ...after] = stored;
    expect([started, first, intent, applied]).toEqual([["started"], ["look"], ["intent"], ["applied"]]);
    const looks = after.filter((kinds) => kinds.every((kind) => kind === "look"));
    // Two quarters of an hour of looks, one a minute.
    expect(looks.filter(({ length }) => length > 14)).toHaveLength(2);
    expect(kindsOf(world).filter((kind) => kind === "look").length).toBeGreaterThan(40);
    expect(stored.length).toBeLessThan(20);
    for (const kinds of stored) if (kinds.length > 1) expect(new Set(kinds)).toEqual(new Set(["look"]));
    expectNothingCountedTwice(world);
  });

  test("one that finds another verdict is stored at once, with all that was gathered; harm waits for nobody", async () => {
    const { world, stored, run } = gatheringWorld();
    afterLooks(world, 20, () => world.conditions(HARMFUL));
    expect((await run()).result.outcome).toBe("rolledBack");
    const last = stored.findLastIndex((kinds) => kinds.includes("look"));
    expect(stored.slice(last + 1)).toEqual([["intent"], ["applied"]]);
    expect(entriesOf(world).find(({ kind }) => kind === "intent")).toBeDefined();
    expectNothingCountedTwice(world);
  });

  test("what was gathered is dropped when a person writes, and the looks after count it, once", async () => {
    const { world, runner, run } = gatheringWorld();
    const ben = world.runner("ben");
    afterLooks(world, 10, () => pause(ben.engine, plan.rollout, "lunch"));
    afterLooks(world, 15, () => resume(ben.engine, plan.rollout, { adopt: false, restore: false, despiteBreach: false }));
    expect((await run()).result.outcome).toBe("complete");
    expect(runner.notes).toContainEqual({ kind: "warning", sentence: expect.stringMatching(/^somebody else wrote the ledger: \d+ looks/) });
    expectNothingCountedTwice(world);
  });

  /** Does it once, as the runner who loops goes to sleep after so many looks. */
  function afterLooks(world: World, looks: number, work: () => unknown): void {
    const { turn } = world;
    let left = looks;
    world.turn = async (name, operation, until) => {
      if (name === "anna" && operation === "sleep" && --left === 0) await work();
      return turn(name, operation, until);
    };
  }

  /** Each look goes on where the one before ended, and all that was counted is what there was up to then. */
  function expectNothingCountedTwice(world: World): void {
    const measured = entriesOf(world).flatMap((entry) => {
      const reading = entry.kind === "look" ? entry.data.metrics["errors"] : undefined;
      return reading?.status === "measured" ? reading.measurements : [];
    });
    expect(measured.length).toBeGreaterThan(10);
    for (const [index, { from }] of measured.slice(1).entries()) expect(from).toBe(measured[index]!.to);
  }
});
