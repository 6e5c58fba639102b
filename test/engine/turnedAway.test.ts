import { describe, expect, test } from "vitest";
import { pause, rollbackNow } from "../../src/engine/people.ts";
import { NotDone, RolloutError } from "../../src/errors.ts";
import { MINUTE, SECOND, type Runner, type World } from "../support/world.ts";
import { begun, entriesOf, expectError, kindsOf, percentOf, sharesWritten } from "./worlds.ts";

/** Writes that a flag system turned away before it did anything: certainly nothing was written, so they may be tried again. */

/** From now on the runner's writes are turned away; `tries` is how many were, and each may do something meanwhile. */
function turnAway(world: World, runner: Runner, times: number, retryAfter?: number, meanwhile: () => Promise<unknown> = async () => {}) {
  const { connectFlag } = runner.engine;
  const seen = { tries: 0, at: [] as number[], within: [] as (number | undefined)[] };
  runner.engine.connectFlag = (plan, folder) => {
    const flag = connectFlag(plan, folder);
    return {
      ...flag,
      async write(target, exposure, ifRevision, note, within) {
        seen.at.push(world.time);
        seen.within.push(within);
        if (seen.tries++ >= times) return flag.write(target, exposure, ifRevision, note, within);
        await meanwhile();
        throw new NotDone("unreachable", "slow down", { retryAfter });
      },
    };
  };
  return seen;
}

describe("a change that was turned away", () => {
  test("is tried again after as long as the flag system asks for, and is one change in the ledger", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, 2, 4 * SECOND);
    expect((await lookAfter(3 * MINUTE)).result.outcome).toBe("advanced");
    expect(seen.tries).toBe(3);
    expect(seen.at[1]! - seen.at[0]!).toBeGreaterThanOrEqual(4 * SECOND);
    expect(sharesWritten(world)).toEqual([5, 25]);
    expect(kindsOf(world).slice(-3)).toEqual(["look", "intent", "applied"]);
    expect(runner.notes).toContainEqual(expect.objectContaining({ kind: "waiting", sentence: expect.stringContaining("slow down") }));
  });

  test("has less and less time to be written, all from its intent", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, 2, 4 * SECOND);
    await lookAfter(3 * MINUTE);
    const [first, second, third] = seen.within as number[];
    expect(first).toBeLessThanOrEqual(30 * SECOND);
    expect(second).toBeLessThanOrEqual(first! - 4 * SECOND);
    expect(third).toBeLessThanOrEqual(second! - 4 * SECOND);
  });

  test("is given up when its time would be over, and nothing is left that could still land", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, Infinity, 8 * SECOND);
    await expectError(lookAfter(3 * MINUTE), "unreachable", /slow down/);
    expect(seen.tries).toBe(4);
    expect(entriesOf(world).at(-1)).toMatchObject({
      kind: "abandoned",
      data: { mayLand: false, reason: expect.stringContaining("slow down") },
    });
    expect((await lookAfter(0, world.runner("ben"))).result.outcome).toBe("advanced");
  });

  test("is given up at once when it would have to wait for too long", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, Infinity, MINUTE);
    await expectError(lookAfter(3 * MINUTE), "unreachable", /slow down/);
    expect(seen.tries).toBe(1);
  });

  test("is not tried again once somebody has paused", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, 1, SECOND, () => pause(world.runner("ben").engine, "checkout", "lunch"));
    expect((await lookAfter(3 * MINUTE)).result).toEqual({ outcome: "abandoned", reason: "paused: lunch" });
    expect(seen.tries).toBe(1);
    expect(sharesWritten(world)).toEqual([5]);
  });

  test("is not tried again once a rollback has overtaken it", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, 1, SECOND, () => rollbackNow(world.runner("ben").engine, "checkout", "complaints"));
    // The rollback has waited until the change could not be written any more.
    await expectError(lookAfter(3 * MINUTE), "unreachable", /slow down/);
    expect(seen.tries).toBe(1);
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("is not tried again once the user has asked to stop", async () => {
    const { world, runner, lookAfter } = await begun();
    const seen = turnAway(world, runner, Infinity, SECOND, async () => runner.stop.abort());
    await expectError(lookAfter(3 * MINUTE), "unreachable", /slow down/);
    expect(seen.tries).toBe(1);
    expect(kindsOf(world).at(-1)).toBe("abandoned");
  });
});

describe("a change of which nobody knows whether it was done", () => {
  test("is never sent again: what the flag says then tells", async () => {
    const { world, runner, lookAfter } = await begun();
    const { connectFlag } = runner.engine;
    let sent = 0;
    runner.engine.connectFlag = (plan, folder) => {
      const flag = connectFlag(plan, folder);
      return {
        ...flag,
        async write(...given) {
          sent++;
          await flag.write(...given);
          throw new RolloutError("unreachable", "was cut off by the other side");
        },
      };
    };
    expect((await lookAfter(3 * MINUTE)).result.outcome).toBe("advanced");
    expect(sent).toBe(1);
    expect(sharesWritten(world)).toEqual([5, 25]);
  });
});

describe("a rollback that was turned away", () => {
  test.each([
    ["as long as it asks for", 9 * SECOND, 9 * SECOND],
    ["but no longer than a quarter of a minute, since harm does not wait", 10 * MINUTE, 15 * SECOND],
    ["two seconds where it says nothing", undefined, 2 * SECOND],
  ])("leaves the flag system alone %s", async (_, retryAfter, expected) => {
    const { world, runner } = await begun();
    const seen = turnAway(world, runner, 1, retryAfter);
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(percentOf(world.exposure)).toBe(0);
    const waited = seen.at[1]! - seen.at[0]!;
    expect(waited).toBeGreaterThanOrEqual(expected);
    expect(waited).toBeLessThan(expected + SECOND);
  });
});
