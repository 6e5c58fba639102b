import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startDaemon } from "./daemon.ts";
import { freePort } from "./ports.ts";

/** A real Prometheus, in a temporary folder and on a port of its own. */
export interface Prometheus {
  url: string;
  /** Stops the process so that it accepts connections but answers nothing; `resume` lets it go on. */
  freeze(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** Samples with times, in OpenMetrics' text, which it holds from the start. */
  samples?: string;
  /** Targets (`host:port`) that it scrapes. */
  targets?: string[];
  /** Milliseconds between two scrapes; a second by default. */
  every?: number;
}

/** Starts Prometheus and waits until it answers. `requireProgram("prometheus")` says whether it is there. */
export async function startPrometheus({ samples, targets = [], every = 1000 }: PrometheusOptions): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-prometheus-"));
  const data = join(folder, "data");
  if (samples !== undefined) {
    await writeFile(join(folder, "samples.om"), samples);
    await promisify(execFile)("promtool", ["tsdb", "create-blocks-from", "openmetrics", "--quiet", join(folder, "samples.om"), data]);
  }
  const config = {
    global: { scrape_interval: `${every}ms`, scrape_timeout: `${every - 100}ms` },
    scrape_configs: targets.length > 0 ? [{ job_name: "test", static_configs: [{ targets }] }] : [],
  };
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML.
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${data}`,
      "--storage.tsdb.retention.time=100y",
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const remove = () => rm(folder, { recursive: true, force: true });
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      (response) => response.ok,
      () => false,
    );
  try {
    const end = await startDaemon(child, isReady);
    return { url, freeze: () => child.kill("SIGSTOP"), resume: () => child.kill("SIGCONT"), stop: () => end().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
