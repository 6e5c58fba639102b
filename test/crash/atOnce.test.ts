import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Outcome } from "../../src/engine/advance.ts";
import { environmentIn, rollout, SCRIPT } from "../support/cli.ts";
import { LONG } from "../support/faultSample.ts";
import type { TestServer } from "../support/faultyServer.ts";
import { counted, givenOut, guardedBy, METRICS, startShop } from "./shop.ts";
import { faultsOf, isKnownToLedger, makeWorld, PLAN, standingOf, type World } from "./world.ts";

/** Each world is new to its first round, so that the eight also race to start it. */
const ROUNDS = 5;
const PROCESSES = 8;

let shop: TestServer;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.close());

describe(`of ${PROCESSES} advances at once each stage is applied by one, no entry is lost and no number is counted twice`, () => {
  test("by the command, started anew for every round", { timeout: 900_000 }, () => expectFairRace(1, commandsAtOnce));

  test("by processes that are there already, so that they meet more often", { timeout: 900_000 }, async () => {
    const advancers = await startAdvancers();
    await expectFairRace(LONG ? 9 : 4, advancers.atOnce);
    advancers.stop();
  });
});

/** What each process says came of its advance. */
type AllAtOnce = (world: World) => Promise<Outcome["outcome"][]>;

async function expectFairRace(worlds: number, allAtOnce: AllAtOnce): Promise<void> {
  for (let nth = 1; nth <= worlds; nth++) {
    const world = await makeWorld({ stages, more: guardedBy(shop.url) });
    const outcomes: Outcome["outcome"][] = [];
    for (let round = 1; round <= ROUNDS; round++) outcomes.push(...(await allAtOnce(world)));

    const standing = await standingOf(world);
    const { entries, state } = standing;
    expect(state).toMatchObject({ run: 1 });
    expect(state).not.toHaveProperty("pause");
    expect(isKnownToLedger(standing)).toBe(true);
    expect(faultsOf(entries)).toEqual([]);
    const moves = entries.filter(({ entry }) => entry.kind === "applied" && !entry.data.recovered).length;
    // Each process that says it moved a stage has its own entry, and the other way round.
    expect(outcomes.filter((outcome) => outcome === "advanced")).toHaveLength(moves);
    expect(moves).toBeGreaterThan(0);
    expect(outcomes).toContain("lost");
    for (const metric of METRICS) expect(counted(entries, metric)).toEqual(givenOut(entries, metric));
    expect((await rollout(["log", "verify", PLAN], { cwd: world.folder })).status).toBe(0);
    await world.remove();
  }
}

/** As many as the processes could move in all rounds of a world: it never comes to its end. */
const stages = Array.from({ length: PROCESSES * ROUNDS + 1 }, (_, index) => `expose: ${index + 1}%, bake: 0s`);

/** Starts the command as often as there are processes, and lets all of them go once the last is ready. */
async function commandsAtOnce({ folder }: World): Promise<Outcome["outcome"][]> {
  const started = Array.from({ length: PROCESSES }, () => {
    const child = startChild("at-the-signal.mjs", [SCRIPT, "advance", PLAN, "--json"], folder);
    let stdout = "";
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    const ended = once(child, "close").then(([status]): [unknown, string] => [status, stdout]);
    return { child, ready: Promise.race([once(child, "message"), ended]), ended };
  });
  await Promise.all(started.map(({ ready }) => ready));
  for (const { child } of started) child.send("go");
  const ended = await Promise.all(started.map((each) => each.ended));
  expect(ended.filter(([status]) => status !== 0)).toEqual([]);
  return ended.map(([, stdout]) => (JSON.parse(stdout) as { outcome: Outcome["outcome"] }).outcome);
}

async function startAdvancers(): Promise<{ atOnce: AllAtOnce; stop: () => void }> {
  const children = Array.from({ length: PROCESSES }, () => startChild("advancer.mjs", [dirname(dirname(SCRIPT))], tmpdir()));
  await Promise.all(children.map((child) => once(child, "message")));
  return {
    async atOnce({ folder }) {
      const answers = children.map(async (child) => (await once(child, "message"))[0] as { outcome: Outcome["outcome"] });
      for (const child of children) child.send({ folder, plan: PLAN });
      const told = await Promise.all(answers);
      expect(told.filter((each) => "error" in each)).toEqual([]);
      return told.map(({ outcome }) => outcome);
    },
    stop: () => children.forEach((child) => child.disconnect()),
  };
}

function startChild(file: string, args: string[], cwd: string): ChildProcess {
  const script = fileURLToPath(new URL(file, import.meta.url));
  return fork(script, args, { cwd, env: environmentIn(cwd), execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] });
}
