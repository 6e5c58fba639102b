import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { RolloutError } from "../errors.ts";
import type { Entry, Signature } from "../model/entry.ts";

/**
 * Signatures of entries, with ed25519. A signature is the last field of its entry's line, and covers the line as it would
 * be without that field, after a prefix of our own: the bytes decide, so no canonical form of JSON is needed. Since an
 * entry names the hash of the one before, it covers with it all that came before.
 */

/** Keeps a signature from being taken for one of anything else that the key has signed. */
const PREFIX = Buffer.from("rollout ledger entry, version 1\n", "utf8");

/** What a key's holder does: signs. `key` is the fingerprint of the public half. */
export interface Signer {
  readonly key: string;
  sign(bytes: Uint8Array): Signature;
}

/** Public keys by their fingerprints. */
export type PublicKeys = ReadonlyMap<string, KeyObject>;

/** What becomes of an entry when its signature is checked; `unknown`: by a key that is not at hand, so it says nothing. */
export type SignatureCheck = { status: "unsigned" } | { status: "unknown" | "valid" | "wrong"; key: string };

/** SHA-256 of a public key in its usual binary form (SPKI, DER), in hex. */
export function fingerprintOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** The entry with its signature. */
export function signedEntry(entry: Entry, signer: Signer): Entry {
  return { ...entry, signature: signer.sign(Buffer.from(`${JSON.stringify(entry)}\n`, "utf8")) };
}

const CLOSING = /,"signature":\{"key":"([0-9a-f]{64})","value":"([A-Za-z0-9+/]{86}==)"\}\}\n$/;
const CLOSING_LENGTH = `,"signature":{"key":"${"0".repeat(64)}","value":"${"0".repeat(88)}"}}\n`.length;

/** The signature that an entry's stored bytes end with; nothing when they end otherwise. */
export function signatureIn(bytes: Uint8Array): Signature | undefined {
  const [, key, value] = CLOSING.exec(Buffer.from(bytes.subarray(-CLOSING_LENGTH)).toString("latin1")) ?? [];
  return key === undefined || value === undefined ? undefined : { key, value };
}

/** What a signature covers: the prefix, and the entry's line as it would be without the signature. */
function coveredBy(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([PREFIX, bytes.subarray(0, -CLOSING_LENGTH), Buffer.from("}\n")]);
}

/** Checks the signature that an entry's stored bytes end with. They are attacker-controlled. */
export function checkSignature(bytes: Uint8Array, keys: PublicKeys): SignatureCheck {
  const found = signatureIn(bytes);
  if (!found) return { status: "unsigned" };
  const { key, value } = found;
  const publicKey = keys.get(key);
  if (!publicKey) return { status: "unknown", key };
  const signature = Buffer.from(value, "base64");
  // The last character of base64 has bits that stand for nothing: another text of the same signature is a change, too.
  const isExact = signature.toString("base64") === value;
  const holds = isExact && verify(null, coveredBy(bytes), publicKey, signature);
  return { status: holds ? "valid" : "wrong", key };
}

/**
 * The signer that a private key makes: PKCS#8 in PEM, the same in base64, or the 32 bytes of its seed in base64.
 * Throws `RolloutError` (`usage`) that says what is wrong with it, and shows nothing of it.
 */
export function parseSigningKey(text: string): Signer {
  const privateKey = readPrivateKey(text);
  const key = fingerprintOf(createPublicKey(privateKey));
  return {
    key,
    sign: (bytes) => ({ key, value: sign(null, Buffer.concat([PREFIX, bytes]), privateKey).toString("base64") }),
  };
}

const SEED_BYTES = 32;
/** What stands before the key itself in PKCS#8 and SPKI (RFC 8410). */
const PRIVATE_HEADER = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_HEADER = Buffer.from("302a300506032b6570032100", "hex");

function readPrivateKey(text: string): KeyObject {
  if (/-----BEGIN OPENSSH/.test(text)) throw unfit("is in the format of OpenSSH");
  if (/-----BEGIN ENCRYPTED/.test(text)) throw unfit("is encrypted");
  if (/-----BEGIN PUBLIC/.test(text)) throw unfit("is a public key");
  const isPem = text.includes("-----BEGIN ");
  const bytes = isPem ? undefined : base64Bytes(text.trim());
  if (!isPem && !bytes) throw unfit("is neither PEM nor base64");
  let key: KeyObject;
  try {
    // Some CI systems keep a variable on one line, its line ends written as `\n`.
    if (isPem) key = createPrivateKey({ key: text.replaceAll("\\n", "\n"), format: "pem" });
    else {
      const der = bytes!.length === SEED_BYTES ? Buffer.concat([PRIVATE_HEADER, bytes!]) : Buffer.from(bytes!);
      key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    }
  } catch {
    // What the library says may quote what it was given.
    throw unfit("cannot be read");
  }
  if (key.asymmetricKeyType !== "ed25519") throw unfit(`is of the type ${key.asymmetricKeyType}`);
  return key;
}

function unfit(why: string): RolloutError {
  return new RolloutError("usage", `it ${why}; it has to be an ed25519 private key, as PEM (PKCS#8) or base64`, {
    hint: "Make one with: openssl genpkey -algorithm ed25519 -out signing.pem",
  });
}

/**
 * The public keys in a text: PEM blocks, or a key in base64 a line (32 bytes, or SPKI); blank lines and comments (`#`) are
 * skipped. Throws `RolloutError` (`usage`).
 *
 * @param place for people: where the text comes from
 */
export function parsePublicKeys(text: string, place: string): PublicKeys {
  const refuse = (message: string, hint?: string) =>
    new RolloutError("usage", `${place}: ${message}`, {
      hint: hint ?? "It holds public keys of ed25519: PEM, or base64, one a line. See docs/ledger.md.",
    });
  if (/-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) {
    throw refuse(
      "that is a private key, which no verifier should have",
      "Give the public one: openssl pkey -in signing.pem -pubout -out signing.pub",
    );
  }
  const keys = new Map<string, KeyObject>();
  const add = (what: string, key: KeyObject | undefined) => {
    if (key?.asymmetricKeyType !== "ed25519") throw refuse(`${what} is not a public key of ed25519`);
    keys.set(fingerprintOf(key), key);
  };
  const rest = text.replaceAll(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g, (pem) => {
    add("a PEM block", readPublicKey({ key: pem, format: "pem" }));
    return pem.replaceAll(/[^\n]/g, "");
  });
  for (const [index, line] of rest.split(/\r?\n/).entries()) {
    const written = line.replace(/#.*/, "").trim();
    if (written === "") continue;
    const bytes = base64Bytes(written);
    const der = bytes && (bytes.length === SEED_BYTES ? Buffer.concat([PUBLIC_HEADER, bytes]) : Buffer.from(bytes));
    add(`line ${index + 1}`, der && readPublicKey({ key: der, format: "der", type: "spki" }));
  }
  if (keys.size === 0) throw refuse("there is no key in it");
  return keys;
}

function readPublicKey(input: Parameters<typeof createPublicKey>[0]): KeyObject | undefined {
  try {
    return createPublicKey(input);
  } catch {
    return undefined;
  }
}

/** The bytes of a text in base64, of either alphabet; nothing when it is none. */
function base64Bytes(text: string): Uint8Array | undefined {
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}
