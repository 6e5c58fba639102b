import { execFileSync } from "node:child_process";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isOff } from "../../src/core/exposure.ts";
import { callRollout, environmentIn } from "../support/cli.ts";
import { tellInjected } from "../support/faultSample.ts";
import { messageOf } from "../../src/errors.ts";
import { makeWorld, PLAN, recordedExposure, sleepUntil, standingOf, WRITE_WITHIN } from "./world.ts";

/** The disk of the ledger is full, in earnest: a file system in memory of 64 KiB. The flag is on another. */

const disk = await mountSmallDisk();
afterAll(() => disk.unmount());

const PAGE = 4096;
/** Where every entry takes a page: so many can still be stored before one fails. */
const LEFT = [0, 1, 2];

let filled = 0;

describe.skipIf(disk.reason !== undefined)(`a disk that is full${disk.reason === undefined ? "" : ` (skipped: ${disk.reason})`}`, () => {
  test("is named and what to do; an advance leaves the flag alone unless it is announced, and goes on when there is space", async () => {
    for (const left of LEFT) {
      const { run, standing, remove } = await started(`advance-${left}`);
      const { flag: before } = await standing();
      await disk.fill(left);
      const full = await run("advance", PLAN);
      filled++;
      expect(full).toMatchObject({ status: 5, stderr: expect.stringContaining("ENOSPC") });
      expect(full.stderr).toContain("hint: Free space on the disk, then run the command again");
      const { state, flag } = await standing();
      if (left < 2) expect(flag).toEqual(before);
      expect([recordedExposure(state), state?.intent?.to]).toContainEqual(flag);

      await disk.free();
      await sleepUntil((state?.intent?.at ?? 0) + 2 * WRITE_WITHIN);
      for (let looks = 0; looks < 2; looks++) expect(await run("advance", PLAN)).toMatchObject({ status: 0 });
      expect((await standing()).state).toMatchObject({ stage: 1 });
      expect((await run("log", "verify", PLAN)).status).toBe(0);
      await remove();
    }
  });

  test("does not keep a rollback from being done: it says that it is not recorded, and the next command records it", async () => {
    const { run, standing, remove } = await started("rollback");
    await disk.fill(0);
    const full = await run("rollback", PLAN, "--reason", "tests");
    filled++;
    expect(full.status).toBe(0);
    expect(full.stderr).toMatch(/ENOSPC[^]*NOT RECORDED/);
    expect(isOff((await standing()).flag)).toBe(true);
    expect((await standing()).state).not.toHaveProperty("end");

    await disk.free();
    expect((await run("advance", PLAN)).stderr).toContain("is recorded now: tests");
    expect((await standing()).state).toMatchObject({ end: { outcome: "rolledBack", reason: "tests" } });
    await remove();
    tellInjected("a full disk", filled);
  });
});

/** A rollout on its first stage whose ledger is on the small disk. */
async function started(name: string) {
  const world = await makeWorld({ stages: ["expose: 10%, bake: 0s", "expose: 50%, bake: 1h"] });
  const store = join(disk.folder, name);
  const env = { ...environmentIn(world.folder), ROLLOUT_STORE: store };
  const run = (...args: string[]) => callRollout(args, { cwd: world.folder, env });
  expect(await run("advance", PLAN)).toMatchObject({ status: 0 });
  const remove = async () => {
    await rm(store, { recursive: true });
    await world.remove();
  };
  return { run, remove, standing: () => standingOf(world, store) };
}

/** Mounts one, or says why it cannot be. */
async function mountSmallDisk() {
  const folder = await mkdtemp(join(tmpdir(), "rollout-disk-"));
  let reason: string | undefined;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    reason = `no file system can be mounted here: ${messageOf(error).split("\n")[0]}`;
    process.stderr.write(`\n*** ${reason} ***\n\n`);
  }
  const ballast = join(folder, "ballast");
  return {
    folder,
    reason,
    /** Leaves nothing but so many pages. */
    async fill(pages: number) {
      const { bavail, bsize } = await statfs(folder);
      await writeFile(ballast, Buffer.alloc(bavail * bsize - pages * PAGE));
    },
    free: () => rm(ballast),
    async unmount() {
      if (reason === undefined) execFileSync("umount", [folder]);
      await rm(folder, { recursive: true });
    },
  };
}
