import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openApp, planFileOf, readLedger, readPlanFile, type ReadEntry } from "../../src/app.ts";
import { targetOf } from "../../src/engine/context.ts";
import { startFlagService, versioned, type FlagService } from "../flags/flagService.ts";
import { callRollout, environmentIn, rollout, type Ran } from "../support/cli.ts";
import { git, makeServed } from "../support/git.ts";
import { postgresPrograms, startPostgres, type Postgres } from "../support/postgres.ts";
import { requireProgram } from "../support/programs.ts";
import { PLAN, type Standing } from "./world.ts";

/** `FAULTS=long` has the tests of faults do for minutes or hours what they do for seconds otherwise. */
export const LONG = process.env["FAULTS"] === "long";

/** Where several runners keep one ledger. */
export interface SharedStore {
  /** As `--store` names it in the folder of each runner. */
  address: string;
  /** The repository that everybody pushes to, where it is git. */
  team?: string;
}

export type StoreKind = "directory" | "git" | "postgres";

/** The kinds of store whose programs are there. */
export function storeKinds(): StoreKind[] {
  return ["directory", ...(requireProgram("git") ? (["git"] as const) : []), ...(postgresPrograms() ? (["postgres"] as const) : [])];
}

/** What worlds have in common: a flag service with revisions and, once it is asked for, a PostgreSQL. */
export interface Ground {
  service: FlagService;
  postgres(): Promise<Postgres>;
  close(): Promise<void>;
}

export async function startGround(): Promise<Ground> {
  const service = await startFlagService({});
  let postgres: Promise<Postgres> | undefined;
  return {
    service,
    postgres: () =>
      (postgres ??= startPostgres({ durable: true }).then(async (server) => {
        const prepared = await callRollout(["store", "init", "--store", server.address], { cwd: tmpdir() });
        if (prepared.status !== 0) throw new Error(prepared.stderr);
        return server;
      })),
    async close() {
      await service.close();
      await (await postgres)?.stop();
    },
  };
}

/** What a plan of these worlds says. */
export interface SharedPlan {
  /** Percentages, each without a bake unless it says so: `10`, `10%, bake: 1h`. */
  stages: readonly (number | string)[];
  /** In milliseconds. */
  writeWithin: number;
  /** Whether the service is told which revision a write is for, and refuses another. */
  checked?: boolean;
  /** Another address of the flag service, such as that of a proxy before it. */
  flagUrl?: string;
  /** More keys of the plan, as YAML. */
  more?: string;
}

/** Checkouts of one repository, a ledger and a flag that they share. */
export interface SharedWorld {
  name: string;
  /** Each the checkout of a runner that knows nothing of the others. */
  folders: string[];
  store: SharedStore;
  /** What the flag says, by the service itself. */
  percentage(): unknown;
  /** What the flag was changed to, in order: writes that changed nothing are left out. */
  changes(): unknown[];
  standing(): Promise<Standing>;
  /** The built command in a checkout; `args` come before `--store`. */
  rollout(args: readonly string[], checkout?: number, store?: string): Promise<Ran>;
  remove(): Promise<void>;
}

let made = 0;

export async function makeSharedWorld(ground: Ground, kind: StoreKind, plan: SharedPlan, checkouts = 2): Promise<SharedWorld> {
  const name = `feature-${++made}`;
  const folder = await realpath(await mkdtemp(join(tmpdir(), "rollout-shared-")));
  const store = await storeIn(folder, kind, ground);
  const folders = Array.from({ length: checkouts }, (_, index) => join(folder, `checkout-${index}`));
  for (const each of folders) {
    git(folder, ["init", "--quiet", each]);
    if (store.team !== undefined) git(each, ["remote", "add", "origin", store.team]);
    await writeFile(join(each, PLAN), planText(name, ground.service.url, plan));
  }
  const { service } = ground;
  service.flags.set(name, { owner: "tests", rollout: { percentage: 0, salt: name }, version: 1 });
  return {
    name,
    folders,
    store,
    percentage: () => service.flags.get(name)!.rollout.percentage,
    changes: () => service.written.filter(({ key, from, to }) => key === name && from !== to).map(({ to }) => to),
    standing: () => standingOf(folders[0]!, store.address, name),
    rollout: (args, checkout = 0, address = store.address) => rollout([...args, "--store", address], { cwd: folders[checkout]! }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function storeIn(folder: string, kind: StoreKind, ground: Ground): Promise<SharedStore> {
  switch (kind) {
    case "directory":
      await mkdir(join(folder, "ledgers"));
      return { address: join(folder, "ledgers") };
    case "git":
      return { address: "git:origin", team: makeServed(folder, "team.git") };
    case "postgres":
      return { address: (await ground.postgres()).address };
    default:
      return kind satisfies never;
  }
}

function planText(name: string, url: string, { stages, writeWithin, checked = true, flagUrl = url, more = "" }: SharedPlan): string {
  const { read, write } = versioned(flagUrl) as { read: Record<string, string>; write: { body: object } };
  const unchecked = {
    read: { url: read["url"], percentage: read["percentage"] },
    write: { method: "PATCH", body: { rollout: { percentage: "{{percentage}}" } } },
  };
  const backend = { type: "http", ...(checked ? { read, write } : unchecked) };
  const lines = stages.map((stage) => `  - { expose: ${typeof stage === "number" ? `${stage}%, bake: 0s` : stage} }\n`);
  return `version: 1
rollout: ${name}
owner: tests
flag: { backend: ${JSON.stringify(backend)}, key: ${name}, propagation: 0s, writeWithin: ${writeWithin}ms }
${more}
stages:
${lines.join("")}`;
}

/** Throws when the ledger is damaged. */
async function standingOf(cwd: string, store: string, name: string): Promise<Standing> {
  const { engine } = openApp({ cwd, env: environmentIn(cwd), store });
  try {
    const entries: ReadEntry[] = [];
    for await (const entry of readLedger(engine.store, name)) entries.push(entry);
    const file = planFileOf(await readPlanFile(PLAN, { cwd }))!;
    const reading = await engine.connectFlag(file.plan, file.folder).read(targetOf(file.plan));
    if (reading.kind === "foreign") throw new Error(`the flag says something of nobody's plan: ${reading.found}`);
    return { entries, state: entries.at(-1)?.state, flag: reading.exposure };
  } finally {
    await engine.store.close?.();
  }
}

/** What runners were told was stored (`NUMBER HASH`, a line each) and is not in the ledger, or is there more than once. */
export function lostOf(entries: readonly ReadEntry[], told: string): string[] {
  const stored = new Set(entries.map(({ entry, hash }) => `${entry.seq} ${hash}`));
  const lines = told.split("\n").filter((line) => line !== "");
  const twice = lines.filter((line, index) => lines.indexOf(line) !== index);
  return [...lines.filter((line) => !stored.has(line)).map((line) => `${line} is lost`), ...twice.map((line) => `${line} was told twice`)];
}
