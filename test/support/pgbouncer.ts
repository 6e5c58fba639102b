import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { accepts, freePort } from "./ports.ts";
import { ownFolder, run } from "./postgres.ts";
import { requireProgram } from "./programs.ts";

/** The path of PgBouncer, where it is installed. */
export function pgbouncerProgram(): string | undefined {
  return requireProgram("pgbouncer", "pgbouncer", ["/usr/sbin"]);
}

/** PgBouncer in transaction mode before a server on loopback, which it shares one connection to among all. */
export async function startPgbouncer(target: number): Promise<{ port: number; stop(): Promise<void> }> {
  const folder = await ownFolder("rollout-pgbouncer-");
  const port = await freePort();
  const file = join(folder, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${target} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
`,
  );
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const end = await startDaemon(run(pgbouncerProgram()!, [file]), () => accepts(port));
    return { port, stop: () => end().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
