import { count } from "../core/words.ts";
import type { Instant } from "../model/measurement.ts";
import type { Verdict } from "../model/verdict.ts";
import type { BacktestReport } from "./backtest.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** What became of one series, as the replay says it. */
interface Replayed {
  series: string | undefined;
  outcome: BacktestReport["outcome"];
  at: Instant | undefined;
  look: number;
  stage: string | undefined;
  cause: string | undefined;
  verdict: Verdict | undefined;
  sentence: string;
}

/** The result of one series. */
export function backtestReport({ series, outcome, at, look, stage, cause, verdict, sentence }: Replayed): BacktestReport {
  return {
    schema: "rollout.backtest/1",
    series: series ?? null,
    outcome,
    at: at === undefined ? null : new Date(at).toISOString(),
    look,
    stage: stage ?? null,
    cause: cause ?? null,
    guardrail: verdict?.guardrail ?? null,
    verdict: verdict ?? null,
    sentence,
  };
}

/** The order in which outcomes are told, with the words for them. */
const words: Record<BacktestReport["outcome"], string> = {
  rolledBack: "rolled back",
  paused: "paused",
  complete: "complete",
  unfinished: "unfinished",
};

/** So many series of an outcome are told one by one. */
const MOST = 20;

/** All series for the terminal: how many came to what, then those that acted and why. */
export function backtestView(rollout: string, reports: readonly BacktestReport[], looks: number, style: Style = plainStyle): string {
  const outcomes = Object.keys(words) as BacktestReport["outcome"][];
  const width = Math.max(...Object.values(words).map((word) => word.length));
  const sums = outcomes.flatMap((outcome) => {
    const own = reports.filter((each) => each.outcome === outcome).length;
    if (own === 0) return [];
    const share = reports.length > 1 ? style.dim(`  ${Number(((100 * own) / reports.length).toPrecision(3))}%`) : "";
    return [`  ${colourOf(outcome, style)(words[outcome].padEnd(width))}  ${count(own).padStart(count(reports.length).length)}${share}`];
  });
  const head = `${style.bold(terminalText(rollout))}  ${count(reports.length)} series, ${count(looks)} ${looks === 1 ? "look" : "looks"}`;
  const told = outcomes
    .filter((outcome) => outcome !== "complete")
    .flatMap((outcome) =>
      toldLines(
        reports.filter((each) => each.outcome === outcome),
        style,
      ),
    );
  return [head, ...sums, ...(told.length > 0 ? ["", ...told] : []), ""].join("\n");
}

function toldLines(reports: readonly BacktestReport[], style: Style): string[] {
  const lines = reports.slice(0, MOST).flatMap((report) => seriesLines(report, style));
  const rest = reports.length - MOST;
  return rest > 0
    ? [...lines, style.dim(`… and ${count(rest)} more that ended ${words[reports[0]!.outcome]}; --json has them all`)]
    : lines;
}

function seriesLines({ series, outcome, at, look, stage, verdict, sentence }: BacktestReport, style: Style): string[] {
  const name = series === null ? "" : `${style.bold(terminalText(series))}  `;
  const when = at === null ? "" : `, ${at.replace("T", " ").replace(/\.000Z$|Z$/, "Z")}`;
  const where = stage === null ? "before the first stage" : `at ${terminalText(stage)}`;
  const why = verdict ? `${verdict.guardrail}: ${verdict.sentence}` : sentence;
  return [`${name}${colourOf(outcome, style)(words[outcome])} ${where}, look ${look}${when}`, `  ${terminalText(why)}`];
}

function colourOf(outcome: BacktestReport["outcome"], style: Style): (text: string) => string {
  const colours = { rolledBack: style.red, paused: style.yellow, complete: style.green, unfinished: style.dim };
  return colours[outcome];
}
