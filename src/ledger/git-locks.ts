import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { GitCopy } from "./git-copy.ts";

/** Git holds the lock of a ref for milliseconds; who is stopped for so long, in milliseconds, is taken for dead. */
const STALE_AFTER = 60_000;

/**
 * Removes the locks of refs that a git left behind in the copy when it was killed: they would keep every later one from
 * writing there. Should their owner live after all, its git fails, and its entry with it is not lost: what counts is at
 * the remote.
 */
export async function removeStaleLocks({ folder }: GitCopy): Promise<void> {
  const refs = await readdir(join(folder, "refs", "rollout")).catch(() => []);
  const locks = ["packed-refs.lock", ...refs.filter((name) => name.endsWith(".lock")).map((name) => join("refs", "rollout", name))];
  for (const lock of locks.map((name) => join(folder, name))) {
    const since = await stat(lock).catch(() => undefined);
    // By the clock of whoever keeps the files, as far as it is ours: a lock of the future is nobody's either.
    if (since && Math.abs(Date.now() - since.mtimeMs) > STALE_AFTER) await unlink(lock).catch(() => undefined);
  }
}
