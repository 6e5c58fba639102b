import { clopperPearson } from "../../reference/textbook.ts";
import { LOOKS } from "./ramp.ts";
import type { Harm } from "./scenarios.ts";
import type { Outcome } from "./simulate.ts";

/** What all runs of a rule in a harmless scenario come to. */
export interface HarmlessFigures {
  readonly kind: "harmless";
  readonly runs: number;
  readonly rolledBack: number;
  /** The one-sided upper 95 % bound of the share rolled back (Clopper & Pearson). */
  readonly upper: number;
  /** The mean minute of a false rollback; nothing if there was none. */
  readonly minute: number | undefined;
  /**
   * Minutes until everybody has the feature, on average, where a ramp that is rolled back begins again at once from the
   * first stage: 60 + q/(1 − q) · (the mean minute of a false rollback), q being their share. All rules advance by the clock,
   * so that it is 60 without false rollbacks; ∞ where all ramps are rolled back.
   */
  readonly minutesToAll: number;
}

/** What all runs of a rule in a harmful scenario come to. */
export interface HarmfulFigures {
  readonly kind: "harmful";
  /** Runs that were not rolled back before the harm began; all the other figures are of these. */
  readonly runs: number;
  /** Runs that were: false rollbacks. */
  readonly before: number;
  readonly missed: number;
  /** Minutes from the onset to the rollback, ascending; the rest of the ramp where it was missed. */
  readonly minutes: readonly number[];
  /** Thousands of requests treated from the onset to the rollback, ascending; all of them where it was missed. */
  readonly thousands: readonly number[];
}

export type Figures = HarmlessFigures | HarmfulFigures;

export function figuresOf(outcomes: readonly Outcome[], harm: Harm | undefined): Figures {
  return harm ? harmfulFigures(outcomes, harm) : harmlessFigures(outcomes);
}

function harmlessFigures(outcomes: readonly Outcome[]): HarmlessFigures {
  const runs = outcomes.length;
  const minutes = outcomes.flatMap(({ minute }) => minute ?? []);
  const share = minutes.length / runs;
  const minute = minutes.length > 0 ? mean(minutes) : undefined;
  return {
    kind: "harmless",
    runs,
    rolledBack: minutes.length,
    upper: clopperPearson(minutes.length, runs, 2 * 0.05)[1],
    minute,
    minutesToAll: minute === undefined ? LOOKS : share === 1 ? Infinity : LOOKS + (share / (1 - share)) * minute,
  };
}

function harmfulFigures(outcomes: readonly Outcome[], { onset }: Harm): HarmfulFigures {
  const after = outcomes.filter(({ minute }) => minute === undefined || minute > onset);
  return {
    kind: "harmful",
    runs: after.length,
    before: outcomes.length - after.length,
    missed: after.filter(({ minute }) => minute === undefined).length,
    minutes: after.map(({ minute }) => (minute ?? LOOKS) - onset).sort((a, b) => a - b),
    thousands: after.map(({ exposed }) => exposed / 1000).sort((a, b) => a - b),
  };
}

/** The figures without the single runs, for a file. */
export function summaryOf(figures: Figures): Record<string, number | string | undefined> {
  if (figures.kind === "harmless") return { ...figures };
  const { minutes, thousands, ...counts } = figures;
  return {
    ...counts,
    medianMinutes: quantile(minutes, 0.5),
    meanThousands: mean(thousands),
    medianThousands: quantile(thousands, 0.5),
    deviationThousands: deviation(thousands),
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** The value below which this share of the ascending values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1))]!;
}

/**
 * The fewest treated requests, on average, after which any test with this α can have seen a harm that is always there
 * (Wald): ln(1/α)/KL(harmful ‖ usual), for one that knows the usual rate and the size of the harm.
 */
export function waldLimit(rate: number, size: number, alpha: number): number {
  const harmful = rate * size;
  const information = harmful * Math.log(size) + (1 - harmful) * (Math.log1p(-harmful) - Math.log1p(-rate));
  return Math.log(1 / alpha) / information;
}
