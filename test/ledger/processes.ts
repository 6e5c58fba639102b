import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/** How another process opens a store: a function of a module of `src`, with arguments that JSON can carry. */
export interface StoreOpener {
  module: string;
  factory: string;
  arguments: unknown[];
}

/** What a writer came to. */
export interface Writer {
  who: string;
  won: number[];
  lost: number;
  failure?: { name: string; code: string; message: string; hint: string };
}

/**
 * Lets writers in processes of their own fill a ledger up to entry `last`, all from the same instant on.
 *
 * @param uid as which user they run
 */
export async function raceOf(opener: StoreOpener, name: string, last: number, writers: number, uid?: number): Promise<Writer[]> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-store-"));
  try {
    const file = join(folder, "store.mjs");
    // A child of another user imports it too.
    await chmod(folder, 0o755);
    const bundle = await rolldown({ input: fileURLToPath(new URL(`../../src/${opener.module}`, import.meta.url)), platform: "node" });
    await bundle.write({ file, format: "esm", codeSplitting: false });
    await bundle.close();
    const script = fileURLToPath(new URL("store-process.mjs", import.meta.url));
    const started = Array.from({ length: writers }, (_, index) => {
      const who = `writer-${index + 1}`;
      const given = [script, pathToFileURL(file).href, opener.factory, JSON.stringify(opener.arguments), name, String(last), who];
      const child = spawn(process.execPath, given, { stdio: ["pipe", "pipe", "inherit"], ...(uid !== undefined && { uid }) });
      return { who, child };
    });
    try {
      await Promise.all(started.map(({ child }) => once(child.stdout, "data")));
      return await Promise.all(
        started.map(async ({ who, child }) => {
          const answer: Buffer[] = [];
          child.stdout.on("data", (part: Buffer) => answer.push(part));
          child.stdin.write("go\n");
          await once(child, "close");
          return { who, won: [], lost: 0, ...JSON.parse(Buffer.concat(answer).toString("utf8")) } as Writer;
        }),
      );
    } finally {
      for (const { child } of started) child.kill("SIGKILL");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
