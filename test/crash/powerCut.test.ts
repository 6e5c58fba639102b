import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { messageOf } from "../../src/errors.ts";
import { tellInjected } from "../support/faultSample.ts";
import { requireProgram } from "../support/programs.ts";
import { afterPowerCut, type Image } from "./disk.ts";
import { trace, type Call } from "./strace.ts";
import { aftermath, AT_ONCE, beginningOf, inTurn, sweeps, trackOf, type Sweep } from "./sweep.ts";
import { isKnownToLedger, standingOf, worldOf, type World } from "./world.ts";

/**
 * The power fails at any instant of a command. What it did is recorded as its system calls; after each of them every disk is
 * tried that a power cut can leave, and read by the store and the flag system themselves.
 */

const strace = requireProgram("strace");

describe.skipIf(strace === undefined).concurrent("whatever the power takes that was not synced", () => {
  test.for(Object.values<Sweep>(sweeps).map((sweep) => [sweep.title, sweep] as const))(
    "of %s: no acknowledged entry is lost, none is torn, the flag is whole and what the ledger knows, and run again it ends right",
    { timeout: 900_000 },
    async ([title, sweep]) => {
      const origin = await beginningOf(sweep);
      const before = await imageIn(origin);
      const way = await trackOf(origin, sweep);
      const known = new Map<string, Left>();
      const { faults, disks } = await cutsAfterEach(before, way, known);
      expect(faults).toEqual([]);
      const ends = await inTurn([...known.values()], AT_ONCE, async ({ image }) => {
        const world = await worldOf(image);
        const found = await aftermath(world, sweep, []);
        await world.remove();
        return found;
      });
      expect(ends.flat()).toEqual([]);
      tellInjected(`power cuts on the way of ${title}, each leaving a disk (${known.size} that differ in what is read)`, disks);

      // Were any of the syncs not there, this would find it.
      const needless: string[] = [];
      for (const [index, { name, what }] of way.entries()) {
        if (name !== "fsync") continue;
        const without = await cutsAfterEach(before, way.toSpliced(index, 1), known, "first");
        if (without.faults.length === 0) needless.push(`${index + 1}. ${what}`);
      }
      expect(needless).toEqual([]);
      await origin.remove();
    },
  );

  test("of a rollback without its ledger: what is to be recorded later is not lost once it is promised", { timeout: 900_000 }, async () => {
    const sweep = sweeps.rollback;
    const origin = await beginningOf(sweep);
    const before = await imageIn(origin);
    const world = await origin.copy();
    const link = (await trackOf(origin, sweep)).find(({ name }) => name === "link")!;
    const { calls, stderr } = await trace(world.folder, sweep.command, [{ call: link, error: "EIO", andAfter: true }]);
    const [, path] = / it is kept in (\S+\.json),/.exec(stderr) ?? [];
    const kept = path!.slice(world.folder.length + 1);
    const bytes = await readFile(path!);
    let disks = 0;
    for (const image of afterPowerCut(before, calls)) {
      disks++;
      expect(bytes.equals(image.get(kept) ?? Buffer.alloc(0))).toBe(true);
    }
    expect(disks).toBeGreaterThan(1);
    await world.remove();
    await origin.remove();
  });
});

/** A disk that differs from all others that were left, and what is wrong with it, whatever was acknowledged. */
interface Left {
  image: Image;
  faults: string[];
}

/** What is wrong with the disks that power cuts leave after each of the calls; with `first`, no more than one fault. */
async function cutsAfterEach(
  before: Image,
  way: readonly Call[],
  known: Map<string, Left>,
  which: "all" | "first" = "all",
): Promise<{ faults: string[]; disks: number }> {
  const faults: string[] = [];
  let disks = 0;
  for (let done = 0; done <= way.length; done++) {
    const calls = way.slice(0, done);
    const promised = acknowledged(calls);
    for (const image of afterPowerCut(before, calls)) {
      disks++;
      const lost = [...promised].filter(([path, bytes]) => !bytes.equals(image.get(path) ?? Buffer.alloc(0)));
      const key = keyOf(image);
      const left = known.get(key) ?? { image, faults: lost.length > 0 && which === "first" ? [] : await faultsIn(image) };
      if (which === "all") known.set(key, left);
      const found = [...lost.map(([path]) => `${path} was acknowledged and is not there as it was`), ...left.faults];
      faults.push(...found.map((fault) => `after ${done} calls, the last of them ${way[done - 1]?.what ?? "none"}: ${fault}`));
      if (which === "first" && faults.length > 0) return { faults, disks };
    }
  }
  return { faults, disks };
}

/** The entries that their writer takes for stored, by path: it has gone on to remove their temporary file. */
function acknowledged(calls: readonly Call[]): Map<string, Buffer> {
  return new Map(
    calls.flatMap(({ name, paths: [temporary, path] }, index) => {
      if (name !== "link" || !calls.slice(index).some((later) => later.name === "unlink" && later.paths[0] === temporary)) return [];
      const parts = calls.slice(0, index).flatMap((call) => (call.content && call.paths[0] === temporary ? [call.content.bytes] : []));
      return [[path!, Buffer.concat(parts)] as const];
    }),
  );
}

async function faultsIn(image: Image): Promise<string[]> {
  const world = await worldOf(image);
  try {
    const standing = await standingOf(world);
    return isKnownToLedger(standing) ? [] : ["the flag says what the ledger does not know"];
  } catch (error) {
    return [messageOf(error)];
  } finally {
    await world.remove();
  }
}

/** Temporary files are nobody's: disks that differ in them alone are the same. */
function keyOf(image: Image): string {
  const hash = createHash("sha256");
  for (const [path, bytes] of [...image].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (/\.tmp(-\d+)?$/.test(path)) continue;
    hash.update(JSON.stringify([path, bytes?.length])).update(bytes ?? "");
  }
  return hash.digest("hex");
}

async function imageIn({ folder }: World): Promise<Image> {
  const image: Image = new Map();
  for (const each of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(each.parentPath, each.name);
    image.set(path.slice(folder.length + 1), each.isDirectory() ? undefined : await readFile(path));
  }
  return image;
}
