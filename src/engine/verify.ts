import { isDeepStrictEqual } from "node:util";
import { lookAt } from "../core/look.ts";
import { RolloutError } from "../errors.ts";
import { judge, judgeInBrief } from "../judge/judge.ts";
import type { Store } from "../ledger/port.ts";
import type { EntryOf } from "../model/entry.ts";
import type { State } from "../model/state.ts";
import { differences } from "./checkpoint.ts";
import { readLedger, type ReadEntry } from "./read.ts";

export interface VerifyOptions {
  /** The hash of an entry that must be there. */
  head?: string;
  /** Judge and decide every look again, from what it read. */
  replay?: boolean;
  /** Is shown each entry once it was checked. */
  look?: (read: ReadEntry) => void;
}

/** What a ledger was found to be. */
export interface Verified {
  entries: number;
  /** Nothing for a ledger without entries. */
  head?: { seq: number; hash: string };
  /** The entry whose hash was given, where it is there. */
  given?: { seq: number; hash: string };
  /** How many looks were judged again, and how many another version of the judge had judged. */
  replayed?: { looks: number; others: number };
}

/**
 * Reads a whole ledger and checks the chain of its hashes, every entry's form, and that each checkpoint is what the entries
 * up to it add up to; with `replay`, that the judge and the decision say of every look what it recorded. Memory stays flat,
 * however long the ledger is. Throws `RolloutError` (`damaged`) that names the first bad entry and what is wrong with it.
 */
export async function verifyLedger(
  store: Store,
  name: string,
  { head, replay = false, look = () => {} }: VerifyOptions = {},
): Promise<Verified> {
  const found: Verified = { entries: 0, ...(replay && { replayed: { looks: 0, others: 0 } }) };
  let before: State | undefined;
  for await (const read of readLedger(store, name, replay ? judgeInBrief : undefined)) {
    const { entry, hash, state } = read;
    found.entries++;
    found.head = state.head;
    if (hash === head) found.given = state.head;
    checkCheckpoint(read, replay);
    if (entry.kind === "look" && found.replayed) {
      if (entry.data.judge !== judge.version) found.replayed.others++;
      else checkLook(before!, entry);
      if (entry.data.judge === judge.version) found.replayed.looks++;
    }
    look(read);
    before = state;
  }
  return found;
}

function checkCheckpoint({ entry: { rollout, seq, checkpoint }, state }: ReadEntry, withEvidence: boolean): void {
  const names = checkpoint ? differences(checkpoint, state, withEvidence) : [];
  if (names.length > 0) throw damaged(rollout, seq, `its checkpoint is not what the entries up to it add up to (${names.join(", ")})`);
}

/** What a look must say again when it is judged again. */
const SAID = ["verdicts", "goals", "splitChecks", "gates", "decision"] as const;

function checkLook(before: State, { rollout, seq, at, data }: EntryOf<"look">): void {
  const again = asStored(lookAt(before, { at, ...data }, judge));
  for (const part of SAID) {
    if (isDeepStrictEqual(again[part], data[part])) continue;
    throw damaged(rollout, seq, `judged again from what it read, the look has other ${part} than it recorded`);
  }
}

/** As a value is once it was JSON. */
function asStored<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function damaged(name: string, seq: number, why: string): RolloutError {
  return new RolloutError("damaged", `ledger ${name}, entry ${seq}: ${why}`, {
    hint: "Compare with a copy of the ledger, or with a head that you kept.",
  });
}
