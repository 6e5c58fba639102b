import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import type { Environment, PostgresPlace } from "./postgres-address.ts";

/** A field of a password file: up to a colon that has no backslash before it. */
const FIELD = String.raw`((?:\\.|[^\\:])*)`;
const LINE = new RegExp(`^${Array.from({ length: 5 }, () => FIELD).join(":")}`);

/**
 * The password for a place: `PGPASSWORD`, or that of the first line in the password file (`PGPASSFILE`, else `~/.pgpass`)
 * that fits. Is asked for only when the server wants one. Throws `RolloutError` (`usage`) when there is none, or others
 * could read the file.
 */
export async function passwordFor(place: PostgresPlace, env: Environment): Promise<string> {
  if (env["PGPASSWORD"]) return env["PGPASSWORD"];
  const path = env["PGPASSFILE"] || join(env["HOME"] || homedir(), ".pgpass");
  const password = passwordIn(await privateText(path), place);
  if (password !== undefined) return password;
  throw new RolloutError("usage", `the ledger: ${place.address} asks for a password, and none is known for user ${place.user}`, {
    hint: `Set PGPASSWORD, or write a line HOST:PORT:DATABASE:USER:PASSWORD into ${path}.`,
  });
}

/** The file's text; none where there is no file. */
async function privateText(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return "";
  try {
    const found = await file.stat();
    if (!found.isFile()) return "";
    if (process.platform !== "win32" && (found.mode & 0o077) !== 0) {
      throw new RolloutError("usage", `the password file ${path} can be read by others, so it is not used`, { hint: `chmod 600 ${path}` });
    }
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function passwordIn(text: string, { host, port, database, user }: PostgresPlace): string | undefined {
  const hosts = host.startsWith("/") ? [host, "localhost"] : [host];
  const wanted = [hosts, [String(port)], [database], [user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = LINE.exec(line)?.slice(1);
    if (!fields) continue;
    const [password, ...matched] = [fields[4]!, ...fields.slice(0, 4)].map((field) => field.replace(/\\(.)/g, "$1"));
    if (wanted.every((each, index) => fields[index] === "*" || each.includes(matched[index]!))) return password;
  }
  return undefined;
}
