import { deviation, mean, quantile, type Figures, type HarmfulFigures } from "./figures.ts";
import { PUBLISHED } from "./published.ts";

/** One figure of ours beside the published one. */
export interface Comparison {
  readonly rule: string;
  readonly scenario: string;
  readonly what: "false rollbacks %" | "missed %" | "median minutes" | "mean thousands";
  readonly ours: number;
  readonly theirs: string;
  /** Standard errors of the difference between them, both being simulations of finitely many runs. */
  readonly apart: number;
}

/** Beyond so many standard errors a figure counts as not reproduced. */
export const REPRODUCED = 3;

/** All published figures of a rule in a scenario beside ours. */
export function compare(rule: string, scenario: string, figures: Figures): Comparison[] {
  return PUBLISHED.flatMap(({ runs, cells }) => {
    const cell = cells[rule]?.[scenario];
    if (cell === undefined || figures.runs === 0) return [];
    return compareCell(figures, cell.split("/"), runs).map((found) => ({ rule, scenario, ...found }));
  });
}

function compareCell(figures: Figures, parts: readonly string[], runs: number): Omit<Comparison, "rule" | "scenario">[] {
  if (figures.kind === "harmless")
    return [{ what: "false rollbacks %", ...sharesApart(figures.rolledBack, figures.runs, parts[0]!, runs) }];
  const [missed = "", minutes = "", thousands = ""] = parts;
  return [
    ...(missed === "" ? [] : [{ what: "missed %" as const, ...sharesApart(figures.missed, figures.runs, missed, runs) }]),
    ...(minutes === "" ? [] : [{ what: "median minutes" as const, ...mediansApart(figures, minutes, runs) }]),
    ...(thousands === "" ? [] : [{ what: "mean thousands" as const, ...meansApart(figures, thousands, runs) }]),
  ];
}

type Apart = Pick<Comparison, "ours" | "theirs" | "apart">;

/** Two shares, with the share of both together in the standard error. */
function sharesApart(events: number, runs: number, theirs: string, theirRuns: number): Apart {
  const [ours, other] = [events / runs, Number(theirs) / 100];
  const both = (events + other * theirRuns) / (runs + theirRuns);
  const error = Math.hypot(Math.sqrt(both * (1 - both) * (1 / runs + 1 / theirRuns)), rounding(theirs) / 100);
  return { ours: 100 * ours, theirs, apart: Math.abs(ours - other) / error };
}

/** Two means, the deviation of theirs being taken for the same as ours. */
function meansApart({ thousands, runs }: HarmfulFigures, theirs: string, theirRuns: number): Apart {
  const ours = mean(thousands);
  const error = Math.hypot(deviation(thousands) * Math.sqrt(1 / runs + 1 / theirRuns), rounding(theirs));
  return { ours, theirs, apart: Math.abs(ours - Number(theirs)) / error };
}

/**
 * Two medians: theirs should lie between those of our values that are three standard errors before and after the middle,
 * by rank, or within half a minute of them. No density is needed for that, which whole minutes, and checks every five,
 * do not have.
 */
function mediansApart({ minutes, runs }: HarmfulFigures, theirs: string, theirRuns: number): Apart {
  const ours = quantile(minutes, 0.5);
  const away = Number(theirs) - ours;
  const rankError = REPRODUCED * 0.5 * Math.sqrt(1 / runs + 1 / theirRuns);
  const edge = quantile(minutes, 0.5 + Math.sign(away) * rankError);
  return { ours, theirs, apart: (REPRODUCED * Math.abs(away)) / (Math.abs(edge - ours) + 0.5) };
}

/** The standard deviation of what rounding to the last digit that was written has hidden. */
function rounding(written: string): number {
  const digits = written.split(".")[1]?.length ?? 0;
  return 10 ** -digits / Math.sqrt(12);
}
