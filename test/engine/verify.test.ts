import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { verifyLedger, type VerifyOptions } from "../../src/engine/verify.ts";
import { RolloutError } from "../../src/errors.ts";
import { hashOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import type { Entry, EntryOf } from "../../src/model/entry.ts";
import { AGAIN, LONG, sampleOf, tellInjected } from "../support/faultSample.ts";
import { memoryStore } from "../support/memoryStore.ts";
import { entryIn, forged, MANY, NAME, writtenLedger } from "./ledgers.ts";

/** What `log verify` finds in a ledger whose bytes somebody or something changed. */

let ledger: StoredEntry[];
let head: string;
beforeAll(async () => {
  ledger = await writtenLedger({ guardrails: MANY });
  head = headOf(ledger);
});

const headOf = (stored: readonly StoredEntry[]) => hashOf(stored.at(-1)!.bytes);
const verify = (stored: readonly StoredEntry[], options?: VerifyOptions) => verifyLedger(memoryStore([[NAME, stored]]), NAME, options);

/** The number of the entry that damage is found at; 0 where nothing but a head that was kept shows it. */
async function foundAt(stored: readonly StoredEntry[], options: VerifyOptions = {}): Promise<number | undefined> {
  try {
    const { given } = await verify(stored, { head, ...options });
    return given ? undefined : 0;
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "damaged") throw error;
    return Number(/, entry (\d+): /.exec(error.message)?.[1]);
  }
}

/** Stored entries as whoever lists the files of a folder finds them: numbered from 1 on. */
const renumbered = (all: readonly StoredEntry[]) => all.map(({ bytes }, index) => ({ seq: index + 1, bytes }));
const withBytes = (index: number, change: (bytes: Uint8Array) => Uint8Array) =>
  ledger.with(index, { seq: index + 1, bytes: change(Uint8Array.from(ledger[index]!.bytes)) });

test("a ledger of every kind of entry is what was written: plain and compressed, signed, with checkpoints, judged again", async () => {
  const found = await verify(ledger, { head, replay: true });
  expect(found).toMatchObject({ entries: ledger.length, head: { hash: head }, given: { hash: head }, replayed: { others: 0 } });
  const compressed = ledger.filter(({ bytes }) => bytes[0] === 0x1f);
  expect(compressed.length).toBeGreaterThan(2);
  expect(compressed.length).toBeLessThan(ledger.length);
  const entries = ledger.map(entryIn);
  expect(entries.every(({ signature }) => signature !== undefined)).toBe(true);
  expect(entries.filter(({ checkpoint }) => checkpoint).length).toBeGreaterThan(2);
});

describe("whatever is changed is found, and where: at the entry itself, or at the next, which names another", () => {
  const flip = (byte: number, bit: number) => (bytes: Uint8Array) => {
    bytes[byte]! ^= 1 << bit;
    return bytes;
  };

  test("each byte", { timeout: 3_600_000 }, async () => {
    const all = ledger.flatMap(({ bytes }, index) => Array.from(bytes, (_, byte) => ({ index, byte })));
    const flipped = sampleOf(all, 250);
    const unseen: string[] = [];
    for (const { index, byte } of flipped) {
      const at = await foundAt(withBytes(index, flip(byte, byte % 8)));
      const last = index === ledger.length - 1;
      if (at !== index + 1 && at !== (last ? 0 : index + 2)) unseen.push(`byte ${byte} of entry ${index + 1}: found at ${at}`);
    }
    tellInjected("a flipped bit of a byte of a ledger", flipped.length, all.length);
    expect(unseen, AGAIN).toEqual([]);
  });

  const entry = fc.nat().map((number) => number % ledger.length);
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
  type Damage = { at: number; damaged: StoredEntry[] };
  const damages: Record<string, fc.Arbitrary<Damage>> = {
    "a part of an entry that is missing": fc.tuple(entry, fc.nat(), fc.integer({ min: 1, max: 40 })).map(([index, start, length]) => {
      const from = start % ledger[index]!.bytes.length;
      return { at: index, damaged: withBytes(index, (all) => Buffer.concat([all.subarray(0, from), all.subarray(from + length)])) };
    }),
    "bytes that were put into an entry": fc.tuple(entry, fc.nat(), bytes).map(([index, at, more]) => ({
      at: index,
      damaged: withBytes(index, (all) => Buffer.concat([all.subarray(0, at % all.length), more, all.subarray(at % all.length)])),
    })),
    "an entry that was cut short": fc.tuple(entry, fc.nat()).map(([index, length]) => ({
      at: index,
      damaged: withBytes(index, (all) => all.subarray(0, length % all.length)),
    })),
    "an entry that was taken out": entry.map((index) => ({ at: index, damaged: renumbered(ledger.toSpliced(index, 1)) })),
    "an entry that is missing": entry.map((index) => ({ at: index, damaged: ledger.toSpliced(index, 1) })),
    "two entries that changed places": fc
      .tuple(entry, entry)
      .filter(([a, b]) => a !== b)
      .map(([a, b]) => ({ at: Math.min(a, b), damaged: renumbered(ledger.with(a, ledger[b]!).with(b, ledger[a]!)) })),
    "an entry that stands there twice": fc
      .tuple(entry, entry)
      .map(([from, to]) => ({ at: to, damaged: renumbered(ledger.toSpliced(to, 0, ledger[from]!)) })),
    "a tail that was cut": entry.map((index) => ({ at: index, damaged: ledger.slice(0, index) })),
  };

  test.each(Object.keys(damages))("%s", { timeout: 3_600_000 }, async (name) => {
    const runs = LONG ? 2_000 : 60;
    await fc.assert(
      fc.asyncProperty(damages[name]!, async ({ at, damaged }) => {
        const found = await foundAt(damaged);
        // Nothing comes after the last entry that could name another: the head that was kept does not find itself then.
        const isEnd = at >= Math.min(ledger.length, damaged.length) - 1 || damaged.length <= at + 1;
        expect(isEnd ? [0, at + 1, at + 2] : [at + 1, at + 2]).toContain(found);
      }),
      { numRuns: runs },
    );
    tellInjected(name, runs);
  });
});

describe("whoever may write the store can make all hashes right again, and is found all the same", () => {
  test("with any part of a checkpoint changed: of what the judge remembers, where the looks are judged again", async () => {
    const carrying = ledger.map(entryIn).filter(({ checkpoint }) => checkpoint);
    const all = carrying.flatMap(({ seq, checkpoint }) =>
      [...Object.keys(checkpoint!.state), "added", "evidence"].map((part) => ({ seq, part })),
    );
    const sample = [...sampleOf(all, 12), all.find(({ part }) => part === "evidence")!];
    for (const { seq, part } of sample) {
      const lying = forged(ledger, seq, ({ checkpoint, ...entry }) => {
        const { state } = checkpoint!;
        const lie =
          part === "evidence" ? { evidence: deflateRawSync("{}").toString("base64") } : { state: { ...state, [part]: other(state[part]) } };
        return { ...entry, checkpoint: { ...checkpoint!, ...lie } };
      });
      const found = verify(lying, { head: headOf(lying), replay: part === "evidence" });
      await expect(found, part).rejects.toThrow(`entry ${seq}: its checkpoint is not what the entries up to it add up to (${part})`);
    }
    tellInjected("a forged part of a checkpoint, all hashes made right", sample.length, all.length);
  });

  test("with any part of what a look said changed, by judging it again", async () => {
    const looks = ledger.map(entryIn).filter((entry): entry is EntryOf<"look"> => entry.kind === "look");
    const last = looks.at(-1)!;
    const lies: Partial<Record<keyof EntryOf<"look">["data"], unknown>> = {
      verdicts: last.data.verdicts.map((verdict) => ({ ...verdict, verdict: "clear" })),
      gates: last.data.gates.with(0, { ...last.data.gates[0]!, sentence: "all is well" }),
      decision: { kind: "hold", because: [] },
    };
    for (const [part, lie] of Object.entries(lies)) {
      for (const { seq } of [looks[1]!, last]) {
        const lying = forged(ledger, seq, (entry) => ({ ...entry, data: { ...entry.data, [part]: lie } }) as Entry);
        const says = verify(lying, { replay: true });
        await expect(says, part).rejects.toThrow(
          `entry ${seq}: judged again from what it read, the look has other ${part} than it recorded`,
        );
      }
    }
    tellInjected("a look whose verdicts, gates or decision are forged, all hashes made right", Object.keys(lies).length * 2);
  });

  test("but for a judge of another version, whose looks are counted and not judged again", async () => {
    // The last entry but one: no checkpoint comes after it.
    const last = ledger.at(-2)!.seq;
    const judgedByOthers = forged(ledger.slice(0, last), last, (entry) => ({ ...entry, data: { ...entry.data, judge: "0" } }) as Entry);
    const { replayed } = await verify(judgedByOthers, { replay: true });
    expect(replayed).toMatchObject({ others: 1 });
    expect(replayed!.looks).toBeGreaterThan(2);
  });
});

test("a checkpoint of another format is passed over, whatever it says", async () => {
  const { seq } = ledger.map(entryIn).find(({ checkpoint }) => checkpoint)!;
  const other = forged(ledger, seq, (entry) => ({ ...entry, checkpoint: { format: 2, state: { anything: "at all" } } }));
  await expect(verify(other, { replay: true })).resolves.toMatchObject({ entries: ledger.length });
});

/** Another value of any kind. */
function other(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") return `${value}.`;
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return [...(value as unknown[]), 0];
  return { ...(value as object), added: 1 };
}
