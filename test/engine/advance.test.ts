import { describe, expect, test } from "vitest";
import { rehearse, step, stepOn } from "../../src/engine/advance.ts";
import { openRollout } from "../../src/engine/context.ts";
import { runToEnd, waitForMove } from "../../src/engine/loop.ts";
import { accept, pause, rollbackNow } from "../../src/engine/people.ts";
import { everyone, fileOf, HARMFUL, HEALTHY, HOUR, MINUTE, planOf, SECOND, stage } from "../support/world.ts";
import { begun, type Begun, entriesOf, expectError, kindsOf, nextEnds, onSecondStage, sharesWritten } from "./worlds.ts";

describe("advancing", () => {
  test("moves one stage at the most, however long nobody looked", async () => {
    const { world, lookAfter } = await begun();
    expect((await lookAfter(10 * HOUR)).state.stage).toBe(1);
    expect((await lookAfter(10 * HOUR)).state.stage).toBe(2);
    expect(sharesWritten(world)).toEqual([5, 25, 100]);
  });

  test("waits for the bake, which is measured time after the change", async () => {
    const { lookAfter } = await begun();
    const { result } = await lookAfter(MINUTE);
    expect(result).toMatchObject({ outcome: "holding", decision: { because: [{ gate: "bake" }] } });
    // Two minutes have gone by, but the last of them is not measured yet.
    expect((await lookAfter(MINUTE)).result.outcome).toBe("holding");
    expect((await lookAfter(MINUTE)).result.outcome).toBe("advanced");
  });

  test("bakes nothing while there is no traffic", async () => {
    const { world, lookAfter } = await begun();
    world.conditions({ ...HEALTHY, traffic: 0 });
    world.time += MINUTE;
    await lookAfter(MINUTE);
    const { result } = await lookAfter(HOUR);
    expect(result).toMatchObject({
      outcome: "holding",
      decision: { because: expect.arrayContaining([expect.objectContaining({ gate: "data" })]) },
    });
  });

  test("completes after the last bake, and then nothing is written any more", async () => {
    const { world, lookAfter } = await onSecondStage();
    await lookAfter(3 * MINUTE);
    expect((await lookAfter(3 * MINUTE)).result.outcome).toBe("complete");
    const [entries, writes] = [world.entries("checkout").length, world.writes.length];
    expect((await lookAfter(HOUR)).result.outcome).toBe("ended");
    expect([world.entries("checkout").length, world.writes.length]).toEqual([entries, writes]);
    expect(world.exposure).toEqual(everyone(100));
  });

  test("after a rollback too, an ended run stays ended", async () => {
    const { world, runner, lookAfter, file } = await begun();
    await rollbackNow(runner.engine, "checkout", "enough");
    const entries = world.entries("checkout").length;
    expect((await lookAfter(HOUR, runner, file)).result.outcome).toBe("ended");
    expect(world.entries("checkout")).toHaveLength(entries);
  });

  test("of two who look at the same time, one moves the stage and the other has lost", async () => {
    const { world, lookAfter } = await begun();
    world.time += 3 * MINUTE;
    const results = await Promise.all(["ben", "carl"].map((name) => lookAfter(0, world.runner(name))));
    expect(results.map(({ result }) => result.outcome).sort()).toEqual(["advanced", "lost"]);
    expect(sharesWritten(world)).toEqual([5, 25]);
  });

  test("a rehearsal says what would be decided and writes nothing", async () => {
    const { world, runner } = await begun();
    world.time += 3 * MINUTE;
    const entries = world.entries("checkout").length;
    const rehearsal = await rehearse(runner.engine, "checkout", { adopt: false });
    expect(rehearsal).toMatchObject({ kind: "looks", look: { data: { decision: { kind: "advance", stage: 1 } } } });
    expect(world.entries("checkout")).toHaveLength(entries);
    expect(sharesWritten(world)).toEqual([5]);
  });
});

describe("a breach", () => {
  test("rolls back for everybody, and says what it cost", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.conditions(HARMFUL);
    const { result } = await lookAfter(2 * MINUTE);
    expect(result).toMatchObject({ outcome: "rolledBack", decision: { cause: "breach", blastRadius: { exposedFor: expect.any(Number) } } });
    expect(world.exposure.everyone).toBe(0);
    expect(entriesOf(world).at(-1)?.kind).toBe("applied");
  });

  test("while somebody has paused it rolls back all the same", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    await pause(runner.engine, "checkout", "lunch");
    world.conditions(HARMFUL);
    expect((await lookAfter(2 * MINUTE)).result.outcome).toBe("rolledBack");
    expect(world.exposure.everyone).toBe(0);
  });

  test("on a flag that somebody has raised rolls back all the same", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.byHand(everyone(80));
    world.conditions(HARMFUL);
    expect((await lookAfter(2 * MINUTE)).result.outcome).toBe("rolledBack");
    expect(world.exposure.everyone).toBe(0);
  });

  test("while the plan file differs rolls back all the same", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    world.conditions(HARMFUL);
    const changed = fileOf(planOf({ stages: [stage(5), stage(25), stage(50)] }));
    expect((await lookAfter(2 * MINUTE, runner, changed)).result.outcome).toBe("rolledBack");
  });

  test("that was seen by the slower of two is not put off to the next poll", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.conditions(HARMFUL);
    world.time += 2 * MINUTE;
    const ben = world.runner("ben");
    const { turn } = world;
    let interfered = false;
    world.turn = async (name, operation, until) => {
      // Somebody pauses after ben has measured, so that ben's look is too late.
      if (name === "ben" && operation === "create" && !interfered) {
        interfered = true;
        await pause(world.runner("carl").engine, "checkout", "lunch");
      }
      return turn(name, operation, until);
    };
    expect((await lookAfter(0, ben)).result.outcome).toBe("rolledBack");
    expect(interfered).toBe(true);
    expect(world.exposure.everyone).toBe(0);
  });

  test("that was recorded by somebody who died is rolled back by the next, though its source is dead", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.conditions(HARMFUL);
    const ben = world.runner("ben");
    nextEnds(world, ben, "create", "diesAfter");
    void lookAfter(2 * MINUTE, ben);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(entriesOf(world).at(-1)).toMatchObject({ kind: "look", data: { decision: { kind: "rollback" } } });
    world.source = "dead";
    expect((await lookAfter(MINUTE)).result.outcome).toBe("rolledBack");
    expect(world.exposure.everyone).toBe(0);
  });
});

describe("a source that does not answer", () => {
  test.each(["dead", "empty"] as const)("holds, then pauses (%s)", async (source) => {
    const { world, lookAfter } = await onSecondStage();
    world.source = source;
    expect((await lookAfter(MINUTE)).result).toMatchObject({
      outcome: "holding",
      decision: { because: expect.arrayContaining([expect.objectContaining({ gate: "data" })]) },
    });
    expect((await lookAfter(29 * MINUTE)).result.outcome).toBe("holding");
    expect((await lookAfter(2 * MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "noData" } });
    expect(sharesWritten(world)).toEqual([5, 25]);
  });

  test("or rolls back, where the plan says so", async () => {
    const { policy } = planOf();
    const { world, lookAfter } = await onSecondStage(planOf({ policy: { ...policy, onNoData: { hold: 5 * MINUTE, then: "rollback" } } }));
    world.source = "dead";
    await lookAfter(MINUTE);
    expect((await lookAfter(6 * MINUTE)).result).toMatchObject({ outcome: "rolledBack", decision: { cause: "noData" } });
  });

  test("and answers again has its patience from the beginning", async () => {
    const { world, lookAfter } = await onSecondStage(planOf({ stages: [stage(5), stage(25, 10 * HOUR)] }));
    world.source = "dead";
    await lookAfter(MINUTE);
    world.source = "well";
    await lookAfter(20 * MINUTE);
    world.source = "dead";
    await lookAfter(MINUTE);
    expect((await lookAfter(25 * MINUTE)).result.outcome).toBe("holding");
  });

  test("leaves a hole that the next answer fills: harm in it is seen", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.source = "dead";
    world.conditions(HARMFUL);
    await lookAfter(2 * MINUTE);
    world.conditions(HEALTHY);
    world.time += MINUTE;
    world.source = "well";
    expect((await lookAfter(0)).result.outcome).toBe("rolledBack");
  });
});

describe("a plan file that is edited under way", () => {
  const changed = fileOf(planOf({ stages: [stage(5), stage(50), stage(100)] }));

  test("waits for somebody to accept it, and looks go on by the ledger's plan", async () => {
    const { world, runner, lookAfter } = await begun();
    const { result } = await lookAfter(3 * MINUTE, runner, changed);
    expect(result).toMatchObject({ outcome: "holding", decision: { because: [{ gate: "plan" }] } });
    expect(await accept(runner.engine, changed)).toMatchObject({ done: true, sentence: "accepted: stages" });
    // What was accepted bakes again.
    expect((await lookAfter(MINUTE, runner, changed)).result.outcome).toBe("holding");
    expect((await lookAfter(3 * MINUTE, runner, changed)).result.outcome).toBe("advanced");
    expect(sharesWritten(world)).toEqual([5, 50]);
    expect(await accept(runner.engine, changed)).toMatchObject({ done: false });
  });

  test("in its words alone is taken over and recorded by itself", async () => {
    const { world, runner, lookAfter } = await begun();
    const reworded = fileOf(planOf({ owner: "growth", risks: ["latency"] }));
    expect((await lookAfter(3 * MINUTE, runner, reworded)).result.outcome).toBe("advanced");
    expect(entriesOf(world).filter(({ kind }) => kind === "planChanged")).toMatchObject([
      { data: { by: "words", changes: ["owner", "risks"] } },
    ]);
  });

  test("so that others are in which group is refused, with the reason", async () => {
    const { world, runner } = await begun();
    const bucketed = fileOf(planOf({ flag: { ...planOf().flag, unit: { attribute: "tenant" } } }));
    await expectError(accept(runner.engine, bucketed), "refused", /flag.unit decides who is in which group/);
    expect(kindsOf(world)).not.toContain("planChanged");
  });

  test("is not accepted while a change is under way", async () => {
    const { world, runner, lookAfter } = await begun();
    const ben = world.runner("ben");
    nextEnds(world, ben, "writeFlag", "dies");
    void lookAfter(3 * MINUTE, ben);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expectError(accept(runner.engine, changed), "refused", /change of exposure is under way/);
  });
});

describe("looking again and again", () => {
  test("goes on to the end of the run, one poll after the other", async () => {
    const { world, runner } = await begun();
    const outcomes: string[] = [];
    const { result } = await runToEnd(runner.engine, "checkout", { adopt: false }, ({ result: { outcome } }) => outcomes.push(outcome));
    expect(result.outcome).toBe("complete");
    expect(outcomes.filter((outcome) => outcome === "advanced")).toHaveLength(2);
    expect(sharesWritten(world)).toEqual([5, 25, 100]);
  });

  test("stops where a person is needed", async () => {
    const { world, runner } = await begun();
    world.byHand(everyone(0));
    expect((await runToEnd(runner.engine, "checkout", { adopt: false })).result.outcome).toBe("paused");
  });

  test("waits for a move no longer than it was told", async () => {
    const { world, runner } = await begun(planOf({ stages: [stage(5, HOUR), stage(100)] }));
    const begin = world.time;
    expect((await waitForMove(runner.engine, "checkout", { adopt: false }, 4 * MINUTE)).result.outcome).toBe("holding");
    expect(world.time - begin).toBeGreaterThanOrEqual(4 * MINUTE);
    expect(world.time - begin).toBeLessThan(4 * MINUTE + SECOND);
  });

  test("is interrupted between two looks, and all that happened is recorded", async () => {
    const { world, runner } = await begun(planOf({ stages: [stage(5, HOUR), stage(100)] }));
    let looks = 0;
    const work = runToEnd(runner.engine, "checkout", { adopt: false }, () => {
      if (++looks === 3) runner.stop.abort();
    });
    await expectError(work, "interrupted", /between two looks/);
    expect(kindsOf(world).filter((kind) => kind === "look")).toHaveLength(4);
  });

  test("interrupted while it measures, it records nothing", async () => {
    const { world, runner } = await begun();
    const { turn } = world;
    world.turn = async (name, operation, until) => {
      if (operation === "measure") {
        runner.stop.abort();
        await new Promise(() => {});
      }
      return turn(name, operation, until);
    };
    const entries = world.entries("checkout").length;
    await expectError(step(runner.engine, "checkout", { adopt: false }), "interrupted", /nothing was recorded/);
    expect(world.entries("checkout")).toHaveLength(entries);
  });
});

test("a writer whose clock was set back while it was held up still knows that its time to write is over", async () => {
  const { world, runner, lookAfter } = await onSecondStage();
  const { turn } = world;
  let creates = 0;
  world.turn = async (name, operation, until) => {
    const fate = await turn(name, operation, until);
    // After the look the intent is stored; then a minute goes by, of which the wall clock shows nothing.
    if (operation === "create" && ++creates === 2) {
      world.time += MINUTE;
      runner.offset -= MINUTE;
    }
    return fate;
  };
  const { result } = await lookAfter(3 * MINUTE);
  expect(result).toMatchObject({ outcome: "abandoned", reason: "its time to write was over" });
  expect(sharesWritten(world)).toEqual([5, 25]);
});

describe("a ledger in hand that somebody else has ended meanwhile", () => {
  test.each<[string, string, (begun: Begun) => Promise<unknown>]>([
    [
      "completed",
      "ended",
      ({ lookAfter, world }) => lookAfter(3 * MINUTE, world.runner("ben")).then(() => lookAfter(3 * MINUTE, world.runner("ben"))),
    ],
    ["rolled back", "finishedRollback", ({ world }) => rollbackNow(world.runner("ben").engine, "checkout", "complaints")],
  ])("by whom it was %s: that is what the next look says, and it writes nothing", async (_, outcome, end) => {
    const all = await onSecondStage();
    const { engine } = all.runner;
    const ledger = await openRollout(engine, "checkout");
    await end(all);
    const entries = entriesOf(all.world).length;
    const { result, state } = await stepOn(engine, ledger, { adopt: false });
    expect(result.outcome).toBe(outcome);
    expect(state.end).toBeDefined();
    expect(entriesOf(all.world)).toHaveLength(entries);
  });
});
