import { constants } from "node:fs";
import { mkdir, open, readdir, unlink } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { messageOf, RolloutError } from "../errors.ts";
import { spooledRollbackSchema, type SpooledRollback } from "../model/spool.ts";
import type { Environment } from "./ci.ts";
import type { Spool } from "./port.ts";

const MAX_BYTES = 64 * 1024;

/**
 * The spool of this user on this machine: a folder that has nothing to do with where the ledgers are, since it is they that
 * cannot be reached. `ROLLOUT_SPOOL` names another; else it is below the user's state folder, or the temporary one where
 * that cannot be written. Only what belongs to `store` is listed.
 */
export function openSpool({ env, store }: { env: Environment; store: string }): Spool {
  const places = placesFor(env);
  return {
    async put(rollback) {
      const bytes = Buffer.from(`${JSON.stringify({ ...rollback, store })}\n`);
      const failures: string[] = [];
      for (const place of places) {
        const path = join(place, `${rollback.rollout}-${rollback.id}.json`);
        try {
          const first = await mkdir(place, { recursive: true, mode: 0o700 });
          await writeDurably(path, bytes);
          // The folders that were made for it are not to be gone after a power cut, and it with them.
          for (let made = place; first !== undefined && made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
          return path;
        } catch (error) {
          failures.push(messageOf(error));
        }
      }
      throw new RolloutError("unreachable", `the rollback could not be kept on this machine either: ${failures.join("; ")}`);
    },
    async list(rollout) {
      const found: { path: string; rollback: SpooledRollback }[] = [];
      for (const place of places) {
        // No folder, or one that is not ours to read: nothing of ours is in it.
        const names = await readdir(place).catch(() => []);
        for (const name of names.filter((each) => each.startsWith(`${rollout}-`) && each.endsWith(".json")).sort()) {
          const path = join(place, name);
          const rollback = await read(path);
          if (rollback?.store === store && rollback.rollout === rollout) found.push({ path, rollback });
        }
      }
      return found;
    },
    async remove(path) {
      await unlink(path).catch(() => undefined);
    },
  };
}

function placesFor(env: Environment): string[] {
  if (env["ROLLOUT_SPOOL"]) return [env["ROLLOUT_SPOOL"]];
  const state = env["XDG_STATE_HOME"] || join(env["HOME"] || homedir(), ".local", "state");
  return [join(state, "rollout", "spool"), join(tmpdir(), `rollout-spool-${userInfo().uid}`)];
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Others may write into a temporary folder: what is not a small file of ours, made as we make them, is nobody's. */
async function read(path: string): Promise<SpooledRollback | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > MAX_BYTES || stats.uid !== userInfo().uid) return undefined;
      return spooledRollbackSchema.safeParse(JSON.parse(await file.readFile("utf8"))).data;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
