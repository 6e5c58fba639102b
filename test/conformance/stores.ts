import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { Taken, type Store } from "../../src/ledger/port.ts";
import { MAX_ENTRY_BYTES } from "../../src/model/entry.ts";
import { raceOf, type StoreOpener } from "../ledger/processes.ts";

/** What every store owes, wherever it keeps its ledgers. A store proves it with one fixture. */

export interface StoreFixture {
  store: Store;
  /** The same store, opened anew, as another runner does. */
  reopen(): Store;
  /** How another process opens it. */
  opener: StoreOpener;
  /** Takes a stored entry away, as no command does. */
  remove(name: string, seq: number): Promise<void>;
  close?(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");
const texts = (stored: { seq: number; bytes: Uint8Array }[]) => stored.map((each) => [each.seq, Buffer.from(each.bytes).toString("utf8")]);

/** Names that would lead somewhere else, hide something, or be two names for one ledger. */
const oddNames = [
  "",
  ".",
  "..",
  "../checkout",
  "a/b",
  "/a",
  "a\\b",
  "-a",
  "A",
  "a b",
  "a.b",
  "a\0",
  "a\n",
  "ä",
  "con:",
  `a${"b".repeat(63)}`,
  "__proto__",
];

/** How many entries the longer stories have: where each costs a round trip, fewer tell as much. */
export interface Lengths {
  /** Written by writers in several processes. */
  raced: number;
  /** Written beside a reader. */
  grown: number;
  /** Written one by one, and read. */
  written: number;
  /** Writers that begin together. */
  together: number;
}

export function storeConformance(
  kind: string,
  makeFixture: () => Promise<StoreFixture>,
  { raced, grown, written, together }: Lengths = { raced: 60, grown: 40, written: 12, together: 10 },
): void {
  describe(`${kind}: what every store refuses`, () => {
    let fixture: StoreFixture;
    beforeAll(async () => void (fixture = await makeFixture()));
    afterAll(() => fixture.close?.());

    test.each(oddNames)("a name that is no rollout's: %j", async (name) => {
      const { store } = fixture;
      for (const attempt of [() => store.create(name, 1, bytes("odd\n")), () => store.read(name, 1)]) {
        await expect(attempt()).rejects.toMatchObject({ name: "RolloutError", code: "usage" });
      }
      expect(await store.list()).toEqual([]);
    });
  });

  describe(`${kind}: what every store owes`, () => {
    let fixture: StoreFixture;
    let store: Store;

    beforeEach(async () => {
      fixture = await makeFixture();
      ({ store } = fixture);
    });
    afterEach(() => fixture.close?.());

    const line = (name: string, seq: number) => bytes(`${name} ${seq}\n`);
    const fill = async (name: string, length: number) => {
      for (let seq = 1; seq <= length; seq++) await store.create(name, seq, line(name, seq));
    };
    /** Where entries are but the ground of a story, all at once if the store can. */
    const lay = (name: string, length: number) => {
      const entries = Array.from({ length }, (_, index) => line(name, index + 1));
      return store.createAll ? store.createAll(name, 1, entries) : fill(name, length);
    };

    test("has an address that a person can read", () => expect(store.address).not.toBe(""));

    test("is empty at first, and a name that nobody has used has no entries", async () => {
      expect(await store.list()).toEqual([]);
      expect(await store.read("checkout", 1)).toEqual([]);
      expect(await store.read("checkout", -1)).toEqual([]);
      expect(await store.list()).toEqual([]);
    });

    test("what was created is read, complete and in order, by whoever opens it", async () => {
      await fill("checkout", written);
      const expected = Array.from({ length: written }, (_, index) => [index + 1, `checkout ${index + 1}\n`]);
      for (const reader of [store, fixture.reopen()]) {
        expect(texts(await reader.read("checkout", 1))).toEqual(expected);
        expect(texts(await reader.read("checkout", written - 3))).toEqual(expected.slice(-4));
        expect(texts(await reader.read("checkout", written))).toEqual(expected.slice(-1));
        expect(await reader.read("checkout", written + 1)).toEqual([]);
        expect(await reader.read("checkout", 99)).toEqual([]);
      }
    });

    test("from −1 reads the last entry alone", async () => {
      await lay("checkout", 3);
      expect(texts(await store.read("checkout", -1))).toEqual([[3, "checkout 3\n"]]);
    });

    test("a number can be won once, and keeps what was written first", async () => {
      await lay("checkout", 2);
      for (const seq of [1, 2]) await expect(fixture.reopen().create("checkout", seq, bytes("mine\n"))).rejects.toBeInstanceOf(Taken);
      expect(texts(await store.read("checkout", 1))).toEqual([
        [1, "checkout 1\n"],
        [2, "checkout 2\n"],
      ]);
    });

    test("no number is given before the one before it", async () => {
      await expect(store.create("checkout", 2, bytes("early\n"))).rejects.toBeInstanceOf(Taken);
      expect(await store.list()).toEqual([]);
      await fill("checkout", 1);
      await expect(store.create("checkout", 3, bytes("early\n"))).rejects.toBeInstanceOf(Taken);
      await expect(store.create("checkout", 0, bytes("early\n"))).rejects.toBeInstanceOf(Taken);
      expect(texts(await store.read("checkout", 1))).toEqual([[1, "checkout 1\n"]]);
    });

    test("bytes come back as they were", async () => {
      const every = Uint8Array.from({ length: 256 }, (_, index) => index);
      const contents = [every, new Uint8Array(), bytes("\r\n\n \t\u2028é\u{1F680}"), bytes("\uFEFF{}"), Uint8Array.of(0xff, 0x00, 0xfe)];
      for (const [index, content] of contents.entries()) await store.create("checkout", index + 1, content);
      const read = await fixture.reopen().read("checkout", 1);
      expect(read.map((each) => Buffer.from(each.bytes).toString("hex"))).toEqual(
        contents.map((each) => Buffer.from(each).toString("hex")),
      );
    });

    test("an entry may be as large as an entry may be", async () => {
      const large = Buffer.alloc(MAX_ENTRY_BYTES, "0123456789abcdef\n");
      await store.create("checkout", 1, large);
      await store.create("checkout", 2, bytes("small\n"));
      const [first, second] = await fixture.reopen().read("checkout", 1);
      expect(Buffer.compare(first!.bytes, large)).toBe(0);
      expect(texts([second!])).toEqual([[2, "small\n"]]);
    });

    test("many rollouts do not touch each other, and are listed in order", async () => {
      const names = ["checkout", "cart", "a", "0", "checkout-2", "constructor-2", `z${"9".repeat(62)}`];
      for (const name of names) await lay(name, 2);
      expect(await fixture.reopen().list()).toEqual(names.toSorted());
      for (const name of names) expect(texts(await store.read(name, 1))).toEqual([1, 2].map((seq) => [seq, `${name} ${seq}\n`]));
    });

    test.each([1, 2])("an entry that is missing is damage, however it is read (entry %d)", async (seq) => {
      await lay("checkout", 4);
      await fixture.remove("checkout", seq);
      for (const from of [1, 4, -1]) {
        const failure: unknown = await fixture
          .reopen()
          .read("checkout", from)
          .catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(RolloutError);
        expect(failure).toMatchObject({ code: "damaged", message: expect.stringContaining(`ledger checkout, entry ${seq}`) });
      }
    });

    test("writers that begin together each win or lose, one wins each number", async () => {
      const attempts = await Promise.all(
        Array.from({ length: together }, async (_, index) =>
          fixture
            .reopen()
            .create("checkout", 1, bytes(`${index}\n`))
            .then(
              () => `${index}\n`,
              (error: unknown) => {
                expect(error).toBeInstanceOf(Taken);
                return undefined;
              },
            ),
        ),
      );
      const winners = attempts.filter((each) => each !== undefined);
      expect(winners).toHaveLength(1);
      expect(texts(await store.read("checkout", 1))).toEqual([[1, winners[0]]]);
    });

    test("of writers in several processes each number has one winner, and its bytes are the winner's", async () => {
      const writers = await raceOf(fixture.opener, "checkout", raced, 4);
      expect(writers.map(({ failure }) => failure)).toEqual(writers.map(() => undefined));
      const owners = writers.flatMap(({ who, won }) => won.map((seq) => [seq, `${who} ${seq}\n`] as const)).sort(([a], [b]) => a - b);
      expect(owners.map(([seq]) => seq)).toEqual(Array.from({ length: raced }, (_, index) => index + 1));
      expect(texts(await store.read("checkout", 1))).toEqual(owners);
      // They did meet.
      expect(writers.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(0);
    });

    test("a reader beside a writer sees a ledger that grows and is whole at every moment", async () => {
      let done = false;
      const reading = (async () => {
        const reader = fixture.reopen();
        const lengths: number[] = [];
        while (!done) {
          const seen = texts(await reader.read("checkout", 1));
          expect(seen).toEqual(seen.map((_, index) => [index + 1, `checkout ${index + 1}\n`]));
          lengths.push(seen.length);
        }
        return lengths;
      })();
      await fill("checkout", grown).finally(() => (done = true));
      const lengths = await reading;
      expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    });

    describe("several entries at once", () => {
      const batch = (first: number, length: number, who = "b") => Array.from({ length }, (_, index) => bytes(`${who} ${first + index}\n`));
      const lines = (first: number, length: number, who = "b") =>
        Array.from({ length }, (_, index) => [first + index, `${who} ${first + index}\n`]);

      test("are stored as if one by one, after what is there", async ({ skip }) => {
        if (!store.createAll) return skip();
        await store.createAll("checkout", 1, batch(1, 3));
        await store.createAll("checkout", 4, batch(4, 2));
        await store.createAll("checkout", 6, []);
        await store.create("checkout", 6, bytes("b 6\n"));
        expect(texts(await fixture.reopen().read("checkout", 1))).toEqual(lines(1, 6));
      });

      test("all are stored or none: not where the first number is taken, or the one before it is not", async ({ skip }) => {
        if (!store.createAll) return skip();
        await fill("checkout", 2);
        for (const first of [0, 1, 2, 4]) {
          await expect(store.createAll("checkout", first, batch(first, 4))).rejects.toBeInstanceOf(Taken);
        }
        expect(texts(await store.read("checkout", 1))).toEqual(lines(1, 2, "checkout"));
      });

      test("of writers that begin together one wins, with all that it has", async ({ skip }) => {
        if (!store.createAll) return skip();
        const attempts = await Promise.allSettled(
          [1, 2, 3, 4, 5].map((length) => fixture.reopen().createAll!("checkout", 1, batch(1, length, `${length}`))),
        );
        const won = attempts.flatMap(({ status }, index) => (status === "fulfilled" ? [index + 1] : []));
        expect(won).toHaveLength(1);
        expect(texts(await store.read("checkout", 1))).toEqual(lines(1, won[0]!, `${won[0]!}`));
      });

      test("a name that is no rollout's is refused", async ({ skip }) => {
        if (!store.createAll) return skip();
        await expect(store.createAll("../checkout", 1, batch(1, 2))).rejects.toMatchObject({ code: "usage" });
      });
    });

    describe("several ledgers at once", () => {
      test("each is read as it would be alone, one that nobody has used as empty", async ({ skip }) => {
        if (!store.readAll) return skip();
        const asked = [
          { name: "checkout", from: -1 },
          { name: "cart", from: 2 },
          { name: "search", from: 4 },
          { name: "nobody", from: -1 },
          { name: "none", from: 1 },
        ];
        for (const name of ["checkout", "cart", "search", "other"]) await lay(name, 3);
        const found = await fixture.reopen().readAll!(asked);
        expect([...found.keys()].toSorted()).toEqual(asked.map(({ name }) => name).toSorted());
        for (const { name, from } of asked) expect(found.get(name)).toEqual(await store.read(name, from));
        expect(texts(found.get("cart")!)).toEqual([2, 3].map((seq) => [seq, `cart ${seq}\n`]));
        expect(await store.readAll([])).toEqual(new Map());
      });

      test("an entry that is missing in one of them is damage", async ({ skip }) => {
        if (!store.readAll) return skip();
        for (const name of ["checkout", "cart"]) await lay(name, 3);
        await fixture.remove("cart", 2);
        for (const from of [1, 3, -1]) {
          await expect(fixture.reopen().readAll!(["checkout", "cart"].map((name) => ({ name, from })))).rejects.toMatchObject({
            code: "damaged",
            message: expect.stringContaining("ledger cart, entry 2"),
          });
        }
      });

      test("a name that is no rollout's is refused", async ({ skip }) => {
        if (!store.readAll) return skip();
        await expect(store.readAll([{ name: "Checkout", from: 1 }])).rejects.toMatchObject({ code: "usage" });
      });
    });
  });
}
