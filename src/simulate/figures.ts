import { rateInterval } from "../stats/intervals.ts";
import type { SimulatedRun } from "./simulatedRun.ts";

/** How many of the runs, their share, and its 95 % interval: what so many runs can say of the chance. */
export interface Share {
  count: number;
  share: number;
  interval: [number, number];
}

/** Of values that differ from run to run: half of the runs have no more, nine in ten have no more. */
export interface Spread {
  median: number;
  p90: number;
}

/** What became of rollouts that do no harm. */
export interface HealthyFigures {
  runs: number;
  rolledBack: Share;
  paused: Share;
  complete: Share;
  unfinished: Share;
  /** What rolled back or paused, or the gate that unfinished ones wait for, and how often. */
  because: Record<string, number>;
  /** Of those that got there, when everybody had it, and when it was complete: milliseconds from the first exposure. */
  everybodyAfter: Spread | undefined;
  completeAfter: Spread | undefined;
}

/** What became of rollouts that do harm. All but the first two figures are of the runs in which it began. */
export interface HarmFigures {
  runs: number;
  /** Stopped before the harm began, for nothing. */
  stoppedBefore: number;
  rolledBack: Share;
  paused: Share;
  /** Neither rolled back nor paused. */
  missed: Share;
  because: Record<string, number>;
  /** Of those that were stopped, milliseconds from the beginning of the harm. */
  after: Spread | undefined;
  /** Requests and users that met the harm, to the end where it was missed. */
  requests: Spread;
  users: Spread | undefined;
}

export function healthyFigures(runs: readonly SimulatedRun[]): HealthyFigures {
  const of = (outcome: SimulatedRun["outcome"]) => shareOf(runs, (run) => run.outcome === outcome);
  return {
    runs: runs.length,
    rolledBack: of("rolledBack"),
    paused: of("paused"),
    complete: of("complete"),
    unfinished: of("unfinished"),
    because: reasonsOf(runs),
    everybodyAfter: spreadOf(runs.flatMap(({ everybodyAt }) => everybodyAt ?? [])),
    completeAfter: spreadOf(runs.flatMap(({ outcome, at }) => (outcome === "complete" ? [at] : []))),
  };
}

/** @param onset when the harm began, in milliseconds from the first exposure */
export function harmFigures(all: readonly SimulatedRun[], onset: number): HarmFigures {
  const runs = all.filter((run) => !(isStopped(run) && run.at <= onset));
  const users = runs.flatMap((run) => run.users ?? []);
  return {
    runs: all.length,
    stoppedBefore: all.length - runs.length,
    rolledBack: shareOf(runs, ({ outcome }) => outcome === "rolledBack"),
    paused: shareOf(runs, ({ outcome }) => outcome === "paused"),
    missed: shareOf(runs, (run) => !isStopped(run)),
    because: reasonsOf(runs.filter(isStopped)),
    after: spreadOf(runs.filter(isStopped).map(({ at }) => at - onset)),
    requests: spreadOf(runs.map(({ requests }) => requests)) ?? { median: 0, p90: 0 },
    users: spreadOf(users),
  };
}

function isStopped({ outcome }: SimulatedRun): boolean {
  return outcome === "rolledBack" || outcome === "paused";
}

function shareOf(runs: readonly SimulatedRun[], counts: (run: SimulatedRun) => boolean): Share {
  const [events, total] = [runs.filter(counts).length, runs.length];
  const [low, high] = rateInterval({ events, total }) ?? [0, 1];
  return { count: events, share: total > 0 ? events / total : 0, interval: [low, high] };
}

function reasonsOf(runs: readonly SimulatedRun[]): Record<string, number> {
  const reasons: Record<string, number> = {};
  for (const { because } of runs) if (because !== undefined) reasons[because] = (reasons[because] ?? 0) + 1;
  return Object.fromEntries(Object.entries(reasons).sort(([, a], [, b]) => b - a));
}

function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { median: at(0.5), p90: at(0.9) };
}
