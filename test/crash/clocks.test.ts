import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { stepSchema, type StepReport } from "../../src/report/step.schema.ts";
import { environmentIn, runProgram, SCRIPT, type Ran } from "../support/cli.ts";
import { startCounterProcess } from "../support/counterProcess.ts";
import { tellInjected } from "../support/faultSample.ts";
import { freePort } from "../support/ports.ts";
import { requireProgram } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

/**
 * The wall clock jumps by a day; what is slept by, and how long a request may take, is as ever. That a clock is ahead cannot
 * be told from a day on which nobody looked, unless the source dates what it tells.
 */

const DAY = 24 * 3_600_000;
const RIGHT = 0;

const stagesOf = (bake: string) => [
  { expose: "5%", bake },
  { expose: "50%", bake },
  { expose: "100%", bake: "1ms" },
];
const BAKE = 800;
const shortStages = stagesOf(`${BAKE}ms`);
/** Longer than any jump. */
const longStages = stagesOf("2d");

describe("a clock that jumps by a day from one command to the next", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.for([
    ["ahead", DAY],
    ["behind", -DAY],
  ] as const)("%s and back hides no harm from the looks after", async ([, jump]) => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { stages: longStages }));
    expect(await advance(scene, RIGHT)).toMatchObject({ outcome: "advanced" });
    expect(await advance(scene, jump)).toMatchObject({ outcome: "holding" });
    shop.errors.treatment = 300;
    // No more than where no clock jumps: three batches of requests show it.
    expect(await looksUntil(scene, RIGHT, ({ outcome }) => outcome === "rolledBack")).toBeLessThanOrEqual(3);
    tellInjected("a clock that jumps by a day and back, then harm", 1);
  });

  test("behind ends no bake before its time, and none is endless: by the clock that is behind, and by the right one after", async () => {
    const shop = await startShopPage();
    const long = await makeScene(planTree(shop.url, { stages: longStages }));
    await advance(long, RIGHT);
    for (const clock of [-DAY, RIGHT, RIGHT]) expect(await advance(long, clock)).toMatchObject({ outcome: "holding", exposed: "5%" });

    const short = await makeScene(planTree(shop.url, { stages: shortStages }));
    await advance(short, RIGHT);
    expect(await looksUntil(short, -DAY, ({ exposed }) => exposed === "50%", BAKE)).toBeLessThanOrEqual(3);
    expect(await looksUntil(short, RIGHT, ({ outcome }) => outcome === "complete", BAKE)).toBeLessThanOrEqual(4);
    tellInjected("a clock that falls back by a day under a bake", 2);
  });
});

const faketime = requireProgram("faketime");
const prometheus = requireProgram("prometheus");

describe.skipIf(faketime === undefined).concurrent("the clock of a machine that jumps by a day", () => {
  test.skipIf(prometheus === undefined)(
    "ends no bake before its time where the source dates what it tells",
    { timeout: 120_000 },
    async () => {
      const service = await startCounterProcess(await freePort());
      const server = await startPrometheus({ targets: [service.target], every: 500 });
      const count = async () => {
        for (const variant of ["on", "off"]) {
          await service.add(`requests_total{variant="${variant}"}`, 1000);
          await service.add(`errors_total{variant="${variant}"}`, 4);
        }
      };
      const sources = { shop: { type: "prometheus", url: server.url, settle: "1s" } };
      const scene = await makeScene(planTree("http://unused", { sources, stages: stagesOf("1h") }));
      for (;;) {
        await count();
        const { status, stderr } = await scene.call("advance", "plan.yaml");
        if (status === 0) break;
        // It has not scraped the service twice yet.
        expect(stderr).toMatch(/no series matches|nothing matches/);
      }
      for (const clock of ["+1d", "+1d", "+0", "-1d", "+0"]) {
        await count();
        const { stdout } = await runAt(clock, scene, "advance", "plan.yaml", "--json");
        expect(stepSchema.parse(JSON.parse(stdout)), clock).toMatchObject({ outcome: "holding", exposed: "5%" });
      }
      tellInjected("a clock that jumps by a day under a bake on Prometheus", 4);
      await server.stop();
      await service.kill();
    },
  );

  test("while `run` goes on ends no bake before its time, and it comes to its end", { timeout: 120_000 }, async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { stages: shortStages, policy: { poll: "100ms", onBlind: "advance" } }));
    const clock = join(scene.folder, "clock");
    await writeFile(clock, "+0");
    const env = { ...environmentIn(scene.folder), ...(await clockFrom(clock, scene)) };
    const child = spawn(process.execPath, [SCRIPT, "run", "plan.yaml"], { cwd: scene.folder, env });
    let said = "";
    for (const side of [child.stdout, child.stderr]) side.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const closed = once(child, "close");
    await expect.poll(() => said, { timeout: 60_000, interval: 20 }).toContain("the flag says 5%");
    await writeFile(clock, "-1d");
    expect(await closed, said).toEqual([0, null]);
    expect(said).toContain("ended: complete");

    const entries = await scene.entries();
    const at = entries.map((entry) => (entry as unknown as { at: number }).at);
    expect(at.some((each, index) => each < (at[index - 1] ?? 0) - DAY / 2)).toBe(true);
    // By the time that the kernel gave their files, from one announcement to the next is a whole bake.
    const announced = await writtenAt(
      scene,
      entries.flatMap(({ kind }, index) => (kind === "intent" ? [index + 1] : [])),
    );
    for (const [index, when] of announced.slice(1).entries()) expect(when - announced[index]!).toBeGreaterThanOrEqual(BAKE);
    tellInjected("a clock that falls back by a day while `run` goes on", 1);
  });
});

/** Advances by a clock that is so many milliseconds off. */
async function advance(scene: Scene, off: number): Promise<StepReport> {
  const { now } = Date;
  vi.spyOn(Date, "now").mockImplementation(() => now.call(Date) + off);
  const { stdout } = await scene.call("advance", "plan.yaml", "--json");
  vi.restoreAllMocks();
  return stepSchema.parse(JSON.parse(stdout));
}

/** How many looks it took, with so many milliseconds between two. */
async function looksUntil(scene: Scene, off: number, isEnough: (report: StepReport) => boolean, between = 0): Promise<number> {
  for (let looks = 1; ; looks++) {
    if (isEnough(await advance(scene, off)) || looks > 10) return looks;
    await new Promise((resolve) => setTimeout(resolve, between));
  }
}

/** Runs a command whose clock is so far off, as a process of its own. */
function runAt(clock: string, scene: Scene, ...args: string[]): Promise<Ran> {
  return runProgram("faketime", ["-m", "--exclude-monotonic", "-f", clock, process.execPath, SCRIPT, ...args], { cwd: scene.folder });
}

/** What makes a process ask a file how far off its clock is, whenever it asks what time it is. */
async function clockFrom(file: string, scene: Scene): Promise<Record<string, string>> {
  const { stdout } = await runProgram("faketime", ["-m", "-f", "+0", "printenv", "LD_PRELOAD"], { cwd: scene.folder });
  return {
    LD_PRELOAD: stdout.trim(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

async function writtenAt(scene: Scene, numbers: number[]): Promise<number[]> {
  const files = numbers.map((seq) => join(scene.folder, ".rollout", "checkout", `${String(seq).padStart(9, "0")}.json`));
  return Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
}
