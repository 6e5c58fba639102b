import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/**
 * Waits until a server's program is ready, and ends it with us. Gives what stops it.
 *
 * @param child says on its stderr, where that is a pipe, why it cannot begin
 */
export async function startDaemon(child: ChildProcess, isReady: () => Promise<boolean>): Promise<() => Promise<void>> {
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit");
  const stop = async () => {
    kill();
    await exited;
    process.off("exit", kill);
  };
  for (const end = Date.now() + 20_000; Date.now() < end && child.exitCode === null;) {
    if (await isReady()) return stop;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await stop();
  throw new Error(`${child.spawnfile} did not become ready: ${complaints}`);
}
