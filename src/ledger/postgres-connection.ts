import type { PoolClient, QueryConfig } from "pg";
import type { Environment, PostgresPlace } from "./postgres-address.ts";
import { failureOf, isLost, isViolation, mayPass, mayReconnect, type Phase } from "./postgres-failure.ts";
import { openPool, type Pool } from "./postgres-pool.ts";

/** A statement; the values go beside it, and stand in it as `$1`, `$2`, …. */
export interface Statement {
  text: string;
  values?: readonly unknown[];
  /** Whether it changes anything, so that it matters whether a lost one was carried out. */
  writes?: boolean;
}

/** What came of a statement. */
export type Answer =
  | { kind: "rows"; rows: unknown[] }
  /** A key is taken, or one that it needs is missing. `repeated`: it was sent before, and may have taken the key itself. */
  | { kind: "violation"; repeated: boolean };

export interface Database {
  /**
   * Runs a statement, alone in its transaction, that may be run twice: when the connection is lost, so that nobody knows
   * whether it was carried out, it is sent again. Throws `RolloutError` (`unreachable`; `usage` for what is not set).
   *
   * @param attempt what for: `store entry 5 of checkout`
   */
  run(attempt: string, statement: Statement): Promise<Answer>;
  /** Runs several in one transaction, once. Throws likewise. */
  transact<T>(attempt: string, work: (run: Run) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
export type Run = (statement: Statement) => Promise<unknown[]>;

export interface DatabaseOptions {
  env: Readonly<Environment>;
  /** Is told the password, so that every output of ours hides it. */
  hide?: (secret: string) => void;
  /** Hides secrets in what the server says. */
  redact?: (text: string) => string;
  /** How long an answer may take, and how long a server that was lost is tried again, in milliseconds. */
  answerWithin?: number;
  reconnectFor?: number;
}

/** The clock is ours: a pooler refuses to be given one. */
const ANSWER_WITHIN = 10_000;
const RECONNECT_FOR = 5_000;
const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 500;

/** A database; it is connected to when it is first used. */
export function openDatabase(place: PostgresPlace, options: DatabaseOptions): Database {
  const { env, hide = () => {}, redact = (text) => text, answerWithin = ANSWER_WITHIN, reconnectFor = RECONNECT_FOR } = options;
  let pool: Promise<Pool> | undefined;

  const connect = async () => {
    pool ??= openPool(place, env, hide);
    const opened = await pool.catch((error: unknown) => {
      pool = undefined;
      throw error;
    });
    return opened.connect();
  };

  return {
    async run(attempt, statement) {
      let until: number | undefined;
      let uncertain = false;
      for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
        const outcome = await once(connect, (client) => ask(client, statement, answerWithin));
        if (outcome.kind === "done") return { kind: "rows", rows: outcome.result };
        const { error, phase } = outcome;
        if (isViolation(error)) return { kind: "violation", repeated: until !== undefined };
        const mayHelp = mayPass(error, phase) || (until !== undefined && mayReconnect(error));
        until ??= performance.now() + reconnectFor;
        uncertain ||= statement.writes === true && isLost(error, phase);
        if (!mayHelp || performance.now() + pause > until) throw failureOf({ attempt, place, phase, error, uncertain, redact });
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    },

    async transact(attempt, work) {
      const outcome = await once(connect, async (client) => {
        const run: Run = (statement) => ask(client, statement, answerWithin);
        await run({ text: "begin" });
        const result = await work(run);
        await run({ text: "commit" });
        return result;
      });
      if (outcome.kind === "done") return outcome.result;
      throw failureOf({ attempt, place, phase: outcome.phase, error: outcome.error, uncertain: false, redact });
    },

    async close() {
      const closing = pool;
      pool = undefined;
      await (await closing)?.end();
    },
  };
}

type Outcome<T> = { kind: "done"; result: T } | { kind: "failed"; phase: Phase; error: unknown };

/** Works with a connection. After a failure it is let go of, and with it a transaction that is open; not so after a violation of a key. */
async function once<T>(connect: () => Promise<PoolClient>, work: (client: PoolClient) => Promise<T>): Promise<Outcome<T>> {
  let client: PoolClient;
  try {
    client = await connect();
  } catch (error) {
    return { kind: "failed", phase: "connecting", error };
  }
  try {
    const result = await work(client);
    client.release();
    return { kind: "done", result };
  } catch (error) {
    client.release(!isViolation(error));
    return { kind: "failed", phase: "asking", error };
  }
}

async function ask(client: PoolClient, { text, values = [] }: Statement, within: number): Promise<unknown[]> {
  const query: QueryConfig & { query_timeout: number } = { text, values: [...values], query_timeout: within };
  return (await client.query(query)).rows;
}
