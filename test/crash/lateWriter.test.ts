import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isOff } from "../../src/core/exposure.ts";
import { callRollout, startRollout, type Running } from "../support/cli.ts";
import { startGitHttp, type GitHttp } from "../support/git.ts";
import { startProxy, type Fate, type Proxy } from "../support/proxy.ts";
import { makeSharedWorld, startGround, storeKinds, type Ground, type SharedWorld, type StoreKind } from "./shared.ts";
import { faultsOf, PLAN } from "./world.ts";

/**
 * A runner is stopped between its intent and its write, or with its write on the way, for longer than a write may take.
 * Meanwhile another rolls back.
 */

/** In milliseconds: time enough for a busy machine to come from the intent to the write. */
const WRITE_WITHIN = 5_000;
/** Where it took longer all the same, nothing was written, and it is begun anew. */
const MOST_TRIES = 5;

const kinds = storeKinds().filter((kind) => kind !== "directory");

let ground: Ground;
beforeAll(async () => {
  ground = await startGround();
});
afterAll(() => ground.close());

describe.concurrent.each(kinds)("a runner that sleeps past its deadline while another rolls back (%s)", (kind) => {
  test("on its way to the write does not write at all, and the flag stays off", { timeout: 300_000 }, async ({ expect }) => {
    const stage = await asleep(kind, false, "before the write");
    expect(await stage.wakeUp()).toMatchObject({ status: 0 });
    expect(stage.world.changes()).toEqual([10, 0]);
    await expectOff(expect, stage.world);
    await stage.close();
  });

  test("with the write on the way is refused by a service that checks revisions", { timeout: 300_000 }, async ({ expect }) => {
    const stage = await asleep(kind, true, "with its write on the way");
    // It hears that it was refused, or nothing, when it has no more time to listen.
    expect([0, 5]).toContain((await stage.wakeUp()).status);
    expect(stage.world.changes()).toEqual([10, 0]);
    await expectOff(expect, stage.world);
    await stage.close();
  });

  test("with the write on the way puts it back itself, where the service takes it", { timeout: 300_000 }, async ({ expect }) => {
    const stage = await asleep(kind, false, "with its write on the way");
    expect([0, 5]).toContain((await stage.wakeUp()).status);
    expect(stage.world.changes()).toEqual([10, 0, 50, 0]);
    await expectOff(expect, stage.world);
    await stage.close();
  });

  test("and is killed when its write was taken: whoever looks next puts it back", { timeout: 300_000 }, async ({ expect }) => {
    const stage = await asleep(kind, false, "with its write on the way");
    await stage.killWhenWritten();
    // This is the window that remains where a service checks no revisions.
    expect(stage.world.percentage()).toBe(50);
    const { status } = await callRollout(["advance", PLAN, "--store", stage.world.store.address], {
      cwd: stage.world.folders[1]!,
      env: pathOnly,
    });
    expect(status).toBe(0);
    expect(stage.world.changes()).toEqual([10, 0, 50, 0]);
    await expectOff(expect, stage.world);
    await stage.close();
  });
});

const pathOnly = { PATH: process.env["PATH"] ?? "" };

interface Asleep {
  world: SharedWorld;
  /** Lets its write go on and the runner wake up, in this order; how it ended. */
  wakeUp(): Promise<{ status: number | null; stdout: string; stderr: string }>;
  /** Lets its write go on, and kills the runner in its sleep. */
  killWhenWritten(): Promise<void>;
  close(): Promise<void>;
}

/** A rollout at 10 %, whose next runner was stopped on its way to 50 % and which was rolled back then. */
async function asleep(kind: StoreKind, checked: boolean, where: "before the write" | "with its write on the way"): Promise<Asleep> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    const before = await startProxy(ground.service.port);
    const flagUrl = `http://127.0.0.1:${before.port}`;
    const world = await makeSharedWorld(ground, kind, { stages: [10, "50%, bake: 1h"], writeWithin: WRITE_WITHIN, checked, flagUrl });
    const call = (...args: string[]) => callRollout([...args, "--store", world.store.address], { cwd: world.folders[1]!, env: pathOnly });
    const first = await call("advance", PLAN);
    if (first.status !== 0) throw new Error(first.stderr);

    let sleeper: Running | undefined;
    const stop = () => void sleeper!.child.kill("SIGSTOP");
    const door = where === "before the write" ? await stopAfterIntent(kind, world, stop) : stopAtWrite(before, stop);
    sleeper = startRollout(["advance", PLAN, "--store", door.address ?? world.store.address], { cwd: world.folders[0]! });
    const isAsleep = await Promise.race([door.stopped.then(() => true), sleeper.done.then(() => false)]);
    const close = async () => {
      sleeper.child.kill("SIGKILL");
      await sleeper.done;
      await Promise.all([before.close(), door.close?.()]);
      await world.remove();
    };
    if (!isAsleep) {
      await close();
      continue;
    }
    expect((await world.standing()).state?.intent).toMatchObject({ purpose: "advance", stage: 1 });
    const rolledBack = await call("rollback", PLAN, "--reason", "tests");
    expect(rolledBack, rolledBack.stderr).toMatchObject({ status: 0 });
    expect(world.changes()).toEqual([10, 0]);
    const letItLand = async () => {
      const asked = ground.service.requests.length;
      door.open();
      // A write that was held back is there before anybody wakes up.
      const isThere = () =>
        ground.service.requests.slice(asked).some(({ method, path }) => method === "PATCH" && path.endsWith(world.name));
      while (where === "with its write on the way" && !isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    return {
      world,
      async wakeUp() {
        await letItLand();
        sleeper.child.kill("SIGCONT");
        return sleeper.done;
      },
      async killWhenWritten() {
        await letItLand();
        sleeper.child.kill("SIGKILL");
        await sleeper.done;
      },
      close,
    };
  }
  throw new Error(`it was never stopped there in ${MOST_TRIES} tries`);
}

/** Where a runner is stopped, and what it is waiting for. */
interface Door {
  /** The store by this door. */
  address?: string;
  stopped: Promise<void>;
  open(): void;
  close?(): Promise<void>;
}

/** Something that some wait for and others bring about. */
function latch(): { reached: Promise<void>; reach(): void } {
  let reach = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  return { reached, reach: () => reach() };
}

/** The runner is stopped when its write has come as far as the proxy, and its write waits there. */
function stopAtWrite(proxy: Proxy, stop: () => void): Door {
  const opened = latch();
  const stopped = latch();
  proxy.toServer = async (bytes): Promise<Fate> => {
    if (!bytes.includes("PATCH ")) return "on";
    proxy.toServer = () => "on";
    stop();
    stopped.reach();
    await opened.reached;
    return "on";
  };
  return { stopped: stopped.reached, open: opened.reach };
}

/** The runner is stopped when its store has its intent, before it is told so. */
async function stopAfterIntent(kind: StoreKind, world: SharedWorld, stop: () => void): Promise<Door> {
  const stopped = latch();
  if (kind === "git") {
    const server: GitHttp = await startGitHttp(world.store.team!.slice(0, -"/team.git".length));
    let pushes = 0;
    server.onPushed = () => {
      // The first is its look.
      if (++pushes === 2) {
        stop();
        stopped.reach();
      }
      return "answer";
    };
    return { address: `git:${server.url("team.git")}`, stopped: stopped.reached, open: () => {}, close: () => server.close() };
  }
  const proxy = await startProxy((await ground.postgres()).port);
  let isIntent = false;
  proxy.toServer = (bytes) => {
    isIntent = bytes.includes('"kind":"intent"');
    return "on";
  };
  proxy.toClient = () => {
    if (isIntent) {
      stop();
      stopped.reach();
      proxy.toClient = () => "on";
    }
    return "on";
  };
  const address = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
  return { address, stopped: stopped.reached, open: () => {}, close: () => proxy.close() };
}

async function expectOff(check: typeof expect, world: SharedWorld): Promise<void> {
  const { entries, state, flag } = await world.standing();
  check(isOff(flag)).toBe(true);
  check(world.percentage()).toBe(0);
  check(state?.end).toMatchObject({ outcome: "rolledBack" });
  check(state).not.toHaveProperty("intent");
  check(faultsOf(entries)).toEqual([]);
}
