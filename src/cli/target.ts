import { byHandOf, openApp, planFileOf, readPlanFile, RolloutError, targetOf, type App, type PlanFile, type ReadPlanFile } from "../app.ts";
import { parseDuration } from "../model/units.ts";
import { renderDiagnostics } from "../report/frames.ts";
import type { Cli, Globals } from "./context.ts";

/** Opens the house for a command, its words redacted and its doings shown as far as the command wants. */
export function open(
  cli: Cli,
  { store, trustPlan = false }: Globals,
  { live = false, rollbackFor }: { live?: boolean; rollbackFor?: string | undefined } = {},
): App {
  const app = openApp({
    cwd: cli.cwd,
    env: cli.env,
    store,
    trustPlan,
    stop: cli.stop,
    tell: (note) => {
      if (live || note.kind !== "entry") cli.output.progress(note);
    },
    ...(rollbackFor !== undefined && { rollbackFor: durationOf(rollbackFor, "--rollback-for") }),
  });
  cli.output.redactWith(app.redact);
  return app;
}

/** The milliseconds of an option; throws `RolloutError` (`usage`). */
export function durationOf(text: string, option: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw new RolloutError("usage", `${option}: "${text}" is not a duration`, { hint: "Write it with its unit: 30s, 4m, 1h30m." });
}

/** The rollout that a command was given. */
export interface Chosen {
  name: string;
  /** Its plan file, where one was given that is valid. */
  file?: PlanFile;
  /** A plan file was given whose rollout could be read and the rest could not: its mistakes have been shown. */
  fileIsInvalid: boolean;
}

/** The rollout that a name or a plan file stands for. Shows what is wrong with the file; throws when that is too much. */
export async function choose(cli: Cli, text: string): Promise<Chosen> {
  const target = targetOf(text, cli);
  if (target.kind === "name") return { name: target.name, fileIsInvalid: false };
  const read = await readPlanFile(target.path, cli);
  const file = planFileOf(read);
  if (file) return { name: file.plan.rollout, file, fileIsInvalid: false };
  showMistakes(cli, read);
  const name = read.reading.valid ? undefined : read.reading.rollout;
  if (name !== undefined) return { name, fileIsInvalid: true };
  throw invalid(read, "To work on a rollout that has begun, its name will do.");
}

export function unknownLedger(name: string, { address }: App["engine"]["store"]): RolloutError {
  return new RolloutError("usage", `there is no rollout ${name} in ${address}`, {
    hint: "`rollout status` lists what there is; --store names another place.",
  });
}

/** Does what guards or turns off a feature; where the ledger is damaged nothing does, and whoever reads that must know what to do. */
export async function guarding<T>({ engine }: App, { file }: Chosen, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "damaged") throw error;
    const how = file
      ? `To switch it off by hand: ${byHandOf(engine, file)}.`
      : "With the plan file instead of the name, this says how to switch it off by hand.";
    throw new RolloutError("damaged", error.message, {
      cause: error,
      hint: `Nothing guards the feature until the ledger is restored from a copy, and it may be exposed. ${how}`,
    });
  }
}

/** The plan file that a command was given; throws `RolloutError` (`invalidPlan`) after showing its mistakes. */
export async function planOf(cli: Cli, path: string): Promise<PlanFile> {
  const read = await readPlanFile(path, cli);
  const file = planFileOf(read);
  if (file) return file;
  showMistakes(cli, read);
  throw invalid(read);
}

/** That a plan is not valid, once its mistakes have been shown. */
export function invalid({ path, reading }: Pick<ReadPlanFile, "path" | "reading">, hint?: string): RolloutError {
  const errors = reading.valid ? 0 : reading.diagnostics.filter(({ severity }) => severity === "error").length;
  return new RolloutError(
    "invalidPlan",
    `${path} is not a valid plan: ${errors} ${errors === 1 ? "error" : "errors"}`,
    hint === undefined ? {} : { hint },
  );
}

function showMistakes({ output }: Cli, { reading }: ReadPlanFile): void {
  const diagnostics = reading.valid ? reading.warnings : reading.diagnostics;
  output.talk(renderDiagnostics(diagnostics, output.talkStyle));
}

/** The reason that was given, or that a person at the terminal gives when asked; nothing where nobody can be asked. */
export async function reasonOf(
  { output }: Cli,
  { reason, input }: { reason?: string; input: boolean },
  question: string,
): Promise<string | undefined> {
  if (reason !== undefined || !input || !output.interactive) return reason;
  const prompts = await import("@inquirer/prompts");
  const answer = await prompts.input({ message: question }, { output: process.stderr });
  return answer.trim() === "" ? undefined : answer.trim();
}
