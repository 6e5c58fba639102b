import { RolloutError } from "../errors.ts";
import type { ChangeNote, FlagBackend } from "../flags/port.ts";
import type { Clock, Spool } from "../io/port.ts";
import type { Store } from "../ledger/port.ts";
import type { Signer } from "../ledger/signature.ts";
import type { MetricSource } from "../metrics/port.ts";
import type { Heartbeat } from "../notify/port.ts";
import type { Actor, Entry } from "../model/entry.ts";
import type { FlagTarget } from "../model/flag.ts";
import type { NumberKind, Plan, Query } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import { openLedger, type Ledger } from "./ledger.ts";

/** A metrics system with what the engine has to know of its kind. */
export interface ConnectedSource {
  source: MetricSource;
  history: boolean;
  /** Milliseconds. */
  settle: number;
  /** What the source's schema makes of the query of a number of this kind. */
  parseQuery(query: Query, kind: NumberKind): unknown;
}

/** What happens while a command works, for whoever shows it. */
export type Note =
  | { kind: "entry"; entry: Entry; state: State }
  | { kind: "warning"; sentence: string }
  | { kind: "waiting"; sentence: string; milliseconds: number };

/** The outside world, as the engine is handed it. */
export interface Engine {
  store: Store;
  clock: Clock;
  /** Who runs this. It may have to be asked for, so only what writes asks; the answer stays the same. */
  actor(): Promise<Actor>;
  /** Who signs the entries under a plan: nobody where the plan names no key, or the key cannot be had, which is told. */
  signerFor?(plan: Plan, folder: string): Signer | undefined;
  newId?: () => string;
  /** Connects the flag system of a plan; paths are relative to `folder`. */
  connectFlag(plan: Plan, folder: string): FlagBackend;
  connectSources(plan: Plan, folder: string): Record<string, ConnectedSource>;
  /** Connects the heartbeat of a plan that has one. */
  connectHeartbeat?(plan: Plan, folder: string): Heartbeat | undefined;
  /** Aborts when the user asks to stop: a write that was begun is finished and recorded, nothing new is begun. */
  stop: AbortSignal;
  /** Where a rollback is kept that could not be recorded. */
  spool: Spool;
  tell(note: Note): void;
  /** How long a rollback that fails is tried again, in milliseconds. */
  rollbackFor: number;
  /** What comes of something within so many milliseconds; `late` otherwise, and then nobody hears of it any more. */
  within<T>(milliseconds: number, work: Promise<T>): Promise<T | "late">;
}

/** A rollout's ledger, opened. */
export async function openRollout(engine: Engine, name: string): Promise<Ledger> {
  return openLedger(name, {
    store: engine.store,
    clock: engine.clock,
    actor: () => engine.actor(),
    ...(engine.signerFor && { signerFor: (plan, folder) => engine.signerFor?.(plan, folder) }),
    ...(engine.newId && { newId: engine.newId }),
    onAppend: (entry, state) => engine.tell({ kind: "entry", entry, state }),
    onDrop: (entries) =>
      engine.tell({
        kind: "warning",
        sentence: `somebody else wrote the ledger: ${entries} looks that nothing rested on yet were dropped`,
      }),
  });
}

/** A rollout in hand: its ledger with a run in it, and its flag. */
export interface Running {
  engine: Engine;
  rollout: string;
  ledger: Ledger;
  flag: FlagBackend;
  target: FlagTarget;
  readonly state: State;
}

/** Connects the flag of the ledger's own plan. */
export function running(engine: Engine, ledger: Ledger): Running {
  const { plan, folder } = stateOf(ledger);
  return {
    engine,
    rollout: ledger.name,
    ledger,
    flag: engine.connectFlag(plan, folder),
    target: targetOf(plan),
    get state() {
      return stateOf(ledger);
    },
  };
}

/** The state of a ledger that has a run. */
export function stateOf(ledger: Ledger): State {
  if (!ledger.state) throw new Error(`ledger ${ledger.name} has no run`);
  return ledger.state;
}

export function unknownRollout(name: string, { store }: Engine): RolloutError {
  return new RolloutError("usage", `there is no rollout ${name} in ${store.address}`, {
    hint: "Give the plan file to start it, or name another place with --store; `rollout status` lists what there is.",
  });
}

/** What a flag backend needs to know of a plan. */
export function targetOf({ flag: { backend: _, ...flag }, audience }: Plan): FlagTarget {
  return { ...flag, audience };
}

/** Who and why, for the vendor's change log. */
export function changeNote({ state }: { state: State }, reason: string): ChangeNote {
  return {
    rollout: state.rollout,
    stage: state.plan.stages[state.intent?.stage ?? state.stage]?.name ?? "off",
    reason,
    head: state.head.hash,
  };
}
