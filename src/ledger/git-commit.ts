import { lineOf } from "./chain.ts";
import { createHash, randomBytes } from "node:crypto";
import { RolloutError } from "../errors.ts";
import type { GitCopy } from "./git-copy.ts";
import { fileOf, type History } from "./git-history.ts";

/** Nobody's address: who acted stands in the entry, and a commit proves it no better. */
const IDENTITY = "rollout <rollout@localhost>";

/**
 * Writes entries into the copy as commits after a ledger's last one, and gives the history with them. Nothing points at
 * them yet; git keeps what nothing points at for two weeks.
 */
export async function commitEntries(copy: GitCopy, name: string, before: History, entries: readonly Uint8Array[]): Promise<History> {
  // It must name a ref for what it makes; deleted in the same breath, it is never there.
  const ref = `refs/rollout-new/${randomBytes(8).toString("hex")}`;
  const first = before.entries.length + 1;
  const input = Buffer.concat([
    ...entries.flatMap((bytes, index) => commitCommand(ref, name, first + index, bytes, index === 0 ? before.head : undefined)),
    Buffer.from(`get-mark :${first + entries.length - 1}\nreset ${ref}\nfrom ${"0".repeat(before.head?.length ?? 40)}\n\ndone\n`),
  ]);
  const { status, stdout, stderr } = await copy.git(["fast-import", "--quiet", "--done"], { input });
  const head = Buffer.from(stdout).toString("latin1").trim();
  if (status !== 0 || head === "") {
    throw new RolloutError(
      "unreachable",
      `the ledger: entry ${first} of ${name} could not be made a commit in ${copy.folder}: ${copy.words(stderr)}`,
      {
        hint: "Check the disk and its free space, then run the command again: nothing was recorded.",
      },
    );
  }
  return { head, entries: [...before.entries, ...entries.map((bytes) => ({ blob: blobOf(copy, bytes), size: bytes.length }))] };
}

function blobOf({ objectFormat }: GitCopy, bytes: Uint8Array): string {
  return createHash(objectFormat).update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function commitCommand(ref: string, name: string, seq: number, bytes: Uint8Array, after: string | undefined): Uint8Array[] {
  const { message, at } = describeEntry(name, seq, bytes);
  const text = Buffer.from(message);
  const when = `${IDENTITY} ${Math.floor(at / 1000)} +0000`;
  const head = `commit ${ref}\nmark :${seq}\nauthor ${when}\ncommitter ${when}\ndata ${text.length}\n`;
  const from = after === undefined ? "" : `from ${after}\n`;
  return [
    Buffer.from(head),
    text,
    Buffer.from(`\n${from}deleteall\nM 100644 inline ${fileOf(seq)}\ndata ${bytes.length}\n`),
    bytes,
    Buffer.from("\n"),
  ];
}

/** What `git log` shows of an entry, and its instant. A store knows bytes alone: what cannot be read is left out. */
export function describeEntry(name: string, seq: number, bytes: Uint8Array): { message: string; at: number } {
  const entry = fieldsOf(parse(bytes));
  const data = fieldsOf(entry["data"]);
  const decision = fieldsOf(data["decision"]);
  const actor = fieldsOf(entry["actor"]);
  const [kind, who, where, reason] = [entry["kind"], actor["who"], actor["where"], data["reason"]].map((each) => cleaned(each, 200));
  const done = cleaned(decision["kind"] ?? data["purpose"] ?? data["mode"] ?? data["outcome"], 40);
  const stage = [decision["stage"], data["stage"]].find((each) => Number.isInteger(each) && Number(each) >= 0);
  const what = [kind, done && `: ${done}`, stage !== undefined && `, stage ${Number(stage) + 1}`].filter(Boolean).join("");
  const subject = `${name} ${seq}, ${kind ? what : `entry ${seq}`}${who ? ` (${who})` : ""}`;
  const run = Number.isSafeInteger(entry["run"]) ? `Run ${Number(entry["run"])}.` : "";
  const claimed = who ? `Claimed actor: ${who}${where ? `, ${where}` : ""}.` : "";
  const body = [reason, [run, claimed].filter(Boolean).join(" ")].filter(Boolean).join("\n\n");
  const at = entry["at"];
  const isInstant = typeof at === "number" && at >= 0 && at < Date.UTC(10_000, 0);
  return { message: body === "" ? `${subject}\n` : `${subject}\n\n${body}\n`, at: isInstant ? at : Date.now() };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(lineOf(bytes) ?? bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** One line of text, without what would steer a terminal. */
function cleaned(value: unknown, longest: number): string {
  if (typeof value !== "string") return "";
  const text = value
    .slice(0, 4 * longest)
    .replace(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
