import { describe, expect, test } from "vitest";
import { requireProgram } from "../support/programs.ts";
import { trace, type Call } from "./strace.ts";
import { aftermath, AT_ONCE, beginningOf, inTurn, MOST_TRIES, sweeps, trackOf, type Sweep } from "./sweep.ts";
import type { World } from "./world.ts";

/**
 * A command is killed as it enters each of the system calls by which it changes the ledger or the flag, in a world of its
 * own each time; the kill before the next call is the kill after this one.
 */

const strace = requireProgram("strace");

describe.skipIf(strace === undefined)("killed at each system call that changes something", () => {
  test.for(Object.values<Sweep>(sweeps).map((sweep) => [sweep.title, sweep] as const))(
    "%s: run again it ends right, and nothing is lost, repeated or unknown to the ledger",
    { timeout: 600_000 },
    async ([, sweep]) => {
      const origin = await beginningOf(sweep);
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

/** Kills the command before the last call of its way, runs it again, and says what is wrong then. */
async function killedBeforeLast(origin: World, sweep: Sweep, way: Call[]): Promise<string[]> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    const world = await origin.copy();
    try {
      const { status, calls } = await trace(world.folder, sweep.command, [{ call: way.at(-1)!, signal: "KILL" }]);
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
