import { describe, expect, test } from "vitest";
import { step } from "../../src/engine/advance.ts";
import { restart, rollbackNow } from "../../src/engine/people.ts";
import type { Plan } from "../../src/model/plan.ts";
import { createWorld, everyone, fileOf, HEALTHY, MINUTE, planOf, relative, stage } from "../support/world.ts";
import { begun, entriesOf, expectError, kindsOf, sharesWritten, stopBefore } from "./worlds.ts";

const start = (world: ReturnType<typeof createWorld>, plan: Plan = planOf(), adopt = false) =>
  step(world.runner("anna").engine, plan.rollout, { file: fileOf(plan), adopt });

describe("a rollout starts", () => {
  test("with the first call, which exposes the first stage", async () => {
    const { world } = await begun();
    expect(kindsOf(world)).toEqual(["started", "look", "intent", "applied"]);
    expect(sharesWritten(world)).toEqual([5]);
  });

  test("not on a flag that is on already", async () => {
    const world = createWorld();
    world.byHand(everyone(30));
    await expectError(start(world), "refused", /on already: 30%.*--adopt/);
    expect(kindsOf(world)).toEqual([]);
  });

  test("not on a flag with rules that are not of the plan, adopted or not", async () => {
    const world = createWorld();
    world.byHand("a rule for beta users");
    await expectError(start(world, planOf(), true), "refused", /a rule for beta users/);
    expect(kindsOf(world)).toEqual([]);
  });

  test("with --adopt where the flag is: at the last stage within it, and no flag is written", async () => {
    const world = createWorld();
    world.byHand(everyone(30));
    const { result, state } = await start(world, planOf(), true);
    expect(result.outcome).toBe("holding");
    expect(state).toMatchObject({ stage: 1, exposure: everyone(30) });
    expect(entriesOf(world)[0]).toMatchObject({ kind: "started", data: { adopted: true, stage: 1 } });
    expect(world.writes).toEqual([]);
  });

  test("with --adopt below the first stage: nothing is passed yet", async () => {
    const world = createWorld();
    world.byHand(everyone(1));
    const { state } = await start(world, planOf(), true);
    expect(state.stage).toBe(0);
    expect(sharesWritten(world)).toEqual([5]);
  });

  test("with --adopt beyond a stage, nobody who is in goes out", async () => {
    const world = createWorld();
    const exposure = { testers: true, everyone: 10_000, segments: { staff: 100_000 } };
    world.byHand(exposure);
    const plan = planOf({ stages: [stage(5), stage(25), stage(100)] });
    expect((await start(world, plan, true)).state).toMatchObject({ stage: 0, exposure });
    world.time += 3 * MINUTE;
    const { state } = await step(world.runner("ben").engine, "checkout", { adopt: false });
    expect(state).toMatchObject({ stage: 1, exposure: { ...exposure, everyone: 25_000 } });
  });

  test("only from a plan: a name alone is not known", async () => {
    const world = createWorld();
    await expectError(step(world.runner("anna").engine, "checkout", { adopt: false }), "usage", /no rollout checkout in memory/);
  });

  test("again after its end, with a run of its own", async () => {
    const { world, runner, lookAfter } = await begun();
    await rollbackNow(runner.engine, "checkout", "enough");
    const { sentence } = await restart(runner.engine, "checkout", undefined, { reason: "mended", adopt: false });
    expect(sentence).toBe("run 2 has begun");
    expect((await lookAfter(0)).state).toMatchObject({ run: 2, stage: 0 });
    expect(sharesWritten(world)).toEqual([5, 0, 5]);
  });

  test("but not again before its end", async () => {
    const { runner } = await begun();
    await expectError(restart(runner.engine, "checkout", undefined, { reason: "again", adopt: false }), "refused", /not over/);
  });
});

describe("two rollouts of one flag", () => {
  const other = planOf({ rollout: "another" });
  const later = planOf({ rollout: "zebra" });

  test("the second is refused while the first is not finished, and may start after it", async () => {
    const { world, runner } = await begun();
    await expectError(start(world, other), "refused", /checkout has the flag/);
    expect(kindsOf(world, "another")).toEqual([]);
    await rollbackNow(runner.engine, "checkout", "enough");
    expect((await start(world, other)).result.outcome).toBe("advanced");
  });

  test("another flag is another's", async () => {
    const { world } = await begun();
    const elsewhere = planOf({ rollout: "another", flag: { ...planOf().flag, key: "search" } });
    // The world has one flag for all keys, so that this one is on already.
    await expectError(start(world, elsewhere), "refused", /on already/);
  });

  test.each([
    ["checkout", "zebra"],
    ["zebra", "checkout"],
  ] as const)("of two that start at the same time, the later name yields (%s is quicker)", async (quicker, slower) => {
    const world = createWorld();
    const plans = { checkout: planOf(), zebra: later };
    // Each is stopped before its `started`: both have looked for the other while it was not there.
    const [first, second] = [quicker, slower].map((name) => {
      const runner = world.runner(name);
      const stopped = stopBefore(world, runner, "create");
      return { stopped, result: step(runner.engine, name, { file: fileOf(plans[name]), adopt: false }).catch((error: unknown) => error) };
    });
    await Promise.all([first!.stopped.there, second!.stopped.there]);
    first!.stopped.goOn();
    second!.stopped.goOn();
    const results = { [quicker]: await first!.result, [slower]: await second!.result };
    expect(results).toMatchObject({ checkout: { result: { outcome: "advanced" } }, zebra: { code: "refused" } });
    expect(kindsOf(world, "zebra")).not.toContain("applied");
    expect(entriesOf(world, "zebra").at(-1)).toMatchObject({ kind: "ended", data: { outcome: "yielded" } });
    expect(sharesWritten(world)).toEqual([5]);
  });

  test("whoever has moved the flag already stays, whatever its name", async () => {
    const world = createWorld();
    const anna = world.runner("anna");
    const stopped = stopBefore(world, anna, "create");
    const slow = step(anna.engine, "checkout", { file: fileOf(planOf()), adopt: false });
    await stopped.there;
    expect((await start(world, later)).result.outcome).toBe("advanced");
    stopped.goOn();
    await expectError(slow, "refused", /zebra has the same flag/);
    expect(entriesOf(world).at(-1)).toMatchObject({ kind: "ended", data: { outcome: "yielded" } });
    expect(sharesWritten(world)).toEqual([5]);
  });
});

test("of two that begin the same rollout, the slower takes what the other exposed for the run's, and looks", async () => {
  const world = createWorld();
  const anna = world.runner("anna");
  const stopped = stopBefore(world, anna, "readFlag");
  const slow = step(anna.engine, "checkout", { file: fileOf(planOf()), adopt: false });
  await stopped.there;
  expect((await start(world)).result.outcome).toBe("advanced");
  stopped.goOn();
  expect((await slow).result.outcome).toBe("holding");
  expect(kindsOf(world).filter((kind) => kind === "started")).toHaveLength(1);
  expect(sharesWritten(world)).toEqual([5]);
});

describe("the preflight refuses, before anybody is exposed,", () => {
  const refused = async (prepare: (world: ReturnType<typeof createWorld>) => void, plan?: Plan) => {
    const world = createWorld();
    prepare(world);
    return { world, work: start(world, plan) };
  };

  test("a limit that is broken already, with the numbers", async () => {
    const { world, work } = await refused((world) => {
      world.conditions({ ...HEALTHY, control: 0.05 });
      world.time += 10 * MINUTE;
    });
    const { message } = await expectError(work, "refused", /errors max 2%/);
    expect(message).toMatch(/5% .*[\d,]+ of 30,000|1,500 of 30,000/);
    expect(kindsOf(world)).toEqual([]);
    expect(world.writes).toEqual([]);
  });

  test("a {{group}} that changes nothing, with the numbers", async () => {
    const { work } = await refused((world) => (world.source = "same"));
    await expectError(work, "refused", /\{\{group\}\} changes nothing: both groups have 150 of 30000 in the last 5 min/);
  });

  test("a label that matches nothing", async () => {
    const { work } = await refused((world) => (world.source = "blind"));
    await expectError(work, "refused", /nothing matches the control's label; \{\{group\}\} stands for "off"/);
  });

  test("numbers that are none", async () => {
    const { work } = await refused((world) => (world.source = "empty"));
    await expectError(work, "refused", /errors: the answer is NaN/);
  });

  test("a source that does not answer, which is not its own fault but the source's", async () => {
    const { world, work } = await refused((world) => (world.source = "dead"));
    await expectError(work, "unreachable", /the metrics server does not answer/);
    expect(kindsOf(world)).toEqual([]);
  });

  test("by a clock that is a day ahead of the metrics", async () => {
    const world = createWorld();
    const { engine } = world.runner("anna", 24 * 60 * MINUTE);
    await expectError(step(engine, "checkout", { file: fileOf(planOf()), adopt: false }), "refused", /no newer sample/);
  });

  test("but not a limit against the control, which nobody can break before there are two groups", async () => {
    const world = createWorld();
    world.conditions({ ...HEALTHY, control: 0.05, treatment: 0.05 });
    world.time += 10 * MINUTE;
    expect((await start(world, planOf({ guardrails: [relative] }))).result.outcome).toBe("advanced");
  });

  test("nor a plan without metrics", async () => {
    const world = createWorld();
    world.source = "dead";
    expect((await start(world, planOf({ guardrails: [], stages: [stage(5)] }))).result.outcome).toBe("advanced");
  });
});
