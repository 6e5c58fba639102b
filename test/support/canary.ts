import { readdir, readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { expect } from "vitest";
import { lineOf } from "../../src/ledger/chain.ts";
import type { Ran } from "./cli.ts";
import type { Scene } from "./scene.ts";

/** A secret that sings, and what must not be heard of it anywhere. */

export const CANARY = 'ca"nary+/&%7 sings';
export const USER = "reader";
export const base64 = (text: string) => Buffer.from(text).toString("base64");

/** What would give it away, whatever else stands around it. */
export const GIVEAWAYS = [
  CANARY,
  base64(CANARY),
  base64(`${USER}:${CANARY}`),
  Buffer.from(CANARY).toString("base64url"),
  encodeURIComponent(CANARY),
  new URLSearchParams({ v: CANARY }).toString().slice(2),
  JSON.stringify(CANARY).slice(1, -1),
  Buffer.from(CANARY).toString("hex"),
];

export const authorizationOf = ({ headers }: IncomingMessage) => String(headers.authorization ?? headers["x-token"] ?? "");

/** Every form of it, as an answer would hold it. */
export const sung = (request: IncomingMessage) => [authorizationOf(request), ...GIVEAWAYS].join(" ");

/** That nothing in a scene's files, nor on either side of what was run there, gives the secret away. */
export async function expectSilence(scene: Scene, ...runs: Ran[]) {
  const files = (await readdir(scene.folder, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && entry.name !== "canary.txt",
  );
  const texts = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const bytes = await readFile(join(parentPath, name));
      // A long entry is stored compressed.
      return [name, Buffer.from(lineOf(bytes) ?? bytes).toString("utf8")] as const;
    }),
  );
  for (const { stdout, stderr } of runs) texts.push(["stdout", stdout], ["stderr", stderr]);
  // As JSON has it, and as it was before: a quoted label within JSON is escaped twice.
  texts.push(...texts.map(([name, text]): [string, string] => [`${name}, unescaped`, text.replaceAll(/\\(["\\])/g, "$1")]));
  for (const [name, text] of texts) for (const giveaway of GIVEAWAYS) expect(text.includes(giveaway), `${name}: ${text}`).toBe(false);
}
