import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { decodeChain, decodeEntry, encodeEntry, GENESIS, hashOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import { MAX_ENTRY_BYTES, type Entry } from "../../src/model/entry.ts";
import { look, measured, plan, started } from "../core/builders.ts";
import { entries, stored } from "./builders.ts";

const begin = { seq: 0, hash: GENESIS };
const bytesOf = (text: string) => Buffer.from(text, "utf8");
const one = (changes: object = {}): object => ({ ...entries(1)[0]!, ...changes });
const read = (entry: unknown, name = "checkout") => decodeEntry(name, { seq: 1, bytes: bytesOf(JSON.stringify(entry)) }, begin);
const withData = (changes: object) => one({ data: { ...(started().data as object), ...changes } });

/** What is said of a ledger that is not what was written. */
function expectDamage(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(RolloutError);
    const { code, message, hint } = error as RolloutError;
    expect(code).toBe("damaged");
    expect(hint).toContain("rollout log verify checkout");
    expect(message.length).toBeLessThan(1_000);
    return message;
  }
  throw new Error("it was taken for a ledger");
}
const expectDamaged = (all: StoredEntry[]) => expectDamage(() => decodeChain("checkout", all));

describe("a ledger that is whole", () => {
  test("reads as it was written", () => {
    const all = entries();
    const chain = decodeChain("checkout", stored(all));
    expect(chain.map(({ entry }) => entry)).toEqual(all);
    expect(chain.map(({ hash }) => hash)).toEqual(all.map((entry) => hashOf(encodeEntry(entry))));
    expect(all.slice(1).map(({ prev }) => prev)).toEqual(chain.slice(0, -1).map(({ hash }) => hash));
  });

  test("an entry is one line of JSON, and its hash is that of its bytes", () => {
    const [entry] = entries(1);
    const text = Buffer.from(encodeEntry(entry!)).toString("utf8");
    expect(text).toBe(`${JSON.stringify(entry)}\n`);
    expect(hashOf(bytesOf(text))).toBe(createHash("sha256").update(text).digest("hex"));
  });

  test("goes on from a head that was read before", () => {
    const [first, second] = stored();
    const { hash } = decodeEntry("checkout", first!, begin);
    expect(decodeEntry("checkout", second!, { seq: 1, hash }).entry.kind).toBe("intent");
    expect(expectDamage(() => decodeEntry("checkout", second!, { seq: 1, hash: "f".repeat(64) }))).toContain(
      "is not the one it was written after",
    );
  });

  test("text of any language comes back as it was", () => {
    const words = plan({ owner: 'Grüße, 東京 \u{1F680}\u2028\n\u0000"\\' });
    expect(read(withData({ plan: words })).entry.data).toMatchObject({ plan: words });
  });

  test("an empty one is a ledger of nothing", () => expect(decodeChain("checkout", [])).toEqual([]));
});

describe("whatever is changed is seen", () => {
  test("every single byte of every entry but the last", () => {
    const all = stored(entries(3));
    for (const [index, { seq, bytes }] of all.slice(0, -1).entries()) {
      for (let position = 0; position < bytes.length; position++) {
        for (const flip of [1, 0x20]) {
          const changed = Uint8Array.from(bytes);
          changed[position]! ^= flip;
          expectDamaged(all.with(index, { seq, bytes: changed }));
        }
      }
    }
  });

  test("a byte of the last entry: at the least, the head is another", () => {
    const all = stored(entries(2));
    const head = decodeChain("checkout", all).at(-1)!.hash;
    const { seq, bytes } = all[1]!;
    let read = 0;
    for (let position = 0; position < bytes.length; position++) {
      const changed = Uint8Array.from(bytes);
      changed[position]! ^= 1;
      try {
        expect(decodeChain("checkout", all.with(1, { seq, bytes: changed })).at(-1)!.hash).not.toBe(head);
        read++;
      } catch (error) {
        expect(error).toMatchObject({ code: "damaged" });
      }
    }
    // A name, a reason: what can only be known from a head that was kept elsewhere.
    expect(read).toBeGreaterThan(0);
  });

  test.each<[string, (all: StoredEntry[]) => StoredEntry[], string]>([
    ["the first removed", (all) => all.slice(1), "entry 2: entry 1 was expected here"],
    ["one removed", (all) => all.toSpliced(1, 1), "entry 3: entry 2 was expected here"],
    ["one removed, the others moved up", (all) => renumbered(all.toSpliced(1, 1)), "it says it is entry 3"],
    ["two swapped", (all) => [all[0]!, all[2]!, all[1]!, all[3]!], "entry 3: entry 2 was expected here"],
    ["two swapped under each other's number", (all) => renumbered([all[0]!, all[2]!, all[1]!, all[3]!]), "it says it is entry 3"],
    ["one twice", (all) => all.toSpliced(1, 0, all[1]!), "entry 2: entry 3 was expected here"],
    ["one twice, the others moved down", (all) => renumbered(all.toSpliced(1, 0, all[1]!)), "it says it is entry 2"],
    ["one of another ledger", (all) => all.with(1, other(1)), "the entry before it is not the one it was written after"],
    ["another beginning", (all) => all.with(0, other(0)), "the entry before it is not the one it was written after"],
    ["nothing in place of one", (all) => all.with(1, { seq: 2, bytes: new Uint8Array() }), "entry 2: it is empty"],
    ["half of one", (all) => all.with(1, { seq: 2, bytes: all[1]!.bytes.slice(0, 100) }), "entry 2: it is not JSON"],
    [
      "something after one",
      (all) => all.with(1, { seq: 2, bytes: Buffer.concat([all[1]!.bytes, all[2]!.bytes]) }),
      "entry 2: it is not JSON",
    ],
  ])("%s", (_, change, expected) => expect(expectDamaged(change(stored()))).toContain(expected));

  test("a cut tail is a shorter ledger: only its head tells", () => {
    const whole = decodeChain("checkout", stored());
    const cut = decodeChain("checkout", stored().slice(0, -1));
    expect(cut).toEqual(whole.slice(0, -1));
    expect(cut.at(-1)!.hash).not.toBe(whole.at(-1)!.hash);
  });

  test("the message names the ledger, the entry and the hashes that differ", () => {
    const [first, second] = entries(2);
    const message = expectDamaged(stored([first!, { ...second!, prev: "f".repeat(64) }]));
    expect(message).toBe(
      `ledger checkout, entry 2: the entry before it is not the one it was written after (ffffffffffff, found ${second!.prev.slice(0, 12)})`,
    );
  });

  function renumbered(all: StoredEntry[]): StoredEntry[] {
    return all.map(({ bytes }, index) => ({ seq: index + 1, bytes }));
  }
  /** Another ledger's entry of the same name, number and kind. */
  function other(index: number): StoredEntry {
    const [first, second] = entries(2);
    const begun = { ...first!, id: "f".repeat(32) };
    return stored([begun, { ...second!, prev: hashOf(encodeEntry(begun)) }])[index]!;
  }
});

describe("hostile entries", () => {
  const deep = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);
  const textOf = (entry: object, placeholder: string, raw: string) => JSON.stringify(entry).replace(JSON.stringify(placeholder), raw);

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["no JSON", bytesOf("rollout: checkout\n")],
    ["a list", bytesOf("[]")],
    ["null", bytesOf("null")],
    ["a number", bytesOf("7")],
    ["no UTF-8", Buffer.concat([bytesOf(JSON.stringify(one()).slice(0, -1)), Uint8Array.of(0xff, 0xfe)])],
    ["UTF-16", Buffer.from(JSON.stringify(one()), "utf16le")],
    ["an overlong text of `/`", Buffer.concat([bytesOf('{"seq":1,"prev":"'), Uint8Array.of(0xc0, 0xaf), bytesOf('"}')])],
    ["a hundred thousand lists in each other", bytesOf(deep(100_000, "[", "]"))],
    ["a hundred thousand objects in each other", bytesOf(`${'{"data":'.repeat(100_000)}1${"}".repeat(100_000)}`)],
    [
      "a cursor of a hundred thousand lists",
      bytesOf(textOf(withData({ metrics: { errors: { status: "baseline", through: 1, cursor: "@" } } }), "@", deep(100_000, "[", "]"))),
    ],
    [
      "a rule of a hundred thousand negations",
      bytesOf(
        textOf(
          withData({ plan: plan({ audience: { ...plan().audience, eligible: "@" as never } }) }),
          "@",
          `${'{"not":'.repeat(100_000)}{"attribute":"a","equals":1}${"}".repeat(100_000)}`,
        ),
      ),
    ],
    [
      "more keys than anybody would print",
      bytesOf(JSON.stringify(one(Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key-${index}`, 1]))))),
    ],
    ["a key longer than anybody would print", bytesOf(JSON.stringify(withData({ metrics: { ["x".repeat(1_000_000)]: 1 } })))],
    ["too many bytes", Buffer.alloc(MAX_ENTRY_BYTES + 1, " ")],
    ["a prototype", bytesOf(`{"__proto__":${JSON.stringify(one())}}`)],
    ["a prototype beside what is right", bytesOf(JSON.stringify(one()).replace("{", '{"__proto__":{"polluted":true},'))],
    ["a constructor", bytesOf(JSON.stringify(one({ constructor: { prototype: { polluted: true } } })))],
  ])("%s: damaged, in few words", (_, bytes) => {
    expectDamage(() => decodeEntry("checkout", { seq: 1, bytes }, begin));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("the size is looked at before anything else", () => {
    const bytes = Buffer.concat([encodeEntry(entries(1)[0]!), Buffer.alloc(MAX_ENTRY_BYTES, " ")]);
    expect(expectDamage(() => decodeEntry("checkout", { seq: 1, bytes }, begin))).toContain(`no entry has more than ${MAX_ENTRY_BYTES}`);
  });

  test("one that is as large as may be is read", () => {
    const text = JSON.stringify(one());
    const bytes = bytesOf(text.padEnd(MAX_ENTRY_BYTES));
    expect(decodeEntry("checkout", { seq: 1, bytes }, begin).entry.kind).toBe("started");
  });

  test.each<[string, object]>([
    ["an unknown key", one({ note: "hello" })],
    ["an unknown key of its data", withData({ note: "hello" })],
    ["an unknown kind", one({ kind: "deleted" })],
    ["another kind's data", one({ kind: "paused" })],
    ["no data", one({ data: undefined })],
    ["no number", one({ seq: 0 })],
    ["half a number", one({ seq: 1.5 })],
    ["a number as text", one({ seq: "1" })],
    ["a hash that is none", one({ prev: "F".repeat(64) })],
    ["a short id", one({ id: "1" })],
    ["a run before the first", one({ run: 0 })],
    ["a fraction of a millisecond", one({ at: 1.5 })],
    ["an instant beyond all numbers", one({ at: 1e300 })],
    ["a name with a path", one({ rollout: "../checkout" })],
    ["an actor's life story", one({ actor: { who: "x".repeat(501), where: "desk" } })],
    ["an actor with a role", one({ actor: { who: "ann", where: "desk", role: "admin" } })],
    ["more than everybody", withData({ exposure: { testers: true, everyone: 100_001, segments: {} } })],
    ["a stage before off", withData({ stage: -2 })],
  ])("%s is not an entry", (_, entry) => expect(expectDamage(() => read(entry))).toContain("it is not an entry ("));

  test("another ledger's entry is not ours", () => {
    expect(expectDamage(() => read(one({ rollout: "cart" })))).toBe("ledger checkout, entry 1: it belongs to ledger cart");
  });

  test("a first entry stands after nothing", () => {
    expect(expectDamage(() => read(one({ prev: "1".repeat(64) })))).toContain("(111111111111, found 000000000000)");
  });

  test("what `__proto__` names inside of an entry reaches no prototype", () => {
    const text = JSON.stringify(withData({ metrics: { "@": { status: "notYet" } } })).replace('"@"', '"__proto__"');
    try {
      const { entry } = decodeEntry("checkout", { seq: 1, bytes: bytesOf(text) }, begin);
      expect(Object.getPrototypeOf((entry as Extract<Entry, { kind: "started" }>).data.metrics)).toBe(Object.prototype);
    } catch (error) {
      expect(error).toMatchObject({ code: "damaged" });
    }
  });

  test("of a look: numbers that are none, and verdicts that nobody gives", () => {
    const looked = (data: object) => one({ kind: "look", data: { ...(look().data as object), ...data } });
    expect(read(looked({ metrics: { errors: measured() } })).entry.kind).toBe("look");
    for (const data of [
      {
        metrics: {
          errors: {
            status: "measured",
            through: 1,
            measurements: [{ from: 0, to: 1, mixed: false, counts: { treatment: { events: -1, total: 1 } } }],
          },
        },
      },
      {
        metrics: {
          errors: {
            status: "measured",
            through: 1,
            measurements: [{ from: 0, to: 1, mixed: false, counts: { somebody: { events: 1, total: 1 } } }],
          },
        },
      },
      { verdicts: [{ guardrail: "errors", metric: "errors", verdict: "fine", sentence: "" }] },
      { evidence: { errors: { alpha: 1 } } },
      { decision: { kind: "advance", stage: -1, because: [] } },
      { decision: { kind: "hold", because: [], stage: 1 } },
    ])
      expect(expectDamage(() => read(looked(data)))).toContain("it is not an entry");
  });
});
