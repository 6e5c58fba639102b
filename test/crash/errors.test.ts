import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isOff, sameExposure } from "../../src/core/exposure.ts";
import { AGAIN, sampleOf, tellInjected } from "../support/faultSample.ts";
import { requireProgram } from "../support/programs.ts";
import { trace, type Call, type Injection, type Traced } from "./strace.ts";
import { aftermath, beginningOf, inTurn, MOST_TRIES, sweeps, trackOf, type Sweep } from "./sweep.ts";
import { standingOf, type Standing, type World } from "./world.ts";

/**
 * The system refuses one of the calls by which a command changes the ledger or the flag, as a disk does that breaks, is full
 * or has become read-only; or says that it took less than it was given, and took nothing. In a world of its own each time.
 */

const strace = requireProgram("strace");

/** What a disk refuses with, and what to do about it. */
const HINTS: Record<string, RegExp> = {
  EIO: /^hint: \S/m,
  ENOSPC: /^hint: .*\bfree\b.* space/im,
  EROFS: /^hint: .*(writable|read-only)/im,
  EDQUOT: /^hint: .*\bfree\b.* space/im,
};
const ERRORS = Object.keys(HINTS);

/** So many faults of each command in CI. */
const SAMPLE = 10;
/** A rollback waits before it tries again, so that many side by side keep a machine no busier than few. */
const AT_ONCE = 4;

/** What goes wrong at a call of a command's way; with `andAfter` at all later calls of that name as well. */
type Fault = { call: Call; index: number; andAfter?: boolean } & ({ error: string } | { answered: number });

/** Each error at each call, and writes that are cut short. */
function passing(way: readonly Call[]): Fault[] {
  return way.flatMap((call, index) => [
    ...ERRORS.map((error) => ({ call, index, error })),
    ...(call.name === "pwrite64" ? [{ call, index, answered: 3 }] : []),
  ]);
}

/** From a call on, it is over with what that call does. */
function lasting(way: readonly Call[], names: readonly string[], errors = ERRORS): Fault[] {
  return way.flatMap((call, index) =>
    names.includes(call.name) ? errors.map((error) => ({ call, index, error, andAfter: true as const })) : [],
  );
}

/** Nothing rests on it: who owns the flag file, that no temporary file is left, that a flag that was read back survives a power cut. */
function isPassedOver(way: readonly Call[], { index, call: { name }, andAfter }: Fault): boolean {
  return !andAfter && (name === "unlink" || name === "fchown" || way[index - 1]?.name === "rename");
}

describe.skipIf(strace === undefined).concurrent("refused a system call that changes something", () => {
  test.for([sweeps.start, sweeps.move].map((sweep: Sweep) => [sweep.title, sweep] as const))(
    "%s leaves the flag alone before it is written, says what to do (5), and ends right when it is run again",
    { timeout: 1_800_000 },
    async ([, sweep]) => {
      const origin = await beginningOf(sweep);
      const way = await trackOf(origin, sweep);
      const { flag: before } = await standingOf(origin);
      const written = way.findIndex(({ name }) => name === "rename");
      const all = [...passing(way), ...lasting(way, ["pwrite64", "fsync", "link", "rename"])];
      await expectNoFaults(origin, sweep, way, all, sampleOf(all, SAMPLE), (fault, { status, stderr }, { flag }) => {
        const faults: string[] = [];
        const expected = isPassedOver(way, fault) ? 0 : 5;
        if (status !== expected) faults.push(`it ended with ${status}, not ${expected}`);
        const hint = HINTS["error" in fault ? fault.error : "EIO"]!;
        if (expected === 5 && !hint.test(stderr)) faults.push("it does not say what to do");
        if (expected === 5 && fault.index <= written && !sameExposure(flag, before)) faults.push("the flag was written");
        return faults;
      });
      await origin.remove();
    },
  );

  test(
    "a rollback goes ahead: it tries again, or does without the ledger and says so loudly, and the next call records it",
    {
      timeout: 1_800_000,
    },
    async () => {
      const sweep = sweeps.rollback;
      const origin = await beginningOf(sweep);
      const way = await trackOf(origin, sweep);
      const all = [...passing(way), ...lasting(way, ["link"])];
      // However small the sample, a ledger that is out of reach is in it.
      const sample = [...sampleOf(passing(way), SAMPLE), ...sampleOf(lasting(way, ["link"]), 2)];
      await expectNoFaults(origin, sweep, way, all, sample, async (fault, { status, stderr }, { flag, state }, world) => {
        const faults: string[] = [];
        if (status !== 0) faults.push(`it ended with ${status}`);
        if (!isOff(flag)) faults.push("the flag is not off");
        if (!isPassedOver(way, fault) && !/could not|not safe|stored something else/.test(stderr)) faults.push("nothing is said of it");
        if (!fault.andAfter) {
          if (state?.end?.outcome !== "rolledBack") faults.push("it is not recorded");
          if (stderr.includes("NOT RECORDED")) faults.push("it is recorded, and says it is not");
        } else {
          if (!stderr.includes("NOT RECORDED")) faults.push("it does not say that it is not recorded");
          const isIntended = state?.intent?.purpose === "rollback";
          if (isIntended !== (await spooledIn(world)).length < 1) faults.push("it is kept nowhere, or twice");
        }
        return faults;
      });
      await origin.remove();
    },
  );

  test(
    "a rollback that cannot write the flag says how to do it by hand (9), and the next one goes on",
    {
      timeout: 1_800_000,
    },
    async () => {
      const sweep = { ...sweeps.rollback, command: [...sweeps.rollback.command, "--rollback-for", "100ms"] };
      const origin = await beginningOf(sweep);
      const way = await trackOf(origin, sweep);
      const all = lasting(way, ["rename", "fchmod"]);
      await expectNoFaults(origin, sweep, way, all, sampleOf(all, 2), (_, { status, stderr }, { state }) => {
        const faults: string[] = [];
        if (status !== 9) faults.push(`it ended with ${status}`);
        if (!/^hint: Switch it off by hand: in flags\.json, /m.test(stderr)) faults.push("it does not say how to do it by hand");
        if (state?.intent?.purpose !== "rollback") faults.push("it is not known that it is to be off");
        return faults;
      });
      await origin.remove();
    },
  );
});

type Check = (fault: Fault, ran: Traced, standing: Standing, world: World) => string[] | Promise<string[]>;

/** Injects each fault in a world of its own, and what `check` finds there, or what does not hold after, is none. */
async function expectNoFaults(
  origin: World,
  sweep: Sweep,
  way: readonly Call[],
  all: readonly Fault[],
  sample: readonly Fault[],
  check: Check,
): Promise<void> {
  const faults = await inTurn(sample, AT_ONCE, (fault) => injected(origin, sweep, way, fault, check));
  tellInjected(`errors and short writes on the way of ${sweep.title}`, sample.length, all.length);
  expect(faults.flat(), AGAIN).toEqual([]);
}

async function injected(origin: World, sweep: Sweep, way: readonly Call[], fault: Fault, check: Check): Promise<string[]> {
  const { call, index, andAfter = false } = fault;
  const what = "error" in fault ? fault.error : `only ${fault.answered} bytes`;
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    const world = await origin.copy();
    try {
      const ran = await trace(world.folder, sweep.command, [{ ...fault, call } as Injection]);
      if (!cameThere(ran.calls, way, index)) continue;
      const standing = await standingOf(world);
      const found = await check(fault, ran, standing, world);
      if (found.length > 0) found.push(ran.stderr);
      const unrecorded = (await spooledIn(world)).length > 0;
      found.push(...(await aftermath(world, sweep, ran.calls, { unrecorded })));
      if ((await spooledIn(world)).length > 0) found.push("what is recorded is still kept to be recorded");
      return found.map((each) => `${index + 1}. ${what}${andAfter ? " for good" : ""} at ${call.what}: ${each}`);
    } finally {
      await world.remove();
    }
  }
  return [`${index + 1}. it did not come to ${call.what} in ${MOST_TRIES} tries`];
}

/** Whether a command went its usual way up to a call. What it met there is no other way. */
function cameThere(calls: readonly Call[], way: readonly Call[], index: number): boolean {
  return calls.length > index && way.slice(0, index + 1).every(({ what }, at) => calls[at]?.what === what);
}

async function spooledIn({ folder }: World): Promise<string[]> {
  return readdir(join(folder, ".local", "state", "rollout", "spool")).catch(() => []);
}
