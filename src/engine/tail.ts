import { evolve } from "../core/evolve.ts";
import { RolloutError } from "../errors.ts";
import { decodeEntry, decodeFrame, GENESIS, type Before } from "../ledger/chain.ts";
import type { Store, StoredEntry } from "../ledger/port.ts";
import type { Judge } from "../model/judge.ts";
import type { State } from "../model/state.ts";
import { stateAtCheckpoint } from "./checkpoint.ts";

/** The end of a ledger: what it comes to, read from its last checkpoint on. The whole of it is checked by `log verify`. */

type Read = (from: number) => Promise<StoredEntry[]>;

/**
 * The state of a ledger; nothing for an unknown name. Throws `RolloutError` (`damaged`) for an entry that was read and is
 * not what was written.
 *
 * @param judge keeps the evidence, see `evolve`
 */
export async function readState(store: Store, name: string, judge?: Judge): Promise<State | undefined> {
  const start = startOf(name, await store.read(name, -1), judge !== undefined);
  return start && stateFrom(name, start, (from) => store.read(name, from), judge);
}

/** The state after further entries, each of which must belong after the one before. */
export function follow(name: string, before: State | undefined, stored: readonly StoredEntry[], judge?: Judge): State | undefined {
  let state = before;
  for (const each of stored) {
    const { entry, hash } = decodeEntry(name, each, state?.head ?? BEGINNING);
    state = evolve(state, entry, hash, judge);
  }
  return state;
}

/** Several ledgers at once, without their evidence, by name: the state, or what is wrong with one of them. */
export async function readStates(store: Store, names: readonly string[]): Promise<Map<string, State | RolloutError | undefined>> {
  const lasts = await readEach(store, new Map(names.map((name) => [name, -1])));
  const starts = new Map(
    await Promise.all([...lasts].map(async ([name, last]) => [name, await knownOr(() => startOf(name, failing(last), false))] as const)),
  );
  // Of most ledgers the last entry tells where to read from, and all of these are read at once.
  const tails = await readEach(
    store,
    new Map([...starts].flatMap(([name, start]) => (start && "from" in start ? [[name, start.from]] : []))),
  );
  const states = [...starts].map(async ([name, start]) => {
    const read: Read = async (from) =>
      failing(start && "from" in start && from === start.from ? tails.get(name)! : await store.read(name, from));
    return [name, await knownOr(async () => failing(start) && stateFrom(name, failing(start)!, read))] as const;
  });
  return new Map(await Promise.all(states));
}

/** Where the end of a ledger begins: with the state that its last entry carries, or at an entry before. */
type Start = { state: State } | { from: number };

function startOf(name: string, [last]: readonly StoredEntry[], withEvidence: boolean): Start | undefined {
  if (!last) return undefined;
  const { frame, hash } = decodeFrame(name, last, { seq: last.seq - 1 });
  const state = stateAtCheckpoint(frame, hash, withEvidence);
  return state ? { state } : { from: frame.checkpointAt ?? 1 };
}

async function stateFrom(name: string, start: Start, read: Read, judge?: Judge): Promise<State | undefined> {
  if ("state" in start) return start.state;
  const tail = await read(start.from);
  if (start.from === 1) return follow(name, undefined, tail, judge);
  const [first, ...rest] = tail;
  const { frame, hash } = decodeFrame(name, first ?? NOTHING, { seq: start.from - 1 });
  const state = stateAtCheckpoint(frame, hash, judge !== undefined);
  // Another version wrote it: the entries themselves can always be read.
  return state ? follow(name, state, rest, judge) : follow(name, undefined, await read(1), judge);
}

const BEGINNING: Before = { seq: 0, hash: GENESIS };
const NOTHING: StoredEntry = { seq: 0, bytes: new Uint8Array() };

/** How many ledgers are read side by side where a store cannot read them at once. */
const AT_ONCE = 16;

type Reading = StoredEntry[] | RolloutError;

async function readEach(store: Store, asked: ReadonlyMap<string, number>): Promise<Map<string, Reading>> {
  if (store.readAll && asked.size > 0) {
    const all = await store.readAll([...asked].map(([name, from]) => ({ name, from }))).catch(known);
    if (!(all instanceof RolloutError)) return new Map([...asked.keys()].map((name) => [name, all.get(name) ?? []]));
    // One damaged ledger does not hide the others.
    if (all.code !== "damaged") throw all;
  }
  const readings = new Map<string, Reading>();
  const waiting = asked.entries();
  const worker = async () => {
    for (const [name, from] of waiting) readings.set(name, await store.read(name, from).catch(known));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return readings;
}

function failing<T>(value: T | RolloutError): T {
  if (value instanceof RolloutError) throw value;
  return value;
}

async function knownOr<T>(work: () => T | Promise<T>): Promise<T | RolloutError> {
  try {
    return await work();
  } catch (error) {
    return known(error);
  }
}

function known(error: unknown): RolloutError {
  if (error instanceof RolloutError) return error;
  throw error;
}
