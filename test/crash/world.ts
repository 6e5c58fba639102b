import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openApp, planFileOf, readLedger, readPlanFile, type ReadEntry } from "../../src/app.ts";
import { sameExposure } from "../../src/core/exposure.ts";
import { targetOf } from "../../src/engine/context.ts";
import type { Entry, EntryOf } from "../../src/model/entry.ts";
import { OFF, type Exposure } from "../../src/model/exposure.ts";
import type { OpenIntent, State } from "../../src/model/state.ts";

/** The name of every world's rollout, and of its ledger. */
export const NAME = "feature";
export const PLAN = "plan.yaml";
export const FLAGS = "flags.json";
export const LEDGER = `.rollout/${NAME}`;

/** How long a write may take. */
export const WRITE_WITHIN = 300;

/** What a plan adds to its flag. */
export interface PlanParts {
  stages: string[];
  /** More keys of the plan, as YAML. */
  more?: string;
}

/** A repository with a plan and a flag file, in a temporary folder. */
export interface World {
  folder: string;
  /** The same once more, on its own. */
  copy(): Promise<World>;
  remove(): Promise<void>;
}

export async function makeWorld({ stages, more = "" }: PlanParts): Promise<World> {
  const folder = await emptyFolder();
  await mkdir(join(folder, ".git"));
  const backend = `backend: { type: flagd, file: ${FLAGS} }`;
  await writeFile(
    join(folder, PLAN),
    `version: 1
rollout: ${NAME}
owner: tests
flag: { ${backend}, key: ${NAME}, propagation: 0s, writeWithin: ${WRITE_WITHIN}ms }
${more}
stages:
${stages.map((stage) => `  - { ${stage} }\n`).join("")}`,
  );
  await writeFile(join(folder, FLAGS), `{ "flags": {} }\n`);
  return worldIn(folder);
}

/** A world of these files and folders, by their paths in it. */
export async function worldOf(files: ReadonlyMap<string, Uint8Array | undefined>): Promise<World> {
  const folder = await emptyFolder();
  for (const [path, bytes] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (bytes === undefined) await mkdir(join(folder, path));
    else await writeFile(join(folder, path), bytes);
  }
  return worldIn(folder);
}

function worldIn(folder: string): World {
  return {
    folder,
    async copy() {
      const other = await emptyFolder();
      await cp(folder, other, { recursive: true });
      return worldIn(other);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function emptyFolder(): Promise<string> {
  return mkdtemp(join(await realpath(tmpdir()), "rollout-world-"));
}

/** What stands in a world: its ledger, checked as a chain, what that adds up to, and what the flag says. */
export interface Standing {
  entries: ReadEntry[];
  state: State | undefined;
  flag: Exposure;
}

/**
 * Throws when the ledger is damaged, or the flag says what no exposure of the plan is.
 *
 * @param store where the ledger is, if it is not in the world
 */
export async function standingOf({ folder }: World, store?: string): Promise<Standing> {
  const { engine } = openApp({ cwd: folder, env: {}, store });
  const entries: ReadEntry[] = [];
  for await (const entry of readLedger(engine.store, NAME)) entries.push(entry);
  const file = planFileOf(await readPlanFile(PLAN, { cwd: folder }));
  if (!file) throw new Error("the world's plan is not valid");
  const reading = await engine.connectFlag(file.plan, file.folder).read(targetOf(file.plan));
  if (reading.kind === "foreign") throw new Error(`the flag says something of nobody's plan: ${reading.found}`);
  return { entries, state: entries.at(-1)?.state, flag: reading.exposure };
}

/** What the flag should say by the ledger. */
export function recordedExposure(state: State | undefined): Exposure {
  return state?.exposure ?? OFF;
}

/** Whether the ledger knows of what the flag says: it is the state's exposure, or an open intent is about to write it. */
export function isKnownToLedger({ state, flag }: Standing): boolean {
  return [recordedExposure(state), ...(state?.intent ? [state.intent.to] : [])].some((exposure) => sameExposure(exposure, flag));
}

/** The bytes of every entry's file, by its name. */
export async function entryFiles({ folder }: World): Promise<Map<string, Buffer>> {
  const ledger = join(folder, LEDGER);
  const names = await readdir(ledger).catch(() => []);
  const entries = names.filter((name) => /^\d{9}\.json$/.test(name)).sort();
  return new Map(await Promise.all(entries.map(async (name) => [name, await readFile(join(ledger, name))] as const)));
}

/** What is wrong with a ledger as a history: a stage applied twice, an outcome of nothing, a number measured twice. */
export function faultsOf(entries: readonly ReadEntry[]): string[] {
  const faults: string[] = [];
  const applied = new Set<string>();
  let open: OpenIntent | undefined;
  for (const { entry, state } of entries) {
    if (settles(entry)) {
      if (open?.seq !== entry.data.intent)
        faults.push(`entry ${entry.seq} (${entry.kind}) settles ${entry.data.intent}, which is not open`);
      else if (entry.kind === "applied" && open.purpose === "advance") {
        const stage = `stage ${open.stage} of run ${entry.run}`;
        if (applied.has(stage)) faults.push(`entry ${entry.seq} applies ${stage} for the second time`);
        applied.add(stage);
      }
    }
    open = state.intent;
  }
  return [...faults, ...countedTwice(entries.map(({ entry }) => entry))];
}

function settles(entry: Entry): entry is EntryOf<"applied" | "abandoned" | "repaired"> {
  return entry.kind === "applied" || entry.kind === "abandoned" || entry.kind === "repaired";
}

/** Every measurement that begins before the last one of its metric ended. A run measures from its own beginning. */
function countedTwice(entries: readonly Entry[]): string[] {
  const faults: string[] = [];
  const through = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== "started" && entry.kind !== "look") continue;
    for (const [metric, reading] of Object.entries(entry.data.metrics)) {
      if (reading.status !== "measured" && reading.status !== "baseline") continue;
      for (const { from, to } of reading.status === "measured" ? reading.measurements : []) {
        const before = through.get(metric) ?? Number.NEGATIVE_INFINITY;
        if (from < before || to < from)
          faults.push(`entry ${entry.seq} measures ${metric} from ${from} to ${to}, measured up to ${before} before`);
        through.set(metric, to);
      }
      through.set(metric, reading.through);
    }
  }
  return faults;
}

export async function sleepUntil(time: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, time - Date.now())));
}
