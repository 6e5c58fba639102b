import { randomBytes } from "node:crypto";
import { RolloutError } from "../errors.ts";
import { evolve } from "../core/evolve.ts";
import { decodeEntry, encodeEntry, GENESIS, hashOf, type ChainedEntry } from "../ledger/chain.ts";
import { Taken, type Store } from "../ledger/port.ts";
import { signedEntry, type Signer } from "../ledger/signature.ts";
import { nameSchema } from "../model/exposure.ts";
import { entrySchema, MAX_ENTRY_BYTES, type Actor, type Entry, type Statement } from "../model/entry.ts";
import type { Instant } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import type { Clock } from "../io/port.ts";

/** One rollout's ledger and the state that its entries add up to. */
export interface Ledger {
  readonly name: string;
  readonly state: State | undefined;
  /** Reads what others have added. */
  refresh(): Promise<State | undefined>;
  /**
   * The one primitive that writes. `make` is asked for the next entry in view of the state; when its number was taken
   * by somebody else, their entry is read and `make` is asked again. It answers nothing when there is nothing (left) to
   * say. A decision answers nothing once the head has moved; a fact, once it is no longer true.
   *
   * @returns the entry that was stored, or nothing
   */
  append(make: (state: State | undefined) => Draft | undefined): Promise<Entry | undefined>;
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
}

/** Opens a ledger and reads it; an unknown name is an empty ledger. */
export async function openLedger(name: string, options: LedgerOptions): Promise<Ledger> {
  if (!nameSchema.safeParse(name).success) {
    throw new RolloutError("usage", `"${name.slice(0, 80)}" is not a rollout's name`, {
      hint: "A name has lower-case letters, digits and dashes, 63 at the most.",
    });
  }
  const { store, clock, newId = () => randomBytes(16).toString("hex"), onAppend } = options;
  let state: State | undefined;
  let actor: Actor | undefined;

  const add = ({ entry, hash }: ChainedEntry) => {
    state = evolve(state, entry, hash);
  };
  const headOf = () => state?.head ?? { seq: 0, hash: GENESIS };
  const refresh = async () => {
    for (const stored of await store.read(name, headOf().seq + 1)) add(decodeEntry(name, stored, headOf()));
    return state;
  };
  /** An answer can be lost although the entry was stored: its id tells. */
  const wasStored = async (entry: Entry) => {
    const stored = (await store.read(name, entry.seq))[0];
    return stored !== undefined && hashOf(stored.bytes) === hashOf(encodeEntry(entry));
  };

  await refresh();
  return {
    name,
    get state() {
      return state;
    },
    refresh,
    async append(make) {
      for (;;) {
        const draft = make(state);
        if (!draft) return undefined;
        if (actor === undefined) {
          actor = await options.actor();
          // That took its time: what is to be said is asked again.
          continue;
        }
        const head = headOf();
        const run = draft.kind === "started" ? (state?.run ?? 0) + 1 : (state?.run ?? 1);
        const { at = clock.now(), ...statement } = draft;
        const unsigned: Entry = { seq: head.seq + 1, prev: head.hash, id: newId(), rollout: name, run, at, actor, ...statement };
        const signer = signerOf(state, draft, options);
        const entry = signer ? signedEntry(unsigned, signer) : unsigned;
        const bytes = encodeEntry(entry);
        refuseUnreadable(entry, bytes);
        try {
          await store.create(name, entry.seq, bytes);
        } catch (error) {
          if (error instanceof Taken) {
            await refresh();
            if (headOf().seq === head.seq) throw notGrowing(name, head.seq);
            continue;
          }
          if (!(await wasStored(entry).catch(() => false))) throw error;
        }
        add({ entry, hash: hashOf(bytes) });
        onAppend?.(entry, state as State);
        return entry;
      }
    },
  };
}

/** The plan that is in force signs, also what replaces it: where that signs nothing, what takes its place does. */
function signerOf(state: State | undefined, draft: Draft, { signerFor }: LedgerOptions): Signer | undefined {
  const before = state && signerFor?.(state.plan, state.folder);
  if (before || (draft.kind !== "started" && draft.kind !== "planChanged")) return before;
  return signerFor?.(draft.data.plan, draft.kind === "started" ? draft.data.folder : (state?.folder ?? ""));
}

/** What could not be read back must not be written: an entry is for good. */
function refuseUnreadable(entry: Entry, bytes: Uint8Array): void {
  const parsed = entrySchema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (!parsed.success) throw new Error(`an entry of kind ${entry.kind} does not fit its schema: ${parsed.error.message}`);
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new RolloutError(
      "unreachable",
      `the next entry would have ${bytes.length} bytes; no entry may have more than ${MAX_ENTRY_BYTES}`,
    );
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
