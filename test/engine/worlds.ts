import { expect } from "vitest";
import { step, type StepResult } from "../../src/engine/advance.ts";
import type { PlanFile } from "../../src/engine/start.ts";
import { RolloutError, type ErrorCode } from "../../src/errors.ts";
import { decodeChain } from "../../src/ledger/chain.ts";
import type { Entry } from "../../src/model/entry.ts";
import type { Exposure } from "../../src/model/exposure.ts";
import type { Plan } from "../../src/model/plan.ts";
import {
  createWorld,
  fileOf,
  MINUTE,
  planOf,
  type Fate,
  type Operation,
  type Runner,
  type World,
  type WorldOptions,
} from "../support/world.ts";

/** A world whose rollout has begun: its first stage, 5 %, is applied. */
export interface Begun {
  world: World;
  runner: Runner;
  file: PlanFile;
  /** Time goes by, then somebody looks. */
  lookAfter(milliseconds: number, by?: Runner, file?: PlanFile): Promise<StepResult>;
}

export async function begun(plan: Plan = planOf(), options: WorldOptions = {}): Promise<Begun> {
  const world = createWorld(options);
  const runner = world.runner("anna");
  const file = fileOf(plan);
  const { result } = await step(runner.engine, plan.rollout, { file, adopt: false });
  expect(result.outcome).toBe("advanced");
  return {
    world,
    runner,
    file,
    lookAfter(milliseconds, by = runner, read) {
      world.time += milliseconds;
      return step(by.engine, plan.rollout, { ...(read && { file: read }), adopt: false });
    },
  };
}

/** Begun, and the second stage, 25 %, applied. */
export async function onSecondStage(plan?: Plan, options?: WorldOptions): Promise<Begun> {
  const all = await begun(plan, options);
  const { result } = await all.lookAfter(3 * MINUTE);
  expect(result.outcome).toBe("advanced");
  return all;
}

/** The entries of a ledger, read from its bytes as a chain. */
export function entriesOf(world: World, name = "checkout"): Entry[] {
  return decodeChain(name, world.entries(name)).map(({ entry }) => entry);
}

export function kindsOf(world: World, name?: string): string[] {
  return entriesOf(world, name).map(({ kind }) => kind);
}

export function sharesWritten(world: World): number[] {
  return world.writes.map(({ exposure }) => percentOf(exposure));
}

export function percentOf({ everyone }: Exposure): number {
  return everyone / 1_000;
}

/** The next such operation of the runner ends so; all others as before. */
export function nextEnds(world: World, runner: Runner, operation: Operation, fate: Fate, skip = 0): void {
  const { turn } = world;
  let left = skip;
  world.turn = async (name, what, until) => {
    const usual = await turn(name, what, until);
    return name === runner.name && what === operation && left-- === 0 ? fate : usual;
  };
}

/** Stops a runner, as SIGSTOP does, before its next such operation. `there` resolves when it has come to it; let go on, it ends so. */
export function stopBefore(
  world: World,
  runner: Runner,
  operation: Operation,
  fate: Fate = "done",
): { there: Promise<void>; goOn: () => void } {
  const { turn } = world;
  let arrive = () => {};
  let goOn = () => {};
  const there = new Promise<void>((resolve) => (arrive = resolve));
  const released = new Promise<void>((resolve) => (goOn = resolve));
  let first = true;
  world.turn = async (name, what, until) => {
    if (first && name === runner.name && what === operation) {
      first = false;
      arrive();
      await released;
      await turn(name, what, until);
      return fate;
    }
    return turn(name, what, until);
  };
  return { there, goOn };
}

/** That it fails with this code, and what it says. */
export async function expectError(work: Promise<unknown>, code: ErrorCode, says: RegExp = /./): Promise<RolloutError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RolloutError);
  const found = error as RolloutError;
  expect([found.code, `${found.message} ${found.hint}`]).toEqual([code, expect.stringMatching(says)]);
  return found;
}
