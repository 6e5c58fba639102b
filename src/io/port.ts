import type { Instant } from "../model/measurement.ts";
import type { SpooledRollback } from "../model/spool.ts";
import type { Secret } from "../model/secret.ts";

/** What adapters are handed. Only types live here, so that anyone may import it. */

export interface Clock {
  /** Wall time in epoch milliseconds. It may jump. */
  now(): Instant;
  /** Milliseconds that never go back, from an arbitrary start. */
  monotonic(): number;
  /** Resolves after `ms`, or early when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** Milliseconds for everything: all tries, the waits between them, and the bodies. */
  deadline: number;
  /** Whether it may be sent again when its answer is lost, since sending it twice is the same as once. By default only a GET. */
  repeatable?: boolean;
  /** The most bytes of the answer; a longer one is an error. */
  maxBytes?: number;
  /** Certificates in PEM form, to trust besides those that are trusted anyway. */
  ca?: string | undefined;
  /** False: the answer is not to be compressed on the way, which would change its ETag with some servers. */
  compressed?: boolean;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** How many milliseconds a server that refused (429, 503) asks to be left alone, where it says so. */
  retryAfter?: number;
}

/**
 * Sends a request, and again where it may be repeated and the trouble may pass by itself: no connection, 429, 502, 503
 * and 504. Follows redirects to the same host only, refuses link-local addresses, and throws a `RolloutError`
 * (`unreachable`) with secrets redacted when there is no answer; `NotDone` when a request that may not be repeated
 * certainly never arrived. Any status is an answer.
 */
export interface Http {
  send(request: HttpRequest): Promise<HttpResponse>;
}

/** How a program is run, whoever asks. */
export interface Execution {
  /** What the program is called in errors; by default its file. */
  name?: string;
  /** What it reads on its standard input; nothing by default. */
  input?: string | Uint8Array;
  /** Its folder. */
  cwd?: string;
  /** Variables of its environment; which others it has, if any, `Exec` and `Run` say. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds after which it is stopped, with all that it started. */
  deadline: number;
  /** The most bytes of its standard output; a longer one is an error. */
  maxBytes?: number;
  /** Stops it when it aborts. */
  signal?: AbortSignal;
}

/** What became of a program that ended by itself. */
export interface Ended<Output = Uint8Array> {
  /** Its exit status; null where a signal ended it. */
  status: number | null;
  stdout: Output;
  /** The beginning of what it complained, with secrets redacted. */
  stderr: string;
}

/**
 * Runs programs for adapters, in the plan's folder by default, with a few variables that every program has (`PATH`,
 * `HOME`, …) besides those that are given. There is no shell: `file` is a name to look for in `PATH`, an absolute path, or
 * a path with a slash in it that stays inside the repository. Throws a `RolloutError` (`unreachable`) when it cannot be
 * started, is not done in time or writes too much; it is then killed, and so is all that it started, as what it leaves
 * behind is after its end. Any exit status is an answer.
 */
export interface Exec {
  run(file: string, args: readonly string[], execution: Execution): Promise<Ended<string>>;
}

/**
 * Runs a program for a store, as `Exec` does, in the folder where we run by default, with the environment that is given and
 * no other. A program that is stopped is asked to end first, so that it lets go of its locks, and what it leaves behind
 * after its end (a connection that is kept open) is left alone. Arguments are seen by everybody on the machine.
 */
export type Run = (file: string, args: readonly string[], execution: Execution) => Promise<Ended>;

/** Reads and replaces files below the root of the repository; a path that leads out of it is refused (`invalidPlan`). */
export interface Files {
  /** The bytes, or nothing when there is no such file. `path` is relative to the plan's folder. */
  read(path: string, options: { maxBytes: number }): Promise<Uint8Array | undefined>;
  /** Replaces the whole file at once: temporary file, fsync, rename, fsync of the folder; keeps its mode. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
}

/** Where a rollback is kept that could not be recorded, until it can be. */
export interface Spool {
  /** Keeps it durably and gives the path of its file. Throws `RolloutError` (`unreachable`) where nothing can be written. */
  put(rollback: Omit<SpooledRollback, "store">): Promise<string>;
  /** What waits to be recorded for a rollout of the store, oldest file name first. */
  list(rollout: string): Promise<{ path: string; rollback: SpooledRollback }[]>;
  remove(path: string): Promise<void>;
}

/** What `connect` is handed. */
export interface Tools {
  http: Http;
  files: Files;
  exec: Exec;
  clock: Clock;
  /** The value of a secret; from then on every output of ours hides it. Throws (`usage`) when it cannot be had. */
  reveal(secret: Secret): string;
  /** Hides all revealed secrets, encoded ones too: for what others said, before it is quoted or cut. */
  redact(text: string): string;
  /** Aborts when the command is interrupted for good. */
  signal: AbortSignal;
}
