import { RolloutError } from "../errors.ts";
import type { Run } from "../io/port.ts";

/** The number was taken: somebody else wrote it first. */
export class Taken extends Error {
  override readonly name = "Taken";
}

/**
 * The entry stands in the ledger, but a power cut may still take it: what should have made it last failed. Whoever wrote it
 * must not act on it. Whoever writes the next one makes both last.
 */
export class NotDurable extends RolloutError {
  constructor(message: string, options: { hint: string; cause?: unknown }) {
    super("unreachable", message, options);
  }
}

/** One stored entry: its number and its bytes exactly as they were written. */
export interface StoredEntry {
  seq: number;
  bytes: Uint8Array;
}

/** Where ledgers live. Whoever creates entry N has won it; nothing is ever changed or removed. */
export interface Store {
  /** How a person names it: `.rollout`, `git:origin`. */
  readonly address: string;
  /** The names of all ledgers, sorted. */
  list(): Promise<string[]>;
  /**
   * The entries from number `from` on, in order, `most` of them at the most; from −1: the last entry alone. An unknown name
   * has none. Throws `RolloutError` (`damaged`) when a number between is missing, (`unreachable`) when the store cannot be
   * read.
   */
  read(name: string, from: number, most?: number): Promise<StoredEntry[]>;
  /**
   * Stores entry `seq` durably, or throws `Taken` when that number exists or the one before it does not.
   * When it returns, the bytes survive a power cut. Throws `NotDurable` when they are there and do not, for all that is known.
   */
  create(name: string, seq: number, bytes: Uint8Array): Promise<void>;
  /**
   * Where every write is a round trip over a network: stores the entries `first`, `first + 1`, … with one, durably, all or
   * none. Throws like `create`.
   */
  createAll?(name: string, first: number, entries: readonly Uint8Array[]): Promise<void>;
  /**
   * How long entries on which nothing rests yet may be gathered, to be stored together, in milliseconds: where a write is slow,
   * or leaves more behind than its bytes.
   */
  readonly gatherFor?: number;
  /** Where many ledgers can be read with one round trip: what `read` gives for each, by name. Throws when `read` of any does. */
  readAll?(asked: readonly { name: string; from: number }[]): Promise<Map<string, StoredEntry[]>>;
  /**
   * Where a store must be prepared before its first entry: does so, as far as it has not been done. `role` may from then on
   * read and append, and nothing else.
   */
  init?(options: { role?: string | undefined }): Promise<StoreInit>;
  /** Lets go of what is held open, such as connections. A process may end without it. */
  close?(): Promise<void>;
}

/** What preparing a store came to, in sentences. */
export interface StoreInit {
  done: string[];
  warnings: string[];
}
/** What a store is opened with. */
export interface StoreTools {
  /** The folder in which the command runs. */
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  run: Run;
  /** From now on every output of ours hides it. */
  hide(secret: string): void;
  /** Hides all secrets in what others said, before it is quoted or cut. */
  redact(text: string): string;
}

/** Opens the store that an address names, without its scheme. Nothing is read or sent yet; throws `RolloutError` (`usage`) for no address. */
export type OpenStore = (address: string, tools: StoreTools) => Store;
