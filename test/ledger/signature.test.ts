import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { decodeChain, decodeEntry, encodeEntry, GENESIS, hashOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import {
  checkSignature,
  fingerprintOf,
  parsePublicKeys,
  parseSigningKey,
  signedEntry,
  type PublicKeys,
  type Signer,
} from "../../src/ledger/signature.ts";
import type { Entry } from "../../src/model/entry.ts";
import { entries, stored } from "./builders.ts";
import { ann, ben, chainOf } from "./keys.ts";

const begin = { seq: 0, hash: GENESIS };
const bytesOf = (text: string) => Buffer.from(text, "utf8");
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const known: PublicKeys = ann.publicKeys;

/** What comes of checking a ledger with ann's key: what is damaged, or what is found of each entry. */
function verdictOn(all: StoredEntry[]): string[] | "damaged" {
  try {
    decodeChain("checkout", all);
  } catch (error) {
    expect(error).toMatchObject({ code: "damaged" });
    return "damaged";
  }
  return all.map(({ bytes }) => checkSignature(bytes, known).status);
}

describe("a signed entry", () => {
  test("is its line with the signature as the last field, over the line without it", () => {
    const [plain] = entries(1);
    const line = textOf(encodeEntry(signedEntry(plain!, ann.signer)));
    const { signature, ...rest } = JSON.parse(line) as Entry;
    expect(line).toBe(`${JSON.stringify(rest).slice(0, -1)},"signature":${JSON.stringify(signature)}}\n`);
    expect(signature!.key).toBe(ann.signer.key);
    // As docs/ledger.md says, so that others can check it without this code.
    const covered = Buffer.concat([bytesOf("rollout ledger entry, version 1\n"), encodeEntry(plain!)]);
    expect(signature!.value).toBe(sign(null, covered, ann.privateKey).toString("base64"));
  });

  test("is read as it was written, and its hash covers its signature", () => {
    const chain = chainOf([ann.signer, ann.signer, undefined, ann.signer]);
    const read = decodeChain("checkout", chain);
    expect(read.map(({ entry }) => entry.signature?.key)).toEqual([ann.signer.key, ann.signer.key, undefined, ann.signer.key]);
    expect(read.map(({ hash }) => hash)).toEqual(chain.map(({ bytes }) => hashOf(bytes)));
    expect(verdictOn(chain)).toEqual(["valid", "valid", "unsigned", "valid"]);
  });

  test("a ledger from before there were signatures reads as it did", () => {
    expect(verdictOn(stored(entries()))).toEqual(["unsigned", "unsigned", "unsigned", "unsigned"]);
  });

  test("by a key that is not at hand says nothing", () => {
    expect(verdictOn(chainOf([ann.signer, ben.signer]))).toEqual(["valid", "unknown"]);
  });
});

describe("a byte that is changed in a signed ledger is found", () => {
  const chain = chainOf([ann.signer, ann.signer]);

  test.each(chain.map(({ seq }) => seq))("wherever it is in entry %i, in it and not in the next", (seq) => {
    const { bytes } = chain[seq - 1]!;
    const fingerprint = bytes.length - `${ann.signer.key}","value":"${"A".repeat(86)}=="}}\n`.length;
    const closing = bytes.length - `,"signature":{"key":"${ann.signer.key}","value":"${"A".repeat(86)}=="}}\n`.length;
    for (let position = 0; position < bytes.length; position++) {
      for (const flip of position < closing ? [1, 0x20] : [1, 2, 4, 8, 0x10, 0x20, 0x40]) {
        const changed = Uint8Array.from(bytes);
        changed[position]! ^= flip;
        const head = seq === 1 ? begin : { seq: 1, hash: hashOf(chain[0]!.bytes) };
        const found = statusOf({ seq, bytes: changed }, head);
        // A fingerprint that is another: then nobody is known to have signed.
        expect(["damaged", "wrong", "unknown"], `bit ${flip} of byte ${position}`).toContain(found);
        const inFingerprint = position >= fingerprint && position < fingerprint + ann.signer.key.length;
        if (!inFingerprint) expect(found, `bit ${flip} of byte ${position}`).not.toBe("unknown");
      }
    }
  });

  function statusOf(changed: StoredEntry, head: { seq: number; hash: string }): string {
    try {
      decodeEntry("checkout", changed, head);
    } catch {
      return "damaged";
    }
    return checkSignature(changed.bytes, known).status;
  }
});

describe("a signature that is not its entry's own is no signature", () => {
  const signature = (chain: StoredEntry[], index: number) => (JSON.parse(textOf(chain[index]!.bytes)) as Entry).signature!;
  const rewritten = (chain: StoredEntry[], index: number, change: (line: string) => string): StoredEntry[] =>
    chain.with(index, { seq: index + 1, bytes: bytesOf(change(textOf(chain[index]!.bytes))) });

  test.each<[string, (chain: StoredEntry[]) => StoredEntry[], string[] | "damaged"]>([
    [
      "moved from the entry before",
      (chain) => rewritten(chain, 1, (line) => line.replace(signature(chain, 1).value, signature(chain, 0).value)),
      ["valid", "wrong"],
    ],
    ["under another's name", (chain) => rewritten(chain, 1, (line) => line.replace(ann.signer.key, ben.signer.key)), ["valid", "unknown"]],
    [
      "of somebody else, under the name of the first",
      (chain) => {
        const forged = JSON.parse(textOf(chain[1]!.bytes)) as Entry;
        const { signature: _, ...plain } = forged;
        const value = ben.signer.sign(encodeEntry(plain as Entry)).value;
        return chain.with(1, { seq: 2, bytes: encodeEntry({ ...plain, signature: { key: ann.signer.key, value } } as Entry) });
      },
      ["valid", "wrong"],
    ],
    [
      "of the same text without the prefix",
      (chain) => {
        const { signature: _, ...plain } = JSON.parse(textOf(chain[1]!.bytes)) as Entry;
        const value = sign(null, encodeEntry(plain as Entry), ann.privateKey).toString("base64");
        return chain.with(1, { seq: 2, bytes: encodeEntry({ ...plain, signature: { key: ann.signer.key, value } } as Entry) });
      },
      ["valid", "wrong"],
    ],
    ["taken off", (chain) => rewritten(chain, 1, (line) => line.replace(/,"signature":.*\}\}\n$/, "}\n")), ["valid", "unsigned"]],
    ["taken off before a signed entry", (chain) => rewritten(chain, 0, (line) => line.replace(/,"signature":.*\}\}\n$/, "}\n")), "damaged"],
    [
      "of the entry as it was before its words were changed",
      (chain) => rewritten(chain, 1, (line) => line.replace('"desk"', '"dusk"')),
      ["valid", "wrong"],
    ],
    [
      "not at the end of its line",
      (chain) => rewritten(chain, 1, (line) => line.replace(/(.*),("signature":.*\})\}\n$/, "{$2,$1}\n").replace(",{", ",")),
      "damaged",
    ],
    ["with a blank after it", (chain) => rewritten(chain, 1, (line) => `${line} `), "damaged"],
    ["with a blank in it", (chain) => rewritten(chain, 1, (line) => line.replace('"signature":{', '"signature": {')), "damaged"],
    ["without its line's end", (chain) => rewritten(chain, 1, (line) => line.trimEnd()), "damaged"],
    ["beside another field", (chain) => rewritten(chain, 1, (line) => line.replace('"signature":{', '"signature":{"at":1,')), "damaged"],
    [
      "in another writing of base64",
      (chain) => rewritten(chain, 1, (line) => line.replace(/.==("\}\}\n)$/, otherBits)),
      ["valid", "wrong"],
    ],
    [
      "with a second one before it",
      (chain) => rewritten(chain, 1, (line) => line.replace('{"seq"', `{"signature":${JSON.stringify(signature(chain, 1))},"seq"`)),
      ["valid", "wrong"],
    ],
  ])("%s", (_, change, expected) => {
    const chain = chainOf([ann.signer, ann.signer]);
    expect(verdictOn(change(chain))).toEqual(expected);
  });

  /** The last character of 64 bytes in base64 has four bits that mean nothing. */
  function otherBits(match: string): string {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return `${alphabet[alphabet.indexOf(match[0]!) ^ 1]}${match.slice(1)}`;
  }

  test("of the same entry in another ledger: the chain before it is another", () => {
    const mine = chainOf([undefined, ann.signer]);
    const other = chainOf([undefined, ann.signer], "f".repeat(32));
    expect(verdictOn([mine[0]!, other[1]!])).toBe("damaged");
  });

  test("what text in an entry looks like a signature is none", () => {
    const [plain] = entries(1);
    const words = `","signature":{"key":"${ann.signer.key}","value":"${"A".repeat(86)}=="}}`;
    const entry = { ...plain!, actor: { who: words, where: words } };
    expect(checkSignature(encodeEntry(entry), known)).toEqual({ status: "unsigned" });
    expect(verdictOn([{ seq: 1, bytes: encodeEntry(signedEntry(entry, ann.signer)) }])).toEqual(["valid"]);
  });

  test.each([0, 1, 100, 214, 215])("of %i bytes", (length) => {
    expect(checkSignature(Buffer.alloc(length, "}"), known)).toEqual({ status: "unsigned" });
  });
});

describe("a signing key", () => {
  const { privateKey } = ann;
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  const seed = der.subarray(-32);

  test.each<[string, string]>([
    ["PEM", pem],
    ["PEM without an end of line", pem.trimEnd()],
    ["PEM on one line, as some CI systems keep it", pem.replaceAll("\n", "\\n")],
    ["PEM with the line ends of Windows", pem.replaceAll("\n", "\r\n")],
    ["PKCS#8 in base64", der.toString("base64")],
    ["a seed in base64", seed.toString("base64")],
    ["a seed in base64 with an end of line", `${seed.toString("base64")}\n`],
    ["a seed in base64 for addresses", seed.toString("base64url")],
  ])("is read from %s", (_, text) => expect(parseSigningKey(text).key).toBe(ann.signer.key));

  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const curve = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encrypted = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();

  test.each<[string, string, RegExp]>([
    ["nothing", "", /neither PEM nor base64/],
    ["words", "correct horse battery staple", /neither PEM nor base64/],
    ["a short seed", seed.subarray(1).toString("base64"), /cannot be read/],
    ["a long seed", Buffer.concat([seed, seed]).toString("base64"), /cannot be read/],
    ["half of a PEM", pem.slice(0, 60), /cannot be read/],
    ["a PEM of garbage", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWdhcmJhZ2U=\n-----END PRIVATE KEY-----\n", /cannot be read/],
    ["an RSA key", rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), /of the type rsa/],
    ["a key of another curve", curve.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), /of the type ec/],
    ["an encrypted key", encrypted, /is encrypted/],
    ["the public half", [...ann.publicKeys.values()][0]!.export({ type: "spki", format: "pem" }).toString(), /is a public key/],
    ["a key of OpenSSH's", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----", /format of OpenSSH/],
  ])("is not %s, and what was given is not shown", (_, text, message) => {
    const error = failureOf(() => parseSigningKey(text));
    expect(error).toMatchObject({
      code: "usage",
      message: expect.stringMatching(message),
      hint: expect.stringContaining("openssl genpkey"),
    });
    const shown = `${error.message} ${error.hint} ${error.stack}`;
    for (const line of text.split(/\\n|\n/)) if (line.length > 7 && !line.startsWith("-----")) expect(shown).not.toContain(line);
  });
});

describe("keys that verify", () => {
  const key = [...ann.publicKeys.values()][0]!;
  const other = [...ben.publicKeys.values()][0]!;
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  const der = key.export({ type: "spki", format: "der" });
  const raw = der.subarray(-32).toString("base64");

  test.each<[string, string]>([
    ["PEM", pem],
    ["base64", `${raw}\n`],
    ["SPKI in base64, with a comment", `# production\n\n${der.toString("base64")} # since May\r\n`],
  ])("are read from %s", (_, text) => expect([...parsePublicKeys(text, "keys.txt").keys()]).toEqual([fingerprintOf(key)]));

  test("several of them, however they are written", () => {
    const text = `# allowed\n${pem}\n${other.export({ type: "spki", format: "der" }).toString("base64")}\n${raw}\n`;
    expect([...parsePublicKeys(text, "keys.txt").keys()].sort()).toEqual([fingerprintOf(key), fingerprintOf(other)].sort());
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  test.each<[string, string, RegExp]>([
    ["nothing", "\n# nobody\n", /there is no key in it/],
    ["words", `${raw}\nann\n`, /line 2 is not a public key/],
    ["words after a block", `${pem}\nann\n`, /line 5 is not a public key/],
    ["another kind of key", rsa.publicKey.export({ type: "spki", format: "pem" }).toString(), /a PEM block is not a public key of ed25519/],
    ["a key that is cut off", raw.slice(4), /line 1 is not/],
  ])("are not %s", (_, text, message) => {
    expect(failureOf(() => parsePublicKeys(text, "keys.txt"))).toMatchObject({ code: "usage", message: expect.stringMatching(message) });
  });

  test("are not private ones, and those are not shown", () => {
    const text = ann.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { message, hint } = failureOf(() => parsePublicKeys(text, "signing.pem"));
    expect(message).toBe("signing.pem: that is a private key, which no verifier should have");
    expect(hint).toContain("-pubout");
    expect(message + hint).not.toContain(text.split("\n")[1]);
  });
});

test("a signer shows its fingerprint and nothing else", () => {
  const signer: Signer = ann.signer;
  expect(Object.keys(signer)).toEqual(["key", "sign"]);
  expect(JSON.stringify(signer)).toBe(JSON.stringify({ key: signer.key }));
});

function failureOf(attempt: () => unknown): RolloutError {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(RolloutError);
    return error as RolloutError;
  }
  throw new Error("it was taken for a key");
}
