import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { constants, lstat, open, readdir, realpath, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { messageOf, RolloutError, systemCodeOf } from "../errors.ts";
import type { Files } from "./port.ts";

/** A temporary file this old was left by a crash; a younger one may be another writer's. */
const STALE_AFTER_MS = 10 * 60_000;

/**
 * Files below `root`, named relative to `folder`. The names come from a plan, which may come from a stranger: absolute
 * paths, ways out of the root (also by symbolic links), devices and pipes are refused (`invalidPlan`). What the file
 * system refuses is `unreachable`.
 */
export function openFiles({ folder, root }: { folder: string; root: string }): Files {
  return {
    async read(path, { maxBytes }) {
      const found = await locate(path, folder, root);
      return found.stats && translated(path, "read", () => readWhole(path, found.real, maxBytes));
    },
    async replace(path, bytes) {
      const found = await locate(path, folder, root);
      await translated(path, "written", () => replaceWhole(found.real, bytes, found.stats));
    },
  };
}

/** Where a file is that a plan names, with links resolved; nothing when there is none. Refuses what `openFiles` refuses. */
export async function findFile(path: string, { folder, root }: { folder: string; root: string }): Promise<string | undefined> {
  const { real, stats } = await locate(path, folder, root);
  return stats && real;
}

/** The file behind a path, links resolved; without `stats` where there is none (yet). */
interface Located {
  real: string;
  stats: Stats | undefined;
}

async function locate(path: string, folder: string, root: string): Promise<Located> {
  if (path === "" || path.includes("\0") || isAbsolute(path)) {
    throw refusal(path, "is not a relative path", "name it relative to the folder of the plan");
  }
  const full = resolve(folder, path);
  if (!isBelow(resolve(root), full)) throw leadsOut(path);
  return translated(path, "found", async () => {
    const realRoot = await realpath(root);
    const real = await unlessMissing(realpath(full));
    if (real === undefined) return locateMissing(path, full, realRoot);
    if (!isBelow(realRoot, real)) throw leadsOut(path);
    const stats = await stat(real);
    if (!stats.isFile()) throw notRegular(path);
    return { real, stats };
  });
}

/** Where a file that does not exist would be. Its folder must exist: it may be a link that leads out, too. */
async function locateMissing(path: string, full: string, realRoot: string): Promise<Located> {
  if (await unlessMissing(lstat(full)))
    throw refusal(path, "is a link to a file that does not exist", "mend the link, or name the file itself");
  const realFolder = await unlessMissing(realpath(dirname(full)));
  if (realFolder !== undefined && !isBelow(realRoot, realFolder)) throw leadsOut(path);
  return { real: join(realFolder ?? dirname(full), basename(full)), stats: undefined };
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function readWhole(path: string, real: string, maxBytes: number): Promise<Uint8Array> {
  // Without waiting: had a pipe taken the file's place meanwhile, opening it would never end.
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw notRegular(path);
    // One more than allowed: the file may grow while it is read.
    const bytes = stats.size > maxBytes ? undefined : await readUpTo(file, maxBytes + 1);
    if (!bytes || bytes.length > maxBytes) throw refusal(path, `is larger than ${maxBytes} bytes`, "split it, or name a smaller file");
    return bytes;
  } finally {
    await file.close();
  }
}

async function readUpTo(file: FileHandle, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < limit) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(65_536, limit - length)));
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

/**
 * A reader sees the old file or the new one, never a part, and after a power cut it is one of them: the content is on
 * the disk before the name points at it, and the name before this returns.
 */
async function replaceWhole(real: string, bytes: Uint8Array, old: Stats | undefined): Promise<void> {
  const folder = dirname(real);
  const prefix = `.${basename(real).slice(0, 60)}.rollout-`;
  await sweep(folder, prefix);
  const temporary = join(folder, `${prefix}${randomBytes(8).toString("hex")}.tmp`);
  try {
    await writeNew(temporary, bytes, old);
    await rename(temporary, real);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  const directory = await open(folder, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function writeNew(path: string, bytes: Uint8Array, old: Stats | undefined): Promise<void> {
  const file = await open(path, "wx+", old ? 0o600 : 0o666);
  try {
    if (old) {
      // The owner first: changing it clears some bits of the mode. Only root may, and without it the mode still holds.
      await file.chown(old.uid, old.gid).catch(() => undefined);
      await file.chmod(old.mode & 0o7777);
    }
    await file.writeFile(bytes);
    await file.sync();
    // Services read the file: what the disk did not take must not take the place of what they have.
    const written = Buffer.alloc(bytes.length + 1);
    const { bytesRead } = await file.read(written, 0, written.length, 0);
    if (!written.subarray(0, bytesRead).equals(bytes)) throw new Error("the file system stored something else than was written");
  } finally {
    await file.close();
  }
}

/** Removes what crashed writers left behind. Best effort: it must not keep a rollback from being written. */
async function sweep(folder: string, prefix: string): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      if (!name.startsWith(prefix) || !name.endsWith(".tmp")) continue;
      const path = join(folder, name);
      if (Date.now() - (await lstat(path)).mtimeMs > STALE_AFTER_MS) await unlink(path);
    }
  } catch {
    return;
  }
}

async function unlessMissing<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** What to do next, by the error of the file system. */
const mends: Record<string, string> = {
  EACCES: "give this user the right to read the file, and to write in its folder (a file is replaced, not changed)",
  EPERM: "give this user the right to read the file, and to write in its folder (a file is replaced, not changed)",
  EROFS: "the file system is read-only: run this where the file can be changed",
  EBUSY: "the file is a mount of its own and cannot be replaced: mount its folder instead",
  ENOSPC: "the disk is full: free some space, and run this again",
  EDQUOT: "the quota is used up: free some space, and run this again",
  ENOENT: "create the folder first",
  ELOOP: "its links go round in a circle: mend them",
};

async function translated<T>(path: string, done: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof RolloutError) throw error;
    const hint = mends[systemCodeOf(error) ?? ""] ?? "look at the file and its folder, and run this again";
    throw new RolloutError("unreachable", `${path} could not be ${done}: ${messageOf(error)}`, { hint, cause: error });
  }
}

function refusal(path: string, fault: string, hint: string): RolloutError {
  return new RolloutError("invalidPlan", `${JSON.stringify(path)} ${fault}`, { hint });
}

function leadsOut(path: string): RolloutError {
  return refusal(path, "leads out of the repository", "files of a plan stay below the root of the repository");
}

function notRegular(path: string): RolloutError {
  return refusal(path, "is not a regular file", "name a file, not a folder, device or pipe");
}
