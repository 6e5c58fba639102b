import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { RolloutError } from "../errors.ts";
import type { z } from "zod";
import { entrySchema, frameSchema, MAX_ENTRY_BYTES, type Entry, type Frame } from "../model/entry.ts";
import type { StoredEntry } from "./port.ts";
import { signatureIn } from "./signature.ts";

/** What the first entry names as the hash of the entry before it. */
export const GENESIS = "0".repeat(64);

/** How deep lists and objects may stand in each other. */
const MAX_DEPTH = 200;

/** SHA-256 of an entry's stored bytes, in hex. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An entry whose line is longer is stored compressed: looks at many guardrails say much the same in many words. */
const COMPRESSED_FROM = 16 * 1024;

/** The bytes of an entry as they are stored: JSON on one line, by gzip where that is long. */
export function encodeEntry(entry: Entry): Uint8Array {
  const line = Buffer.from(`${JSON.stringify(entry)}\n`, "utf8");
  return line.length < COMPRESSED_FROM ? line : gzipSync(line);
}

/** The line of JSON that stored bytes are; nothing where they are broken, or longer than any entry. */
export function lineOf(bytes: Uint8Array): Uint8Array | undefined {
  // No JSON begins so.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.length > MAX_ENTRY_BYTES ? undefined : bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_ENTRY_BYTES });
  } catch {
    return undefined;
  }
}

/** An entry that was read, with the hash of its bytes, and the line of JSON that they are. */
export interface ChainedEntry {
  entry: Entry;
  hash: string;
  line: Uint8Array;
}

/** The entry that another belongs after; without a hash where that entry was not read. */
export interface Before {
  seq: number;
  hash?: string;
}

/**
 * The entry that the bytes are, if it is the one that belongs after `head`. Bytes are attacker-controlled: size, UTF-8,
 * schema, number, name and the hash of the entry before are all checked. Throws `RolloutError` (`damaged`) naming the
 * entry and what is wrong with it.
 */
export function decodeEntry(name: string, stored: StoredEntry, head: Before): ChainedEntry {
  const { value: entry, ...place } = decode(name, stored, head, entrySchema);
  return { entry, ...place };
}

/** The same, but for what the entry says: only its place in the ledger is looked at, and the checkpoint that it carries. */
export function decodeFrame(name: string, stored: StoredEntry, head: Before): { frame: Frame; hash: string } {
  const { value: frame, hash } = decode(name, stored, head, frameSchema);
  return { frame, hash };
}

function decode<Value extends Frame | Entry>(
  name: string,
  { seq, bytes }: StoredEntry,
  head: Before,
  schema: z.ZodType<Value>,
): { value: Value; hash: string; line: Uint8Array } {
  const damaged = (why: string) =>
    new RolloutError("damaged", `ledger ${name}, entry ${seq}: ${why}`, {
      hint: `Nothing was written. \`rollout log verify ${name}\` checks the whole ledger; restore it from a copy.`,
    });
  if (seq !== head.seq + 1) throw damaged(`entry ${head.seq + 1} was expected here`);
  if (bytes.length > MAX_ENTRY_BYTES) throw damaged(`it has ${bytes.length} bytes; no entry has more than ${MAX_ENTRY_BYTES}`);
  if (bytes.length === 0) throw damaged("it is empty");
  const line = lineOf(bytes);
  const json = line && parseJson(line);
  if (json === undefined) throw damaged(line ? "it is not JSON" : "it is compressed, and broken or too long");
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw damaged(`it is not an entry (${issue ? brief(`${issue.path.join(".") || "the whole"}: ${issue.message}`) : "unreadable"})`);
  }
  const value = parsed.data;
  if (value.seq !== seq) throw damaged(`it says it is entry ${value.seq}`);
  if (value.rollout !== name) throw damaged(`it belongs to ledger ${value.rollout}`);
  if (head.hash !== undefined && value.prev !== head.hash)
    throw damaged(`the entry before it is not the one it was written after (${short(value.prev)}, found ${short(head.hash)})`);
  // Whoever checks a signature checks the bytes before it: it must be what the bytes end with, and nowhere else.
  if (signatureIn(line!)?.value !== value.signature?.value) throw damaged("its signature is not the end of its line");
  return { value, hash: hashOf(bytes), line: line! };
}

/** All entries from the first on, checked as a chain. */
export function decodeChain(name: string, stored: StoredEntry[]): ChainedEntry[] {
  const chain: ChainedEntry[] = [];
  let head = { seq: 0, hash: GENESIS };
  for (const each of stored) {
    const decoded = decodeEntry(name, each, head);
    head = { seq: each.seq, hash: decoded.hash };
    chain.push(decoded);
  }
  return chain;
}

function parseJson(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes) || isTooDeep(bytes)) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

const [QUOTE, BACKSLASH, LIST, OBJECT, LIST_END, OBJECT_END] = [...'"\\[{]}'].map((character) => character.charCodeAt(0));

/**
 * Whether lists and objects stand in each other deeper than in any entry: the schema, and all that prints it, would run
 * out of stack. In UTF-8 no byte of another character is one of these.
 */
function isTooDeep(json: Uint8Array): boolean {
  let depth = 0;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index];
    if (byte === QUOTE) index = endOfString(json, index);
    else if (byte === LIST || byte === OBJECT) depth++;
    else if (byte === LIST_END || byte === OBJECT_END) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Where a string that begins at a quote ends: at the next quote that is not escaped. */
function endOfString(json: Uint8Array, begin: number): number {
  for (let end = json.indexOf(QUOTE!, begin + 1); ; end = json.indexOf(QUOTE!, end + 1)) {
    if (end < 0) return json.length;
    let escapes = 0;
    while (json[end - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

/** What is wrong may quote the entry, which can say anything at any length. */
function brief(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
