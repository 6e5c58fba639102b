import { describe, expect, test } from "vitest";
import { withDeadlines } from "../../src/ledger/deadline.ts";
import { Taken, type Store } from "../../src/ledger/port.ts";

const never = () => new Promise<never>(() => {});
const silent: Store = { address: "nowhere", list: never, read: never, create: never, createAll: never, readAll: never };

describe("a store that does not answer", () => {
  const store = withDeadlines(silent, { read: 20, write: 40 });
  test.each<[string, () => Promise<unknown>, string]>([
    ["list", () => store.list(), "could not read nowhere: no answer in 0.02 s"],
    ["read", () => store.read("checkout", 1), "could not read nowhere: no answer in 0.02 s"],
    ["readAll", () => store.readAll!([]), "could not read nowhere: no answer in 0.02 s"],
    ["create", () => store.create("checkout", 1, new Uint8Array()), "could not write nowhere: no answer in 0.04 s"],
    ["createAll", () => store.createAll!("checkout", 1, []), "could not write nowhere: no answer in 0.04 s"],
  ])("is out of reach after its time: %s", async (_, call, message) => {
    await expect(call()).rejects.toMatchObject({ code: "unreachable", message: expect.stringContaining(message) as string });
  });
});

test("in time, what a store answers and throws comes through, and what it cannot do stays so", async () => {
  const plain: Store = {
    address: "here",
    gatherFor: 7,
    list: async () => ["checkout"],
    read: async (name, from, most) => [{ seq: from, bytes: Buffer.from(`${name} ${most}`) }],
    create: async () => {
      throw new Taken("late");
    },
  };
  const store = withDeadlines(plain, { read: 1_000, write: 1_000 });
  expect(await store.list()).toEqual(["checkout"]);
  expect(await store.read("checkout", 3, 2)).toEqual([{ seq: 3, bytes: Buffer.from("checkout 2") }]);
  await expect(store.create("checkout", 1, new Uint8Array())).rejects.toBeInstanceOf(Taken);
  expect(store).toMatchObject({ address: "here", gatherFor: 7 });
  expect([store.createAll, store.readAll]).toEqual([undefined, undefined]);
});
