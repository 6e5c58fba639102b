import { constants } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import { messageOf, RolloutError } from "../errors.ts";
import { MAX_ENTRY_BYTES } from "../model/entry.ts";
import { nameSchema } from "../model/exposure.ts";
import { checkedName, damaged } from "./names.ts";
import type { Store, StoredEntry } from "./port.ts";

/**
 * Ledgers that are over, in one compressed file: a line that says what it is, then one for each entry with its bytes as they
 * were stored. It is read like any store, and nothing is added to it.
 */

const FIRST_LINE = JSON.stringify({ schema: "rollout.archive/1" });
const lineSchema = z.strictObject({ rollout: nameSchema, seq: z.number().int().min(1), bytes: z.base64() });
/** In base64, and with the name around it. */
const LONGEST_LINE = Math.ceil((MAX_ENTRY_BYTES * 4) / 3) + 200;

/** An archive file as a store that can be read. */
export function archiveStore(path: string, { cwd }: { cwd: string }): Store {
  if (path === "")
    throw new RolloutError("usage", "an archive is a file: archive:FILE", { hint: "`rollout log archive NAME FILE` makes one." });
  let ledgers: Promise<Map<string, StoredEntry[]>> | undefined;
  const load = () => (ledgers ??= readArchive(resolve(cwd, path), path));
  return {
    address: `archive:${path}`,
    list: async () => [...(await load()).keys()].sort(),
    async read(name, from, most = Number.POSITIVE_INFINITY) {
      const entries = (await load()).get(checkedName(name)) ?? [];
      if (from === -1) return entries.slice(-1);
      const begin = Math.max(0, from - 1);
      return entries.slice(begin, begin + most);
    },
    async create() {
      throw new RolloutError("refused", `${path} is an archive, to which nothing is added`, {
        hint: `Copy its ledgers into a store first: rollout store copy archive:${path} STORE`,
      });
    },
  };
}

async function readArchive(file: string, path: string): Promise<Map<string, StoredEntry[]>> {
  const ledgers = new Map<string, StoredEntry[]>();
  const unreadable = (cause: unknown) =>
    new RolloutError("unreachable", `the archive ${path} cannot be read: ${messageOf(cause)}`, { cause, hint: "Is the path right?" });
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  try {
    if (!(await handle.stat()).isFile()) throw damaged(`${path} is not a file`);
    const unpacked = handle.createReadStream().pipe(createGunzip());
    let number = 0;
    for await (const line of createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (number === 1 && line !== FIRST_LINE) throw damaged(`${path} is not an archive of ledgers`);
      if (number > 1) take(ledgers, line, `${path}, line ${number}`);
    }
    if (number === 0) throw damaged(`${path} is empty`);
    return ledgers;
  } catch (error) {
    if (error instanceof RolloutError) throw error;
    const { code } = error as { code?: unknown };
    throw typeof code === "string" && code.startsWith("Z_") ? damaged(`${path} is no compressed file, or is broken`) : unreadable(error);
  } finally {
    await handle.close();
  }
}

function take(ledgers: Map<string, StoredEntry[]>, line: string, where: string): void {
  const parsed = line.length > LONGEST_LINE ? undefined : lineSchema.safeParse(parseJson(line)).data;
  if (!parsed) throw damaged(`${where}: this is no entry`);
  const { rollout, seq, bytes } = parsed;
  const entries = ledgers.get(rollout) ?? [];
  if (seq !== entries.length + 1) throw damaged(`${where}: entry ${entries.length + 1} of ${rollout} was expected here`);
  entries.push({ seq, bytes: Buffer.from(bytes, "base64") });
  ledgers.set(rollout, entries);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/**
 * Writes an archive, durably, where no file is yet. Throws `RolloutError` (`usage`) where there is one, (`unreachable`) where
 * it cannot be written; half a file is not left behind.
 */
export async function writeArchive(path: string, entries: AsyncIterable<StoredEntry & { rollout: string }>, cwd: string): Promise<void> {
  const file = resolve(cwd, path);
  const handle = await open(file, "wx", 0o644).catch((cause: unknown) => {
    const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    if (exists) throw new RolloutError("usage", `${path} exists`, { hint: "Name a file that does not exist yet." });
    throw new RolloutError("unreachable", `${path} cannot be written: ${messageOf(cause)}`, { cause });
  });
  try {
    await pipeline(linesFor(entries), createGzip(), async (packed: AsyncIterable<Uint8Array>) => {
      for await (const chunk of packed) await handle.writeFile(chunk);
    });
    await handle.sync();
    await handle.close();
    const folder = await open(dirname(file), constants.O_RDONLY);
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(file).catch(() => undefined);
    if (error instanceof RolloutError) throw error;
    throw new RolloutError("unreachable", `${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

async function* linesFor(entries: AsyncIterable<StoredEntry & { rollout: string }>): AsyncGenerator<string> {
  yield `${FIRST_LINE}\n`;
  for await (const { rollout, seq, bytes } of entries) {
    yield `${JSON.stringify({ rollout, seq, bytes: Buffer.from(bytes).toString("base64") })}\n`;
  }
}
