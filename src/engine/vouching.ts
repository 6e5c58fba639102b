import { RolloutError } from "../errors.ts";
import { isOff } from "../core/exposure.ts";
import type { ChainedEntry } from "../ledger/chain.ts";
import { checkSignature, type PublicKeys } from "../ledger/signature.ts";
import type { Actor, Entry, EntryKind } from "../model/entry.ts";

/** Who vouches for the entries of a ledger: what its signatures say to somebody who has these keys. */
export interface Vouching {
  /** By key: how many entries it signed, and the last of them. `verified`: the key was given, and each signature holds. */
  by: { key: string; verified: boolean; entries: number; last: number }[];
  /** The last entry that is signed by a given key: with it, its holder vouches that all before it was there and as it is. */
  upTo?: number;
  /** Entries without a signature of their own, and what kinds are among them. */
  unsigned: { from: number; to: number; kinds: EntryKind[] }[];
  /** Where keys were given, the entries that nobody vouches for: the last `MOST_SHOWN` of those that come after `upTo`. */
  after: { seq: number; kind: EntryKind; actor: Actor }[];
}

const MOST_SHOWN = 20;

/** Looks at each entry of a ledger in turn, as it was stored, and then says who vouches for what. */
export interface Voucher {
  /** Throws `RolloutError` (`damaged`) where a given key's signature does not hold. */
  look(read: ChainedEntry): void;
  /**
   * Nothing where no key was given and nothing is signed.
   *
   * @param kept the number of an entry whose hash somebody kept: as good as a signature
   * @throws RolloutError (`damaged`) where keys were given, and nothing vouches for the last change of exposure
   */
  result(kept: number | undefined): Vouching | undefined;
}

export function openVoucher(name: string, keys: PublicKeys | undefined): Voucher {
  const by = new Map<string, Vouching["by"][number]>();
  const unsigned: Vouching["unsigned"] = [];
  let after: Vouching["after"] = [];
  let upTo: number | undefined;
  let change: Entry | undefined;
  return {
    look({ entry, line }) {
      const { seq, kind, actor } = entry;
      const check = checkSignature(line, keys ?? new Map());
      if (changesExposure(entry)) change = entry;
      if (check.status === "wrong") throw wronglySigned(name, seq, check.key);
      if (check.status === "unsigned") extend(unsigned, entry);
      else {
        const { entries = 0 } = by.get(check.key) ?? {};
        by.set(check.key, { key: check.key, verified: check.status === "valid", entries: entries + 1, last: seq });
      }
      if (check.status === "valid") {
        upTo = seq;
        after = [];
      } else if (keys) after = [...after, { seq, kind, actor }].slice(-MOST_SHOWN);
    },
    result(kept) {
      const sure = Math.max(upTo ?? 0, kept ?? 0);
      if (keys && change && change.seq > sure) throw vouchedByNobody(name, change, upTo);
      if (!keys && by.size === 0) return undefined;
      return { by: [...by.values()], ...(upTo !== undefined && { upTo }), unsigned, after: after.filter(({ seq }) => seq > sure) };
    },
  };
}

function extend(spans: Vouching["unsigned"], { seq, kind }: Entry): void {
  const last = spans.at(-1);
  if (last?.to !== seq - 1) spans.push({ from: seq, to: seq, kinds: [kind] });
  else {
    last.to = seq;
    if (!last.kinds.includes(kind)) last.kinds.push(kind);
  }
}

/** Whether an entry says who has the feature, or that this is about to change. */
function changesExposure(entry: Entry): boolean {
  switch (entry.kind) {
    case "intent":
    case "applied":
    case "abandoned":
    case "repaired":
      return true;
    case "spooled":
      return entry.data.stands;
    case "started":
      return !isOff(entry.data.exposure);
    case "resumed":
      return entry.data.exposure !== undefined;
    case "look":
    case "paused":
    case "planChanged":
    case "judgeChanged":
    case "ended":
      return false;
    default:
      return entry satisfies never;
  }
}

function wronglySigned(name: string, seq: number, key: string): RolloutError {
  return new RolloutError(
    "damaged",
    `ledger ${name}, entry ${seq}: its signature by the key ${key.slice(0, 16)} is wrong: the entry, or its signature, was changed`,
    { hint: "Restore the ledger from a copy, and find out who can write its store." },
  );
}

function vouchedByNobody(name: string, { seq, kind, signature }: Entry, upTo: number | undefined): RolloutError {
  const unknown = signature === undefined ? "is not signed" : `is signed by a key that was not given (${signature.key.slice(0, 16)})`;
  const last =
    upTo === undefined ? "no entry is signed by a key that was given" : `the last entry that is signed by a key that was given is ${upTo}`;
  return new RolloutError("damaged", `ledger ${name}, entry ${seq}: this change of exposure (${kind}) ${unknown}, and ${last}`, {
    hint: "If you know of it, give the head that was printed then (--head); the next entry of a runner that has the key vouches for it as well.",
  });
}
