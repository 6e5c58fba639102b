import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { targetOf as flagTargetOf, type ConnectedSource, type Engine, type Note } from "./engine/context.ts";
import type { PlanFile } from "./engine/start.ts";
import { RolloutError } from "./errors.ts";
import { claimedActor, forkOf, isCi, type Environment } from "./io/ci.ts";
import { systemClock } from "./io/clock.ts";
import { openFiles } from "./io/files.ts";
import { openHttp } from "./io/http.ts";
import type { Tools } from "./io/port.ts";
import { createRedactor } from "./io/redact.ts";
import { secretReader } from "./io/secrets.ts";
import { directoryStore } from "./ledger/directory.ts";
import type { Store } from "./ledger/port.ts";
import type { MetricSource } from "./metrics/port.ts";
import type { AdapterOptions } from "./model/plan.ts";
import { httpHeartbeat } from "./notify/heartbeat.ts";
import { catalog, folderHere, repositoryOf } from "./planFiles.ts";

export { rehearse, step, type Outcome, type Rehearsal, type StepOptions, type StepResult } from "./engine/advance.ts";
export { runToEnd, waitForMove } from "./engine/loop.ts";
export { accept, pause, restart, resume, rollbackNow, type Asked } from "./engine/people.ts";
export { measureOnce, type Answer } from "./engine/ask.ts";
export { followLedger, readLedger, type ReadEntry } from "./engine/read.ts";
export type { Engine, Note } from "./engine/context.ts";
export type { PlanFile } from "./engine/start.ts";
export { backtestFile, exportObservations, simulatePlan, simulationFor, type SimulationOptions } from "./trials.ts";
export { planFileOf, previewPlanFile, readPlanFile, sizePlan, targetOf, type ReadPlanFile, type Target } from "./planFiles.ts";
export { RolloutError, messageOf, type ErrorCode } from "./errors.ts";
export type { PlanReading } from "./plan/read.ts";
export type { PlanSize } from "./simulate/size.ts";
export type { SizeOptions } from "./simulate/sizeExpected.ts";

export interface AppOptions {
  cwd: string;
  env: Environment;
  /** Where the ledgers are; by default `ROLLOUT_STORE`, then `.rollout` at the root of the repository. */
  store?: string | undefined;
  /** Go out although the job was begun by a pull request from a fork. */
  trustPlan?: boolean;
  /** Aborts when the user asks to stop. */
  stop?: AbortSignal;
  tell?: (note: Note) => void;
  /** How long a rollback that fails is tried again, in milliseconds. */
  rollbackFor?: number;
}

/** The house, wired: what the commands work with. */
export interface App {
  engine: Engine;
  /** Hides every secret that was revealed so far. */
  redact(text: string): string;
}

const ROLLBACK_FOR = 10 * 60_000;

/** Wires real clocks, files, HTTP, secrets and the store. Nothing is read or sent before it is needed. */
export function openApp({ cwd, env, store, trustPlan = false, stop, tell = () => {}, rollbackFor = ROLLBACK_FOR }: AppOptions): App {
  const redactor = createRedactor();
  const redact = (text: string) => redactor.redact(text);
  const never = new AbortController().signal;
  const stopped = stop ?? never;
  // One client for each signal and no more: a looping command connects anew for every look.
  const clients = new Map([never, stopped].map((signal) => [signal, openHttp({ redact, env, signal })]));

  const tools = (folder: string, signal: AbortSignal): Tools => {
    refuseForks(env, trustPlan);
    const place = folderHere(folder, cwd);
    return {
      http: clients.get(signal)!,
      files: openFiles({ folder: place, root: repositoryOf(place) ?? place }),
      clock: systemClock,
      reveal: secretReader({ env, ci: isCi(env), folder: place, secretsDirectory: env["ROLLOUT_SECRETS_DIR"], redactor }),
      redact,
      signal,
    };
  };
  const engine: Engine = {
    store: openStore(store ?? env["ROLLOUT_STORE"], cwd),
    clock: systemClock,
    actor: claimedActor(env),
    connectFlag(plan, folder) {
      const { type, ...own } = plan.flag.backend;
      const definition = definitionOf(catalog.flags, type);
      // A write that was begun is finished, whoever asks to stop.
      return definition.connect(understood(definition.options, own, `the options of ${type}`), tools(folder, never));
    },
    connectSources(plan, folder) {
      const shared = tools(folder, stopped);
      return Object.fromEntries(Object.entries(plan.sources).map(([name, options]) => [name, connectSource(options, shared)]));
    },
    connectHeartbeat: ({ heartbeat }, folder) => (heartbeat === undefined ? undefined : httpHeartbeat(heartbeat, tools(folder, stopped))),
    stop: stopped,
    tell,
    rollbackFor,
  };
  return { engine, redact };
}

/** How somebody turns the flag of a plan off without this tool. */
export function byHandOf({ connectFlag }: Engine, { plan, folder }: PlanFile): string {
  return connectFlag(plan, folder).byHand(flagTargetOf(plan));
}

/** A pull request from a fork is a stranger's plan: it must not reach what the job's own credentials reach. */
function refuseForks(env: Environment, trustPlan: boolean): void {
  const system = trustPlan ? undefined : forkOf(env);
  if (system === undefined) return;
  throw new RolloutError("refused", `this ${system} job belongs to a pull request from a fork, whose plan may be anybody's`, {
    hint: "`validate` and `explain` work here. If you have read the plan and trust it: --trust-plan.",
  });
}

function connectSource({ type, ...own }: AdapterOptions, tools: Tools): ConnectedSource {
  const definition = definitionOf(catalog.sources, type);
  const options = understood(definition.options, own, `the options of ${type}`);
  const { settle = definition.settle } = options as { settle?: number };
  return {
    source: discreet(definition.connect(options, tools), tools),
    history: definition.history,
    settle,
    parseQuery: (query, kind) => understood(definition.query[kind] ?? z.never(), query, `a query for ${type}`),
  };
}

/** What an adapter quotes of an answer goes into the ledger, so for all of them it passes the redactor here. */
function discreet(source: MetricSource, { redact, signal }: Tools): MetricSource {
  return {
    async measure(requests, options) {
      const answers = await source.measure(requests, options);
      // What the user has stopped is no failure of the source.
      if (signal.aborted) throw new RolloutError("interrupted", "interrupted while measuring; nothing was recorded");
      return answers.map((answer) => ("reason" in answer ? { ...answer, reason: redact(answer.reason) } : answer));
    },
  };
}

function definitionOf<Definition>(definitions: Readonly<Record<string, Definition>>, type: string): Definition {
  const definition = Object.hasOwn(definitions, type) ? definitions[type] : undefined;
  return definition ?? refuseOtherVersion(`"${type}"`);
}

/** A plan was checked when it was read, but the one in a ledger may be of another version of ours. */
function understood<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : refuseOtherVersion(what);
}

function refuseOtherVersion(what: string): never {
  throw new RolloutError("usage", `this version of rollout does not understand ${what} in the ledger's plan`, {
    hint: "Use the version that the rollout was started with, or a newer one.",
  });
}

const DEFAULT_STORE = ".rollout";

/** The store at an address; a directory is relative to where the command runs. */
function openStore(address: string | undefined, cwd: string): Store {
  if (address !== undefined && address !== "") {
    if (/^[a-z][a-z+]+:/i.test(address)) {
      throw new RolloutError("usage", `a store is a directory; "${address.split(":")[0]}:" is none`, {
        hint: "Name a directory, such as --store .rollout.",
      });
    }
    return { ...directoryStore(resolve(cwd, address)), address };
  }
  const folder = join(repositoryOf(cwd) ?? cwd, DEFAULT_STORE);
  return { ...directoryStore(folder), address: relative(cwd, folder) };
}
