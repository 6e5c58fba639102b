import { judgeInBrief } from "../judge/judge.ts";
import type { Plan } from "../model/plan.ts";
import type { Assumptions, MetricModel } from "./assumptions.ts";
import { harmFigures, healthyFigures, type HarmFigures, type HealthyFigures } from "./figures.ts";
import { harmed, harmKey, isBeyond, type Harm } from "./harm.ts";
import { randomFor } from "./random.ts";
import { plannedLooks, simulateRun, type SimulatedRun } from "./simulatedRun.ts";
import { interrupted, type Begin, type Workers } from "./workers.ts";

/** Rollouts to simulate: healthy ones, and as many with each of some harms. */
export interface Simulation {
  plan: Plan;
  assumptions: Assumptions;
  harms: readonly Harm[];
  runs: number;
  seed: number;
}

/** What became of them. */
export interface Simulated {
  healthy: HealthyFigures;
  harms: (HarmFigures & {
    harm: Harm;
    /** As one would ask for it. */
    key: string;
    /** What the metric is like with it; of a trend, after an hour. */
    becomes: MetricModel;
    /** Guardrails that allow no such harm; where there are none it need not be found. */
    beyond: string[];
  })[];
}

/** Runs with one harm, or with none: those with the numbers `from` to `to`, which is not among them. */
export interface SimulationTask {
  harm: Harm | undefined;
  from: number;
  to: number;
}

/** In a worker: simulates the runs that it is told. Each has random numbers of its own, whoever simulates it. */
export const simulateAll: Begin<Simulation, SimulationTask, SimulatedRun[]> = ({ plan, assumptions, seed }) => {
  return ({ harm, from, to }) =>
    Array.from({ length: to - from }, (_, index) => {
      const random = randomFor(`${seed}/${harm ? harmKey(harm) : "healthy"}/${from + index}`);
      return simulateRun(plan, assumptions, harm, random, judgeInBrief);
    });
};

/** So many looks a task: few enough that no core idles at the end, many enough that handing them out costs nothing. */
const LOOKS_A_TASK = 1500;

export interface SimulateOptions {
  workers: Workers<SimulationTask, SimulatedRun[]>;
  /** Aborts when the user asks to stop. */
  stop: AbortSignal;
  /** Is told how many runs of how many are done. */
  onProgress(done: number, of: number): void;
}

/** How much there is to do, at the most: harms end many rollouts early. */
export function sizeOfSimulation({ plan, assumptions, harms, runs }: Simulation): { rollouts: number; looks: number; judgements: number } {
  const rollouts = runs * (harms.length + 1);
  const looks = plannedLooks(plan, assumptions);
  return { rollouts, looks, judgements: rollouts * looks * (plan.guardrails.length + plan.goals.length) };
}

/** Simulates all runs side by side. Throws `RolloutError` (`interrupted`) when it is stopped. */
export async function simulate(
  { plan, harms, runs, assumptions }: Simulation,
  { workers, stop, onProgress }: SimulateOptions,
): Promise<Simulated> {
  const scenarios = [undefined, ...harms];
  const runsATask = Math.ceil(LOOKS_A_TASK / plannedLooks(plan, assumptions));
  const tasks = scenarios.flatMap((harm, scenario) =>
    Array.from({ length: Math.ceil(runs / runsATask) }, (_, index) => {
      const from = index * runsATask;
      return { scenario, task: { harm, from, to: Math.min(runs, from + runsATask) } };
    }),
  );
  const results: SimulatedRun[][] = scenarios.map(() => []);
  let [next, done] = [0, 0];
  const work = async (worker: number): Promise<void> => {
    for (let mine = tasks[next++]; mine; mine = tasks[next++]) {
      const { scenario, task } = mine;
      const simulated = await workers.ask(worker, task);
      if (stop.aborted) return;
      for (const [index, run] of simulated.entries()) results[scenario]![task.from + index] = run;
      done += simulated.length;
      onProgress(done, runs * scenarios.length);
    }
  };
  await Promise.race([Promise.all(Array.from({ length: workers.count }, (_, worker) => work(worker))), aborted(stop)]);
  if (stop.aborted) throw interrupted();
  const [healthy, ...harmful] = results;
  return {
    healthy: healthyFigures(healthy!),
    harms: harms.map((harm, index) => {
      const model = assumptions.metrics[harm.metric]!;
      const beyond = plan.guardrails.filter((guardrail) => isBeyond(guardrail, model, harm)).map(({ id }) => id);
      return { harm, key: harmKey(harm), becomes: harmed(model, harm, 1), beyond, ...harmFigures(harmful[index]!, assumptions.onset) };
    }),
  };
}

function aborted(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
}
