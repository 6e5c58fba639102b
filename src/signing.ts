import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { Engine } from "./engine/context.ts";
import { messageOf, RolloutError } from "./errors.ts";
import { parsePublicKeys, parseSigningKey, type PublicKeys, type Signer } from "./ledger/signature.ts";
import { parseSecret, type Secret } from "./model/secret.ts";

/** Keys that sign, and keys that verify, from where people keep them. */

export interface SigningPlaces {
  /** The value of a reference in a plan of this folder. */
  reveal(secret: Secret, folder: string): string;
  warn(sentence: string): void;
}

/**
 * The signers of plans. Whoever cannot have a plan's key writes all the same, and is told so once: a person who pauses or
 * rolls back from elsewhere is never held up by it.
 */
export function planSigners({ reveal, warn }: SigningPlaces): NonNullable<Engine["signerFor"]> {
  const known = new Map<string, Signer | undefined>();
  const signerOf = (signingKey: string, folder: string): Signer | undefined => {
    try {
      const reference = parseSecret(signingKey);
      return reference && parseSigningKey(reveal(reference, folder));
    } catch (error) {
      if (!(error instanceof RolloutError)) throw error;
      warn(`what is recorded here is not signed: the plan's key ${signingKey} cannot be used: ${messageOf(error)}`);
      return undefined;
    }
  };
  return ({ ledger }, folder) => {
    if (!ledger) return undefined;
    const id = JSON.stringify([ledger.signingKey, folder]);
    if (!known.has(id)) known.set(id, signerOf(ledger.signingKey, folder));
    return known.get(id);
  };
}

const MAX_KEYS_BYTES = 64 * 1024;

/** The public keys in files that a person names. Throws `RolloutError` (`usage`). */
export async function readPublicKeys(paths: readonly string[], { cwd }: { cwd: string }): Promise<PublicKeys> {
  const keys = await Promise.all(paths.map(async (path) => parsePublicKeys(await readText(resolve(cwd, path), path), path)));
  return new Map(keys.flatMap((each) => [...each]));
}

async function readText(file: string, path: string): Promise<string> {
  const handle = await open(file, "r").catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new RolloutError("usage", missing ? `there is no file ${path}` : `${path} cannot be read: ${messageOf(error)}`, {
      hint: "--key names a file with public keys of ed25519.",
    });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > MAX_KEYS_BYTES) throw new RolloutError("usage", `${path} is no small file with keys`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
