import { existsSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { targetOf as flagTargetOf, type ConnectedSource, type Engine, type Note } from "./engine/context.ts";
import type { PlanFile } from "./engine/start.ts";
import { messageOf, RolloutError } from "./errors.ts";
import { flagBackends } from "./flags/index.ts";
import { claimedActor, forkOf, isCi, type Environment } from "./io/ci.ts";
import { systemClock } from "./io/clock.ts";
import { openFiles } from "./io/files.ts";
import { openHttp } from "./io/http.ts";
import type { Tools } from "./io/port.ts";
import { createRedactor } from "./io/redact.ts";
import { secretReader } from "./io/secrets.ts";
import { directoryStore } from "./ledger/directory.ts";
import type { Store } from "./ledger/port.ts";
import { metricSources } from "./metrics/index.ts";
import type { MetricSource } from "./metrics/port.ts";
import { nameSchema } from "./model/exposure.ts";
import type { Diagnostic } from "./model/diagnostic.ts";
import type { AdapterOptions, Plan } from "./model/plan.ts";
import { linesOf } from "./plan/excerpt.ts";
import { collectProblems } from "./plan/problems.ts";
import { readPlan, type PlanReading } from "./plan/read.ts";
import type { Catalog } from "./plan/reading.ts";
import { MAX_VALUES_BYTES } from "./plan/rules.ts";
import { mendName } from "./plan/suggest.ts";
import { sizeOf, type PlanSize } from "./simulate/size.ts";
import { blindStages } from "./simulate/sizeBlind.ts";
import { expectedWith, type SizeOptions } from "./simulate/sizeExpected.ts";

export { rehearse, step, type Outcome, type Rehearsal, type StepOptions, type StepResult } from "./engine/advance.ts";
export { runToEnd, waitForMove } from "./engine/loop.ts";
export { accept, pause, restart, resume, rollbackNow, type Asked } from "./engine/people.ts";
export { measureOnce, type Answer } from "./engine/ask.ts";
export { followLedger, readLedger, type ReadEntry } from "./engine/read.ts";
export type { Engine, Note } from "./engine/context.ts";
export type { PlanFile } from "./engine/start.ts";
export { backtestFile, exportObservations, simulatePlan, simulationFor, type SimulationOptions } from "./trials.ts";
export { RolloutError, messageOf, type ErrorCode } from "./errors.ts";
export type { PlanReading } from "./plan/read.ts";
export type { PlanSize } from "./simulate/size.ts";
export type { SizeOptions } from "./simulate/sizeExpected.ts";

const catalog: Catalog = { flags: flagBackends, sources: metricSources };

/** A plan file that was read: where it is, and what it says or what is wrong with it. */
export interface ReadPlanFile {
  /** As it was named. */
  path: string;
  /** See `PlanFile`. */
  folder: string;
  reading: PlanReading;
}

/**
 * Reads a plan file and the files that its rules name; nothing else, and nothing goes out.
 * Throws `RolloutError` (`usage`) when there is no such file.
 */
export async function readPlanFile(path: string, { cwd }: { cwd: string }): Promise<ReadPlanFile> {
  const { text: _, ...read } = await readPlanText(path, cwd);
  return read;
}

/** A plan file as `readPlanFile` reads it, with what its stages can see, and warnings where that is too little. */
export async function previewPlanFile(path: string, { cwd }: { cwd: string }): Promise<ReadPlanFile & { size?: PlanSize }> {
  const { text, ...read } = await readPlanText(path, cwd);
  const { reading } = read;
  if (!reading.valid || reading.plan.guardrails.length === 0) return read;
  const size = sizePlan(reading.plan);
  const warnings = [...reading.warnings, ...blindWarnings(text, path, reading, size)];
  warnings.sort((a, b) => a.range.line - b.range.line || a.range.column - b.range.column);
  return { ...read, reading: { ...reading, warnings }, size };
}

/** What each stage of a plan can see, and what it takes. Throws `RolloutError` (`usage`) for options that are not understood. */
export function sizePlan(plan: Plan, options: SizeOptions = {}): PlanSize {
  const asked = expectedWith(plan, options, mendName);
  return sizeOf(asked.plan, asked.expected);
}

function blindWarnings(text: string, file: string, { plan, places }: Extract<PlanReading, { valid: true }>, size: PlanSize): Diagnostic[] {
  const source = text.replace(/^\uFEFF/, "");
  const lines = linesOf(source);
  const offset = (line: number, column: number) => lines.lineSpan(line - 1)[0] + column - 1;
  const problems = collectProblems(file, source);
  for (const { stage, message, mend } of blindStages(plan, size)) {
    const { line, column, endLine, endColumn } = places.get(`stages[${stage}]`)!;
    problems.place(["stages", stage], { value: [offset(line, column), offset(endLine, endColumn)] });
    problems.warning(["stages", stage], { message, mend });
  }
  return problems.diagnostics();
}

async function readPlanText(path: string, cwd: string): Promise<ReadPlanFile & { text: string }> {
  const file = resolve(cwd, path);
  const text = await readText(file, path);
  const files = openFiles({ folder: dirname(file), root: repositoryOf(dirname(file)) ?? dirname(file) });
  const reading = await readPlan(text, {
    file: path,
    catalog,
    readFile: async (name) => {
      const bytes = await files.read(name, { maxBytes: MAX_VALUES_BYTES });
      return bytes && Buffer.from(bytes).toString("utf8");
    },
  });
  return { path, folder: recordedFolder(dirname(file)), reading, text };
}

/** What a command was given: the name of a rollout, or the file of its plan. */
export type Target = { kind: "name"; name: string } | { kind: "file"; path: string };

/** A file wins over a name; what is neither is taken for a file, whose absence is then said. */
export function targetOf(text: string, { cwd }: { cwd: string }): Target {
  if (nameSchema.safeParse(text).success && !isFile(resolve(cwd, text))) return { kind: "name", name: text };
  return { kind: "file", path: text };
}

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

/** A larger file is not even read, so that its mistakes are not shown in frames. */
const MOST_BYTES = 64 * 1024 * 1024;
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

/** The nearest folder upwards that is the root of a repository. */
function repositoryOf(folder: string): string | undefined {
  for (let place = folder; ; place = dirname(place)) {
    if (existsSync(join(place, ".git"))) return place;
    if (dirname(place) === place) return undefined;
  }
}

/**
 * A plan's folder as the ledger keeps it: relative to the root of its repository, so that every checkout finds it;
 * absolute where there is no repository.
 */
function recordedFolder(folder: string): string {
  const root = repositoryOf(folder);
  return root === undefined ? folder : relative(root, folder).split(sep).join("/");
}

/** Where a recorded folder is on this machine. A ledger is written by others: it must not lead out of the repository. */
function folderHere(folder: string, cwd: string): string {
  const root = repositoryOf(cwd);
  const here = isAbsolute(folder) ? folder : resolve(root ?? cwd, folder);
  const inside = isAbsolute(folder) ? repositoryOf(folder) === undefined : root !== undefined && repositoryOf(here) === root;
  if (inside && existsSync(here)) return here;
  throw new RolloutError(
    "usage",
    `the folder of this rollout's plan is not here: ${folder === "" ? "the root of its repository" : folder}`,
    {
      hint: "Run the command in a checkout of the repository that the plan is in.",
    },
  );
}

async function readText(file: string, path: string): Promise<string> {
  try {
    const stats = await stat(file);
    if (!stats.isFile())
      throw new RolloutError("usage", `${path} is not a file`, { hint: "Name a plan file, such as plans/quickstart.yaml." });
    if (stats.size > MOST_BYTES) throw new RolloutError("usage", `${path} is no plan: it has ${stats.size} bytes`);
    return await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof RolloutError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new RolloutError("usage", missing ? `there is no file ${path}` : `${path} cannot be read: ${messageOf(cause)}`, {
      hint: "Name a plan file, or a rollout that has been started; `rollout status` lists those.",
      cause,
    });
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The plan file as the engine takes it; nothing when the plan is not valid. */
export function planFileOf({ folder, reading }: ReadPlanFile): PlanFile | undefined {
  return reading.valid ? { plan: reading.plan, hash: reading.hash, folder } : undefined;
}
