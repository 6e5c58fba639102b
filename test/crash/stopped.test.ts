import { describe, expect, test } from "vitest";
import { isOff } from "../../src/core/exposure.ts";
import { rollout } from "../support/cli.ts";
import { requireProgram } from "../support/programs.ts";
import { startTraced, trace, type Call } from "./strace.ts";
import { faultsOf, FLAGS, LEDGER, makeWorld, PLAN, standingOf } from "./world.ts";

const strace = requireProgram("strace");
const advance = ["advance", PLAN];
const stages = ["expose: 10%, bake: 0s", "expose: 50%, bake: 1h"];

describe.skipIf(strace === undefined)("an advance that is stopped on its way from its intent to its write", () => {
  test("leaves the flag off, however late it goes on, when another has rolled back meanwhile", { timeout: 300_000 }, async () => {
    const origin = await makeWorld({ stages });
    expect(await rollout(advance, { cwd: origin.folder })).toMatchObject({ status: 0 });
    const rehearsal = await origin.copy();
    const way = betweenIntentAndWrite((await trace(rehearsal.folder, advance)).calls);
    await rehearsal.remove();
    // From the sync that makes the intent known up to the last call before the flag file is replaced.
    expect(way.length).toBeGreaterThanOrEqual(3);

    let landedLate = 0;
    for (const call of way) {
      const world = await origin.copy();
      const stopped = await startTraced(world.folder, advance, [{ call, signal: "STOP" }]);
      await stopped.stopped();
      expect((await standingOf(world)).state?.intent, call.what).toMatchObject({ purpose: "advance", stage: 1 });

      const rolledBack = await rollout(["rollback", PLAN, "--reason", "tests"], { cwd: world.folder });
      expect(rolledBack, call.what).toMatchObject({ status: 0 });
      expect(isOff((await standingOf(world)).flag), call.what).toBe(true);

      stopped.kill("SIGCONT");
      const { calls } = await stopped.ended;
      if (calls.some(replacesFlag)) landedLate++;
      const { entries, state, flag } = await standingOf(world);
      expect(isOff(flag), call.what).toBe(true);
      expect(state?.end, call.what).toMatchObject({ outcome: "rolledBack" });
      expect(faultsOf(entries), call.what).toEqual([]);
      await world.remove();
    }
    // One that was stopped after it had looked for the last time does write, and puts that back itself.
    expect(landedLate).toBeGreaterThan(0);
    await origin.remove();
  });
});

/** The calls from the one that makes the intent durable to the last before the flag is written. */
function betweenIntentAndWrite(calls: Call[]): Call[] {
  const written = calls.findIndex(replacesFlag);
  const intended = calls.slice(0, written).findLastIndex(({ name, paths }) => name === "fsync" && paths[0] === LEDGER);
  return calls.slice(intended, written);
}

function replacesFlag({ name, paths }: Call): boolean {
  return name === "rename" && paths.at(-1) === FLAGS;
}
