import { rename } from "node:fs/promises";
import { afterAll, beforeAll, describe, test } from "vitest";
import { makeSharedWorld, startGround, storeKinds, type Ground, type SharedWorld, type StoreKind } from "./shared.ts";
import { PLAN } from "./world.ts";

const kinds = storeKinds().filter((kind) => kind !== "directory");

let ground: Ground;
beforeAll(async () => {
  ground = await startGround();
});
afterAll(() => ground.close());

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
});
