import { RolloutError } from "../errors.ts";
import { describeExposure, includes, isOff } from "../core/exposure.ts";
import type { Draft, Ledger } from "./ledger.ts";
import { OFF, type Exposure } from "../model/exposure.ts";
import type { FlagReading } from "../model/flag.ts";
import type { MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import { targetOf, type Engine } from "./context.ts";
import { readStates } from "./tail.ts";
import { preflight } from "./preflight.ts";

/** A plan as it was read from its file. */
export interface PlanFile {
  plan: Plan;
  hash: string;
  /** The folder of the file, relative to the root of the repository. */
  folder: string;
}

export interface StartOptions {
  /** Take over a flag that is not off: nothing is written, the run begins where the flag is. */
  adopt: boolean;
  /** Why a run after the first begins. */
  reason?: string;
}

/** Where and how a run would begin. */
export interface Beginning {
  exposure: Exposure;
  /** Index of the stage that it begins at; −1 before the first. */
  stage: number;
  metrics: Record<string, MetricReading>;
}

/**
 * Checks that a run may begin: the flag must be off (or is adopted), no other unfinished rollout may have it, and the
 * preflight must find every metric fit to guard. Throws `RolloutError`, and records nothing either way.
 */
export async function beginning(engine: Engine, { plan, folder }: PlanFile, adopt: boolean): Promise<Beginning> {
  await refuseIfTaken(engine, plan, folder);
  const begin = whereToBegin(plan, await engine.connectFlag(plan, folder).read(targetOf(plan)), adopt);
  const { metrics, warnings } = await preflight(engine, plan, engine.connectSources(plan, folder), !isOff(begin.exposure));
  for (const sentence of warnings) engine.tell({ kind: "warning", sentence });
  return { ...begin, metrics };
}

/** Begins a run where `beginning` finds that it may, and records `started`; yields to a rival that began at the same time. */
export async function startRun(engine: Engine, ledger: Ledger, file: PlanFile, options: StartOptions): Promise<void> {
  const { plan, hash, folder } = file;
  const base = ledger.state?.head.hash;
  const begun = await beginning(engine, file, options.adopt).catch(async (error: unknown) => {
    // What was found may be the work of whoever began the run at the same time.
    await ledger.refresh();
    if (ledger.state?.head.hash === base) throw error;
  });
  if (!begun) return;
  const adopted = !isOff(begun.exposure);
  await ledger.append((state): Draft | undefined => {
    if (state?.head.hash !== base) return undefined;
    const data = { plan, planHash: hash, folder, ...begun, adopted, ...(options.reason !== undefined && { reason: options.reason }) };
    return { kind: "started", data };
  });
  // The other side of a race reads this entry, or is read here: never neither.
  const other = await rivalOf(engine, ledger, (rival) => hasMoved(rival) || rival.rollout < plan.rollout);
  if (other) await yieldTo(ledger, other);
}

/** Where a run begins on the flag as it is. */
function whereToBegin(plan: Plan, found: FlagReading, adopt: boolean): { exposure: Exposure; stage: number } {
  if (found.kind === "known" && isOff(found.exposure)) return { exposure: OFF, stage: -1 };
  if (found.kind === "foreign") {
    throw new RolloutError("refused", `the flag ${plan.flag.key} has rules that are not of this plan: ${found.found}`, {
      hint: "Turn the flag off first, or describe its audience in the plan so that it can be adopted.",
    });
  }
  const live = describeExposure(found.exposure);
  if (!adopt) {
    throw new RolloutError("refused", `the flag ${plan.flag.key} is on already: ${live}`, {
      hint: "Turn it off first, or begin from there with --adopt, which writes no flag.",
    });
  }
  return { exposure: found.exposure, stage: lastStageWithin(plan, found.exposure) };
}

/** The last stage whose exposure lies within what the flag shows; −1 when it shows less than the first. */
export function lastStageWithin(plan: Plan, exposure: Exposure): number {
  return plan.stages.findLastIndex((stage) => includes(exposure, stage.exposure));
}

/** An unfinished rollout of the store that has the same flag and for which `counts` holds. */
async function rivalOf(
  engine: Engine,
  ledger: { name: string; state: State | undefined },
  counts: (rival: State) => boolean,
): Promise<State | undefined> {
  const own = ledger.state;
  return own && (await rivalsOf(engine, own)).find(counts);
}

/** The unfinished rollouts of the store that have the same flag. Throws what is wrong with a ledger: it may be one of them. */
async function rivalsOf({ store }: Engine, { plan, folder }: Pick<State, "plan" | "folder">): Promise<State[]> {
  const names = (await store.list()).filter((name) => name !== plan.rollout);
  return [...(await readStates(store, names)).values()].filter((rival): rival is State => {
    if (rival instanceof RolloutError) throw rival;
    return rival !== undefined && !rival.end && flagOf(rival.plan, rival.folder) === flagOf(plan, folder);
  });
}

async function refuseIfTaken(engine: Engine, plan: Plan, folder: string): Promise<void> {
  const [rival] = await rivalsOf(engine, { plan, folder });
  if (!rival) return;
  throw new RolloutError("refused", `the rollout ${rival.rollout} has the flag ${plan.flag.key} and is not finished`, {
    hint: `See \`rollout status ${rival.rollout}\`; finish it, or end it with \`rollout rollback ${rival.rollout}\`.`,
  });
}

/**
 * Asked between the first intent and the first write: another rollout that started at the same time. Of two that see
 * each other, the name that sorts later yields; whoever has moved the flag stays.
 */
export async function rivalAtFirstWrite(engine: Engine, ledger: Ledger): Promise<State | undefined> {
  return rivalOf(engine, ledger, (other) => !isOff(other.exposure) || other.rollout < ledger.name);
}

/** Ends a run that has not moved the flag in favour of another. */
export async function yieldTo(ledger: Ledger, rival: { rollout: string }): Promise<never> {
  const reason = `the rollout ${rival.rollout} has the same flag and is not finished`;
  await ledger.append((state) =>
    state && !state.end && !hasMoved(state) ? { kind: "ended", data: { outcome: "yielded", reason } } : undefined,
  );
  throw new RolloutError("refused", reason, { hint: `When it is over: rollout restart ${ledger.name} --reason "…"` });
}

function hasMoved({ intent, exposure }: State): boolean {
  return intent !== undefined || !isOff(exposure);
}

function flagOf(plan: Plan, folder: string): string {
  return JSON.stringify([folder, plan.flag.backend, plan.flag.key]);
}
