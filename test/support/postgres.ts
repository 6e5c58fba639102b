import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { appendFile, chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { freePort } from "./ports.ts";
import { commandOf, descendantsOf, killNow } from "./processes.ts";
import { requireProgram } from "./programs.ts";

/** A real PostgreSQL, in a temporary folder and on a port of its own. Its superuser is `postgres`, and everybody is trusted. */
export interface Postgres {
  port: number;
  /** Of the database `postgres`, as its superuser. */
  address: string;
  /** Where it is, for a tool that goes by the variables. */
  env: Record<string, string>;
  /** Its data, which belongs to the user that it runs as. */
  folder: string;
  /** Runs statements as the superuser; the rows of the last. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Adds lines to a file of its configuration, in front, and has it read. */
  configure(file: "postgresql.conf" | "pg_hba.conf", lines: string): Promise<void>;
  /**
   * Ends it: after what is under way; at once, by itself; or by SIGKILL of all its processes, wherever they are. The data
   * stays.
   */
  halt(how: "fast" | "crash" | "kill"): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Whether what it stores survives a crash of the machine: as slow as the disk. */
  durable?: boolean;
}

/** The server refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const user = process.getuid?.() === 0 ? NOBODY : undefined;

/** The folder with the server's programs, where they are installed. Debian keeps them out of PATH. */
export function postgresPrograms(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = foldersIn(root).sort((a, b) => Number(b) - Number(a));
  const initdb = requireProgram(
    "initdb",
    "postgresql",
    versions.map((version) => join(root, version, "bin")),
  );
  return initdb === undefined ? undefined : dirname(initdb);
}

/** Starts PostgreSQL and waits until it answers. `postgresPrograms` says whether it is there. */
export async function startPostgres({ durable = false }: PostgresOptions = {}): Promise<Postgres> {
  const programs = postgresPrograms()!;
  const folder = await ownFolder("rollout-postgres-");
  const data = join(folder, "data");
  await runToEnd(join(programs, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: "'127.0.0.1'",
    unix_socket_directories: `'${folder}'`,
    shared_buffers: "16MB",
    fsync: durable ? "on" : "off",
    // Nothing that a test waits for may be done in its own time.
    wal_writer_delay: "10000ms",
    autovacuum: "off",
  };
  await appendFile(
    join(data, "postgresql.conf"),
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(""),
  );
  let server: ChildProcess | undefined;
  let log = "";
  const kill = () => server?.kill("SIGQUIT");
  process.once("exit", kill);

  const sql = async (text: string, database = "postgres") => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", password: "", database, ssl: false });
    await client.connect();
    try {
      const result: pg.QueryResult | pg.QueryResult[] = await client.query(text);
      return (Array.isArray(result) ? result.at(-1)! : result).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const start = async () => {
    const child = run(join(programs, "postgres"), ["-D", data]);
    server = child;
    child.stderr!.on("data", (chunk: Buffer) => (log += chunk.toString()));
    for (const end = Date.now() + 20_000; Date.now() < end && child.exitCode === null;) {
      const answered = await sql("select 1").then(
        () => true,
        () => false,
      );
      if (answered) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`PostgreSQL did not become ready: ${log}`);
  };
  const halt: Postgres["halt"] = async (how) => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    if (how === "kill") {
      // Stopped, it starts no more of them meanwhile.
      server.kill("SIGSTOP");
      const all = [server.pid!, ...descendantsOf(server.pid!)];
      all.forEach(killNow);
      // Another server is refused while any of them has the memory that they shared.
      while (all.some((pid) => commandOf(pid) !== "")) await new Promise((resolve) => setTimeout(resolve, 5));
    } else server.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await exited;
  };
  const stop = async () => {
    await halt("crash");
    process.off("exit", kill);
    await rm(folder, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    port,
    address: `postgres://postgres@127.0.0.1:${port}/postgres`,
    env: { PGHOST: "127.0.0.1", PGPORT: String(port), PGUSER: "postgres", PGDATABASE: "postgres" },
    folder,
    sql,
    async configure(file, lines) {
      const path = join(data, file);
      // In pg_hba.conf the first line that fits counts, elsewhere the last.
      const before = await readFile(path, "utf8");
      await writeFile(path, file === "pg_hba.conf" ? `${lines}\n${before}` : `${before}${lines}\n`);
      await sql("select pg_reload_conf()");
    },
    halt,
    start,
    stop,
  };
}

/** A temporary folder of the user that servers run as. */
export async function ownFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  if (user) await chown(folder, user.uid, user.gid);
  return folder;
}

/** A program as the user that servers run as. */
export function run(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: tmpdir(), ...user, ...options });
}

async function runToEnd(program: string, args: readonly string[]): Promise<void> {
  const child = run(program, args);
  let complaints = "";
  child.stderr!.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${complaints}`);
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
