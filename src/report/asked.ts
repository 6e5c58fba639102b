import type { State } from "../model/state.ts";
import type { AskedReport } from "./asked.schema.ts";
import { headLine, standingLine, standingOf } from "./standing.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** The result of what a person asked for. */
export function askedReport(
  { done, sentence, state }: { done: boolean; sentence: string; state: State },
  schema: AskedReport["schema"],
): AskedReport {
  return { schema, ...standingOf(state), done, sentence };
}

/** It, for the terminal. */
export function askedView(report: AskedReport, style: Style = plainStyle): string {
  return [standingLine(report, style), terminalText(report.sentence), headLine(report, style), ""].join("\n");
}
