import { RolloutError, messageOf } from "../errors.ts";
import type { PostgresPlace } from "./postgres-address.ts";

/** What failed: no connection came about, or something was asked over one. */
export type Phase = "connecting" | "asking";

/** The code that the server gives its errors; none where it was not the server that spoke. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && typeof severity === "string" ? code : undefined;
}

/** An entry's number is taken, or the entry before it is not there. */
export function isViolation(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === UNIQUE_VIOLATION || state === FOREIGN_KEY_VIOLATION;
}
const UNIQUE_VIOLATION = "23505";
const FOREIGN_KEY_VIOLATION = "23503";

/** Whether nobody knows if what was asked was carried out: the connection is gone, or the server or a pooler ends it. */
export function isLost(error: unknown, phase: Phase): boolean {
  if (phase === "connecting" || error instanceof RolloutError) return false;
  const state = sqlStateOf(error);
  return state === undefined || state.startsWith("08") || state.startsWith("57P");
}

/** Whether the same statement may fare better in a moment. */
export function mayPass(error: unknown, phase: Phase): boolean {
  const state = sqlStateOf(error);
  // It is starting. Whatever else keeps a first connection from coming about is told at once.
  if (phase === "connecting") return state === "57P03";
  // Transactions that stood in each other's way; an operator's hand.
  return isLost(error, phase) || ["40", "57"].includes((state ?? "").slice(0, 2));
}

/** Whether the way back to a server that was there may open again in a moment. */
export function mayReconnect(error: unknown): boolean {
  if (error instanceof RolloutError) return false;
  const state = sqlStateOf(error);
  return state === undefined || ["08", "53", "57"].includes(state.slice(0, 2));
}

export interface Failed {
  /** What was tried: `store entry 5 of checkout`. */
  attempt: string;
  place: PostgresPlace;
  phase: Phase;
  error: unknown;
  /** A statement that writes was lost on the way. */
  uncertain: boolean;
  /** Hides the password in what the server says: nobody knows what it repeats. */
  redact: (text: string) => string;
}

/** What is said of it: what was tried and where, what happened, and what to do. */
export function failureOf({ attempt, place, phase, error, uncertain, redact }: Failed): RolloutError {
  if (error instanceof RolloutError) return error;
  const lost = phase === "asking" && sqlStateOf(error) === undefined ? "the connection was lost before the answer came: " : "";
  return new RolloutError("unreachable", `the ledger: could not ${attempt} in ${place.address}: ${lost}${redact(whatHappened(error))}`, {
    cause: error,
    hint: uncertain ? UNCERTAIN : hintFor({ place, phase, error }),
  });
}

const UNCERTAIN =
  "Whether it was recorded is not known. Run the command again once the server answers: it goes on from what the ledger says.";

/** A name that stands for several addresses fails with a list of errors and no words of its own. */
function whatHappened(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return messageOf(error);
}

function hintFor({ place, phase, error }: Pick<Failed, "place" | "phase" | "error">): string {
  const state = sqlStateOf(error);
  if (state !== undefined) return hintForState(state, place);
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  const server = `Check that a PostgreSQL server answers at ${place.host}, port ${place.port} (the address, or PGHOST and PGPORT).`;
  if (place.tls.mode === "disable" || syscall !== undefined || phase === "asking") return server;
  // Without a code: the server has no TLS, or hung up. With one, the certificate or the handshake was at fault.
  if (code === undefined) {
    return `${server} Where it has no TLS and the network may read along: sslmode=disable.`;
  }
  return `sslmode is ${place.tls.mode}: the server's certificate must be signed by what PGSSLROOTCERT names${place.tls.mode === "verify-full" ? `, for the host ${place.host}` : ""}.`;
}

function hintForState(state: string, { user, database }: PostgresPlace): string {
  switch (state) {
    case "28P01":
      return `Check PGUSER (now ${user}) and PGPASSWORD, or the line of the password file.`;
    case "28000":
      return `The role must exist and pg_hba.conf must let it in (user ${user}); where that demands TLS, say sslmode=require.`;
    case "3D000":
      return `Create the database ${database}, or name another in the address or with PGDATABASE.`;
    case "42P01":
    case "3F000":
      return "Run `rollout store init` with the same --store once, as a role that may create a schema in the database.";
    case "42501":
      return `Whoever owns the schema grants what is needed: \`rollout store init --role ${user}\`.`;
    case "25006":
      return "It can only be read: name the primary server, not a replica.";
    case "53100":
      return "Free space on the server's disk, then run the command again: nothing was recorded.";
    case "53300":
      return "Too many are connected: run it again later, raise the limit, or put a pooler such as PgBouncer in between.";
    case "57014":
      return "The server's own limit of time ended it: see statement_timeout and lock_timeout of the role and the database.";
    case "57P01":
    case "57P02":
    case "57P03":
      return "The server is stopping or starting; run the command again once it is up.";
    default:
      return "The server's log says more; run the command again once that is mended.";
  }
}
