import { createHmac, randomBytes } from "node:crypto";
import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { targetOf as flagTargetOf, type ConnectedSource, type Engine, type Note } from "./engine/context.ts";
import { storedEntries } from "./engine/copy.ts";
import type { PlanFile } from "./engine/start.ts";
import { verifyLedger } from "./engine/verify.ts";
import { RolloutError } from "./errors.ts";
import { actorSource } from "./io/actor.ts";
import { claimedActor, forkOf, isCi, type Environment } from "./io/ci.ts";
import { systemClock, within } from "./io/clock.ts";
import { openExec, openRun } from "./io/exec.ts";
import { openFiles } from "./io/files.ts";
import { openHttp } from "./io/http.ts";
import type { Tools } from "./io/port.ts";
import { createRedactor } from "./io/redact.ts";
import { secretReader } from "./io/secrets.ts";
import { openSpool } from "./io/spool.ts";
import type { FlagBackend } from "./flags/port.ts";
import { directoryStore } from "./ledger/directory.ts";
import { archiveStore, stores, writeArchive } from "./ledger/index.ts";
import type { Store, StoreTools } from "./ledger/port.ts";
import type { MetricSource } from "./metrics/port.ts";
import type { AdapterOptions } from "./model/plan.ts";
import { httpHeartbeat } from "./notify/heartbeat.ts";
import { catalog, folderHere, repositoryOf } from "./planFiles.ts";
import { planSigners } from "./signing.ts";

export { rehearse, step, type Outcome, type Rehearsal, type StepOptions, type StepResult } from "./engine/advance.ts";
export { runToEnd, waitForMove } from "./engine/loop.ts";
export { accept, pause, restart, resume, rollbackNow, type Asked, type RolledBackBlind } from "./engine/people.ts";
export { measureOnce, type Answer } from "./engine/ask.ts";
export { followLedger, readLedger, type ReadEntry } from "./engine/read.ts";
export { copyLedger, type Copied } from "./engine/copy.ts";
export { readState, readStates } from "./engine/tail.ts";
export { verifyLedger, type Verified, type VerifyOptions } from "./engine/verify.ts";
export { openVoucher } from "./engine/vouching.ts";
export type { Engine, Note } from "./engine/context.ts";
export type { PlanFile } from "./engine/start.ts";
export { backtestFile, exportObservations, simulatePlan, simulationFor, type SimulationOptions } from "./trials.ts";
export { readPublicKeys } from "./signing.ts";
export { planFileOf, previewPlanFile, readPlanFile, sizePlan, targetOf, type ReadPlanFile, type Target } from "./planFiles.ts";
export { RolloutError, messageOf, type ErrorCode } from "./errors.ts";
export type { Store } from "./ledger/port.ts";
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

  const secretsIn = (folder: string, signing: boolean) =>
    secretReader({ env, ci: isCi(env), folder, secretsDirectory: env["ROLLOUT_SECRETS_DIR"], redactor, signing });
  const warn = (sentence: string) => tell({ kind: "warning", sentence });
  const isStranger = !trustPlan && forkOf(env) !== undefined;

  const tools = (folder: string, signal: AbortSignal): Tools => {
    refuseForks(env, trustPlan);
    const place = folderHere(folder, cwd);
    const root = repositoryOf(place) ?? place;
    return {
      http: clients.get(signal)!,
      files: openFiles({ folder: place, root }),
      exec: openExec({ folder: place, root, redact, env, signal }),
      clock: systemClock,
      reveal: secretsIn(place, false),
      redact,
      signal,
    };
  };
  const hide = (secret: string) => redactor.add(secret);
  const { store: ledgers, identity } = openStore(store ?? env["ROLLOUT_STORE"], { cwd, env, run: openRun({ redact }), hide, redact });
  const engine: Engine = {
    store: ledgers,
    spool: openSpool({ env, store: identity }),
    clock: systemClock,
    // Nothing goes out from a stranger's pull request, not even to ask who it is.
    actor: isStranger
      ? async () => claimedActor(env)
      : actorSource({ env, http: clients.get(stopped)!, clock: systemClock, redactor, warn }),
    signerFor: planSigners({
      reveal(secret, folder) {
        refuseForks(env, trustPlan);
        return secretsIn(folderHere(folder, cwd), true)(secret);
      },
      warn,
    }),
    connectFlag(plan, folder) {
      const { type, ...own } = plan.flag.backend;
      const definition = definitionOf(catalog.flags, type);
      // A write that was begun is finished, whoever asks to stop.
      const shared = tools(folder, never);
      return discreetFlag(definition.connect(understood(definition.options, own, `the options of ${type}`), shared), shared);
    },
    connectSources(plan, folder) {
      const shared = tools(folder, stopped);
      return Object.fromEntries(Object.entries(plan.sources).map(([name, options]) => [name, connectSource(options, shared)]));
    },
    connectHeartbeat: ({ heartbeat }, folder) => (heartbeat === undefined ? undefined : httpHeartbeat(heartbeat, tools(folder, stopped))),
    stop: stopped,
    tell,
    rollbackFor,
    within,
  };
  return { engine, redact };
}

/** Puts a ledger into a file, and reads it back as a whole. Throws `RolloutError` as `writeArchive` and `verifyLedger` do. */
export async function archiveLedger(
  store: Store,
  name: string,
  file: string,
  { cwd }: { cwd: string },
): Promise<{ rollout: string; entries: number; head: { seq: number; hash: string } }> {
  async function* entries() {
    for await (const stored of storedEntries(store, name)) yield { rollout: name, ...stored };
  }
  await writeArchive(file, entries(), cwd);
  const { entries: count, head } = await verifyLedger(archiveStore(file, { cwd }), name);
  if (!head) throw new RolloutError("unexpected", `the archive ${file} holds nothing of ${name}`);
  return { rollout: name, entries: count, head };
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

/** In place of what must not be written down; nobody can find out by trying what it was. */
const salt = randomBytes(32);

/**
 * The same of a flag system. A revision that holds a secret (there are services that repeat in a header what they were sent)
 * has another name in the ledger, under which this process knows it again.
 */
function discreetFlag(backend: FlagBackend, { redact }: Tools): FlagBackend {
  const hidden = new Map<string, string>();
  const shown = (revision: string) => {
    if (redact(revision) === revision) return revision;
    const name = `hidden-${createHmac("sha256", salt).update(revision).digest("hex").slice(0, 32)}`;
    hidden.set(name, revision);
    return name;
  };
  return {
    ...backend,
    async read(target) {
      const reading = await backend.read(target);
      const revision = shown(reading.revision);
      return reading.kind === "foreign" ? { ...reading, found: redact(reading.found), revision } : { ...reading, revision };
    },
    write: (target, exposure, ifRevision, ...more) => backend.write(target, exposure, hidden.get(ifRevision) ?? ifRevision, ...more),
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

/** The store at an address (a directory is relative to where the command runs), and what tells it from every other one. */
function openStore(address: string | undefined, tools: StoreTools): { store: Store; identity: string } {
  const { cwd } = tools;
  if (address !== undefined && address !== "") {
    const scheme = /^([a-z][a-z0-9+]+):/i.exec(address)?.[1];
    if (scheme === undefined) return directoryAt(resolve(cwd, address), address);
    const open = Object.hasOwn(stores, scheme.toLowerCase()) ? stores[scheme.toLowerCase()] : undefined;
    // What an address names may depend on the checkout, such as a remote.
    if (open) return { store: open(address.slice(scheme.length + 1), tools), identity: `${address} ${repositoryOf(cwd) ?? cwd}` };
    throw new RolloutError("usage", `there is no store of the kind "${scheme}:"`, {
      hint: `Name a directory, such as --store .rollout, or one of ${Object.keys(stores)
        .map((each) => `${each}:…`)
        .join(", ")}.`,
    });
  }
  const folder = join(repositoryOf(cwd) ?? cwd, DEFAULT_STORE);
  return directoryAt(folder, relative(cwd, folder));
}

function directoryAt(folder: string, address: string): { store: Store; identity: string } {
  return { store: { ...directoryStore(folder), address }, identity: folder };
}
