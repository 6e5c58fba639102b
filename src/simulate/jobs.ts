import type { Plan } from "../model/plan.ts";
import { replayAll, type BacktestTask, type Ended } from "./backtest.ts";
import type { SimulatedRun } from "./simulatedRun.ts";
import { simulateAll, type Simulation, type SimulationTask } from "./simulation.ts";

/** What a worker may be begun with. */
export type Job = { kind: "backtest"; plan: Plan } | { kind: "simulate"; simulation: Simulation };
export type Task = BacktestTask | SimulationTask;
export type Result = Ended[] | SimulatedRun[];

/** In a worker: begins a job. The tasks that come are those of the job. */
export function beginJob(job: Job): (task: Task) => Result {
  switch (job.kind) {
    case "backtest":
      return replayAll(job.plan) as (task: Task) => Result;
    case "simulate":
      return simulateAll(job.simulation) as (task: Task) => Result;
    default:
      return job satisfies never;
  }
}
