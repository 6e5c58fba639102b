import { describe, expect, test } from "vitest";
import { step } from "../../src/engine/advance.ts";
import { accept, pause, resume, rollbackNow, type ResumeOptions } from "../../src/engine/people.ts";
import { createWorld, DAY, everyone, fileOf, HARMFUL, HEALTHY, MINUTE, planOf, stage } from "../support/world.ts";
import { begun, entriesOf, expectError, kindsOf, nextEnds, onSecondStage, percentOf, sharesWritten } from "./worlds.ts";

const plainly: ResumeOptions = { adopt: false, restore: false, despiteBreach: false };

describe("a pause that somebody asked for", () => {
  test("stops advancing, not looking, until somebody resumes", async () => {
    const { runner, lookAfter } = await onSecondStage();
    expect(await pause(runner.engine, "checkout", "lunch")).toMatchObject({ done: true });
    expect(await pause(runner.engine, "checkout", "lunch")).toMatchObject({ done: false });
    const { result } = await lookAfter(5 * MINUTE);
    expect(result).toMatchObject({ outcome: "pausedBefore", decision: { because: [{ sentence: "paused by a person: lunch" }] } });
    expect(await resume(runner.engine, "checkout", plainly)).toMatchObject({ done: true, sentence: "resumed: 25%" });
    expect((await lookAfter(MINUTE)).result.outcome).toBe("advanced");
  });

  test("between the decision to advance and the write is heard", async () => {
    const { world, lookAfter } = await onSecondStage();
    const { turn } = world;
    let creates = 0;
    world.turn = async (name, operation, until) => {
      const fate = await turn(name, operation, until);
      // The third entry of ben would be `applied`; right after his intent somebody pauses.
      if (name === "ben" && operation === "read" && creates === 2) {
        creates = 0;
        await pause(world.runner("carl").engine, "checkout", "stop");
      }
      if (name === "ben" && operation === "create") creates++;
      return fate;
    };
    const { result } = await lookAfter(3 * MINUTE, world.runner("ben"));
    expect(result).toEqual({ outcome: "abandoned", reason: "paused: stop" });
    expect(sharesWritten(world)).toEqual([5, 25]);
    expect(kindsOf(world).slice(-3)).toEqual(["intent", "paused", "abandoned"]);
  });

  test("is not for a run that is over, and neither is a resume", async () => {
    const { runner } = await onSecondStage();
    await rollbackNow(runner.engine, "checkout", "enough");
    await expectError(pause(runner.engine, "checkout", "lunch"), "refused", /over \(rolled back\).*restart/);
    await expectError(resume(runner.engine, "checkout", plainly), "refused", /over \(rolled back\)/);
  });

  test("is not needed to resume what is not paused", async () => {
    const { runner } = await onSecondStage();
    expect(await resume(runner.engine, "checkout", plainly)).toMatchObject({ done: false, sentence: "it is not paused" });
  });
});

describe("a flag that somebody turned off by hand", () => {
  test("is left off, however long, until somebody resumes", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.byHand(everyone(0));
    expect((await lookAfter(MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "stoppedOutside" } });
    for (let looks = 0; looks < 5; looks++) expect((await lookAfter(30 * MINUTE)).result.outcome).toBe("pausedBefore");
    expect(sharesWritten(world)).toEqual([5, 25]);
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("goes on from there with --adopt, and on as it was with --restore; a plain resume asks which", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    world.byHand(everyone(0));
    await lookAfter(MINUTE);
    await expectError(resume(runner.engine, "checkout", plainly), "refused", /the flag says off, the ledger 25%.*--adopt.*--restore/);
    expect(await resume(runner.engine, "checkout", { ...plainly, restore: true })).toMatchObject({
      sentence: "resumed, the flag restored: 25%",
    });
    expect(percentOf(world.exposure)).toBe(25);
    world.byHand(everyone(0));
    await lookAfter(MINUTE);
    const writes = world.writes.length;
    const { state } = await resume(runner.engine, "checkout", { ...plainly, adopt: true });
    expect(state).toMatchObject({ stage: -1, exposure: { everyone: 0 } });
    expect(world.writes).toHaveLength(writes);
    expect((await lookAfter(MINUTE)).state).toMatchObject({ stage: 0 });
  });

  test("in the middle of a change that its runner left unfinished stays off", async () => {
    const { world, lookAfter } = await onSecondStage();
    const ben = world.runner("ben");
    nextEnds(world, ben, "writeFlag", "dies");
    void lookAfter(3 * MINUTE, ben);
    await new Promise((resolve) => setTimeout(resolve, 20));
    world.byHand(everyone(0));
    await lookAfter(2 * MINUTE);
    await lookAfter(2 * MINUTE);
    expect(percentOf(world.exposure)).toBe(0);
    expect(entriesOf(world).at(-1)).toMatchObject({ kind: "look", data: { decision: { kind: expect.stringMatching(/pause|hold/) } } });
  });

  test("stays off although an off of our own, which was given up, may still come", async () => {
    const world = createWorld();
    const file = fileOf(planOf());
    const look = async (name: string) => {
      world.time += 2 * MINUTE;
      const work = step(world.runner(name).engine, "checkout", { file, adopt: false });
      return Promise.race([work, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 20))]);
    };
    // Anna's first stage is not written, and neither is the off with which ben would fence it off.
    for (const name of ["anna", "ben"]) {
      nextEnds(world, world.runner(name), "writeFlag", "dies");
      expect(await look(name)).toBeUndefined();
    }
    expect((await look("carl"))?.result.outcome).toBe("advanced");
    expect(sharesWritten(world)).toEqual([0, 5]);
    world.byHand(everyone(0));
    expect((await look("carl"))?.result).toMatchObject({ outcome: "paused", decision: { cause: "stoppedOutside" } });
    expect(percentOf(world.exposure)).toBe(0);
  });
});

describe("a flag that somebody raised by hand", () => {
  test("pauses; adopted, the run goes on from there", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    world.byHand(everyone(100));
    expect((await lookAfter(MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "drift" } });
    const { state } = await resume(runner.engine, "checkout", { ...plainly, adopt: true });
    expect(state).toMatchObject({ stage: 2, exposure: everyone(100) });
  });

  test("to something that no plan says can be restored, not adopted", async () => {
    const { world, runner, lookAfter } = await onSecondStage();
    world.byHand("a rule for beta users");
    expect((await lookAfter(MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "drift" } });
    await expectError(
      resume(runner.engine, "checkout", { ...plainly, adopt: true }),
      "refused",
      /cannot be adopted: a rule for beta users/,
    );
    await resume(runner.engine, "checkout", { ...plainly, restore: true });
    expect(world.exposure).toEqual(everyone(25));
    expect((await lookAfter(MINUTE)).result.outcome).not.toBe("paused");
  });

  test("and whose restore was interrupted is not restored later, unasked", async () => {
    const { world, lookAfter } = await onSecondStage();
    world.byHand(everyone(0));
    await lookAfter(MINUTE);
    const ben = world.runner("ben");
    nextEnds(world, ben, "writeFlag", "dies");
    void resume(ben.engine, "checkout", { ...plainly, restore: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await lookAfter(2 * MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "stoppedOutside" } });
    expect((await lookAfter(2 * MINUTE)).result.outcome).toBe("pausedBefore");
    expect(percentOf(world.exposure)).toBe(0);
  });
});

describe("a breach that pauses", () => {
  const plan = planOf({ guardrails: planOf().guardrails.map((guardrail) => ({ ...guardrail, onBreach: "pause" })) });

  test("is resumed only in spite of it, and with a reason; its evidence begins again", async () => {
    const { world, runner, lookAfter } = await onSecondStage(plan);
    world.conditions(HARMFUL);
    expect((await lookAfter(2 * MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "breach" } });
    expect(percentOf(world.exposure)).toBe(25);
    await expectError(
      resume(runner.engine, "checkout", plainly),
      "refused",
      /paused by a breach of errors max 2%.*--despite-breach --reason/,
    );
    await expectError(resume(runner.engine, "checkout", { ...plainly, despiteBreach: true }), "usage", /needs --reason/);
    const other = fileOf({ ...plan, guardrails: [] });
    await expectError(accept(runner.engine, other), "refused", /breach of errors max 2% is not answered yet.*--despite-breach/);
    world.conditions(HEALTHY);
    const { state } = await resume(runner.engine, "checkout", { ...plainly, despiteBreach: true, reason: "known, harmless" });
    expect(state).toMatchObject({ budgets: 1, evidence: {} });
    expect(state.breach).toBeUndefined();
    world.conditions(HARMFUL);
    expect((await lookAfter(2 * MINUTE)).result).toMatchObject({ outcome: "paused", decision: { cause: "breach" } });
  });
});

describe("clocks", () => {
  test("a clock a day ahead neither bakes nor blinds: harm is found by the next, and nothing counts twice", async () => {
    const { world, lookAfter } = await onSecondStage();
    const ahead = world.runner("ahead", DAY);
    expect((await lookAfter(MINUTE, ahead)).result.outcome).toBe("holding");
    expect((await lookAfter(MINUTE, ahead)).result.outcome).toBe("holding");
    expect(sharesWritten(world)).toEqual([5, 25]);
    world.conditions(HARMFUL);
    expect((await lookAfter(4 * MINUTE)).result.outcome).toBe("rolledBack");
  });

  test("a clock that was set back by a day still sees", async () => {
    const { world, runner, lookAfter } = await onSecondStage(planOf({ stages: [stage(5), stage(25, DAY), stage(100)] }));
    await lookAfter(MINUTE);
    runner.offset = -DAY;
    await lookAfter(MINUTE);
    world.conditions(HARMFUL);
    expect((await lookAfter(4 * MINUTE)).result.outcome).toBe("rolledBack");
    expect(percentOf(world.exposure)).toBe(0);
  });

  test("a bake by the clock begins again when clocks disagree, and is not ended by another's", async () => {
    const plan = planOf({ guardrails: [], stages: [stage(5), stage(25, 10 * MINUTE), stage(100)] });
    const { world, lookAfter } = await begun(plan);
    expect((await lookAfter(3 * MINUTE, world.runner("behind", -DAY))).result.outcome).toBe("holding");
    expect((await lookAfter(3 * MINUTE, world.runner("behind", -DAY))).state.stage).toBe(1);
    expect((await lookAfter(MINUTE)).result.outcome).toBe("holding");
    expect((await lookAfter(9 * MINUTE)).result.outcome).toBe("holding");
    expect((await lookAfter(2 * MINUTE)).result.outcome).toBe("advanced");
  });

  test("an intent that a clock a day ahead left open is settled by the others after a look", async () => {
    const { world, lookAfter } = await onSecondStage();
    const ahead = world.runner("ahead", DAY);
    await lookAfter(3 * MINUTE);
    const raised = fileOf(planOf());
    nextEnds(world, ahead, "create", "diesAfter", 1);
    void lookAfter(3 * MINUTE, ahead, raised);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await lookAfter(MINUTE);
    await lookAfter(2 * MINUTE);
    expect((await lookAfter(3 * MINUTE)).state.intent).toBeUndefined();
  });
});
