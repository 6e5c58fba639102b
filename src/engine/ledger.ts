import { randomBytes } from "node:crypto";
import { evolve } from "../core/evolve.ts";
import { RolloutError } from "../errors.ts";
import { judgeInBrief } from "../judge/judge.ts";
import { encodeEntry, GENESIS, hashOf, lineOf } from "../ledger/chain.ts";
import { NotDurable, Taken, type Store } from "../ledger/port.ts";
import { signedEntry, type Signer } from "../ledger/signature.ts";
import { nameSchema } from "../model/exposure.ts";
import { entrySchema, MAX_ENTRY_BYTES, type Actor, type Entry, type Statement } from "../model/entry.ts";
import type { Instant } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import type { Clock } from "../io/port.ts";
import { checkpointOf, isCheckpointDue } from "./checkpoint.ts";
import { follow, readState } from "./tail.ts";

/** One rollout's ledger and the state that its entries add up to. What was read once is not read again. */
export interface Ledger {
  readonly name: string;
  readonly state: State | undefined;
  /** Reads what others have added. Looks that were gathered are dropped when somebody else wrote meanwhile. */
  refresh(): Promise<State | undefined>;
  /**
   * The one primitive that writes. `make` is asked for the next entry in view of the state; when its number was taken
   * by somebody else, their entry is read and `make` is asked again. It answers nothing when there is nothing (left) to
   * say. A decision answers nothing once the head has moved; a fact, once it is no longer true.
   *
   * @returns the entry that was stored (or gathered), or nothing
   */
  append(make: (state: State | undefined) => Draft | undefined, options?: AppendOptions): Promise<Entry | undefined>;
  /** Stores what was gathered. */
  flush(): Promise<void>;
}

export interface AppendOptions {
  /**
   * Nothing rests on the entry yet: where the store gathers, it is stored with the next one that something rests on, or when its
   * time is over.
   */
  gather?: boolean;
}

/** What an entry is to say; `at` where it was decided at a certain instant. */
export type Draft = Statement & { at?: Instant };

export interface LedgerOptions {
  store: Store;
  clock: Clock;
  /** Who writes; asked for before the first entry. */
  actor(): Promise<Actor>;
  /** Who signs what is written under a plan, if anybody does. */
  signerFor?(plan: Plan, folder: string): Signer | undefined;
  /** 32 hex digits, different each time. */
  newId?: () => string;
  onAppend?: (entry: Entry, state: State) => void;
  /** Is told how many gathered entries were dropped, because somebody else had written. */
  onDrop?: (entries: number) => void;
}

/** An entry that is ready to be stored, and the state after it. */
interface Written {
  entry: Entry;
  bytes: Uint8Array;
  state: State;
}

/** Opens a ledger and reads its end; an unknown name is an empty ledger. */
export async function openLedger(name: string, options: LedgerOptions): Promise<Ledger> {
  if (!nameSchema.safeParse(name).success) {
    throw new RolloutError("usage", `"${name.slice(0, 80)}" is not a rollout's name`, {
      hint: "A name has lower-case letters, digits and dashes, 63 at the most.",
    });
  }
  const { store, clock, newId = () => randomBytes(16).toString("hex"), onAppend, onDrop } = options;
  let actor: Actor | undefined;
  /** What the store holds. */
  let stored = await readState(store, name, judgeInBrief);
  /** What comes after it and is not stored yet. */
  let gathered: Written[] = [];
  let gatheredSince = 0;

  const stateNow = () => gathered.at(-1)?.state ?? stored;
  const drop = () => {
    if (gathered.length > 0) onDrop?.(gathered.length);
    gathered = [];
  };
  const refresh = async () => {
    const added = await store.read(name, (stored?.head.seq ?? 0) + 1);
    if (added.length > 0) drop();
    stored = follow(name, stored, added, judgeInBrief);
    return stateNow();
  };
  /** An answer can be lost although the entry was stored: its bytes tell. */
  const wasStored = async ({ entry: { seq }, bytes }: Written) => {
    const found = (await store.read(name, seq))[0];
    return found !== undefined && hashOf(found.bytes) === hashOf(bytes);
  };
  /** Stores entries that follow each other; false when somebody else was quicker, whose entries are read then. */
  const storeAll = async (entries: readonly Written[]): Promise<boolean> => {
    const last = entries.at(-1)!;
    const first = entries[0]!.entry.seq;
    try {
      if (entries.length === 1) await store.create(name, first, last.bytes);
      else await store.createAll!(name, first, entries.map(({ bytes }) => bytes)); // prettier-ignore
    } catch (error) {
      if (error instanceof Taken) {
        drop();
        await refresh();
        if ((stored?.head.seq ?? 0) < first) throw notGrowing(name, first - 1);
        return false;
      }
      if (error instanceof NotDurable || !(await wasStored(last).catch(() => false))) throw error;
    }
    stored = last.state;
    gathered = [];
    return true;
  };
  const { gatherFor = 0 } = store;
  const mayWait = () => gatherFor > 0 && (gathered.length === 0 || clock.monotonic() - gatheredSince < gatherFor);

  return {
    name,
    get state() {
      return stateNow();
    },
    refresh,
    async append(make, { gather = false } = {}) {
      for (;;) {
        const state = stateNow();
        const draft = make(state);
        if (!draft) return undefined;
        if (actor === undefined) {
          actor = await options.actor();
          // That took its time: what is to be said is asked again.
          continue;
        }
        const signer = signerOf(state, draft, options);
        const next = write(name, state, draft, { clock, actor, newId, signer });
        if (gather && mayWait()) {
          if (gathered.length === 0) gatheredSince = clock.monotonic();
          gathered.push(next);
        } else if (!(await storeAll([...gathered, next]))) continue;
        onAppend?.(next.entry, next.state);
        return next.entry;
      }
    },
    async flush() {
      if (gathered.length > 0) await storeAll(gathered);
    },
  };
}

/** The plan that is in force signs, also what replaces it: where that signs nothing, what takes its place does. */
function signerOf(state: State | undefined, draft: Draft, { signerFor }: LedgerOptions): Signer | undefined {
  const before = state && signerFor?.(state.plan, state.folder);
  if (before || (draft.kind !== "started" && draft.kind !== "planChanged")) return before;
  return signerFor?.(draft.data.plan, draft.kind === "started" ? draft.data.folder : (state?.folder ?? ""));
}

interface Hand {
  clock: Clock;
  actor: Actor;
  newId: () => string;
  signer: Signer | undefined;
}

/** The entry that comes next, and the state after it. */
function write(name: string, state: State | undefined, draft: Draft, { clock, actor, newId, signer }: Hand): Written {
  const head = state?.head ?? { seq: 0, hash: GENESIS };
  const run = draft.kind === "started" ? (state?.run ?? 0) + 1 : (state?.run ?? 1);
  const { at = clock.now(), ...statement } = draft;
  const since = state?.checkpointAt;
  const frame = { seq: head.seq + 1, prev: head.hash, id: newId(), rollout: name, run, at, actor };
  const plain: Entry = { ...frame, ...(since !== undefined && { checkpointAt: since }), ...statement };
  const after = evolve(state, plain, "", judgeInBrief);
  const { entry, bytes } = encode(withoutEvidence(plain), isCheckpointDue(state, after) ? checkpointOf(after) : undefined, signer);
  const checkpointAt = entry.checkpoint ? entry.seq : since;
  return {
    entry,
    bytes,
    state: { ...after, head: { seq: entry.seq, hash: hashOf(bytes) }, ...(checkpointAt !== undefined && { checkpointAt }) },
  };
}

/** What a look's judge remembers is folded from the looks again, or read from a checkpoint. */
function withoutEvidence(entry: Entry): Entry {
  if (entry.kind !== "look") return entry;
  const { evidence: _, ...data } = entry.data;
  return { ...entry, data };
}

/**
 * An entry as it is stored, without its checkpoint where there is no room for that. What could not be read back is not
 * written: an entry is for good.
 */
function encode(plain: Entry, checkpoint: Entry["checkpoint"], signer: Signer | undefined): { entry: Entry; bytes: Uint8Array } {
  const unsigned: Entry = checkpoint ? { ...plain, checkpoint } : plain;
  const entry = signer ? signedEntry(unsigned, signer) : unsigned;
  const bytes = encodeEntry(entry);
  const line = lineOf(bytes);
  if (!line && checkpoint) return encode(plain, undefined, signer);
  if (!line)
    throw new RolloutError("unreachable", `the next entry, a ${entry.kind}, would be longer than the ${MAX_ENTRY_BYTES} bytes of an entry`);
  const parsed = entrySchema.safeParse(JSON.parse(Buffer.from(line).toString("utf8")));
  if (!parsed.success) throw new Error(`an entry of kind ${entry.kind} does not fit its schema: ${parsed.error.message}`);
  return { entry, bytes };
}

function notGrowing(name: string, seq: number): RolloutError {
  return new RolloutError(
    "damaged",
    `ledger ${name}: entry ${seq} was there and is there no more, or the number after it is taken by something that is not an entry`,
    {
      hint: `Nothing was written. \`rollout log verify ${name}\` checks the whole ledger.`,
    },
  );
}
