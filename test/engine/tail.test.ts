import { beforeAll, describe, expect, test } from "vitest";
import { follow, readState, readStates } from "../../src/engine/tail.ts";
import { RolloutError } from "../../src/errors.ts";
import { judgeInBrief } from "../../src/judge/judge.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import { memoryStore, type MemoryStoreOptions } from "../support/memoryStore.ts";
import { entryIn, forged, NAME, renamed, writtenLedger } from "./ledgers.ts";

/** The end of a ledger, read from its last checkpoint on. */

let ledger: StoredEntry[];
/** The numbers of the entries that carry one. */
let checkpoints: number[];
beforeAll(async () => {
  ledger = await writtenLedger({ bake: 4 });
  checkpoints = ledger.map(entryIn).flatMap(({ seq, checkpoint }) => (checkpoint ? [seq] : []));
});

/** By all entries from the first on. What was stored is compared as it was stored. */
const folded = (stored: readonly StoredEntry[], name = NAME) => asStored(follow(name, undefined, stored, judgeInBrief));
const asStored = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
const ending = (length: number) => ledger.slice(0, length);

describe("the state of a ledger", () => {
  test("is the same from its last checkpoint on as from its beginning, evidence and all, wherever it ends", async () => {
    for (let length = 1; length <= ledger.length; length++) {
      const store = memoryStore([[NAME, ending(length)]]);
      expect(asStored(await readState(store, NAME, judgeInBrief)), `${length} entries`).toEqual(folded(ending(length)));
    }
  });

  test("takes no more reading than from its last checkpoint", async () => {
    const store = memoryStore([[NAME, ledger]]);
    await readState(store, NAME);
    expect(store.asked).toEqual([`read ${NAME} -1`]);
    const later = memoryStore([[NAME, ending(checkpoints[1]! + 1)]]);
    await readState(later, NAME);
    expect(later.asked).toEqual([`read ${NAME} -1`, `read ${NAME} ${checkpoints[1]}`]);
  });

  test("of a name that nobody has used is nothing", async () => {
    expect(await readState(memoryStore(), NAME)).toBeUndefined();
  });

  test("is folded from its beginning where its last checkpoint is of another version", async () => {
    const strange = forged(ledger, checkpoints.at(-1)!, (entry) => ({ ...entry, checkpoint: { format: 9, state: { of: "another" } } }));
    expect(asStored(await readState(memoryStore([[NAME, strange]]), NAME, judgeInBrief))).toEqual(folded(strange));
    const before = forged(ending(checkpoints[1]! + 1), checkpoints[1]!, (entry) => ({ ...entry, checkpoint: { format: 9, state: {} } }));
    expect(asStored(await readState(memoryStore([[NAME, before]]), NAME, judgeInBrief))).toEqual(folded(before));
  });

  test.each<[string, (stored: StoredEntry[], last: number) => StoredEntry[], RegExp]>([
    [
      "its last entry is broken",
      (stored, last) => stored.with(last - 1, { seq: last, bytes: Buffer.from("{") }),
      /entry \d+: it is not JSON/,
    ],
    [
      "an entry after its last checkpoint is not what comes after",
      (stored, last) => stored.with(last - 2, { ...stored[last - 2]!, bytes: Buffer.concat([stored[last - 2]!.bytes, Buffer.from("\n")]) }),
      /the entry before it is not the one it was written after|signature is not the end|it is compressed/,
    ],
    [
      "the checkpoint that it names is no entry",
      (stored) => stored.with(checkpoints[1]! - 1, { seq: checkpoints[1]!, bytes: Buffer.from("no entry") }),
      /it is not JSON/,
    ],
  ])("is not told where %s", async (_, damage, says) => {
    const length = checkpoints[1]! + 2;
    const damaged = readState(memoryStore([[NAME, damage(ending(length), length)]]), NAME);
    await expect(damaged).rejects.toMatchObject({ code: "damaged", message: expect.stringMatching(says) });
  });

  test("is not told where its last entry names a checkpoint that is none: it is read from the beginning", async () => {
    const lying = forged(ending(checkpoints[1]! + 1), checkpoints[1]! + 1, (entry) => ({ ...entry, checkpointAt: 2 }));
    expect(asStored(await readState(memoryStore([[NAME, lying]]), NAME, judgeInBrief))).toEqual(folded(lying));
  });
});

describe.each<[string, MemoryStoreOptions]>([
  ["at once, by a store that can", { readsAll: true }],
  ["side by side, by a store that cannot", {}],
])("many ledgers, read %s", (_, options) => {
  const many = () =>
    new Map<string, StoredEntry[]>([
      ["at-a-checkpoint", renamed("at-a-checkpoint", ledger)],
      ["before-the-first", renamed("before-the-first", ending(2))],
      ["further-on", renamed("further-on", ending(checkpoints[1]! + 1))],
    ]);

  test("are each what they are alone, and a name that nobody has used is nothing", async () => {
    const ledgers = many();
    const states = await readStates(memoryStore(ledgers, options), [...ledgers.keys(), "unused"]);
    expect([...states.keys()]).toEqual([...ledgers.keys(), "unused"]);
    expect(states.get("unused")).toBeUndefined();
    for (const [name, stored] of ledgers) {
      expect(states.get(name)).toEqual(await readState(memoryStore([[name, stored]]), name));
      expect(states.get(name)).toMatchObject({ rollout: name, head: { seq: stored.length } });
    }
  });

  test("one that is damaged hides no other: in its last entry, in an entry before, or by one that is missing", async () => {
    const ledgers = many();
    ledgers.set("last-broken", renamed("last-broken", ending(3)).with(2, { seq: 3, bytes: Buffer.from("?") }));
    const long = renamed("tail-broken", ending(checkpoints[1]! + 2));
    ledgers.set("tail-broken", long.with(checkpoints[1]!, { seq: checkpoints[1]! + 1, bytes: Buffer.from("?") }));
    ledgers.set("gap", renamed("gap", ledger).toSpliced(1, 1));
    const states = await readStates(memoryStore(ledgers, options), [...ledgers.keys()]);
    for (const name of ["last-broken", "tail-broken", "gap"]) {
      expect(states.get(name), name).toBeInstanceOf(RolloutError);
      expect(states.get(name), name).toMatchObject({ code: "damaged", message: expect.stringContaining(name) });
    }
    for (const name of many().keys()) expect(states.get(name), name).toMatchObject({ rollout: name });
  });

  test("a store that cannot be reached says so, not of one ledger alone", async () => {
    const store = memoryStore(many(), options);
    const unreachable = new RolloutError("unreachable", "the store does not answer");
    store.read = () => Promise.reject(unreachable);
    if (store.readAll) {
      store.readAll = () => Promise.reject(unreachable);
      await expect(readStates(store, [...many().keys()])).rejects.toBe(unreachable);
    } else expect([...(await readStates(store, [...many().keys()])).values()]).toEqual([unreachable, unreachable, unreachable]);
  });
});

test("many ledgers take two requests of a store that can read them at once, however many they are", async () => {
  const names = ["a", "b", "c"];
  const store = memoryStore(
    names.map((name) => [name, renamed(name, ending(checkpoints[1]! + 1))] as const),
    { readsAll: true },
  );
  await readStates(store, names);
  const from = checkpoints[1];
  expect(store.asked).toEqual(["readAll a -1 b -1 c -1", `readAll a ${from} b ${from} c ${from}`]);
});
