import { describe, expect, test } from "vitest";
import { readLedger } from "../../src/engine/read.ts";
import { openVoucher, type Vouching } from "../../src/engine/vouching.ts";
import type { Store, StoredEntry } from "../../src/ledger/port.ts";
import type { PublicKeys, Signer } from "../../src/ledger/signature.ts";
import { ann, ben, chainOf } from "../ledger/keys.ts";

/** The small ledger is: started, intent, applied, then pauses. */
const [A, B, none] = [ann.signer, ben.signer, undefined];
const both: PublicKeys = new Map([...ann.publicKeys, ...ben.publicKeys]);

async function vouchingFor(chain: StoredEntry[], keys: PublicKeys | undefined, kept?: number): Promise<Vouching | undefined> {
  const voucher = openVoucher("checkout", keys);
  const store = { read: async () => chain } as unknown as Store;
  for await (const read of readLedger(store, "checkout")) voucher.look(read);
  return voucher.result(kept);
}

const by = (signer: Signer, entries: number, last: number, verified = true) => ({ key: signer.key, verified, entries, last });
const after = (...seqs: number[]) => seqs.map((seq) => expect.objectContaining({ seq }));

describe("with keys, what is vouched for ends with the last entry that one of them signed", () => {
  test.each<[string, (Signer | undefined)[], PublicKeys, object]>([
    ["all signed", [A, A, A, A], ann.publicKeys, { by: [by(A, 4, 4)], upTo: 4, unsigned: [], after: [] }],
    [
      "a pause from elsewhere at the end",
      [A, A, A, none],
      ann.publicKeys,
      { by: [by(A, 3, 3)], upTo: 3, unsigned: [{ from: 4, to: 4, kinds: ["paused"] }], after: after(4) },
    ],
    [
      "a pause from elsewhere in the middle",
      [A, A, A, none, A],
      ann.publicKeys,
      { by: [by(A, 4, 5)], upTo: 5, unsigned: [{ from: 4, to: 4, kinds: ["paused"] }], after: [] },
    ],
    [
      "signing began late: the first signature vouches for what it found",
      [none, none, none, A],
      ann.publicKeys,
      { by: [by(A, 1, 4)], upTo: 4, unsigned: [{ from: 1, to: 3, kinds: ["started", "intent", "applied"] }], after: [] },
    ],
    ["a key was replaced, and both are trusted", [A, A, B, B], both, { by: [by(A, 2, 2), by(B, 2, 4)], upTo: 4, unsigned: [], after: [] }],
    [
      "a key was replaced, and the new one alone is trusted",
      [A, A, B, B],
      ben.publicKeys,
      { by: [by(A, 2, 2, false), by(B, 2, 4)], upTo: 4, unsigned: [], after: [] },
    ],
    [
      "somebody unknown signs at the end",
      [A, A, A, B],
      ann.publicKeys,
      { by: [by(A, 3, 3), by(B, 1, 4, false)], upTo: 3, after: after(4) },
    ],
  ])("%s", async (_, signers, keys, expected) => {
    expect(await vouchingFor(chainOf(signers), keys)).toMatchObject(expected);
  });

  test("of many that nobody vouches for, the last twenty are shown", async () => {
    const signers = [A, A, A, ...Array.from({ length: 30 }, () => none)];
    const vouching = await vouchingFor(chainOf(signers), ann.publicKeys);
    expect(vouching?.unsigned).toEqual([{ from: 4, to: 33, kinds: ["paused"] }]);
    expect(vouching?.after.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, index) => 14 + index));
  });
});

describe("a change of exposure that nobody vouches for is damage:", () => {
  test.each<[string, (Signer | undefined)[], PublicKeys, RegExp]>([
    [
      "nothing is signed",
      [none, none, none, none],
      ann.publicKeys,
      /entry 3: .*\(applied\) is not signed, and no entry is signed by a key that was given/,
    ],
    ["its outcome is not signed", [A, A, none, none], ann.publicKeys, /entry 3: .*\(applied\) is not signed, and the last entry .* is 2/],
    ["an intent is not signed", [A, none], ann.publicKeys, /entry 2: .*\(intent\) is not signed, and the last entry .* is 1/],
    ["it is signed by somebody else", [A, A, B, B], ann.publicKeys, /entry 3: .*\(applied\) is signed by a key that was not given/],
    ["all is signed by somebody else", [B, B, B, B], ann.publicKeys, /entry 3: .*and no entry is signed by a key that was given/],
    ["no key is trusted at all", [A, A, A, A], new Map(), /entry 3: .*and no entry is signed by a key that was given/],
  ])("%s", async (_, signers, keys, message) => {
    await expect(vouchingFor(chainOf(signers), keys)).rejects.toMatchObject({ code: "damaged", message: expect.stringMatching(message) });
  });

  test("unless its head, or a later one, was kept", async () => {
    const chain = chainOf([A, A, none, none]);
    await expect(vouchingFor(chain, ann.publicKeys, 2)).rejects.toMatchObject({ code: "damaged" });
    expect(await vouchingFor(chain, ann.publicKeys, 3)).toMatchObject({ upTo: 2, after: after(4) });
    expect(await vouchingFor(chain, ann.publicKeys, 4)).toMatchObject({ upTo: 2, after: [] });
  });

  test("a run that only began has changed none", async () => {
    expect(await vouchingFor(chainOf([none]), ann.publicKeys)).toMatchObject({ by: [], after: after(1) });
  });
});

test("a wrong signature is damage, named with its entry, before the chain shows it in the next", async () => {
  const chain = chainOf([A, A, A, A]);
  const line = Buffer.from(chain[1]!.bytes).toString("utf8").replace('"who":"ann"', '"who":"bob"');
  const changed = chain.with(1, { seq: 2, bytes: Buffer.from(line) });
  await expect(vouchingFor(changed, ann.publicKeys)).rejects.toMatchObject({
    code: "damaged",
    message: expect.stringMatching(/entry 2: its signature by the key [0-9a-f]{16} is wrong/),
  });
  // Without its key the chain alone tells, one entry later.
  await expect(vouchingFor(changed, undefined)).rejects.toMatchObject({
    code: "damaged",
    message: expect.stringMatching(/entry 3: the entry before/),
  });
});

describe("without keys", () => {
  test("a ledger without signatures says nothing of any", async () => {
    expect(await vouchingFor(chainOf([none, none]), undefined)).toBeUndefined();
  });

  test("signatures are told of, and verify nothing", async () => {
    expect(await vouchingFor(chainOf([A, none]), undefined)).toEqual({
      by: [by(A, 1, 1, false)],
      unsigned: [{ from: 2, to: 2, kinds: ["intent"] }],
      after: [],
    });
  });
});
