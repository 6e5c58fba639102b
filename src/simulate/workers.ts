import { RolloutError } from "../errors.ts";

/** Several that do the tasks of one job side by side, each in the order in which it is asked. */
export interface Workers<Task, Result> {
  readonly count: number;
  ask(worker: number, task: Task): Promise<Result>;
  /** Lets them go, whatever they are at. */
  close(): Promise<void>;
}

/** Begins a job: what it returns does one task after the other, and may remember. */
export type Begin<Job, Task, Result> = (job: Job) => (task: Task) => Result;

/** The user asked to stop. */
export function interrupted(): RolloutError {
  return new RolloutError("interrupted", "interrupted; nothing was written");
}
