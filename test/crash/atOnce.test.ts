import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ReadEntry } from "../../src/app.ts";
import { readCursor } from "../../src/metrics/cursor.ts";
import type { Outcome } from "../../src/engine/advance.ts";
import { environmentIn, rollout, SCRIPT, type Ran } from "../support/cli.ts";
import { startServer, type TestServer } from "../support/faultyServer.ts";
import { faultsOf, isKnownToLedger, makeWorld, PLAN, standingOf, type World } from "./world.ts";

/** Each world is new to its first round, so that the eight also race to start it. */
const WORLDS = 5;
const ROUNDS = 10;
const PROCESSES = 8;

let shop: TestServer;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.close());

test(
  `of ${PROCESSES} advances at once each stage is applied by one, no entry is lost and no number is counted twice`,
  { timeout: 900_000 },
  async () => {
    for (let nth = 1; nth <= WORLDS; nth++) {
      const world = await makeWorld({ stages, more: guardedBy(shop.url) });
      const results: Ran[] = [];
      for (let round = 1; round <= ROUNDS; round++) results.push(...(await allAtOnce(world)));
      expect(results.filter(({ status }) => status !== 0)).toEqual([]);

      const standing = await standingOf(world);
      const { entries, state } = standing;
      expect(state).toMatchObject({ run: 1 });
      expect(state).not.toHaveProperty("pause");
      expect(isKnownToLedger(standing)).toBe(true);
      expect(faultsOf(entries)).toEqual([]);
      const outcomes = results.map(({ stdout }) => (JSON.parse(stdout) as { outcome: Outcome["outcome"] }).outcome);
      const moves = entries.filter(({ entry }) => entry.kind === "applied" && !entry.data.recovered).length;
      // Each process that says it moved a stage has its own entry, and the other way round.
      expect(outcomes.filter((outcome) => outcome === "advanced")).toHaveLength(moves);
      expect(moves).toBeGreaterThan(0);
      expect(outcomes).toContain("lost");
      for (const metric of ["errors", "slow"]) expect(counted(entries, metric)).toEqual(givenOut(entries, metric));
      expect((await rollout(["log", "verify", PLAN], { cwd: world.folder })).status).toBe(0);
      await world.remove();
    }
  },
);

/** More than eight processes can move in the rounds of a world. */
const stages = Array.from({ length: 100 }, (_, index) => `expose: ${index + 1}%, bake: 0s`);

function guardedBy(url: string): string {
  const metric = (name: string) =>
    `${name}: { source: shop, kind: rate, events: { counter: '${name}_total{variant="{{group}}"}' }, total: { counter: 'requests_total{variant="{{group}}"}' } }`;
  return `sources: { shop: { type: openmetrics, url: "${url}/metrics" } }
metrics:
  ${metric("errors")}
  ${metric("slow")}
guardrails: [{ metric: errors, max: 50% }, { metric: slow, max: 50% }]`;
}

/** A service that has served more requests whenever it is asked. */
function startShop(): Promise<TestServer> {
  let asked = 0;
  return startServer((_, response) => {
    asked++;
    const lines = [
      ["requests_total", "on", 20 * asked],
      ["requests_total", "off", 30 * asked],
      ["errors_total", "on", asked],
      ["errors_total", "off", 2 * asked],
      ["slow_total", "on", 3 * asked],
      ["slow_total", "off", asked],
    ].map(([name, variant, value]) => `${name}{variant="${variant}"} ${value}\n`);
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(lines.join(""));
  });
}

/** Starts the processes, and lets all of them go once the last is ready. */
async function allAtOnce({ folder }: World): Promise<Ran[]> {
  const runner = fileURLToPath(new URL("at-the-signal.mjs", import.meta.url));
  const started = Array.from({ length: PROCESSES }, () => {
    const child = fork(runner, [SCRIPT, "advance", PLAN, "--json"], {
      cwd: folder,
      env: environmentIn(folder),
      execArgv: [],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = once(child, "close").then(([status]): Ran => ({ status, stdout, stderr }));
    return { child, ready: Promise.race([once(child, "message"), ended]), ended };
  });
  await Promise.all(started.map(({ ready }) => ready));
  for (const { child } of started) if (child.connected) child.send("go");
  return Promise.all(started.map(({ ended }) => ended));
}

type Sums = Record<string, number>;

/** What the looks of a run counted of a metric, by series. */
function counted(entries: readonly ReadEntry[], metric: string): Sums {
  const sums: Sums = {};
  for (const { entry } of entries) {
    const reading = entry.kind === "look" ? entry.data.metrics[metric] : undefined;
    for (const { counts } of reading?.status === "measured" ? reading.measurements : []) {
      for (const [cohort, { events, total } = { events: 0, total: 0 }] of Object.entries(counts)) {
        const variant = cohort === "treatment" ? "on" : "off";
        for (const [name, count] of [
          [`${metric}_total`, events],
          ["requests_total", total],
        ] as const) {
          const series = `${name}{variant="${variant}"}`;
          sums[series] = (sums[series] ?? 0) + count;
        }
      }
    }
  }
  return sums;
}

/** What the service gave out between the first and the last reading that the ledger has of a metric, by series. */
function givenOut(entries: readonly ReadEntry[], metric: string): Sums {
  const seriesOf = (each: ReadEntry | undefined) =>
    [...(readCursor(each?.state.metrics[metric]?.cursor)?.targets.values() ?? [])].flatMap(({ series }) => [...series]);
  const first = new Map(seriesOf(entries.find(({ entry }) => entry.kind === "started")));
  return Object.fromEntries(seriesOf(entries.at(-1)).map(([series, value]) => [series, value - (first.get(series) ?? 0)]));
}
