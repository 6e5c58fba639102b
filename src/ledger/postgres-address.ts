import { userInfo } from "node:os";
import { RolloutError } from "../errors.ts";

export type Environment = Record<string, string | undefined>;

/** Which database, as whom, and how the way there is protected. It never holds a password. */
export interface PostgresPlace {
  /** A name, an address, or the folder of a socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  tls: Tls;
  /** How long a connection may take to come about, in milliseconds. */
  connectWithin: number;
  /** For people: `postgres://host:5432/database`. */
  address: string;
}

/** The modes of libpq: `require` encrypts, `verify-ca` also checks who signed, `verify-full` also for which host. */
export type Tls = { mode: "disable" } | ({ mode: "require" | "verify-ca" | "verify-full" } & Certificates);

/** Paths of files in PEM form. */
export interface Certificates {
  rootCertificate?: string;
  certificate?: string;
  key?: string;
}

/** What an address may say after `?`, and the variable that says it otherwise. */
const PARAMETERS = {
  host: "PGHOST",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  connect_timeout: "PGCONNECT_TIMEOUT",
} as const;
type Parameter = (name: keyof typeof PARAMETERS) => string | undefined;

const PORT = 5432;
const CONNECT_WITHIN = 5_000;

/**
 * The place that an address names: `postgres:`, `postgres://user@host:5432/database?sslmode=verify-full`. What it leaves
 * out, the variables of libpq say. Throws `RolloutError` (`usage`) that does not quote the address: it may hold a password.
 */
export function readAddress(given: string, env: Environment): PostgresPlace {
  const url = parse(given);
  refuseSecrets(url);
  for (const name of url.searchParams.keys()) {
    if (Object.hasOwn(PARAMETERS, name)) continue;
    throw usage(`the store's address has a parameter that is not known: ${name}`, `There are ${Object.keys(PARAMETERS).join(", ")}.`);
  }
  const parameter: Parameter = (name) => url.searchParams.get(name) || env[PARAMETERS[name]] || undefined;

  const named = decode(url.hostname).replace(/^\[|\]$/g, "") || parameter("host");
  if (named === undefined && env["PGSERVICE"]) {
    throw usage("PGSERVICE is set, but files of services are not read here", "Name the server in the address, or with PGHOST.");
  }
  const host = named ?? "localhost";
  const port = portOf(url.port || env["PGPORT"]);
  const user = decode(url.username) || env["PGUSER"] || systemUser();
  const inPath = decode(url.pathname.slice(1));
  // An unencoded slash in a password makes a database of what follows it.
  if (/[/@]/.test(inPath)) throw notAnAddress();
  const database = inPath || env["PGDATABASE"] || user;
  return {
    host,
    port,
    database,
    user,
    tls: tlsOf(host, parameter),
    connectWithin: connectWithin(parameter("connect_timeout")),
    address: `postgres://${host.includes(":") ? `[${host}]` : host}:${port}/${database}`,
  };
}

function parse(given: string): URL {
  const address = given.replace(/^postgres(ql)?:/i, "postgres:");
  const whole = address === "postgres:" ? "postgres://" : address;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (!url || (url.pathname !== "" && !url.pathname.startsWith("/")) || url.hash !== "") throw notAnAddress();
  return url;
}

/** Everybody on the machine can read the command line. */
function refuseSecrets(url: URL): void {
  if (url.password === "" && !url.searchParams.has("password") && !url.searchParams.has("sslpassword")) return;
  throw usage(
    "the store's address holds a password, which everybody on this machine can read in the list of processes",
    "Leave it out and set PGPASSWORD, or name a password file with PGPASSFILE.",
  );
}

/** Encrypted unless it stays on this machine or somebody says otherwise: libpq's own default gives way to whoever asks it to. */
function tlsOf(host: string, parameter: Parameter): Tls {
  // The server does not offer it on a socket.
  if (host.startsWith("/")) return { mode: "disable" };
  const [rootCertificate, certificate, key] = [parameter("sslrootcert"), parameter("sslcert"), parameter("sslkey")];
  const certificates = { ...(rootCertificate && { rootCertificate }), ...(certificate && { certificate }), ...(key && { key }) };
  const mode = parameter("sslmode");
  switch (mode) {
    case undefined:
      if (rootCertificate !== undefined) return { mode: "verify-full", ...certificates };
      return isThisMachine(host) ? { mode: "disable" } : { mode: "require", ...certificates };
    case "disable":
      return { mode };
    case "require":
      // As in libpq: whoever names a root certificate wants it checked.
      return { mode: rootCertificate === undefined ? mode : "verify-ca", ...certificates };
    case "verify-ca":
      if (rootCertificate === undefined || rootCertificate === "system") {
        throw usage("sslmode=verify-ca needs the certificate to check by", "Name its file with PGSSLROOTCERT, or say sslmode=verify-full.");
      }
      return { mode, ...certificates };
    case "verify-full":
      return { mode, ...certificates };
    default:
      throw usage(
        `sslmode ${JSON.stringify(mode.slice(0, 20))} is not known here`,
        "There are disable, require, verify-ca and verify-full. `prefer` and `allow` would go without encryption whenever they are asked to.",
      );
  }
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function portOf(text: string | undefined): number {
  if (text === undefined || text === "") return PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw usage("PGPORT is not a port", `Set it to a number from 1 to 65535, or leave it out for ${PORT}.`);
}

function connectWithin(seconds: string | undefined): number {
  if (seconds === undefined) return CONNECT_WITHIN;
  const number = Number(seconds);
  if (Number.isInteger(number) && number >= 1 && number <= 3600) return number * 1000;
  throw usage("connect_timeout (PGCONNECT_TIMEOUT) is not a number of seconds", "Set it to a whole number from 1 to 3600.");
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw usage("the store's address names no user, and this process has no name of its own", "Set PGUSER.");
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notAnAddress();
  }
}

function notAnAddress(): RolloutError {
  return usage(
    "what begins with postgres: is not an address of a database",
    "Write postgres://USER@HOST:5432/DATABASE, what is special in a name percent-encoded; or `postgres:` alone, for what the PG variables say.",
  );
}

function usage(message: string, hint: string): RolloutError {
  return new RolloutError("usage", message, { hint });
}
