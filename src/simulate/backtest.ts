import { judgedMetrics } from "../core/look.ts";
import { RolloutError } from "../errors.ts";
import { judge, judgeInBrief } from "../judge/judge.ts";
import type { Plan } from "../model/plan.ts";
import { Mistake, textIn } from "./cells.ts";
import { observationReader, type MendName } from "./observation.ts";
import { beginReplay, type Replay, type Replayed } from "./replay.ts";
import { rowReader } from "./rows.ts";
import { seriesFor, type Series, type SeriesEvent } from "./series.ts";
import { interrupted, type Begin, type Workers } from "./workers.ts";

/** What a plan would have done on a file of observations. */
export interface Backtested {
  /** In the order in which they begin in the file. `series` is absent where its lines do not name one. */
  series: (Replayed & { series: string | undefined })[];
  looks: number;
  /** What a reader should know of the file. */
  warnings: string[];
}

export interface BacktestOptions {
  /** The name of the file, for its mistakes. */
  file: string;
  mendName: MendName;
  workers: Workers<BacktestTask, Ended[]>;
  stop: AbortSignal;
}

/** What happened in some series, each known by its number; then, once, that nothing more comes. */
export type BacktestTask = { events: { series: number; event: SeriesEvent }[] } | "end";
export interface Ended {
  series: number;
  replayed: Replayed;
}

/** In a worker: replays the series that it is told of. */
export const replayAll: Begin<Plan, BacktestTask, Ended[]> = (plan) => {
  const replays = new Map<number, Replay | undefined>();
  const ended = (series: number, replayed: Replayed | undefined): Ended[] => {
    if (!replayed) return [];
    replays.set(series, undefined);
    return [{ series, replayed }];
  };
  return (task) => {
    if (task === "end") return [...replays].flatMap(([series, replay]) => ended(series, replay?.end()));
    return task.events.flatMap(({ series, event }) => {
      if (!replays.has(series)) replays.set(series, beginReplay(plan, judge, { quick: judgeInBrief }));
      return ended(series, replays.get(series)?.take(event));
    });
  };
};

/** So many events make a task: few enough for all workers to be busy, many enough that handing them over costs nothing. */
const BATCH = 100;
/** So many tasks may wait for a worker: the file is read no faster than it is judged. */
const MOST_WAITING = 4;

/**
 * Replays every series of a file, which is read as it comes. Throws `RolloutError` (`usage`) for the first line that is not
 * what it should be.
 */
export async function backtest(plan: Plan, chunks: AsyncIterable<readonly string[]>, options: BacktestOptions): Promise<Backtested> {
  const { file, mendName, workers, stop } = options;
  const { read } = rowReader();
  const observe = observationReader(plan, mendName);
  const all = new Map<string | undefined, { number: number; series: Series }>();
  const results: Replayed[] = [];
  const desks = Array.from({ length: workers.count }, (_, worker) => deskOf(worker));
  let [line, looks] = [0, 0];

  for await (const lines of chunks) {
    for (const text of lines) {
      line++;
      try {
        takeLine(text);
      } catch (error) {
        throw error instanceof Mistake ? wrongLine(file, line, error) : error;
      }
    }
    for (const desk of desks) await desk.catchUp();
    if (stop.aborted) throw interrupted();
  }
  if (all.size === 0) throw nothingIn(file);
  for (const each of all.values()) hand(each, each.series.end());
  for (const desk of desks) await desk.end();
  const series = [...all].map(([name, { number }]) => ({ series: name, ...results[number]! }));
  return { series, looks, warnings: unseen(plan, [...all]) };

  function takeLine(text: string): void {
    const row = read(text);
    if (typeof row === "string") throw new Mistake(row);
    if (!row) return;
    const name = textIn(row, "series");
    if (!all.has(name)) all.set(name, { number: all.size, series: seriesFor(plan) });
    const its = all.get(name)!;
    hand(its, its.series.add(observe(row)));
  }

  function hand({ number }: { number: number }, events: readonly SeriesEvent[]): void {
    for (const event of events) {
      if (event.kind === "look") looks++;
      if (!results[number]) desks[number % desks.length]!.put(number, event);
    }
  }

  async function keep(asked: Promise<Ended[]>): Promise<void> {
    for (const { series, replayed } of await asked) results[series] = replayed;
  }

  /** What waits to be told to one worker. */
  function deskOf(worker: number) {
    let events: { series: number; event: SeriesEvent }[] = [];
    const waiting: Promise<void>[] = [];
    const ask = (task: BacktestTask) => {
      const asked = keep(workers.ask(worker, task));
      // A failure is met where it is waited for.
      asked.catch(() => undefined);
      waiting.push(asked);
    };
    const flush = () => {
      if (events.length > 0) ask({ events });
      events = [];
    };
    return {
      put(series: number, event: SeriesEvent) {
        events.push({ series, event });
        if (events.length >= BATCH) flush();
      },
      async catchUp() {
        while (waiting.length > MOST_WAITING) await waiting.shift();
      },
      async end() {
        flush();
        ask("end");
        await Promise.all(waiting);
      },
    };
  }
}

function wrongLine(file: string, line: number, { message, mend }: Mistake): RolloutError {
  return new RolloutError("usage", `${file}:${line}: ${message}`, mend === undefined ? {} : { hint: mend });
}

function nothingIn(file: string): RolloutError {
  return new RolloutError("usage", `there are no observations in ${file}`, {
    hint: `A line is such as {"at":"2026-01-01T00:01:00Z","metric":"errors","group":"treatment","events":3,"total":60}.`,
  });
}

/** Judged metrics that some series have nothing of: their guardrails saw no data there. */
function unseen(plan: Plan, all: [string | undefined, { series: Series }][]): string[] {
  return judgedMetrics(plan).flatMap((metric) => {
    const without = all.filter(([, { series }]) => !series.seen.has(metric)).map(([name]) => name);
    if (without.length === 0) return [];
    const guardrails = plan.guardrails.filter((each) => each.metric === metric).map(({ id }) => id);
    const whom = without.length === all.length ? "there is" : `${without.length} of ${all.length} series (${namesOf(without)}) have`;
    const what = guardrails.length > 0 ? `, so ${guardrails.join(", ")} had no data there` : "";
    return [`${whom} no line with numbers of ${metric}${what}`];
  });
}

const MOST_NAMES = 5;

function namesOf(names: readonly (string | undefined)[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => name ?? "the one without a name");
  return [...shown, ...(names.length > MOST_NAMES ? ["…"] : [])].join(", ");
}
