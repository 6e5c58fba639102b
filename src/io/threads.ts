import { parentPort, Worker, workerData } from "node:worker_threads";

/** Several that do the tasks of one job side by side, each in the order in which it is asked. */
export interface Threads<Task, Result> {
  readonly count: number;
  ask(thread: number, task: Task): Promise<Result>;
  /** Stops them, whatever they are at. */
  close(): Promise<void>;
}

/** Begins a job: what it returns does one task after the other, and may remember. */
type Begin<Job, Task, Result> = (job: Job) => (task: Task) => Result;

/** Starts threads of a script that calls `serveThread`. What they are handed and hand back is copied. */
export function startThreads<Job, Task, Result>(script: URL, job: Job, count: number): Threads<Task, Result> {
  const threads = Array.from({ length: count }, () => startThread<Task, Result>(script, job));
  return {
    count,
    ask: (thread, task) => threads[thread]!.ask(task),
    async close() {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}

function startThread<Task, Result>(script: URL, job: unknown) {
  const worker = new Worker(script, { workerData: job });
  const waiting: { resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    for (const each of waiting.splice(0)) each.reject(failure);
  };
  worker.on("message", (result: Result) => waiting.shift()?.resolve(result));
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("a thread ended before its work was done")));
  return {
    ask: (task: Task) =>
      new Promise<Result>((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        waiting.push({ resolve, reject });
        worker.postMessage(task, []);
      }),
    stop: () => worker.terminate(),
  };
}

/** In a thread: does the tasks that it is handed. */
export function serveThread<Job, Task, Result>(begin: Begin<Job, Task, Result>): void {
  const work = begin(workerData as Job);
  parentPort!.on("message", (task: Task) => parentPort!.postMessage(work(task), []));
}

/** The same without any thread: the tasks are done here, and between two of them whatever else waits has its turn. */
export function workHere<Job, Task, Result>(begin: Begin<Job, Task, Result>, job: Job): Threads<Task, Result> {
  const work = begin(job);
  let before: Promise<unknown> = Promise.resolve();
  const later = (task: Task) =>
    new Promise<Result>((resolve, reject) => {
      setImmediate(() => {
        try {
          resolve(work(task));
        } catch (error) {
          reject(error);
        }
      });
    });
  return {
    count: 1,
    ask(_, task) {
      const done = before.then(() => later(task));
      before = done.catch(() => undefined);
      return done;
    },
    close: async () => {},
  };
}
