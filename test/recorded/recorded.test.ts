import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { follow, readState } from "../../src/engine/tail.ts";
import { verifyLedger } from "../../src/engine/verify.ts";
import { judge, judgeInBrief } from "../../src/judge/judge.ts";
import { decodeChain } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import { memoryStore } from "../support/memoryStore.ts";
import { livedHistory, NAME } from "./history.ts";

/**
 * Ledgers that earlier versions wrote, byte by byte, with the state that they took them for: one file for each form that a
 * ledger has had, a line an entry and the last one the state. Another is added, and none changed, by
 * `RECORD=the-form npx vitest run --config .config/vitest.ts test/recorded`.
 */

const SUFFIX = ".jsonl.gz";
const recorded = readdirSync(import.meta.dirname).filter((name) => name.endsWith(SUFFIX));

describe.each(recorded.map((name) => name.slice(0, -SUFFIX.length)))("a ledger of the form %s", (form) => {
  const { ledger, state } = read(form);

  test("reads to the same state as it did then, from its beginning and from its end", async () => {
    expect(asStored(follow(NAME, undefined, ledger, judgeInBrief))).toEqual(state);
    expect(asStored(await readState(memoryStore([[NAME, ledger]]), NAME, judgeInBrief))).toEqual(state);
  });

  test("judged again says what it said, by the same version of the judge", async () => {
    const looks = decodeChain(NAME, ledger).flatMap(({ entry }) => (entry.kind === "look" ? [entry.data.judge] : []));
    expect(looks.length).toBeGreaterThan(20);
    const { entries, replayed } = await verifyLedger(memoryStore([[NAME, ledger]]), NAME, { replay: true });
    expect(entries).toBe(ledger.length);
    const same = looks.filter((version) => version === judge.version).length;
    expect(replayed).toEqual({ looks: same, others: looks.length - same });
  });
});

test("of the form that this version writes, and of those before, one is recorded", async () => {
  const ledger = await livedHistory();
  record(process.env["RECORD"], ledger);
  const formatOf = (entries: readonly StoredEntry[]) =>
    decodeChain(NAME, [...entries]).findLast(({ entry }) => entry.checkpoint)?.entry.checkpoint?.format;
  const formats = recorded.map((name) => formatOf(read(name.slice(0, -SUFFIX.length)).ledger));
  expect(formats).toContain(undefined);
  expect(formats).toContain(formatOf(ledger));
});

function record(name: string | undefined, ledger: StoredEntry[]): void {
  if (name === undefined) return;
  const state = follow(NAME, undefined, ledger, judgeInBrief);
  const lines = [...ledger.map(({ seq, bytes }) => ({ seq, bytes: Buffer.from(bytes).toString("base64") })), { state }];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(join(import.meta.dirname, name + SUFFIX), gzipSync(text, { level: 9 }), { flag: "wx" });
}

function read(name: string): { ledger: StoredEntry[]; state: unknown } {
  const text = gunzipSync(readFileSync(join(import.meta.dirname, name + SUFFIX))).toString("utf8");
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line) as { seq: number; bytes: string; state?: unknown }); // prettier-ignore
  const { state } = lines.pop()!;
  return { ledger: lines.map(({ seq, bytes }) => ({ seq, bytes: Buffer.from(bytes, "base64") })), state };
}

function asStored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
