import { isDeepStrictEqual } from "node:util";
import { decide } from "../../src/core/decide.ts";
import { evolve } from "../../src/core/evolve.ts";
import { isOff, sameExposure } from "../../src/core/exposure.ts";
import { tallyOf } from "../../src/core/progress.ts";
import { step, type StepResult } from "../../src/engine/advance.ts";
import { differences } from "../../src/engine/checkpoint.ts";
import { judgeAll } from "../../src/core/look.ts";
import { judge, judgeInBrief } from "../../src/judge/judge.ts";
import type { Engine } from "../../src/engine/context.ts";
import { pause, resume, rollbackNow } from "../../src/engine/people.ts";
import { readState } from "../../src/engine/tail.ts";
import { messageOf, RolloutError } from "../../src/errors.ts";
import { seededRandom, type Random } from "../../src/demo/random.ts";
import { LONG } from "../support/faultSample.ts";
import { decodeChain, hashOf } from "../../src/ledger/chain.ts";
import type { Entry, EntryOf } from "../../src/model/entry.ts";
import type { Instant } from "../../src/model/measurement.ts";
import type { FlagSnapshot } from "../../src/model/flag.ts";
import type { State } from "../../src/model/state.ts";
import { memoryStore } from "../support/memoryStore.ts";
import {
  createWorld,
  DAY,
  fileOf,
  HARMFUL,
  MINUTE,
  planOf,
  relative,
  stage,
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
const plain = planOf({ stages: [stage(5, MINUTE), stage(25, MINUTE), stage(100, MINUTE)] });
const compared = planOf({ stages: [stage(5, MINUTE), stage(25, MINUTE), stage(90, MINUTE)], guardrails: [...plain.guardrails, relative] });

/** Where storms begin: a change is due, the first, the second, or the last. */
async function makeBeginnings(): Promise<World[]> {
  const beginnings: World[] = [];
  for (const plan of [plain, plain, compared]) {
    for (const stages of [0, 1, 2]) {
      const world = createWorld();
      const { engine } = world.runner("beginner");
      // Killed before its first look is recorded, the first runner leaves a start alone.
      if (stages === 0) world.turn = diesAtFirstLook(world);
      for (let look = 0; look < Math.max(1, stages); look++) {
        await Promise.race([step(engine, NAME, { file: fileOf(plan), adopt: false }), quiet().then(quiet)]);
        world.time += 2 * MINUTE;
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
    return operation === "measure" && ++measured === 2 ? "dies" : "done";
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

/** What kind of a storm it is. */
interface Kind {
  /** Some storms have no faults at all: races alone must be survived without anybody's help. */
  faulty: boolean;
  /** No write comes after its deadline: then what was rolled back is off at once, not only after the next look. */
  prompt: boolean;
  /** Clocks jump while their runners work. */
  jumpy: boolean;
}

/** So many storms with a flag system that compares revisions, and as many with one that does not. */
export const STORMS = LONG ? 5_000 : 2_000;

/** What did not hold after which storms. One alone is run again by its number: `STORM=1234 npm test -- interleavings`. */
export async function weatherAll(checked: boolean): Promise<string[]> {
  const only = process.env["STORM"];
  const [first, last] = only ? [Number(only), Number(only)] : [0, STORMS - 1];
  const beginnings = await makeBeginnings();
  const failures: string[] = [];
  for (let seed = first; seed <= last; seed++) {
    await weather(seed, checked, beginnings).catch((error: unknown) => failures.push(`storm ${seed}: ${messageOf(error)}`));
  }
  return failures;
}

/** Runs one storm and throws when something did not hold after it. */
async function weather(seed: number, checked: boolean, beginnings: readonly World[]): Promise<void> {
  const random = seededRandom(seed);
  const world = createWorld({ checked, from: pick(random, beginnings) });
  const kind = { faulty: random() < 0.75, prompt: random() < 0.5, jumpy: random() < 0.3 };
  const runners = Array.from({ length: random() < 0.6 ? 2 : 3 }, (_, index) => world.runner(`runner${index}`, offsetOf(random)));
  const asked: Asked = { rollback: false };
  const unexpected: unknown[] = [];
  await interleave(
    world,
    random,
    kind,
    runners.map((runner) => () => script(runner, random, asked, unexpected)),
    runners,
  );
  world.turn = createWorld().turn;
  hold(unexpected.length === 0, () => `an error that is a defect: ${messageOf(unexpected[0])}`);
  if (kind.prompt) checkRolledBackIsOff(world);
  await settle(world, random, asked, runners);
}

/** Whether a runner has turned the flag off without the ledger, which it could not reach. */
function didWithoutLedger({ notes }: Runner): boolean {
  return notes.some((note) => note.kind === "warning" && note.sentence.endsWith("the flag is turned off without it"));
}

function offsetOf(random: Random): number {
  if (random() < 0.5) return Math.round((random() - 0.5) * 4 * SECOND);
  return pick(random, [20 * SECOND, 90 * SECOND, 5 * MINUTE, DAY]) * (random() < 0.5 ? 1 : -1);
}

/** What one runner does before it goes home or is killed. */
async function script(runner: Runner, random: Random, asked: Asked, unexpected: unknown[]): Promise<void> {
  const { engine } = runner;
  for (let actions = 1 + Math.floor(random() * 3); actions > 0; actions--) {
    const dice = random();
    await engine.clock.sleep(Math.round(random() * (random() < 0.5 ? 1 : 60)) * SECOND);
    try {
      if (dice < 0.72) await step(engine, NAME, { adopt: false });
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
async function interleave(world: World, random: Random, kind: Kind, scripts: (() => Promise<void>)[], runners: Runner[]): Promise<void> {
  const waiting: Waiting[] = [];
  const deadlines = new Map<string, Instant>();
  const seen = new Map<string, number>();
  world.turn = (runner, operation, until = world.time) => {
    // The intent is the last entry that a writer asks for before it writes, and its deadline counts from then.
    if (operation === "create") deadlines.set(runner, world.time + 30 * SECOND);
    return new Promise((resolve) => waiting.push({ runner, operation, until, resolve }));
  };
  const isOver = (runner: string) => world.time >= (deadlines.get(runner) ?? Number.POSITIVE_INFINITY);
  for (const each of scripts) void each();
  for (await quiet(); waiting.length > 0; await quiet()) {
    world.time += duration(random);
    if (kind.prompt) world.late = world.late.filter(({ runner }) => !isOver(runner));
    if (world.late.length > 0 && random() < 0.1) land(world, random);
    if (kind.jumpy && random() < 0.05) pick(random, runners).offset = offsetOf(random);
    const ready = waiting.filter(({ until }) => until <= world.time);
    const next = ready.length > 0 ? pick(random, ready) : waiting.reduce((first, each) => (each.until < first.until ? each : first));
    world.time = Math.max(world.time, next.until);
    waiting.splice(waiting.indexOf(next), 1);
    const { runner, operation } = next;
    const tooLate = kind.prompt && operation === "writeFlag" && isOver(runner);
    const writes = world.writes.length;
    const fate = tooLate ? "dies" : kind.faulty ? fateOf(operation, random) : "done";
    next.resolve(fate);
    await quiet();
    if (operation === "writeFlag" && world.writes.length > writes) checkTailWasRead(world, seen.get(runner) ?? 0);
    seen.set(runner, world.entries(NAME).length);
  }
  if (kind.prompt) world.late = world.late.filter(({ runner }) => !isOver(runner));
  while (world.late.length > 0 && random() < 0.8) land(world, random);
  world.late = [];
}

/** Who exposes knows the ledger as it was at its last operation before the write. */
function checkTailWasRead(world: World, seen: number): void {
  const { head, exposure, runner } = world.writes.at(-1)!;
  if (isOff(exposure)) return;
  const known = world.entries(NAME).findIndex(({ bytes }) => hashOf(bytes) === head) + 1;
  hold(known >= seen, () => `${runner} wrote ${text(exposure)} when it knew of entry ${known}, and ${seen} had been there`);
}

function checkRolledBackIsOff(world: World): void {
  let state: State | undefined;
  for (const { entry, hash } of decodeChain(NAME, world.entries(NAME))) state = evolve(state, entry, hash);
  if (state?.end?.outcome !== "rolledBack") return;
  hold(isOff(world.exposure), () => `the run has ended rolled back, and the flag says ${text(world.exposure)}`);
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
  write?.land();
}

/**
 * After the storm somebody whose clock is right looks a few times: on the machines of those who were in it, which have kept
 * what could not be recorded; or on another, to which an off that the ledger does not know of is somebody else's.
 */
async function settle(world: World, random: Random, asked: Asked, runners: readonly Runner[]): Promise<void> {
  const withoutLedger = new Set(runners.filter(didWithoutLedger).map(({ name }) => name));
  const comesBack = random() < 0.5;
  const settler = world.runner("settler");
  const engine = comesBack ? { ...settler.engine, spool: spoolOf(runners) } : settler.engine;
  const look = async (after: number): Promise<StepResult> => {
    world.time += after;
    return step(engine, NAME, { adopt: false });
  };
  const first = await look(70 * SECOND);
  // Twice the deadline, and as far as clocks may be apart without anything being done about it.
  const wait = 2 * MINUTE + SECOND;
  let { state } = await look(wait);
  // Where it has come to the time that a clock ahead had shown before, what waits has begun to wait again.
  if (!isDeepStrictEqual(state.timelines, first.state.timelines)) ({ state } = await look(wait));
  hold(!state.intent, () => `the intent ${state.intent?.seq} is still open`);
  const stopped = state.pause?.cause === "stoppedOutside" && isOff(world.exposure);
  hold(stopped || sameExposure(world.exposure, state.exposure), () => `flag ${text(world.exposure)}, ledger ${text(state.exposure)}`);
  if (asked.rollback) {
    hold(isOff(world.exposure), () => "a rollback was asked for, and it is not off");
    const isKnown = withoutLedger.size === 0 || comesBack;
    hold(state.end?.outcome === "rolledBack" || !isKnown, () => "a rollback was asked for, and the ledger does not know of it");
  }
  if (!state.end) {
    const goOn = () => resume(engine, NAME, { adopt: false, restore: true, despiteBreach: false });
    if (state.pause) await goOn();
    if (random() < 0.5) await checkSight(world, engine, look, state);
    else await checkProgress(look);
  }
  checkLedger(world, withoutLedger);
  if (random() < TAILS_READ) await checkTail(world);
}

/** What all of these machines have kept. */
function spoolOf(runners: readonly Runner[]): Engine["spool"] {
  const spools = runners.map(({ engine }) => engine.spool);
  return {
    put: (rollback) => spools[0]!.put(rollback),
    list: async (rollout) => (await Promise.all(spools.map((spool) => spool.list(rollout)))).flat(),
    remove: async (path) => void (await Promise.all(spools.map((spool) => spool.remove(path)))),
  };
}

/** Of so many storms the ledger's end is read as well: that takes as long as all else that is checked. */
const TAILS_READ = 0.05;

/** Read from its last checkpoint on, a ledger is what all of its entries add up to, with all that the judge remembers. */
async function checkTail(world: World): Promise<void> {
  let state: State | undefined;
  for (const { entry, hash } of decodeChain(NAME, world.entries(NAME))) state = evolve(state, entry, hash, judgeInBrief);
  const read = await readState(memoryStore([[NAME, world.entries(NAME)]]), NAME, judgeInBrief);
  hold(
    isDeepStrictEqual(asStored(read), asStored(state)),
    () => `read from its last checkpoint on, the ledger is ${text(read)}, not ${text(state)}`,
  );
}

/**
 * Harm that comes after the storm is found, whatever the clocks said in it. The last stage is paused before, or it might be
 * complete at the first look at the harm, which alone proves nothing; a pause never stops guarding.
 */
async function checkSight(world: World, engine: Engine, look: (after: number) => Promise<StepResult>, before: State): Promise<void> {
  let state = before;
  for (let looks = 1; world.exposure.everyone === 0; looks++) {
    ({ state } = await look(MINUTE));
    hold(looks < 4, () => "nobody is exposed although nothing speaks against it");
  }
  world.conditions(HARMFUL);
  for (let looks = 1; ; looks++) {
    if (state.stage === state.plan.stages.length - 1) await pause(engine, NAME, "not complete before the harm was looked at");
    const seen = await look(MINUTE);
    const { result } = seen;
    ({ state } = seen);
    if (result.outcome === "rolledBack") break;
    hold(looks < 3, () => `harm was not seen in ${looks} looks: ${text(result)}`);
  }
  hold(isOff(world.exposure), () => "rolled back, and not off");
}

/** What is healthy comes to its end in as many looks as there are stages, and one for a bake that began again. */
async function checkProgress(look: (after: number) => Promise<StepResult>): Promise<void> {
  for (let looks = 1; ; looks++) {
    const { result } = await look(2 * MINUTE);
    if (result.outcome === "complete") return;
    hold(looks < 6, () => `it does not go on: ${text(result)}`);
  }
}

/**
 * What must hold of every ledger, whatever happened: read from its bytes, as somebody else would.
 *
 * @param withoutLedger who turned the flag off without it
 */
function checkLedger(world: World, withoutLedger: ReadonlySet<string>): void {
  let state: State | undefined;
  const applied = new Map<number, number>();
  let before: Entry | undefined;
  const stored = world.stored.get(NAME)!;
  const measured: { seq: number; from: number; to: number }[] = [];
  const sums = { treatment: 0, control: 0 };
  const intents: EntryOf<"intent">[] = [];
  for (const { entry, hash } of decodeChain(NAME, world.entries(NAME))) {
    if (entry.kind === "look") {
      const { at, data } = entry;
      const judged = judgeAll(state!, data, judge);
      const decided = decide(state!, { at, ...data });
      same("verdicts", entry.seq, judged.verdicts, data.verdicts);
      same("gates", entry.seq, decided.gates, data.gates);
      same("decision", entry.seq, decided.decision, data.decision);
      const { decision } = data;
      const falsely = decision.kind === "pause" && (decision.cause === "drift" || decision.cause === "stoppedOutside");
      hold(
        !falsely || isStoppedByOff(world, data.flag, withoutLedger),
        () => `look ${entry.seq} pauses falsely: ${decision.because.map(({ sentence }) => sentence).join()}`,
      );
      for (const reading of Object.values(data.metrics)) {
        if (reading.status !== "measured") continue;
        for (const { from, to, counts } of reading.measurements) {
          measured.push({ seq: entry.seq, from, to });
          hold(to <= stored[entry.seq - 1]!, () => `look ${entry.seq} takes the future for measured`);
          sums.treatment += tallyOf(counts.treatment).total;
          sums.control += tallyOf(counts.control).total;
        }
      }
    }
    if (entry.kind === "intent") {
      intents.push(entry);
      checkIntent(entry, state!, before);
    }
    if (entry.kind === "applied" && state?.intent?.purpose === "advance" && state.intent.seq === entry.data.intent) {
      applied.set(state.intent.stage, (applied.get(state.intent.stage) ?? 0) + 1);
    }
    state = evolve(state, entry, hash, judgeInBrief);
    if (entry.checkpoint) same("checkpoint", entry.seq, differences(entry.checkpoint, state, true), []);
    before = entry;
  }
  for (const [stage, times] of applied) hold(times === 1, () => `stage ${stage} was applied ${times} times`);
  const inOrder = measured.toSorted((a, b) => a.from - b.from);
  for (const [index, { seq, from }] of inOrder.entries()) {
    const before = inOrder[index - 1];
    hold(!before || before.to <= from, () => `looks ${before?.seq} and ${seq} counted the same ${(before?.to ?? 0) - from} ms`);
  }
  for (const group of ["treatment", "control"] as const) {
    hold(
      sums[group] <= world.truth(group).total,
      () => `${sums[group]} requests recorded of ${group}, ${world.truth(group).total} were there`,
    );
  }
  for (const { exposure, runner } of world.writes) {
    const intended = intents.some(({ data }) => sameExposure(data.to, exposure));
    const isEmergency = isOff(exposure) && withoutLedger.has(runner);
    hold(intended || isEmergency, () => `${runner} wrote ${text(exposure)}, which no intent says`);
  }
}

function checkIntent({ seq, actor, data: { purpose, stage, to } }: EntryOf<"intent">, state: State, before: Entry | undefined): void {
  if (purpose === "advance") {
    const decided = before?.kind === "look" && before.actor.who === actor.who && before.data.decision;
    hold(
      decided && decided.kind === "advance" && decided.stage === stage,
      () => `intent ${seq} advances, and the entry before does not say so`,
    );
  }
  if (purpose === "repair")
    hold(sameExposure(to, state.exposure), () => `intent ${seq} repairs to ${text(to)}, the ledger says ${text(state.exposure)}`);
}

/**
 * An off of our own that comes late, or that the ledger does not know of, cannot be told from somebody's emergency, so it is
 * left: nobody is harmed by it.
 */
function isStoppedByOff({ writes }: World, flag: FlagSnapshot, withoutLedger: ReadonlySet<string>): boolean {
  const isOfOurs = writes.some(({ late, exposure, runner }) => isOff(exposure) && (late || withoutLedger.has(runner)));
  return isOfOurs && flag.kind === "known" && isOff(flag.exposure);
}

function same(what: string, seq: number, replayed: unknown, recorded: unknown): void {
  hold(isDeepStrictEqual(replayed, recorded), () => `look ${seq} replays to other ${what}:\n  ${text(replayed)}\n  ${text(recorded)}`);
}

function hold(condition: boolean, sentence: () => string): asserts condition {
  if (!condition) throw new Error(sentence());
}

/** As a value is once it was JSON. */
function asStored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
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
