import { fork } from "node:child_process";
import { ENTRIES } from "./catalogue.ts";
import type { Outcome } from "./simulate.ts";

/** Some runs of one scenario. */
export interface Task {
  readonly scenario: string;
  readonly rules: readonly string[];
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** What a process of this script is started with to simulate what it is sent. */
const WORKER = "worker";
export const isWorker = process.argv[2] === WORKER;

/** The outcomes of all tasks, in their order, by processes that take the next task as soon as they have done one. */
export async function simulateAll(tasks: readonly Task[], workers: number): Promise<Outcome[][][]> {
  const results: Outcome[][][] = [];
  let [next, done] = [0, 0];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      // The script that runs is this bundle: what was bundled no longer lies where its source does.
      const worker = fork(process.argv[1]!, [WORKER], { serialization: "advanced" });
      let current = 0;
      const take = (): void => {
        current = next++;
        if (current < tasks.length) worker.send(tasks[current]!);
        else worker.disconnect();
      };
      worker.on("error", reject);
      worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
      worker.on("message", (outcomes) => {
        results[current] = outcomes as Outcome[][];
        progress(++done, tasks);
        take();
      });
      take();
    });
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, work));
  return results;
}

/** In a worker: simulates what it is sent, until it is let go. */
export function serveTasks(): void {
  process.on("message", (task) => {
    const { scenario, rules, seed, from, to } = task as Task;
    const entry = ENTRIES.find(({ name }) => name === scenario)!;
    process.send!(entry.simulate(rules, { seed, from, to }));
  });
}

/** A line at each twentieth of the way. */
function progress(done: number, tasks: readonly Task[]): void {
  const twentieth = (count: number): number => Math.floor((20 * count) / tasks.length);
  if (twentieth(done) > twentieth(done - 1)) console.error(`${5 * twentieth(done)} % (${tasks[done - 1]!.scenario})`);
}
