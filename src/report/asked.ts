import type { State } from "../model/state.ts";
import type { AskedReport, UnrecordedReport } from "./asked.schema.ts";
import { headLine, standingLine, standingOf, unrecordedSentence } from "./standing.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** The result of what a person asked for. */
export function askedReport(
  { done, sentence, state, unrecorded }: { done: boolean; sentence: string; state: State; unrecorded?: AskedReport["unrecorded"] },
  schema: AskedReport["schema"],
): AskedReport {
  return { schema, ...standingOf(state), done, sentence, ...(unrecorded && { unrecorded }) };
}

/** It, for the terminal. */
export function askedView(report: AskedReport, style: Style = plainStyle): string {
  const { unrecorded } = report;
  return [
    standingLine(report, style),
    terminalText(report.sentence),
    ...(unrecorded ? [style.red(terminalText(unrecordedSentence(unrecorded)))] : []),
    headLine(report, style),
    "",
  ].join("\n");
}

/** A rollback without a ledger, for the terminal. */
export function unrecordedView(report: UnrecordedReport, style: Style = plainStyle): string {
  return [
    `${style.bold(report.rollout)}  the flag ${terminalText(report.flag)} is off for everybody`,
    style.red(terminalText(unrecordedSentence(report))),
    "",
  ].join("\n");
}
