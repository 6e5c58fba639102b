import { sameExposure } from "../../src/core/exposure.ts";
import { OFF, type Exposure } from "../../src/model/exposure.ts";
import { callRollout, environmentIn } from "../support/cli.ts";
import { trace, type Call } from "./strace.ts";
import {
  entryFiles,
  faultsOf,
  isKnownToLedger,
  LEDGER,
  makeWorld,
  PLAN,
  sleepUntil,
  standingOf,
  WRITE_WITHIN,
  type World,
} from "./world.ts";

/** Commands that are disturbed at every system call by which they change the ledger or the flag, and what must hold after. */

/** How many worlds are disturbed at a time: much of a sweep is waiting for a change to be nobody's any more. */
export const AT_ONCE = 3;

/** A machine that is busy for longer than a write may take turns a command from its way: it is then sent on it again. */
export const MOST_TRIES = 20;

export interface Sweep {
  title: string;
  stages: string[];
  /** What happened before, each a command. */
  before: string[][];
  command: string[];
  /** Where it must end, however often it was disturbed on its way. */
  end: { stage: number; flag: Exposure; over: boolean };
}

const to = (percent: number): Exposure => ({ ...OFF, everyone: percent * 1000 });
const advance = ["advance", PLAN];
const stages = ["expose: 10%, bake: 0s", "expose: 50%, bake: 1h"];

export const sweeps = {
  start: {
    title: "an advance that starts the rollout and moves it to its first stage",
    stages: ["expose: 10%, bake: 1h"],
    before: [],
    command: advance,
    end: { stage: 0, flag: to(10), over: false },
  },
  move: {
    title: "an advance that moves a stage",
    stages,
    before: [advance],
    command: advance,
    end: { stage: 1, flag: to(50), over: false },
  },
  rollback: {
    title: "a rollback",
    stages,
    before: [advance],
    command: ["rollback", PLAN, "--reason", "tests"],
    end: { stage: -1, flag: OFF, over: true },
  },
} satisfies Record<string, Sweep>;

/** The world in which a sweep begins. */
export async function beginningOf({ stages, before }: Sweep): Promise<World> {
  const origin = await makeWorld({ stages });
  for (const args of before) {
    const { status, stderr } = await callRollout(args, { cwd: origin.folder });
    if (status !== 0) throw new Error(`before the sweep, ${args.join(" ")} ended with ${status}: ${stderr}`);
  }
  return origin;
}

/** What the command does to a world when nothing disturbs it. */
export async function trackOf(origin: World, { command, end }: Sweep): Promise<Call[]> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    const world = await origin.copy();
    const { calls, status } = await trace(world.folder, command);
    const { state, flag } = await standingOf(world);
    await world.remove();
    if (status === 0 && state?.stage === end.stage && sameExposure(flag, end.flag)) return calls;
  }
  throw new Error("the command did not do what it should, undisturbed");
}

/**
 * What is wrong in a world as it was left, and after the command was run again.
 *
 * @param unrecorded it turned the flag off without the ledger, which knows of it only after
 */
export async function aftermath(
  world: World,
  { command, end }: Sweep,
  calls: Call[],
  { unrecorded = false }: { unrecorded?: boolean } = {},
): Promise<string[]> {
  const faults: string[] = [];
  const left = await standingOf(world);
  const kept = await entryFiles(world);
  if (!unrecorded && !isKnownToLedger(left)) faults.push("the flag says what the ledger does not know");
  for (const name of acknowledged(calls)) if (!kept.has(name)) faults.push(`${name} was acknowledged and is not there`);

  let now = left;
  for (let runs = 1; runs <= 10; runs++) {
    const { status, stderr } = await callRollout(command, { cwd: world.folder, env: environmentIn(world.folder) });
    if (status !== 0) faults.push(`run again (${runs}.), it ended with ${status}: ${stderr}`);
    now = await standingOf(world);
    if (now.state && isAtEnd(now.state, now.flag, end)) break;
    const { intent } = now.state ?? {};
    if (intent) await sleepUntil(intent.at + 2 * WRITE_WITHIN);
  }
  if (!now.state || !isAtEnd(now.state, now.flag, end))
    faults.push(`run again, it came to ${JSON.stringify([now.state?.stage, now.flag, now.state?.intent])}`);
  faults.push(...faultsOf(now.entries));
  const files = await entryFiles(world);
  for (const [name, bytes] of kept) if (!files.get(name)?.equals(bytes)) faults.push(`${name} is not what it was`);
  return faults;
}

/** Whether a sweep has come to its end. */
function isAtEnd(
  { stage, intent, end: ended }: { stage: number; intent?: unknown; end?: unknown },
  flag: Exposure,
  end: Sweep["end"],
): boolean {
  return stage === end.stage && intent === undefined && sameExposure(flag, end.flag) && (ended !== undefined) === end.over;
}

/** The entries that were promised to survive a power cut: their number was linked, and the folder was synced after. */
export function acknowledged(calls: Call[]): string[] {
  return calls.flatMap(({ name, paths, done }, index) => {
    const synced = calls.slice(index).some((later) => later.name === "fsync" && later.paths[0] === LEDGER && later.done);
    return name === "link" && done && synced ? [paths[1]!.slice(LEDGER.length + 1)] : [];
  });
}

/** Does the work for each item, so many side by side; the results are in the order of the items. */
export async function inTurn<T, R>(items: readonly T[], atOnce: number, work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const [index, item] of queue) results[index] = await work(item, index);
    }),
  );
  return results;
}
