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

/** How a program is run. */
export interface Execution {
  /** What the program is called in errors; by default its file. */
  name?: string;
  /** What it reads on its standard input; nothing by default. */
  input?: string;
  /** Its folder; by default the plan's. */
  cwd?: string;
  /** Variables of its environment besides the few that every program has (`PATH`, `HOME`, …). */
  env?: Record<string, string>;
  /** Milliseconds after which it is killed, with all that it started. */
  deadline: number;
  /** The most bytes of its standard output; a longer one is an error. */
  maxBytes?: number;
  /** Kills it when it aborts. */
  signal?: AbortSignal;
}

/** What became of a program that ended by itself. */
export interface Executed {
  /** Its exit status; null where a signal ended it. */
  status: number | null;
  stdout: string;
  /** The beginning of what it complained, with secrets redacted. */
  stderr: string;
}

/**
 * Runs a program without a shell: `file` is a name to look for in `PATH`, an absolute path, or a path with a slash in
 * it that stays inside the repository. Throws a `RolloutError` (`unreachable`) when it cannot be started, is not done in
 * time or writes too much; it is then killed, and so is all that it started. Any exit status is an answer.
 */
export interface Exec {
  run(file: string, args: readonly string[], execution: Execution): Promise<Executed>;
}

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

export interface Command {
  program: string;
  /** Anybody on the machine can read them: never a secret. */
  args: readonly string[];
  /** Where it runs; by default where we do. */
  folder?: string;
  /** Its whole environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** What it reads on stdin. */
  input?: string | Uint8Array;
  /** Milliseconds, then it is ended with all that it started. */
  deadline: number;
  /** The most bytes that it may print; one that prints more is ended. */
  maxBytes?: number;
}

/** A program that has ended, however. */
export interface Ended {
  /** −1 where a signal ended it. */
  status: number;
  stdout: Uint8Array;
  /** Its first words. */
  stderr: string;
}

/** Runs a program to its end. Throws `RolloutError` (`unreachable`) when it cannot be run, takes too long or prints too much. */
export type Run = (command: Command) => Promise<Ended>;
