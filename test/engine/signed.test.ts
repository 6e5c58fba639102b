import { describe, expect, test } from "vitest";
import { rehearse, step } from "../../src/engine/advance.ts";
import type { Engine } from "../../src/engine/context.ts";
import { accept, pause, restart, rollbackNow } from "../../src/engine/people.ts";
import { checkSignature, type Signer } from "../../src/ledger/signature.ts";
import type { Plan } from "../../src/model/plan.ts";
import { ann, ben } from "../ledger/keys.ts";
import { createWorld, fileOf, MINUTE, planOf, type Runner, type World } from "../support/world.ts";
import { kindsOf } from "./worlds.ts";

const OLD = "${env:OLD}";
const NEW = "${env:NEW}";
const signers: Record<string, Signer> = { [OLD]: ann.signer, [NEW]: ben.signer };
const names = new Map([
  [ann.signer.key, "old"],
  [ben.signer.key, "new"],
]);
const keys = new Map([...ann.publicKeys, ...ben.publicKeys]);
const signedBy = (signingKey: string): Plan => planOf({ ledger: { signingKey } });

/** A runner that can read these keys. */
function holder(runner: Runner, ...readable: string[]): Engine {
  return {
    ...runner.engine,
    signerFor: ({ ledger }) => (ledger && readable.includes(ledger.signingKey) ? signers[ledger.signingKey] : undefined),
  };
}

/** Who signed each entry: `old`, `new`, or nobody; that its signature holds is checked. */
function signaturesIn(world: World): (string | undefined)[] {
  return world.entries("checkout").map(({ bytes }) => {
    const check = checkSignature(bytes, keys);
    if (check.status === "unsigned") return undefined;
    expect(check.status).toBe("valid");
    return names.get(check.key);
  });
}

const advance = async (world: World, engine: Engine, plan: Plan) => {
  world.time += 3 * MINUTE;
  return step(engine, "checkout", { file: fileOf(plan), adopt: false });
};

describe("whoever can read the plan's key signs all that it records", () => {
  test("and whoever cannot writes all the same", async () => {
    const world = createWorld();
    const plan = signedBy(OLD);
    await advance(world, holder(world.runner("ci"), OLD), plan);
    expect(kindsOf(world)).toEqual(["started", "look", "intent", "applied"]);
    expect(signaturesIn(world)).toEqual(["old", "old", "old", "old"]);
    await pause(holder(world.runner("laptop")), "checkout", "lunch");
    await advance(world, holder(world.runner("ci"), OLD), plan);
    expect(kindsOf(world).slice(4)).toEqual(["paused", "look"]);
    expect(signaturesIn(world).slice(4)).toEqual([undefined, "old"]);
    await rollbackNow(holder(world.runner("laptop")), "checkout", "now");
    expect(kindsOf(world).slice(6)).toEqual(["intent", "applied"]);
    expect(signaturesIn(world).slice(6)).toEqual([undefined, undefined]);
  });

  test("a plan without a key has nothing signed", async () => {
    const world = createWorld();
    await advance(world, holder(world.runner("ci"), OLD, NEW), planOf());
    expect(new Set(signaturesIn(world))).toEqual(new Set([undefined]));
  });

  test("an entry whose answer was lost is known again by its signature too", async () => {
    const world = createWorld();
    const { turn } = world;
    let creates = 0;
    world.turn = async (name, operation, until) => {
      await turn(name, operation, until);
      return operation === "create" && creates++ === 1 ? "unanswered" : "done";
    };
    await advance(world, holder(world.runner("ci"), OLD), signedBy(OLD));
    expect(kindsOf(world)).toEqual(["started", "look", "intent", "applied"]);
    expect(signaturesIn(world)).toEqual(["old", "old", "old", "old"]);
  });
});

describe("another key, or none, is a change of the plan that a person accepts, and that the old key signs:", () => {
  test.each<[string, Plan, Plan, (string | undefined)[]]>([
    ["a new key", signedBy(OLD), signedBy(NEW), ["old", "new"]],
    ["no key any more", signedBy(OLD), planOf(), ["old", undefined]],
    ["a key for the first time", planOf(), signedBy(NEW), ["new", "new"]],
  ])("%s", async (_, before, after, signed) => {
    const world = createWorld();
    const engine = holder(world.runner("ci"), OLD, NEW);
    await advance(world, engine, before);
    const count = world.entries("checkout").length;
    const waiting = await advance(world, engine, after);
    expect(waiting.result).toMatchObject({ outcome: "holding", decision: { because: [expect.objectContaining({ gate: "plan" })] } });
    expect(kindsOf(world).slice(count)).toEqual(["look"]);
    await accept(engine, fileOf(after));
    await advance(world, engine, after);
    expect(kindsOf(world).slice(count + 1, count + 3)).toEqual(["planChanged", "look"]);
    expect(signaturesIn(world).slice(count + 1, count + 3)).toEqual(signed);
  });

  test("at a restart as well", async () => {
    const world = createWorld();
    const engine = holder(world.runner("ci"), OLD, NEW);
    await advance(world, engine, signedBy(OLD));
    await rollbackNow(engine, "checkout", "enough");
    await restart(engine, "checkout", fileOf(signedBy(NEW)), { reason: "again", adopt: false });
    await advance(world, engine, signedBy(NEW));
    const last = kindsOf(world).lastIndexOf("started");
    expect(signaturesIn(world).slice(last, last + 2)).toEqual(["old", "new"]);
  });

  test("whoever has the new key alone signs with that", async () => {
    const world = createWorld();
    await advance(world, holder(world.runner("ci"), OLD), signedBy(OLD));
    await accept(holder(world.runner("other"), NEW), fileOf(signedBy(NEW)));
    expect(signaturesIn(world).at(-1)).toBe("new");
  });
});

describe("who runs a command", () => {
  const asking = (runner: Runner, before: () => Promise<unknown> = async () => {}) => {
    let asked = 0;
    const actor = async () => {
      asked++;
      await before();
      return { who: "ann", where: "CI", proven: { issuer: "https://ci.example", subject: "job:1" } };
    };
    return { engine: { ...runner.engine, actor }, asked: () => asked };
  };

  test("is asked for only by what writes", async () => {
    const world = createWorld();
    const { engine, asked } = asking(world.runner("ci"));
    await rehearse(engine, "checkout", { file: fileOf(planOf()), adopt: false });
    expect(asked()).toBe(0);
    await advance(world, engine, planOf());
    expect(asked()).toBeGreaterThan(0);
    await rollbackNow(engine, "checkout", "enough");
    const before = asked();
    expect((await advance(world, engine, planOf())).result.outcome).toBe("ended");
    await rehearse(engine, "checkout", { adopt: false });
    expect(asked()).toBe(before);
  });

  test("may take its time to find out: what was decided before holds only if nothing happened meanwhile", async () => {
    const world = createWorld();
    await advance(world, world.runner("first").engine, planOf());
    const { engine } = asking(world.runner("slow"), () => pause(world.runner("ann").engine, "checkout", "lunch"));
    expect((await advance(world, engine, planOf())).result).toMatchObject({ outcome: "lost" });
    expect(kindsOf(world).at(-1)).toBe("paused");
  });
});
