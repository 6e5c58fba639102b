import { existsSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { PlanFile } from "./engine/start.ts";
import { messageOf, RolloutError } from "./errors.ts";
import { flagBackends } from "./flags/index.ts";
import { openFiles } from "./io/files.ts";
import { metricSources } from "./metrics/index.ts";
import { nameSchema } from "./model/exposure.ts";
import type { Diagnostic } from "./model/diagnostic.ts";
import type { Plan } from "./model/plan.ts";
import { linesOf } from "./plan/excerpt.ts";
import { collectProblems } from "./plan/problems.ts";
import { readPlan, type PlanReading } from "./plan/read.ts";
import type { Catalog } from "./plan/reading.ts";
import { MAX_VALUES_BYTES } from "./plan/rules.ts";
import { mendName } from "./plan/suggest.ts";
import { sizeOf, type PlanSize } from "./simulate/size.ts";
import { blindStages } from "./simulate/sizeBlind.ts";
import { expectedWith, type SizeOptions } from "./simulate/sizeExpected.ts";

/** Plan files and their folders: where they are, what they say, and what their stages can see. All of it is offline. */

export const catalog: Catalog = { flags: flagBackends, sources: metricSources };

/** A larger file is not even read, so that its mistakes are not shown in frames. */
const MOST_BYTES = 64 * 1024 * 1024;

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

/** The nearest folder upwards that is the root of a repository. */
export function repositoryOf(folder: string): string | undefined {
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
export function folderHere(folder: string, cwd: string): string {
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
