import { rename } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { startGitDaemon } from "../support/git.ts";
import { startProxy } from "../support/proxy.ts";
import { makeSharedWorld, startGround, storeKinds, type Ground, type SharedWorld, type StoreKind } from "./shared.ts";
import { PLAN } from "./world.ts";

const kinds = storeKinds().filter((kind) => kind !== "directory");

let ground: Ground;
/** With a server of its own: that of the other is stopped. */
let quiet: Ground;
beforeAll(async () => {
  [ground, quiet] = [await startGround(), await startGround()];
});
afterAll(() => Promise.all([ground?.close(), quiet?.close()]));

/** Takes the store away from everybody; gives what brings it back. */
async function takeAway(kind: StoreKind, { store }: SharedWorld): Promise<() => Promise<void>> {
  if (kind === "git") {
    await rename(store.team!, `${store.team}.away`);
    return () => rename(`${store.team}.away`, store.team!);
  }
  const server = await ground.postgres();
  await server.halt("fast");
  return () => server.start();
}

describe.concurrent.each(kinds)("while the ledger cannot be reached (%s)", (kind) => {
  test(
    "an advance leaves the flag alone, a rollback turns it off all the same, and the next call records it",
    { timeout: 300_000 },
    async ({ expect }) => {
      const world = await makeSharedWorld(ground, kind, { stages: [10, "50%, bake: 1h"], writeWithin: 5_000 });
      const { rollout } = world;
      expect(await rollout(["advance", PLAN])).toMatchObject({ status: 0 });
      const before = (await world.standing()).entries.length;
      const bringBack = await takeAway(kind, world);

      const advanced = await rollout(["advance", PLAN]);
      expect(advanced).toMatchObject({ status: 5, stdout: "", stderr: expect.stringContaining("hint: Check") });
      expect(world.changes()).toEqual([10]);
      expect(await rollout(["status", world.name])).toMatchObject({ status: 5 });

      const rolledBack = await rollout(["rollback", PLAN, "--reason", "harm was reported"]);
      expect(rolledBack).toMatchObject({
        status: 0,
        stdout: expect.stringContaining("is off for everybody"),
        stderr: expect.stringContaining("NOT RECORDED"),
      });
      expect(world.percentage()).toBe(0);

      await bringBack();
      expect((await world.standing()).entries).toHaveLength(before);
      const next = await rollout(["advance", PLAN]);
      expect(next).toMatchObject({ status: 0, stderr: expect.stringContaining("is recorded now: harm was reported") });
      const { entries, state } = await world.standing();
      expect(entries.slice(before).map(({ entry }) => entry.kind)).toEqual(["spooled"]);
      expect(state?.end).toMatchObject({ outcome: "rolledBack" });
      expect(await rollout(["status", world.name], 1)).toMatchObject({ status: 0, stdout: expect.stringContaining("rolled back") });
      expect(world.changes()).toEqual([10, 0]);

      // It is recorded once.
      expect(await rollout(["advance", PLAN])).toMatchObject({ status: 0 });
      expect((await world.standing()).entries).toHaveLength(before + 1);
      expect(await rollout(["log", "verify", PLAN, "--replay"])).toMatchObject({ status: 0 });
      await world.remove();
    },
  );

  test(
    "because it says nothing at all, a rollback does not wait for it, and is recorded once it speaks",
    { timeout: 300_000 },
    async ({ expect }) => {
      const world = await makeSharedWorld(quiet, kind, { stages: [10, "50%, bake: 1h"], writeWithin: 5_000 });
      const { address, fallSilent, speak, close } = await behindProxy(kind, world);
      expect(await world.rollout(["advance", PLAN], 0, address)).toMatchObject({ status: 0 });
      const before = (await world.standing()).entries.length;

      fallSilent();
      // Its own deadlines are longer: git is given five minutes for what it fetches.
      expect(await world.rollout(["rollback", PLAN, "--reason", "harm was reported"], 0, address)).toMatchObject({
        status: 0,
        stderr: expect.stringContaining("NOT RECORDED"),
      });
      expect(world.changes()).toEqual([10, 0]);

      speak();
      expect(await world.rollout(["advance", PLAN], 0, address)).toMatchObject({ status: 0 });
      const { entries, state } = await world.standing();
      expect(entries.slice(before).map(({ entry }) => entry.kind)).toContain("spooled");
      expect(state?.end).toMatchObject({ outcome: "rolledBack" });
      expect(world.changes()).toEqual([10, 0]);
      await close();
      await world.remove();
    },
  );
});

async function behindProxy(kind: StoreKind, { store }: SharedWorld) {
  const daemon = kind === "git" ? await startGitDaemon(dirname(store.team!)) : undefined;
  const proxy = await startProxy(daemon ? Number(new URL(daemon.url("")).port) : (await quiet.postgres()).port);
  const all = (fate: "on" | "dropped") => void (proxy.toServer = proxy.toClient = () => fate);
  return {
    address: daemon ? `git:git://127.0.0.1:${proxy.port}/team.git` : `postgres://postgres@127.0.0.1:${proxy.port}/postgres`,
    fallSilent: () => all("dropped"),
    speak: () => all("on"),
    close: async () => void (await Promise.all([proxy.close(), daemon?.close()])),
  };
}
