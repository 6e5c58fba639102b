import { describe, expect, test } from "vitest";
import { step } from "../../src/engine/advance.ts";
import type { Engine } from "../../src/engine/context.ts";
import { runToEnd } from "../../src/engine/loop.ts";
import { pause, restart, rollbackNow as rollbackBy, type Asked } from "../../src/engine/people.ts";
import { everyone, HARMFUL, HOUR, MINUTE, planOf, SECOND, type Operation, type Runner, type World } from "../support/world.ts";
import { begun, entriesOf, expectError, kindsOf, nextEnds, onSecondStage, percentOf, sharesWritten, stopBefore } from "./worlds.ts";

/** With a ledger that is there. */
async function rollbackNow(engine: Engine, name: string, reason: string): Promise<Asked> {
  const asked = await rollbackBy(engine, name, reason);
  if ("state" in asked) return asked;
  throw new Error("it was done without the ledger");
}

describe("a rollback that somebody asked for", () => {
  test("turns the flag off for everybody, testers too, and ends the run", async () => {
    const { world, runner } = await onSecondStage();
    const { done, state } = await rollbackNow(runner.engine, "checkout", "complaints");
    expect(done).toBe(true);
    expect(state).toMatchObject({ stage: -1, end: { outcome: "rolledBack", reason: "complaints" } });
    expect(world.exposure).toEqual(everyone(0));
  });

  test("needs no metric source, and goes on over a pause", async () => {
    const { world, runner } = await onSecondStage();
    world.source = "dead";
    await pause(runner.engine, "checkout", "lunch");
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("writes even over off, so that a slower writer is refused", async () => {
    const { world, runner } = await onSecondStage();
    world.byHand(everyone(0));
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(sharesWritten(world)).toEqual([5, 25, 0]);
  });

  test("asked for again does nothing, unless the flag is on again", async () => {
    const { world, runner } = await onSecondStage();
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(await rollbackNow(runner.engine, "checkout", "complaints")).toMatchObject({ done: false });
    world.byHand(everyone(10));
    expect(await rollbackNow(runner.engine, "checkout", "who was that?")).toMatchObject({ done: true });
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("after everything is complete still turns it off", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    await lookAfter(3 * MINUTE);
    expect((await lookAfter(3 * MINUTE)).result.outcome).toBe("complete");
    const { state } = await rollbackNow(runner.engine, "checkout", "complaints");
    expect(state.end?.outcome).toBe("rolledBack");
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("twice at the same time is one rollback", async () => {
    const { world } = await onSecondStage();
    await Promise.all(["anna", "ben"].map((name) => rollbackNow(world.runner(name).engine, "checkout", "complaints")));
    expect(entriesOf(world).filter(({ kind, data }) => kind === "intent" && data.purpose === "rollback")).toHaveLength(1);
    expect(kindsOf(world).filter((kind) => kind === "applied")).toHaveLength(3);
  });

  test("that a runner decided on in a run is not done to the next run", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    const ben = world.runner("ben");
    const stopped = stopBefore(world, ben, "create");
    const late = rollbackNow(ben.engine, "checkout", "complaints");
    await stopped.there;
    await rollbackNow(runner.engine, "checkout", "complaints");
    await restart(runner.engine, "checkout", undefined, { reason: "mended", adopt: false });
    await lookAfter(MINUTE);
    stopped.goOn();
    await late;
    expect(percentOf(world.exposure)).toBe(5);
  });
});

describe.each([
  ["with compare-and-set", true],
  ["without compare-and-set", false],
])("a writer that was stopped (as by SIGSTOP) between its intent and its write, %s:", (_, checked) => {
  test("a rollback overtakes it, waits until it may not write any more, and the flag ends off", async () => {
    const { world, runner, lookAfter } = await onSecondStage(undefined, { checked });
    const ben = world.runner("ben");
    const stopped = stopBefore(world, ben, "writeFlag");
    const late = lookAfter(3 * MINUTE, ben);
    await stopped.there;
    const begin = world.time;
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(world.time - begin).toBeGreaterThanOrEqual(30 * SECOND);
    expect(runner.notes).toContainEqual(expect.objectContaining({ kind: "waiting", milliseconds: 30 * SECOND }));
    expect(percentOf(world.exposure)).toBe(0);
    stopped.goOn();
    expect((await late).result.outcome).toBe("abandoned");
    expect(percentOf(world.exposure)).toBe(0);
    expect(entriesOf(world).some(({ kind }) => kind === "repaired")).toBe(!checked);
  });

  test("continued while the rollback waits, what it wrote is found by the second read", async () => {
    const { world, runner, lookAfter } = await onSecondStage(undefined, { checked });
    const ben = world.runner("ben");
    // Killed right after its write, it cannot put it back itself.
    const stopped = stopBefore(world, ben, "writeFlag", "diesAfter");
    const late = lookAfter(3 * MINUTE, ben);
    await stopped.there;
    const sleeping = stopBefore(world, runner, "sleep");
    const rollback = rollbackNow(runner.engine, "checkout", "complaints");
    await sleeping.there;
    stopped.goOn();
    await Promise.race([late, new Promise((resolve) => setTimeout(resolve, 20))]);
    expect(percentOf(world.exposure)).toBe(checked ? 0 : 100);
    sleeping.goOn();
    await rollback;
    expect(percentOf(world.exposure)).toBe(0);
    expect(entriesOf(world).at(-1)?.kind).toBe("applied");
  });

  test("killed right after a write that came when all was over, the next call puts it back", async () => {
    const { world, runner, lookAfter } = await onSecondStage(undefined, { checked });
    const ben = world.runner("ben");
    nextEnds(world, ben, "writeFlag", "diesLate");
    void lookAfter(3 * MINUTE, ben);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await rollbackNow(runner.engine, "checkout", "complaints");
    for (const { land } of world.late) land();
    expect(percentOf(world.exposure)).toBe(checked ? 0 : 100);
    expect((await lookAfter(HOUR)).result.outcome).toBe("ended");
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("is fenced off by whoever finds its change unfinished, and the stage is decided afresh", async () => {
    const { world, lookAfter } = await onSecondStage(undefined, { checked });
    const ben = world.runner("ben");
    const stopped = stopBefore(world, ben, "writeFlag");
    const late = lookAfter(3 * MINUTE, ben);
    await stopped.there;
    // Until twice its deadline the change is ben's own.
    expect((await lookAfter(50 * SECOND)).result.outcome).toBe("holding");
    const { result, state } = await lookAfter(MINUTE);
    expect(result.outcome).toBe("advanced");
    expect(state.stage).toBe(2);
    stopped.goOn();
    expect((await late).result.outcome).toBe("abandoned");
    expect(sharesWritten(world).slice(0, 4)).toEqual([5, 25, 25, 100]);
    expect(entriesOf(world).filter(({ kind }) => kind === "repaired")).toHaveLength(1);
  });

  test("past its own deadline does not write", async () => {
    const { world, lookAfter } = await onSecondStage(undefined, { checked });
    const ben = world.runner("ben");
    const { turn } = world;
    let intended = 0;
    world.turn = async (name, operation, until) => {
      if (name === "ben" && operation === "create") intended++;
      // Stopped after its intent, before it reads the ledger's tail.
      if (name === "ben" && operation === "read" && intended === 2) world.time += 31 * SECOND;
      return turn(name, operation, until);
    };
    expect((await lookAfter(3 * MINUTE, ben)).result).toEqual({ outcome: "abandoned", reason: "its time to write was over" });
    expect(sharesWritten(world)).toEqual([5, 25]);
  });
});

describe("a rollback whose runner was killed", () => {
  test.each(["readFlag", "writeFlag", "create"] as const)("before its %s is finished by the next call", async (operation) => {
    const { world, lookAfter } = await onSecondStage();
    const ben = world.runner("ben");
    nextEnds(world, ben, operation, "dies", operation === "create" ? 1 : 0);
    void rollbackNow(ben.engine, "checkout", "complaints");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { result, state } = await lookAfter(0);
    expect(result.outcome).toBe("finishedRollback");
    expect(state.end).toMatchObject({ outcome: "rolledBack", reason: "complaints" });
    expect(percentOf(world.exposure)).toBe(0);
  });
});

describe("a flag system that fails", () => {
  test("during a rollback is tried again for as long as was asked, then it is said how to do it by hand; the next call goes on", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    const { turn } = world;
    const begin = world.time;
    world.turn = async (name, operation, until) => {
      const fate = await turn(name, operation, until);
      return operation === "writeFlag" ? "refused" : fate;
    };
    await expectError(
      rollbackNow(runner.engine, "checkout", "complaints"),
      "rollbackFailed",
      /may still be exposed.*turn checkout off in memory/,
    );
    expect(world.time - begin).toBeGreaterThanOrEqual(MINUTE);
    expect(runner.notes.filter(({ kind }) => kind === "warning").length).toBeGreaterThan(10);
    world.turn = turn;
    expect((await lookAfter(0)).result.outcome).toBe("finishedRollback");
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("for a while only is a rollback all the same", async () => {
    const { world, runner } = await onSecondStage();
    const { turn } = world;
    const begin = world.time;
    world.turn = async (name, operation, until) => {
      const fate = await turn(name, operation, until);
      return operation === "readFlag" && world.time < begin + 40 * SECOND ? "refused" : fate;
    };
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("after it was off, before the end was recorded, does not lose the end", async () => {
    const { world, runner } = await onSecondStage();
    // The third reading is the second one of the rollback that confirms.
    nextEnds(world, runner, "readFlag", "refused", 3);
    const { state } = await rollbackNow(runner.engine, "checkout", "complaints");
    expect(state.end?.outcome).toBe("rolledBack");
  });

  test("when a stage is to be moved leaves it where it was, and the next look decides afresh", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    nextEnds(world, runner, "writeFlag", "refused");
    await expectError(lookAfter(3 * MINUTE), "unreachable");
    expect(kindsOf(world).at(-1)).toBe("abandoned");
    expect((await lookAfter(MINUTE)).state.stage).toBe(2);
    expect(sharesWritten(world)).toEqual([5, 25, 100]);
  });

  test("in its answer alone is asked what it has: a write that landed is applied, once", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    nextEnds(world, runner, "writeFlag", "unanswered");
    expect((await lookAfter(3 * MINUTE)).result.outcome).toBe("advanced");
    expect(sharesWritten(world)).toEqual([5, 25, 100]);
    expect(kindsOf(world).at(-1)).toBe("applied");
  });

  test("and carries a write out after all, later: it is put back, and nobody is paused for it", async () => {
    const { world, runner, lookAfter } = await onSecondStage(undefined, { checked: false });
    nextEnds(world, runner, "writeFlag", "late");
    await expectError(lookAfter(3 * MINUTE), "unreachable");
    await pause(runner.engine, "checkout", "what was that?");
    for (const { land } of world.late) land();
    expect(percentOf(world.exposure)).toBe(100);
    expect((await lookAfter(MINUTE)).result.outcome).toBe("pausedBefore");
    expect(percentOf(world.exposure)).toBe(25);
    expect(kindsOf(world)).toContain("repaired");
  });

  test("when it is read holds, for nothing is known of the flag", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    nextEnds(world, runner, "readFlag", "refused");
    const { result } = await lookAfter(3 * MINUTE);
    expect(result).toMatchObject({
      outcome: "holding",
      decision: { because: expect.arrayContaining([expect.objectContaining({ gate: "drift" })]) },
    });
  });
});

describe("a store that fails", () => {
  test("in its answer alone has the entry once", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    nextEnds(world, runner, "create", "unanswered", 1);
    expect((await lookAfter(3 * MINUTE)).result.outcome).toBe("advanced");
    expect(kindsOf(world).slice(-3)).toEqual(["look", "intent", "applied"]);
  });

  test("at the intent leaves the flag untouched", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    nextEnds(world, runner, "create", "refused", 1);
    await expectError(lookAfter(3 * MINUTE), "unreachable");
    expect(sharesWritten(world)).toEqual([5, 25]);
  });

  test("after the write loses nothing: the next call finds the stage applied, and its bake starts then", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    nextEnds(world, runner, "create", "refused", 2);
    await expectError(lookAfter(3 * MINUTE), "unreachable");
    expect(percentOf(world.exposure)).toBe(100);
    const { state } = await lookAfter(5 * MINUTE);
    expect(state.stage).toBe(2);
    expect(state.bakeFrom).toBeGreaterThan(world.time - MINUTE);
    expect(entriesOf(world).findLast(({ kind }) => kind === "applied")).toMatchObject({ data: { recovered: true } });
    expect(sharesWritten(world)).toEqual([5, 25, 100]);
  });
});

test("the first write is preceded by its intent, and every entry by the one before", async () => {
  const { world } = await begun(planOf());
  const intent = entriesOf(world).find(({ kind }) => kind === "intent");
  expect(world.writes[0]!.at).toBeGreaterThan(intent!.at);
});

describe("a ledger that cannot be reached", () => {
  /** From now on these operations of everybody fail. */
  function cutOff(world: World, operations: readonly Operation[] = ["list", "read", "create"]): { restore(): void } {
    const { turn } = world;
    world.turn = async (name, operation, until) => {
      const fate = await turn(name, operation, until);
      return operations.includes(operation) ? "refused" : fate;
    };
    return { restore: () => void (world.turn = turn) };
  }
  const sentences = ({ notes }: Runner) => notes.flatMap((note) => ("sentence" in note ? [note.sentence] : []));
  const lastOf = (world: World) => entriesOf(world).at(-1)!;

  test.each<[string, (runner: Runner) => Promise<unknown>]>([
    ["a person asks for", ({ engine }) => rollbackNow(engine, "checkout", "complaints")],
    ["a breach asks for", ({ engine }) => step(engine, "checkout", { adopt: false })],
  ])("to be written delays a rollback that %s by ten seconds, and is told of it once it is back", async (_, work) => {
    const { world, runner } = await onSecondStage();
    world.conditions(HARMFUL);
    world.time += 10 * MINUTE;
    const begin = world.time;
    const cut = cutOff(world, ["create"]);
    await work(runner);
    expect(percentOf(world.exposure)).toBe(0);
    expect(world.time - begin).toBeGreaterThanOrEqual(10 * SECOND);
    expect(world.writes.at(-1)!.at - begin).toBeLessThan(12 * SECOND);
    expect(sentences(runner)).toContainEqual(expect.stringContaining("NOT RECORDED"));
    expect(kindsOf(world)).not.toContain("spooled");
    cut.restore();

    const { state, result } = await step(runner.engine, "checkout", { adopt: false });
    expect(result.outcome).toBe("ended");
    expect(state.end).toMatchObject({ outcome: "rolledBack" });
    expect(lastOf(world)).toMatchObject({ kind: "spooled", data: { stands: true, actor: { who: "anna" } } });
    await step(runner.engine, "checkout", { adopt: false });
    expect(kindsOf(world).filter((kind) => kind === "spooled")).toHaveLength(1);
  });

  test("in the midst of a run does not stop guarding: harm is turned off by what was known of it", async () => {
    const { world, runner } = await onSecondStage();
    const cuts: { restore(): void }[] = [];
    const work = runToEnd(runner.engine, "checkout", { adopt: false }, () => {
      if (cuts.length > 0) return;
      cuts.push(cutOff(world));
      world.conditions(HARMFUL);
    });
    const { result, state } = await work;
    expect(result).toMatchObject({ outcome: "rolledBack", unrecorded: { path: expect.stringContaining("checkout") } });
    expect(state).toMatchObject({ stage: -1, end: { outcome: "rolledBack" } });
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("does not make a runner write anything where there is no harm", async () => {
    const { world, runner } = await onSecondStage();
    world.time += 10 * MINUTE;
    cutOff(world);
    const writes = world.writes.length;
    await expectError(step(runner.engine, "checkout", { adopt: false }), "unreachable");
    expect(world.writes).toHaveLength(writes);
  });

  test("at all needs the plan file for a rollback, and says so to whoever gives a name", async () => {
    const { world, runner, file } = await onSecondStage();
    const cut = cutOff(world);
    await expectError(rollbackBy(runner.engine, "checkout", "complaints"), "rollbackFailed", /Give the plan file/);
    expect(percentOf(world.exposure)).toBe(25);
    expect(await rollbackBy(runner.engine, "checkout", "complaints", file)).toMatchObject({ flag: "checkout", reason: "complaints" });
    expect(percentOf(world.exposure)).toBe(0);
    cut.restore();
    expect((await step(runner.engine, "checkout", { adopt: false })).state.end).toMatchObject({
      outcome: "rolledBack",
      reason: "complaints",
    });
  });

  test("and a flag that somebody turned on again since: what was done is recorded, and the run goes by the flag", async () => {
    const { world, runner, file } = await onSecondStage();
    const cut = cutOff(world);
    await rollbackBy(runner.engine, "checkout", "complaints", file);
    cut.restore();
    world.byHand(everyone(25));
    const { state } = await step(runner.engine, "checkout", { adopt: false });
    expect(entriesOf(world).find(({ kind }) => kind === "spooled")).toMatchObject({ data: { stands: false } });
    expect(state.end).toBeUndefined();
  });

  test("when the end is to be recorded: the flag is off, and the next call records the end", async () => {
    const { world, runner } = await onSecondStage();
    const { turn } = world;
    let creates = 0;
    world.turn = async (name, operation, until) => {
      const fate = await turn(name, operation, until);
      return operation === "create" && ++creates > 1 ? "refused" : fate;
    };
    await rollbackNow(runner.engine, "checkout", "complaints");
    expect(percentOf(world.exposure)).toBe(0);
    expect(sentences(runner)).toContainEqual(expect.stringContaining("the end of the rollback is NOT RECORDED"));
    world.turn = turn;
    expect((await step(runner.engine, "checkout", { adopt: false })).result.outcome).toBe("finishedRollback");
  });
});
