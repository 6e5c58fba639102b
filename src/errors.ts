import { constants } from "node:os";

/**
 * What kind of failure it is. Each code has one exit status, so a failure is classified once, where it is thrown.
 *
 * - `unexpected`: a defect of ours (1)
 * - `usage`: the command line is wrong (2)
 * - `invalidPlan`: the plan, or a file it names, is wrong (2)
 * - `refused`: a person is needed before anything may happen (4)
 * - `unreachable`: a backend, store or source did not answer, or refused us (5)
 * - `damaged`: the ledger is not what was written (7)
 * - `rollbackFailed`: the feature may still be exposed (9)
 * - `interrupted`: stopped by a signal (130)
 */
export type ErrorCode = "unexpected" | "usage" | "invalidPlan" | "refused" | "unreachable" | "damaged" | "rollbackFailed" | "interrupted";

const exitStatuses: Record<ErrorCode, number> = {
  unexpected: 1,
  usage: 2,
  invalidPlan: 2,
  refused: 4,
  unreachable: 5,
  damaged: 7,
  rollbackFailed: 9,
  interrupted: 130,
};

/** The one error type of the house: what was tried and what happened (`message`), and what to do next (`hint`). */
export class RolloutError extends Error {
  override readonly name: string = "RolloutError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get exitStatus(): number {
    return exitStatuses[this.code];
  }
}

/**
 * A change that certainly did not happen: what asked for it never arrived, or was turned away before anything was done.
 * It may be asked for again as it was. Whoever asks for a change in several steps must not let that of a later step out.
 */
export class NotDone extends RolloutError {
  /** How many milliseconds the other side asks to be left alone, where it says so. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    { retryAfter, ...options }: { retryAfter?: number | undefined; hint?: string; cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.retryAfter = retryAfter;
  }
}

/** What others said, as one line within a sentence of ours, cut where it is long. Secrets are hidden before: half of one is not found. */
export function inOneLine(text: string, longest = 300): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

/** The one-line text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return named(error instanceof Error ? error.message : String(error));
}

/** The name of what the operating system refused an operation with, such as `ENOSPC`; nothing for any other error. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return named(error.code);
}

/** Node has no name for some of the errors of a system, such as a used-up quota. */
function named(text: string): string {
  return text.replace(/Unknown system error -(\d+)(?:: Unknown system error -\d+)?/, (unknown, number) => {
    const found = Object.entries(constants.errno).find(([, each]) => each === Number(number));
    return found?.[0] ?? unknown;
  });
}
