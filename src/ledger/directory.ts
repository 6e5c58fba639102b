import { randomBytes } from "node:crypto";
import { link, lstat, mkdir, open, readdir, readFile, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RolloutError, messageOf, systemCodeOf } from "../errors.ts";
import { MAX_ENTRY_BYTES } from "../model/entry.ts";
import { checkedName, damaged, isName, missingEntry } from "./names.ts";
import { NotDurable, Taken, type Store, type StoredEntry } from "./port.ts";

const ENTRY_FILE = /^(\d{9})\.json$/;
const TEMPORARY_FILE = /^\.tmp-/;
/** A temporary file this old was left by a writer that was killed. */
const ABANDONED_AFTER = 10 * 60_000;

/**
 * Ledgers in a directory: `NAME/000000001.json`, one file an entry. An entry is written to a temporary file, synced and
 * then linked to its number, which the file system lets exactly one writer do; then the folder is synced. There is no
 * lock, so nothing can be left locked.
 */
export function directoryStore(root: string): Store {
  // A name is a folder of its own below the root: nothing that leads elsewhere, and no two that a file system takes for one.
  const folderOf = (name: string) => join(root, checkedName(name));
  const fileOf = (name: string, seq: number) => join(folderOf(name), `${String(seq).padStart(9, "0")}.json`);

  return {
    address: root,

    async list() {
      const names: string[] = [];
      for (const { name } of await entriesOf(root)) {
        if (isName(name) && (await isFolder(folderOf(name))) && (await numbersIn(folderOf(name))).length > 0) names.push(name);
      }
      return names.sort();
    },

    async read(name, from, most = Number.POSITIVE_INFINITY) {
      const numbers = await numbersIn(folderOf(name));
      const last = numbers.at(-1);
      if (last === undefined) return [];
      const first = from === -1 ? last : from;
      for (let seq = 1; seq <= last; seq++) {
        if (numbers[seq - 1] !== seq) throw missingEntry(name, seq);
      }
      const stored: StoredEntry[] = [];
      for (let seq = first; seq <= Math.min(last, first + most - 1); seq++) stored.push({ seq, bytes: await readEntry(fileOf(name, seq)) });
      return stored;
    },

    async create(name, seq, bytes) {
      const folder = folderOf(name);
      await guarded(`store entry ${seq} of ${name}`, folder, async () => {
        if (seq === 1) await makeFolder(folder, root);
        else if (!(await exists(fileOf(name, seq - 1)))) throw new Taken(`entry ${seq - 1} of ${name} is not there`);
        const temporary = join(folder, `.tmp-${String(seq).padStart(9, "0")}-${process.pid}-${randomBytes(6).toString("hex")}`);
        try {
          await writeDurably(temporary, bytes);
          await linkOnce(temporary, fileOf(name, seq), bytes);
          await syncFolder(folder).catch((cause: unknown) => {
            throw new NotDurable(`the ledger: entry ${seq} of ${name} is not safe on the disk: ${messageOf(cause)}`, {
              hint: `${hintFor(systemCodeOf(cause), folder)} Nothing was done that rests on it.`,
              cause,
            });
          });
        } finally {
          await unlink(temporary).catch(() => undefined);
        }
        if (seq % 64 === 0) await sweep(folder);
      });
    },
  };
}

/** Writes, syncs and reads back: what the disk did not take (a short write, a bad block) must not become an entry. */
async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx+", 0o644);
  try {
    await file.writeFile(bytes);
    await file.sync();
    const written = Buffer.alloc(bytes.length + 1);
    const { bytesRead } = await file.read(written, 0, written.length, 0);
    if (!written.subarray(0, bytesRead).equals(bytes)) {
      throw new RolloutError("unreachable", `${path}: the file system stored something else than was written`, {
        hint: "Nothing was recorded. Check the disk and its free space, then run the command again.",
      });
    }
  } finally {
    await file.close();
  }
}

async function linkOnce(temporary: string, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    // On a network file system the answer to a link that succeeded can be lost, and its repetition finds our own file.
    if (!(await readFile(path)).equals(bytes)) throw new Taken(`${path} exists`);
  }
}

async function makeFolder(folder: string, root: string): Promise<void> {
  const first = (await makeAll(folder)) ?? root;
  // Down from the root in any case: whoever has just made it may not have synced it yet.
  const shortest = Math.min(first.length, root.length);
  for (let made = folder; made.length >= shortest; made = dirname(made)) {
    await syncFolder(dirname(made)).catch((error: unknown) => {
      // A folder that we may not open is none that we have made anything in.
      if (systemCodeOf(error) !== "EACCES") throw error;
    });
  }
}

/**
 * Makes a folder and those above it that are not there; gives the first that was not. The system's own error is thrown:
 * `recursive` says of whatever goes wrong above that something does not exist.
 */
async function makeAll(folder: string, { again = false } = {}): Promise<string | undefined> {
  try {
    await mkdir(folder);
    return folder;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "EEXIST") return undefined;
    if (code !== "ENOENT" || again || dirname(folder) === folder) throw error;
  }
  const above = await makeAll(dirname(folder));
  const own = await makeAll(folder, { again: true });
  return above ?? own;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sweep(folder: string): Promise<void> {
  for (const each of await entriesOf(folder)) {
    if (!TEMPORARY_FILE.test(each.name)) continue;
    const path = join(folder, each.name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_AFTER) await unlink(path).catch(() => undefined);
  }
}

async function numbersIn(folder: string): Promise<number[]> {
  const numbers = (await entriesOf(folder)).flatMap(({ name }) => {
    const match = ENTRY_FILE.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return numbers.sort((a, b) => a - b);
}

async function entriesOf(folder: string) {
  return guarded(`list ${folder}`, folder, () => readdir(folder, { withFileTypes: true })).catch((error: unknown) => {
    if (error instanceof RolloutError && systemCodeOf(error.cause) === "ENOENT") return [];
    throw error;
  });
}

async function readEntry(path: string): Promise<Uint8Array> {
  return guarded(`read ${path}`, path, async () => {
    // Whoever may write the folder may put there what must not be opened: a pipe waits for ever, a device never ends.
    const found = await lstat(path);
    if (!found.isFile()) throw damaged(`${path} is not a file, as every entry is`);
    if (found.size > MAX_ENTRY_BYTES) throw damaged(`${path} has ${found.size} bytes; no entry has more than ${MAX_ENTRY_BYTES}`);
    return readFile(path);
  });
}

async function isFolder(path: string): Promise<boolean> {
  return guarded(`list ${path}`, path, async () => {
    const found = await stat(path).catch((error: unknown) => {
      // A link to nothing, or to itself. Whatever else fails may hide a ledger.
      if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ELOOP") return undefined;
      throw error;
    });
    return found?.isDirectory() ?? false;
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCodeOf(error) === "ENOENT") return false;
      throw error;
    },
  );
}

/** Runs one operation on the file system; what fails in it is the store being out of reach. */
async function guarded<T>(attempt: string, path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof RolloutError || error instanceof Taken) throw error;
    throw new RolloutError("unreachable", `the ledger: could not ${attempt}: ${messageOf(error)}`, {
      cause: error,
      hint: hintFor(systemCodeOf(error), path),
    });
  }
}

function hintFor(code: string | undefined, path: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `Make ${path} writable, or name another place with --store.`;
    case "ENOSPC":
    case "EDQUOT":
      return "Free space on the disk, then run the command again.";
    case "ENOTSUP":
    case "EOPNOTSUPP":
    case "EMLINK":
      return "The file system has no hard links; put the ledger on one that has, with --store.";
    default:
      return "Check the directory, or name another one with --store.";
  }
}
