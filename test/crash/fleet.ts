import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Outcome } from "../../src/engine/advance.ts";
import type { Random } from "../stats/random.ts";
import { environmentIn, SCRIPT } from "../support/cli.ts";

/** What a runner says came of an advance. */
export interface Told {
  outcome?: Outcome["outcome"];
  reason?: string;
  error?: string;
  /** Until when a change that was begun is its runner's own, where one is open. */
  openUntil?: number;
}

/** What was done to the runners. */
export interface Meddled {
  kills: number;
  stops: number;
}

/** One thing that a runner is to do: an advance of a rollout. */
export interface Errand {
  folder: string;
  plan: string;
  store: string;
  /** The file in which it notes what is stored. */
  notes: string;
}

/** Runner processes; whoever is killed is replaced. */
export interface Fleet {
  readonly meddled: Readonly<Meddled>;
  /** All of them at once; what those say that live to tell. */
  round(errandOf: (runner: number) => Errand): Promise<Told[]>;
  /**
   * The same, while some that are still at it are stopped, for a moment or past any deadline, and some are killed.
   *
   * @param longStop in milliseconds
   */
  disturbedRound(errandOf: (runner: number) => Errand, random: Random, longStop: number): Promise<Told[]>;
  pids(): Promise<number[]>;
  /** Kills one of them; another takes its place. */
  replace(runner: number): void;
  close(): void;
}

/** How often somebody is stopped or killed in a round, at the most: some have to get through. */
const MOST_IN_A_ROUND = 2;

export function startFleet(size: number): Fleet {
  const meddled = { kills: 0, stops: 0 };
  const started = Array.from({ length: size }, () => startRunner());
  /** How long half of the runners took in the last round, in milliseconds: so long others are at it. */
  let lasts = 200;

  const round = async (errandOf: (runner: number) => Errand, meddle: (busy: Set<number>, isOver: () => boolean) => Promise<void>) => {
    const children = await Promise.all(started);
    const busy = new Set(children.keys());
    const begun = performance.now();
    const answers = children.map(async (child, index) => {
      const heard = new AbortController();
      const { signal } = heard;
      const told = await Promise.race([once(child, "message", { signal }), once(child, "exit", { signal }).then(() => undefined)]);
      heard.abort();
      busy.delete(index);
      if (busy.size === size / 2) lasts = performance.now() - begun;
      return told?.[0] as Told | undefined;
    });
    for (const [index, child] of children.entries()) child.send(errandOf(index));
    const all = Promise.all(answers);
    await Promise.all([meddle(busy, () => busy.size === 0), all]);
    return (await all).filter((told) => told !== undefined);
  };

  const replace = (runner: number, child: ChildProcess) => {
    child.kill("SIGKILL");
    started[runner] = startRunner();
    meddled.kills++;
  };

  return {
    meddled,
    pids: async () => (await Promise.all(started)).map(({ pid }) => pid!),
    replace: (runner) => void started[runner]!.then((child) => replace(runner, child)),
    round: (errandOf) => round(errandOf, async () => {}),
    disturbedRound: (errandOf, random, longStop) =>
      round(errandOf, async (busy, isOver) => {
        const children = await Promise.all(started);
        for (let nth = 0; nth < MOST_IN_A_ROUND; nth++) {
          await sleep(random.uniform() * lasts);
          if (isOver()) return;
          const victim = [...busy][Math.floor(random.uniform() * busy.size)]!;
          const child = children[victim]!;
          if (random.uniform() < 0.4) {
            busy.delete(victim);
            replace(victim, child);
          } else {
            child.kill("SIGSTOP");
            meddled.stops++;
            void sleep(random.uniform() < 0.2 ? longStop : random.uniform() * lasts).then(() => child.kill("SIGCONT"));
          }
        }
      }),
    close() {
      for (const each of started) void each.then((child) => child.kill("SIGKILL"));
    },
  };
}

/** None of them outlives this process. */
const running = new Set<ChildProcess>();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

async function startRunner(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("runner.mjs", import.meta.url));
  const child = fork(script, [dirname(dirname(SCRIPT))], { cwd: tmpdir(), env: environmentIn(tmpdir()), execArgv: [] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  await once(child, "message");
  return child;
}
