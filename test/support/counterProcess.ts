import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A real process that counts and shows its counters at `/metrics`. */
export interface CounterProcess {
  /** `host:port` */
  target: string;
  url: string;
  /** Raises a series such as `requests_total{code="200"}`. */
  add(series: string, by: number): Promise<void>;
  /** Kills the process: its counters are lost. */
  kill(): Promise<void>;
}

/** Starts one on a port of loopback. */
export async function startCounterProcess(port: number): Promise<CounterProcess> {
  const script = fileURLToPath(new URL("counter-process.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const target = `127.0.0.1:${port}`;
  const onExit = () => child.kill("SIGKILL");
  process.once("exit", onExit);
  return {
    target,
    url: `http://${target}/metrics`,
    async add(series, by) {
      await fetch(`http://${target}/add?${new URLSearchParams({ series, by: String(by) })}`, { method: "POST" });
    },
    async kill() {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
      onExit();
      await exited;
      process.off("exit", onExit);
    },
  };
}
