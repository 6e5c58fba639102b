import { appendFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf, RolloutError } from "../errors.ts";
import type { Markdown } from "../report/markdown.ts";
import { errorMarkdown } from "../report/outcomeMarkdown.ts";
import type { Cli, Summarised } from "./context.ts";

/** GitHub shows no summary of a step that is larger than 1 MiB; there may be others beside this one. */
const MOST_BYTES = 512 * 1024;

type To = Pick<Summarised, "summary">;

/**
 * Appends a result to the file of `--summary`, where one was given. Its texts pass the redactor before they are escaped:
 * in an escaped text a secret would not be found. What was done is done, so a file that cannot be written is only told.
 */
export async function summarise<Report>(cli: Cli, { summary }: To, report: Report, view: (report: Report) => Markdown): Promise<void> {
  if (summary === undefined) return;
  const { markdown } = view(redacted(report, (text) => cli.output.redacted(text)));
  try {
    await appendFile(resolve(cli.cwd, summary), `${fitting(markdown)}\n`);
  } catch (error) {
    cli.output.progress({ kind: "warning", sentence: `the summary could not be written: ${messageOf(error)}` });
  }
}

/** Does a command's work; a failure stands in its summary as well. */
export async function summarisingFailures(cli: Cli, options: To, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const { code, message, hint } = error instanceof RolloutError ? error : new RolloutError("unexpected", messageOf(error));
    await summarise(
      cli,
      options,
      { schema: "rollout.error/1" as const, code, message, ...(hint !== undefined && { hint }) },
      errorMarkdown,
    );
    throw error;
  }
}

/** Writes a report that was asked for. Throws `RolloutError` (`usage`) where that cannot be. */
export async function writeReport(cli: Cli, path: string, text: string): Promise<void> {
  try {
    await writeFile(resolve(cli.cwd, path), cli.output.redacted(text));
  } catch (cause) {
    throw new RolloutError("usage", `${path} cannot be written: ${messageOf(cause)}`, { cause });
  }
}

/** The report with every text in it redacted. */
function redacted<Value>(value: Value, redact: (text: string) => string): Value {
  if (typeof value === "string") return redact(value) as Value;
  if (Array.isArray(value)) return value.map((each: unknown) => redacted(each, redact)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]: [string, unknown]) => [key, redacted(each, redact)])) as Value;
}

/** Whole lines, as many as fit: each of them is Markdown by itself. */
function fitting(markdown: string): string {
  if (Buffer.byteLength(markdown) <= MOST_BYTES) return markdown;
  const cut = Buffer.from(markdown).subarray(0, MOST_BYTES);
  return `${cut.subarray(0, cut.lastIndexOf("\n")).toString("utf8")}\n\nThe rest is left out: it is too long.\n`;
}
