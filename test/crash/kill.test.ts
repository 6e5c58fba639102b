import { describe, expect, test } from "vitest";
import { sameExposure } from "../../src/core/exposure.ts";
import { OFF, type Exposure } from "../../src/model/exposure.ts";
import { callRollout, rollout } from "../support/cli.ts";
import { requireProgram } from "../support/programs.ts";
import { killBeforeLast, trace, type Call } from "./strace.ts";
import { entryFiles, faultsOf, isKnownToLedger, LEDGER, makeWorld, PLAN, standingOf, WRITE_WITHIN, type World } from "./world.ts";

/**
 * A command is killed as it enters each of the system calls by which it changes the ledger or the flag, in a world of its
 * own each time; the kill before the next call is the kill after this one.
 */

/** How many worlds are killed in at a time: much of a sweep is waiting for a change to be nobody's any more. */
const AT_ONCE = 3;

/** A machine that is busy for longer than a write may take turns a command from its way: it is then sent on it again. */
const MOST_TRIES = 20;

const strace = requireProgram("strace");

interface Sweep {
  stages: string[];
  /** What happened before, each a command. */
  before: string[][];
  command: string[];
  /** Where it must end, however often it was killed on its way. */
  end: { stage: number; flag: Exposure; over: boolean };
}

const to = (percent: number): Exposure => ({ ...OFF, everyone: percent * 1000 });
const advance = ["advance", PLAN];
const stages = ["expose: 10%, bake: 0s", "expose: 50%, bake: 1h"];

const sweeps: [title: string, sweep: Sweep][] = [
  [
    "an advance that starts the rollout and moves it to its first stage",
    { stages: ["expose: 10%, bake: 1h"], before: [], command: advance, end: { stage: 0, flag: to(10), over: false } },
  ],
  ["an advance that moves a stage", { stages, before: [advance], command: advance, end: { stage: 1, flag: to(50), over: false } }],
  [
    "a rollback",
    { stages, before: [advance], command: ["rollback", PLAN, "--reason", "tests"], end: { stage: -1, flag: OFF, over: true } },
  ],
];

describe.skipIf(strace === undefined)("killed at each system call that changes something", () => {
  test.each(sweeps)(
    "%s: run again it ends right, and nothing is lost, repeated or unknown to the ledger",
    { timeout: 600_000 },
    async (_, sweep) => {
      const origin = await makeWorld(sweep);
      for (const args of sweep.before) expect(await rollout(args, { cwd: origin.folder })).toMatchObject({ status: 0 });
      const undisturbed = await trackOf(origin, sweep);
      expect(orderFaults(undisturbed)).toEqual([]);
      const done: string[] = [];
      const faults = await inTurn(undisturbed, AT_ONCE, async (call, index) => {
        const found = await killedBeforeLast(origin, sweep, undisturbed.slice(0, index + 1));
        done.push(call.what);
        return found.map((fault) => `${index + 1}. before ${call.what}: ${fault}`);
      });
      expect(faults.flat()).toEqual([]);
      expect(done.toSorted()).toEqual(undisturbed.map(({ what }) => what).toSorted());
      await origin.remove();
    },
  );
});

/** What the command does to a world when nothing disturbs it. */
async function trackOf(origin: World, { command, end }: Sweep): Promise<Call[]> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    const world = await origin.copy();
    const { calls, status } = await trace(world.folder, command);
    const { state, flag } = await standingOf(world);
    await world.remove();
    if (status === 0 && state?.stage === end.stage && sameExposure(flag, end.flag)) return calls;
  }
  throw new Error("the command did not do what it should, undisturbed");
}

/** Kills the command before the last call of its way, runs it again, and says what is wrong then. */
async function killedBeforeLast(origin: World, sweep: Sweep, way: Call[]): Promise<string[]> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    const world = await origin.copy();
    try {
      const { status, calls } = await killBeforeLast(world.folder, sweep.command, way);
      if (status === "SIGKILL" && cameThatFar(calls, way)) return await aftermath(world, sweep, calls);
    } finally {
      await world.remove();
    }
  }
  return [`it was not killed there in ${MOST_TRIES} tries`];
}

/** Whether it made all calls of a way but the last, which it may have entered. */
function cameThatFar(calls: Call[], way: Call[]): boolean {
  const last = calls.length === way.length ? calls.at(-1) : undefined;
  const isSame = (call: Call | undefined, index: number) => call?.what === way[index]?.what;
  return calls.length >= way.length - 1 && calls.length <= way.length && calls.every(isSame) && !last?.done;
}

/** What is wrong in a world at the instant of the kill, and after the command was run again. */
async function aftermath(world: World, { command, end }: Sweep, calls: Call[]): Promise<string[]> {
  const faults: string[] = [];
  const atKill = await standingOf(world);
  const kept = await entryFiles(world);
  if (!isKnownToLedger(atKill)) faults.push("the flag says what the ledger does not know");
  for (const name of acknowledged(calls)) if (!kept.has(name)) faults.push(`${name} was acknowledged and is not there`);

  let now = atKill;
  for (let runs = 1; runs <= 10; runs++) {
    const { status, stderr } = await callRollout(command, { cwd: world.folder });
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
  for (const [name, bytes] of kept) if (!files.get(name)?.equals(bytes)) faults.push(`${name} is not what it was at the kill`);
  return faults;
}

function isAtEnd(
  { stage, intent, end: ended }: { stage: number; intent?: unknown; end?: unknown },
  flag: Exposure,
  end: Sweep["end"],
): boolean {
  return stage === end.stage && intent === undefined && sameExposure(flag, end.flag) && (ended !== undefined) === end.over;
}

/** The entries that were promised to survive a power cut: their number was linked, and the folder was synced after. */
function acknowledged(calls: Call[]): string[] {
  return calls.flatMap(({ name, paths, done }, index) => {
    const synced = calls.slice(index).some((later) => later.name === "fsync" && later.paths[0] === LEDGER && later.done);
    return name === "link" && done && synced ? [paths[1]!.slice(LEDGER.length + 1)] : [];
  });
}

/**
 * What a kill does not show, but a power cut would: a name that points at content that is not on the disk yet, or a change
 * of the world before the entry that announces it is.
 */
function orderFaults(calls: Call[]): string[] {
  const faults: string[] = [];
  for (const [index, { name, paths, what }] of calls.entries()) {
    if (name !== "link" && name !== "rename") continue;
    const [temporary = "", target = ""] = paths;
    const content = calls.slice(0, index).findLast((call) => call.paths[0] === temporary);
    if (content?.name !== "fsync") faults.push(`${what}: the content was not synced before`);
    const next = calls[index + 1];
    const folder = target.includes("/") ? target.slice(0, target.lastIndexOf("/")) : ".";
    if (next?.name !== "fsync" || next.paths[0] !== folder) faults.push(`${what}: the folder was not synced at once`);
  }
  return faults;
}

async function inTurn<T, R>(items: readonly T[], atOnce: number, work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const [index, item] of queue) results[index] = await work(item, index);
    }),
  );
  return results;
}

async function sleepUntil(time: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, time - Date.now())));
}
