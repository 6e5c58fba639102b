import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { freePort } from "./ports.ts";
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
  const child = run(pgbouncerProgram()!, [file]);
  let log = "";
  child.stderr!.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit");
  const stop = async () => {
    kill();
    await exited;
    process.off("exit", kill);
    await rm(folder, { recursive: true, force: true });
  };
  for (const end = Date.now() + 10_000; Date.now() < end && child.exitCode === null;) {
    if (await answers(port)) return { port, stop };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await stop();
  throw new Error(`PgBouncer did not become ready: ${log}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
