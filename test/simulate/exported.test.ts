import { expect, test } from "vitest";
import { step } from "../../src/engine/advance.ts";
import { pause, restart, resume, rollbackNow } from "../../src/engine/people.ts";
import type { Guardrail } from "../../src/model/plan.ts";
import { begun, nextEnds, type Begun } from "../engine/worlds.ts";
import { fileOf, HARMFUL, HEALTHY, MINUTE, planOf, relative, SECOND, stage, type World } from "../support/world.ts";
import { exported, expectSameDecisions, replay } from "./replays.ts";
import { begunOn, everything, measureCounters, measureEverything } from "./sources.ts";

const absolute: Guardrail = planOf().guardrails[0]!;
const plan = planOf({ guardrails: [absolute, relative], stages: [stage(5, 5 * MINUTE), stage(25, 5 * MINUTE), stage(100, 5 * MINUTE)] });

/** Looks every so often until the rollout is over or has been looked at often enough. */
async function lookOn({ lookAfter }: Begun, looks: number, every = MINUTE): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const { state } = await lookAfter(every);
    if (state.end) return;
  }
}

async function outcomeOf(world: World, run = 1) {
  const { lines } = await exported(world);
  return replay(plan, lines.get(`checkout/${run}`)!).replayed;
}

test("a healthy rollout to everybody is replayed look by look, to its end", async () => {
  const all = await begun(plan);
  await lookOn(all, 30);
  expect(await expectSameDecisions(all.world, plan)).toBeGreaterThan(15);
  expect(await outcomeOf(all.world)).toMatchObject({ outcome: "complete", stage: "100%" });
  expect((await exported(all.world)).warnings).toEqual([]);
});

test("a breach is found at the look that found it, with the same verdict and the same cost", async () => {
  const all = await begun(plan);
  await lookOn(all, 7);
  all.world.conditions(HARMFUL);
  await lookOn(all, 10);
  const looks = await expectSameDecisions(all.world, plan);
  expect(await outcomeOf(all.world)).toMatchObject({ outcome: "rolledBack", cause: "breach", look: looks, verdict: { verdict: "breach" } });
});

test("missing data holds, and pauses when the plan's patience is over", async () => {
  const all = await begun(plan);
  await lookOn(all, 3);
  all.world.source = "empty";
  await lookOn(all, 8);
  all.world.source = "well";
  await lookOn(all, 3);
  all.world.source = "dead";
  await lookOn(all, 40);
  await expectSameDecisions(all.world, plan);
  const { warnings } = await exported(all.world);
  expect(await outcomeOf(all.world)).toMatchObject({ outcome: "paused", cause: "noData", verdict: undefined });
  expect(warnings).toEqual([
    expect.stringMatching(/^run 1 is exported up to entry \d+: it was paused in entry \d+, and a replay ends there$/),
  ]);
});

test("a flag that could not be read, and traffic that is gone, hold as they did", async () => {
  const all = await begun(plan);
  await lookOn(all, 6);
  nextEnds(all.world, all.runner, "readFlag", "refused");
  await lookOn(all, 1);
  all.world.conditions({ ...HEALTHY, traffic: 0 });
  await lookOn(all, 3);
  expect(await expectSameDecisions(all.world, plan)).toBe(11);
});

test("looks that rest on several intervals, and intervals that overlap a change, count as they did", async () => {
  const slow = { ...plan, flag: { ...plan.flag, propagation: 90 * SECOND } };
  const all = await begun(slow);
  await lookOn(all, 12, 7 * MINUTE);
  expect(await expectSameDecisions(all.world, slow)).toBeGreaterThan(3);
  const { lines } = await exported(all.world);
  const rows = lines.get("checkout/1")!.map((line) => JSON.parse(line) as { mixed?: true; look?: string });
  expect(rows.filter(({ mixed }) => mixed)).not.toEqual([]);
  expect(new Set(rows.map(({ look }) => look)).size).toBeLessThan(rows.length / 4);
});

test("a source without history, whose intervals are cut by nobody, is replayed as well", async () => {
  const all = await begunOn(plan, { history: false, settle: 0 }, measureCounters);
  await lookOn(all, 25);
  expect(await expectSameDecisions(all.world, plan)).toBeGreaterThan(15);
});

test("every kind of metric is replayed: means, histograms, gauges, whole segments, users, and what was before the run", async () => {
  const all = await begunOn(everything, {}, measureEverything);
  await lookOn(all, 25);
  expect(await expectSameDecisions(all.world, everything)).toBeGreaterThan(10);
  const { lines } = await exported(all.world);
  const text = lines.get("checkout/1")!.join("\n");
  for (const key of ["sumSquares", "buckets", "value", "values", "segment", "users", "before", "everyone"])
    expect(text).toContain(`"${key}"`);
});

test("each run is a series of its own", async () => {
  const all = await begun(plan);
  all.world.conditions(HARMFUL);
  await lookOn(all, 20);
  all.world.conditions(HEALTHY);
  await restart(all.runner.engine, "checkout", fileOf(plan), { reason: "mended", adopt: false });
  await lookOn(all, 30);
  await expectSameDecisions(all.world, plan, 1);
  await expectSameDecisions(all.world, plan, 2);
  expect([(await outcomeOf(all.world, 1)).outcome, (await outcomeOf(all.world, 2)).outcome]).toEqual(["rolledBack", "complete"]);
});

test("an exposure that was adopted begins the replay at its stage", async () => {
  const before = await begun(plan);
  await before.lookAfter(MINUTE);
  before.world.ledgers.clear();
  const { runner, world } = before;
  await step(runner.engine, "checkout", { file: fileOf(plan), adopt: true });
  await lookOn(before, 20);
  expect(await expectSameDecisions(world, plan)).toBeGreaterThan(8);
});

test.for<[string, string, (all: Begun) => Promise<unknown>]>([
  ["a person's pause", "a person paused it", ({ runner }) => pause(runner.engine, "checkout", "lunch")],
  ["a person's rollback", "a person rolled it back", ({ runner }) => rollbackNow(runner.engine, "checkout", "enough")],
  [
    "a flag that somebody changed",
    "the flag was not as the ledger says",
    async ({ world, lookAfter }) => {
      world.byHand("somebody's rule");
      await lookAfter(MINUTE);
    },
  ],
  [
    "another plan file",
    "the plan file was another",
    ({ runner, lookAfter }) => lookAfter(MINUTE, runner, fileOf({ ...plan, stages: plan.stages.slice(0, 2) })),
  ],
])("the export ends before %s, and says so", async ([, reason, happens]) => {
  const all = await begun(plan);
  await lookOn(all, 3);
  await happens(all);
  await lookOn(all, 2);
  if (reason.includes("paused")) await resume(all.runner.engine, "checkout", { adopt: false, restore: false, despiteBreach: false });
  const { warnings } = await exported(all.world);
  expect(warnings).toEqual([expect.stringMatching(`^run 1 is exported up to entry \\d+: ${reason}$`)]);
  expect(await expectSameDecisions(all.world, plan)).toBe(4);
});
