import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { prepareDemoFolder } from "../../src/demo/folder.ts";
import { choosePort } from "../../src/demo/loopback.ts";
import { flagBackends } from "../../src/flags/index.ts";
import { metricSources } from "../../src/metrics/index.ts";
import type { Catalog } from "../../src/plan/reading.ts";
import { readPlan } from "../../src/plan/read.ts";

const catalog: Catalog = { flags: flagBackends, sources: metricSources };

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "rollout-folder-"));
});
afterEach(() => rm(directory, { recursive: true }));

const prepare = (port = 8459) => prepareDemoFolder(directory, { port });

async function planOf(path: string) {
  const reading = await readPlan(await readFile(path, "utf8"), { file: path, catalog, readFile: async () => undefined });
  if (!reading.valid) throw new Error(reading.diagnostics.map(({ message }) => message).join("; "));
  return reading;
}

test("the folder has the plan and a flag file in which the feature is off, beside a flag that is not ours", async () => {
  const folder = await prepare();
  expect(folder).toEqual({
    name: "rollout-demo",
    plan: join(directory, "rollout-demo", "quickstart.yaml"),
    flags: join(directory, "rollout-demo", "flags.json"),
    store: join(directory, "rollout-demo", ".rollout"),
  });
  const { flags } = JSON.parse(await readFile(folder.flags, "utf8")) as { flags: Record<string, unknown> };
  expect(Object.keys(flags)).toEqual(["new-recommendations", "free-shipping"]);
  expect(flags["new-recommendations"]).toEqual({
    state: "ENABLED",
    variants: { on: true, off: false },
    defaultVariant: "off",
    targeting: {},
  });
});

test("the quickstart plan is valid with the real adapters, without a warning, on whatever port", async () => {
  const usual = await planOf((await prepare()).plan);
  expect(usual.warnings).toEqual([]);
  expect(usual.plan.sources["shop"]).toMatchObject({ url: "http://127.0.0.1:8459/metrics" });
  expect(usual.plan.flag.key).toBe("new-recommendations");
  const other = await planOf((await prepare(12_345)).plan);
  expect(other.plan).toEqual({ ...usual.plan, sources: { shop: { type: "openmetrics", url: "http://127.0.0.1:12345/metrics" } } });
});

test("the quickstart's bakes, with the time that changes take to arrive, are over in half a minute", async () => {
  const { plan } = await planOf((await prepare()).plan);
  const least = plan.stages.reduce((sum, { bake }) => sum + bake + plan.flag.propagation, 0);
  expect(least).toBeLessThanOrEqual(26_000);
  expect(plan.stages.at(-1)?.exposure.everyone).toBe(100_000);
});

describe("a folder that is there already", () => {
  test("is replaced when an earlier demo made it", async () => {
    const first = await prepare();
    await mkdir(join(first.store, "new-recommendations"), { recursive: true });
    await writeFile(first.flags, "{}");
    expect(await prepare()).toEqual(first);
    expect(await readdir(join(directory, "rollout-demo"))).not.toContain(".rollout");
    expect(await readFile(first.flags, "utf8")).toContain("free-shipping");
  });

  test.each<[string, (folder: string) => Promise<unknown>]>([
    ["is somebody's own", (folder) => mkdir(folder)],
    ["holds something that somebody put there", async (folder) => (await prepare(), writeFile(join(folder, "notes.txt"), "mine"))],
    ["is a file", (folder) => writeFile(folder, "mine")],
    [
      "is a link to a folder of a demo",
      async (folder) => {
        const elsewhere = await mkdtemp(join(tmpdir(), "rollout-elsewhere-"));
        onTestFinished(() => rm(elsewhere, { recursive: true }));
        const { name } = await prepareDemoFolder(elsewhere, { port: 1 });
        await symlink(join(elsewhere, name), folder);
      },
    ],
  ])("is left alone when it %s, and the next free name is taken", async (_, put) => {
    await put(join(directory, "rollout-demo"));
    await mkdir(join(directory, "rollout-demo-2"));
    const before = await readdir(directory);
    expect((await prepare()).name).toBe("rollout-demo-3");
    expect(await readdir(directory)).toEqual([...before, "rollout-demo-3"].sort());
    // And the folder that was made instead is what the next demo replaces.
    expect((await prepare()).name).toBe("rollout-demo-3");
  });

  test("is left alone while the demo that made it runs", async () => {
    const running = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    onTestFinished(() => void running.kill());
    const { name } = await prepare();
    const marker = join(directory, name, ".rollout-demo");
    const text = await readFile(marker, "utf8");
    await writeFile(marker, text.replace(String(process.pid), String(running.pid)));
    expect((await prepare()).name).toBe("rollout-demo-2");
    const exited = new Promise((resolve) => running.once("exit", resolve));
    running.kill();
    await exited;
    expect((await prepare()).name).toBe("rollout-demo");
  });
});

test("a directory that is not there is a mistake of usage", async () => {
  await expect(prepareDemoFolder(join(directory, "nowhere"), { port: 1 })).rejects.toMatchObject({ code: "usage" });
});

test("the port that is asked for is taken when it is free, else another", async () => {
  const port = await choosePort(0);
  expect(await choosePort(port)).toBe(port);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const other = await choosePort(port);
  expect(other).not.toBe(port);
  expect(other).toBeGreaterThan(0);
});
