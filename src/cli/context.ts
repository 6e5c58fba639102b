import type { Output } from "./output.ts";

/** What every command is handed. */
export interface Cli {
  cwd: string;
  env: Record<string, string | undefined>;
  output: Output;
  /** Aborts when the user asks to stop. */
  stop: AbortSignal;
}

/** Options that every command has. */
export interface Globals {
  json?: boolean;
  store?: string;
  trustPlan?: boolean;
  input: boolean;
}

/** Options of the commands whose result can be kept as Markdown. */
export interface Summarised extends Globals {
  /** The file that it is appended to. */
  summary?: string;
}
