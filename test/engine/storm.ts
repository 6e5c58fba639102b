import { isDeepStrictEqual } from "node:util";
import { decide } from "../../src/core/decide.ts";
import { evolve } from "../../src/core/evolve.ts";
import { isOff, sameExposure } from "../../src/core/exposure.ts";
import { step } from "../../src/engine/advance.ts";
import { openRollout } from "../../src/engine/context.ts";
import { judgeAll } from "../../src/engine/look.ts";
import { pause, resume, rollbackNow } from "../../src/engine/people.ts";
import { messageOf, RolloutError } from "../../src/errors.ts";
import { seededRandom, type Random } from "../../src/demo/random.ts";
import { decodeChain } from "../../src/ledger/chain.ts";
import type { EntryOf } from "../../src/model/entry.ts";
import type { FlagSnapshot } from "../../src/model/flag.ts";
import type { State } from "../../src/model/state.ts";
import {
  createWorld,
  DAY,
  fileOf,
  HARMFUL,
  MINUTE,
  planOf,
  relative,
  SECOND,
  type Fate,
  type Operation,
  type Runner,
  type World,
} from "../support/world.ts";

/**
 * Random interleavings of runners over one world, and what must hold after each. Everything follows from the seed, so a
 * failure is run again by its number.
 */

const NAME = "checkout";
const plain = planOf();
const compared = planOf({ guardrails: [...plain.guardrails, relative], audience: { ...plain.audience, holdout: 5_000 } });

export const trace = { on: false, lines: [] as string[] };

/** Where storms begin: just started, with the first stage baking, with the second one baked. */
export async function makeBeginnings(): Promise<World[]> {
  const beginnings: World[] = [];
  for (const plan of [plain, compared]) {
    for (const looks of [1, 2, 6]) {
      const world = createWorld();
      const { engine } = world.runner("beginner");
      const file = fileOf(plan);
      for (let look = 0; look < looks; look++) {
        // The first step takes the first look as well; a runner that dies before it leaves the start alone.
        if (looks === 1) world.turn = diesAtFirstLook(world);
        await Promise.race([step(engine, NAME, { file, adopt: false }), quiet().then(quiet)]);
        world.time += MINUTE;
      }
      beginnings.push(world);
    }
  }
  return beginnings;
}

function diesAtFirstLook(world: World): World["turn"] {
  let measured = 0;
  return async (_, operation) => {
    world.time += 5;
    if (operation === "measure" && ++measured === 2) return "dies";
    return "done";
  };
}

interface Asked {
  rollback: boolean;
}

interface Waiting {
  runner: string;
  operation: Operation;
  until: number;
  resolve(fate: Fate): void;
}

/** Runs one storm and throws when something did not hold after it. */
export async function weather(seed: number, checked: boolean, beginnings: readonly World[]): Promise<void> {
  const random = seededRandom(seed);
  const world = createWorld({ checked, from: pick(random, beginnings) });
  const runners = Array.from({ length: random() < 0.6 ? 2 : 3 }, (_, index) => world.runner(`runner${index}`, offsetOf(random)));
  const asked: Asked = { rollback: false };
  const unexpected: unknown[] = [];
  await interleave(
    world,
    random,
    runners.map((runner) => () => script(runner, random, asked, unexpected)),
    runners,
  );
  world.turn = createWorld().turn;
  await settle(world, random, asked, unexpected);
}

function offsetOf(random: Random): number {
  if (random() < 0.6) return Math.round((random() - 0.5) * 4 * SECOND);
  return pick(random, [20 * SECOND, 5 * MINUTE, DAY]) * (random() < 0.5 ? 1 : -1);
}

/** What one runner does before it goes home or is killed. */
async function script(runner: Runner, random: Random, asked: Asked, unexpected: unknown[]): Promise<void> {
  const { engine } = runner;
  for (let actions = 1 + Math.floor(random() * 3); actions > 0; actions--) {
    if (random() < 0.6) await engine.clock.sleep(Math.round(random() * 100) * SECOND);
    const dice = random();
    try {
      if (dice < 0.76) await step(engine, NAME, { adopt: false });
      else if (dice < 0.84) {
        await rollbackNow(engine, NAME, "somebody asked");
        asked.rollback = true;
      } else if (dice < 0.92) await pause(engine, NAME, "somebody asked");
      else await resume(engine, NAME, { adopt: false, restore: false, despiteBreach: false });
    } catch (error) {
      if (!(error instanceof RolloutError) || error.code === "unexpected" || error.code === "damaged") unexpected.push(error);
    }
  }
}

/** Gives one waiting operation after another its turn, until nobody who is alive waits any more. */
async function interleave(world: World, random: Random, scripts: (() => Promise<void>)[], runners: Runner[]): Promise<void> {
  const waiting: Waiting[] = [];
  // Some storms have no faults at all: races alone must be survived without anybody's help.
  const faulty = random() < 0.7;
  world.turn = (runner, operation, until = world.time) => new Promise((resolve) => waiting.push({ runner, operation, until, resolve }));
  for (const each of scripts) void each();
  for (await quiet(); waiting.length > 0; await quiet()) {
    world.time += duration(random);
    if (faulty && world.late.length > 0 && random() < 0.1) land(world, random);
    if (random() < 0.005) pick(random, runners).offset = offsetOf(random);
    const ready = waiting.filter(({ until }) => until <= world.time);
    const next = ready.length > 0 ? pick(random, ready) : waiting.reduce((first, each) => (each.until < first.until ? each : first));
    world.time = Math.max(world.time, next.until);
    waiting.splice(waiting.indexOf(next), 1);
    const fate = faulty ? fateOf(next.operation, random) : "done";
    if (trace.on) trace.lines.push(`${((world.time - 1772442000000) / 1000).toFixed(1)} ${next.runner} ${next.operation} ${fate}`);
    next.resolve(fate); if (0) next.resolve(faulty ? fateOf(next.operation, random) : "done");
  }
}

/** Mostly quick; now and then a runner is stopped for longer than its deadline. */
function duration(random: Random): number {
  const dice = random();
  return Math.round(dice < 0.9 ? random() * 300 : dice < 0.96 ? random() * 20 * SECOND : random() * 90 * SECOND);
}

function fateOf(operation: Operation, random: Random): Fate {
  const dice = random();
  if (operation === "writeFlag") {
    if (dice < 0.08) return "late";
    if (dice < 0.14) return "diesLate";
  }
  if (dice > 0.985) return "dies";
  if (operation === "writeFlag" || operation === "create") {
    if (dice > 0.97) return "diesAfter";
    if (dice > 0.955) return "unanswered";
    if (dice > 0.94) return "refused";
  } else if (operation !== "sleep" && dice > 0.975) return "refused";
  return "done";
}

function land(world: World, random: Random): void {
  const [write] = world.late.splice(Math.floor(random() * world.late.length), 1);
  write?.();
}

/** After the storm: late writes land or are lost, then somebody whose clock is right looks a few times. */
async function settle(world: World, random: Random, asked: Asked, unexpected: unknown[]): Promise<void> {
  const { engine } = world.runner("settler");
  while (world.late.length > 0 && random() < 0.8) land(world, random);
  world.late.length = 0;
  for (let looks = 0; looks < 3; looks++) {
    world.time += 70 * SECOND;
    await step(engine, NAME, { adopt: false });
  }
  hold(unexpected.length === 0, () => `an error that is a defect: ${messageOf(unexpected[0])}\n${(unexpected[0] as Error).stack}`);
  const state = checkLedger(world);
  hold(!state.intent, () => `the intent ${state.intent?.seq} is still open`);
  const stopped = state.pause?.cause === "stoppedOutside" && isOff(world.exposure);
  hold(stopped || sameExposure(world.exposure, state.exposure), () => `flag ${text(world.exposure)}, ledger ${text(state.exposure)}`);
  if (asked.rollback) hold(isOff(world.exposure) && state.end?.outcome === "rolledBack", () => "a rollback was asked for, and it is not off");
  if (state.end) return;
  if (stopped) await resume(engine, NAME, { adopt: false, restore: true, despiteBreach: false });
  await checkSight(world, engine);
  checkLedger(world);
}

/** Harm that comes after the storm is found, whatever the clocks said in it. */
async function checkSight(world: World, engine: Runner["engine"]): Promise<void> {
  for (let looks = 0; (await openRollout(engine, NAME)).state?.exposure.everyone === 0; looks++) {
    hold(looks < 12, () => "nobody is exposed although nothing speaks against it");
    const { state } = await step(engine, NAME, { adopt: false });
    if (state.pause) await resume(engine, NAME, { adopt: false, restore: true, despiteBreach: false });
    world.time += MINUTE;
  }
  world.conditions(HARMFUL);
  for (let looks = 1; ; looks++) {
    world.time += MINUTE;
    const { result } = await step(engine, NAME, { adopt: false });
    if (result.outcome === "rolledBack") break;
    hold(looks < 5, () => `harm was not seen in ${looks} looks: ${JSON.stringify(result)}`);
  }
  hold(isOff(world.exposure), () => "rolled back, and not off");
}

/** What must hold of every ledger, whatever happened: read from its bytes, as somebody else would. */
function checkLedger(world: World): State {
  let state: State | undefined;
  const applied = new Map<number, number>();
  const measured: { seq: number; from: number; to: number }[] = [];
  const sums = { treatment: 0, control: 0 };
  const intents = new Map<string, EntryOf<"intent">>();
  for (const { entry, hash } of decodeChain(NAME, world.entries(NAME))) {
    if (trace.on) trace.lines.push(`#${entry.seq} ${((entry.at - 1772442000000) / 1000).toFixed(1)} ${entry.actor.who} ${entry.kind} ${entry.kind === "look" ? JSON.stringify([entry.data.flag, entry.data.decision.kind, entry.data.decision.because.map((b) => b.sentence)]).slice(0, 300) : entry.kind === "started" ? "" : JSON.stringify(entry.data)}`);
    if (entry.kind === "look") {
      const { at, data } = entry;
      const judged = judgeAll(state!, data.metrics);
      const decided = decide(state!, { at, ...data });
      same("verdicts", entry.seq, judged.verdicts, data.verdicts);
      same("evidence", entry.seq, judged.evidence, data.evidence);
      same("gates", entry.seq, decided.gates, data.gates);
      same("decision", entry.seq, decided.decision, data.decision);
      const { decision } = data;
      const falsely = decision.kind === "pause" && (decision.cause === "drift" || decision.cause === "stoppedOutside");
      hold(!falsely || isStoppedByLateOff(world, data.flag), () => `look ${entry.seq} pauses falsely: ${decision.because.map(({ sentence }) => sentence).join()}`);
      for (const reading of Object.values(data.metrics)) {
        if (reading.status !== "measured") continue;
        for (const { from, to, counts } of reading.measurements) {
          measured.push({ seq: entry.seq, from, to });
          sums.treatment += counts.treatment?.total ?? 0;
          sums.control += counts.control?.total ?? 0;
        }
      }
    }
    if (entry.kind === "intent") intents.set(hash, entry);
    if (entry.kind === "applied" && state?.intent?.purpose === "advance" && state.intent.seq === entry.data.intent) {
      applied.set(state.intent.stage, (applied.get(state.intent.stage) ?? 0) + 1);
    }
    state = evolve(state, entry, hash);
  }
  for (const [stage, times] of applied) hold(times === 1, () => `stage ${stage} was applied ${times} times`);
  const inOrder = measured.toSorted((a, b) => a.from - b.from);
  for (const [index, { seq, from }] of inOrder.entries()) {
    const before = inOrder[index - 1];
    hold(!before || before.to <= from, () => `looks ${before?.seq} and ${seq} counted the same ${(before?.to ?? 0) - from} ms`);
  }
  for (const group of ["treatment", "control"] as const) {
    hold(sums[group] <= world.truth(group).total, () => `${sums[group]} requests recorded of ${group}, ${world.truth(group).total} were there`);
  }
  for (const { exposure, runner } of world.writes) {
    const intended = [...intents.values()].some(({ data }) => sameExposure(data.to, exposure));
    hold(intended, () => `${runner} wrote ${text(exposure)}, which no intent says`);
  }
  return state!;
}

/** An off of our own that comes late cannot be told from somebody's emergency, so it is left: nobody is harmed by it. */
function isStoppedByLateOff(world: World, flag: FlagSnapshot): boolean {
  const isLateOff = world.writes.some(({ late, exposure }) => late && isOff(exposure));
  return isLateOff && flag.kind === "known" && isOff(flag.exposure);
}

function same(what: string, seq: number, replayed: unknown, recorded: unknown): void {
  hold(isDeepStrictEqual(replayed, recorded), () => `look ${seq} replays to other ${what}:\n  ${text(replayed)}\n  ${text(recorded)}`);
}

function hold(condition: boolean, sentence: () => string): asserts condition {
  if (!condition) throw new Error(sentence());
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** When all that can go on without an operation on the outside has gone on. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
