import { createReadStream, existsSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import type { Note } from "./engine/context.ts";
import { messageOf, RolloutError } from "./errors.ts";
import { systemClock } from "./io/clock.ts";
import { linesOf } from "./io/lines.ts";
import { startThreads, workHere, type Threads } from "./io/threads.ts";
import { judge } from "./judge/judge.ts";
import type { Plan } from "./model/plan.ts";
import { mendName } from "./plan/suggest.ts";
import { backtest, type Backtested, type BacktestTask, type Ended } from "./simulate/backtest.ts";
import { beginJob, type Job } from "./simulate/jobs.ts";
import { observeLedger, type Observer } from "./simulate/ledgerObservations.ts";
import { simulationOf, type WrittenOptions } from "./simulate/options.ts";
import type { SimulatedRun } from "./simulate/simulatedRun.ts";
import { simulate, sizeOfSimulation, type Simulated, type Simulation, type SimulationTask } from "./simulate/simulation.ts";
import { interrupted } from "./simulate/workers.ts";

/** What a plan would do, tried before it meets people: wired to files, cores and threads. All of it is offline. */

export interface TrialOptions {
  cwd: string;
  /** Aborts when the user asks to stop. */
  stop: AbortSignal;
}

/** A file of less is replayed before threads have started. */
const SMALL = 256 * 1024;

/** Replays a file of observations, `-` being the standard input. Throws `RolloutError` (`usage`) for a file that is not one. */
export async function backtestFile(plan: Plan, path: string, { cwd, stop }: TrialOptions): Promise<Backtested> {
  const isInput = path === "-";
  const file = isInput ? "stdin" : path;
  const size = isInput ? SMALL : sizeOf(resolve(cwd, path), path);
  const workers = hire<BacktestTask, Ended[]>({ kind: "backtest", plan }, size < SMALL ? 1 : availableParallelism());
  try {
    const stream = isInput ? process.stdin : createReadStream(resolve(cwd, path), { highWaterMark: SMALL });
    // Whoever stops it does not wait for what has still to come.
    addAbortSignal(stop, stream);
    return await backtest(plan, linesOf(stream, file), { file, mendName, workers, stop });
  } catch (error) {
    if (stop.aborted) throw interrupted();
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unreadable(file, error);
  } finally {
    await workers.close();
  }
}

/** Turns the entries of a ledger, or of one of its runs, into rows of a file of observations. */
export function exportObservations(run?: number): Observer {
  return observeLedger(judge.version, run);
}

/** What a user may say of a simulation. */
export type SimulationOptions = WrittenOptions;

/** The simulation of a plan that is asked for. Throws `RolloutError` (`usage`). */
export function simulationFor(plan: Plan, options: SimulationOptions): Simulation {
  return simulationOf(plan, options, mendName);
}

/** Simulates on all cores. Throws `RolloutError` (`interrupted`) as soon as it is stopped. */
export async function simulatePlan(
  simulation: Simulation,
  { stop, tell, cores = availableParallelism() }: { stop: AbortSignal; tell: (note: Note) => void; cores?: number },
): Promise<Simulated> {
  const { rollouts, looks, judgements } = sizeOfSimulation(simulation);
  if (judgements > MANY) {
    const what = `${rollouts.toLocaleString("en-US")} rollouts of about ${looks.toLocaleString("en-US")} looks`;
    tell({ kind: "warning", sentence: `${what} take a while; fewer --runs, a longer --look or a --harm of your own take less` });
  }
  const workers = hire<SimulationTask, SimulatedRun[]>({ kind: "simulate", simulation }, cores);
  try {
    return await simulate(simulation, { workers, stop, onProgress: progressFor(tell) });
  } finally {
    await workers.close();
  }
}

/** It is told each time that so much more is done, from so many milliseconds on. */
const PROGRESS_STEP = 0.05;
const NOT_BEFORE = 2_000;
/** So many judgements take minutes: whoever asks for more may want to ask for less. */
const MANY = 5_000_000;

function progressFor(tell: (note: Note) => void): (done: number, of: number) => void {
  const begun = systemClock.monotonic();
  let told = -1;
  return (done, of) => {
    const passed = systemClock.monotonic() - begun;
    const step = Math.floor(done / of / PROGRESS_STEP);
    if (passed < NOT_BEFORE || step <= told || done === of) return;
    const left = (passed * (of - done)) / done;
    told = step;
    const percent = Math.round(100 * PROGRESS_STEP * step);
    tell({ kind: "waiting", sentence: `${percent}% of ${of.toLocaleString("en-US")} rollouts simulated; to go`, milliseconds: left });
  };
}

/** Threads where there are several; in one, or in a source that was not built, the work is done here. */
function hire<Task, Result>(job: Job, count: number): Threads<Task, Result> {
  const script = count > 1 ? workerScript() : undefined;
  return script ? startThreads(script, job, count) : workHere(beginJob as (job: Job) => (task: unknown) => unknown as never, job);
}

/** The bundle puts this module beside the script or in a folder below it. */
function workerScript(): URL | undefined {
  return ["./worker.js", "../worker.js"].map((place) => new URL(place, import.meta.url)).find((script) => existsSync(script));
}

function sizeOf(path: string, name: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new RolloutError("usage", `there is no file ${name}`, { hint: FILE });
  if (stats.isDirectory()) throw new RolloutError("usage", `${name} is a folder`, { hint: FILE });
  return stats.size;
}

function unreadable(name: string, cause: unknown): RolloutError {
  return new RolloutError("usage", `${name} cannot be read: ${messageOf(cause)}`, { hint: FILE, cause });
}

const FILE = "Name a file of observations, or `-` for the standard input.";
