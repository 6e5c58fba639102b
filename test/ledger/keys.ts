import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { encodeEntry, GENESIS, hashOf } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import { parsePublicKeys, parseSigningKey, signedEntry, type PublicKeys, type Signer } from "../../src/ledger/signature.ts";
import { entries } from "./builders.ts";

/** Somebody with a key of their own. */
export interface Holder {
  privateKey: KeyObject;
  pem: string;
  publicPem: string;
  publicKeys: PublicKeys;
  signer: Signer;
}

export function makeHolder(): Holder {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const publicPem = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  return { privateKey, pem, publicPem, publicKeys: parsePublicKeys(publicPem, "a test"), signer: parseSigningKey(pem) };
}

export const ann = makeHolder();
export const ben = makeHolder();

/** A small ledger whose entries these have signed, as a store hands it out. */
export function chainOf(signers: readonly (Signer | undefined)[], firstId?: string): StoredEntry[] {
  const chain: StoredEntry[] = [];
  let prev = GENESIS;
  for (const [index, entry] of entries(signers.length).entries()) {
    const linked = { ...entry, prev, ...(index === 0 && firstId !== undefined && { id: firstId }) };
    const signer = signers[index];
    const bytes = encodeEntry(signer ? signedEntry(linked, signer) : linked);
    chain.push({ seq: entry.seq, bytes });
    prev = hashOf(bytes);
  }
  return chain;
}
