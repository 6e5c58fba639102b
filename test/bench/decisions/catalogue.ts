import { LATENCY_SCENARIOS } from "./latency.ts";
import type { Known, Look, RateLook, Rule } from "./ramp.ts";
import { ceilingAtKnownRate, conditionalBinomial, dab } from "./rules/evidence.ts";
import { kayenta } from "./rules/kayenta.ts";
import { fixedQuantileRule, kayentaQuantileRule, quantileRiseRule, slowdownRule } from "./rules/latency.ts";
import { growthBookSequential, statsigSequential, zTest } from "./rules/sums.ts";
import { argoThreshold, flaggerThreshold } from "./rules/thresholds.ts";
import { HARMFUL, HARMLESS, type Harm, type Scenario } from "./scenarios.ts";
import { simulate, type Outcome } from "./simulate.ts";

/** A scenario with the rules that can look at it. */
export interface Entry {
  readonly name: string;
  readonly known: Known;
  /** Absent where the release is harmless. */
  readonly harm?: Harm;
  readonly rules: readonly string[];
  /** Which share of the runs it gets: a run of some costs as much as ten of others. */
  readonly share: number;
  /** The outcomes of these rules, run by run. */
  simulate(rules: readonly string[], runs: { seed: number; from: number; to: number }): Outcome[][];
}

const ratesOf = ({ treatment, baseline }: RateLook) => ({
  experiment: treatment.total > 0 ? treatment.events / treatment.total : undefined,
  control: baseline.total > 0 ? baseline.events / baseline.total : undefined,
});

const RATE_RULES: readonly Rule<RateLook>[] = [
  argoThreshold("Argo threshold 2×, 1 min", { times: 2, window: 1, failureLimit: 2 }),
  argoThreshold("Argo threshold 3×, 5 min", { times: 3, window: 5, failureLimit: 2 }),
  flaggerThreshold("Flagger 5 failed checks, 2×", { times: 2, threshold: 5 }),
  zTest("z-test at each look", "baseline"),
  kayenta("Kayenta, textbook interval", "textbook", ratesOf),
  kayenta("Kayenta, its own interval", "inverted", ratesOf),
  growthBookSequential("GrowthBook, equal control", "baseline"),
  growthBookSequential("GrowthBook, all control", "control"),
  statsigSequential("Statsig mSPRT", "baseline"),
  conditionalBinomial("conditional-binomial", { restart: false }),
  conditionalBinomial("conditional-binomial, restart", { restart: true }),
  dab("DAB"),
  dab("DAB strict, with history", { strict: true }),
  dab("DAB strict", { strict: true, controlHistory: false }),
  dab("DAB, margin 20 %", { margin: 1.2 }),
  dab("DAB, margin 50 %", { margin: 1.5 }),
  ceilingAtKnownRate("ceiling at the known rate"),
];

const LATENCY_RULES = [
  fixedQuantileRule("p95 threshold +50 ms, 1 min", 2),
  kayentaQuantileRule("Kayenta on p95, textbook interval", "textbook"),
  kayentaQuantileRule("Kayenta on p95, its own interval", "inverted"),
  quantileRiseRule("p95 rise over 50 ms"),
  slowdownRule("slowdown, DAB bucket by bucket"),
];

/** Everything there is to simulate. */
export const ENTRIES: readonly Entry[] = [
  ...entriesOf([...HARMLESS, ...HARMFUL], RATE_RULES, 1),
  ...entriesOf(LATENCY_SCENARIOS, LATENCY_RULES, 1 / 5),
];

/** The kind of look that scenarios and rules have in common stays inside. */
function entriesOf<L extends Look>(scenarios: readonly Scenario<L>[], rules: readonly Rule<L>[], share: number): Entry[] {
  return scenarios.map((scenario) => ({
    ...scenario,
    rules: rules.map(({ name }) => name),
    share,
    simulate: (names, runs) =>
      simulate(
        scenario,
        rules.filter(({ name }) => names.includes(name)),
        runs,
      ),
  }));
}

/** What is left of the entries with names that contain one of these texts; a kind of name that none is found in is left whole. */
export function only(entries: readonly Entry[], texts: readonly string[]): Entry[] {
  const found = (name: string): boolean => texts.some((text) => name.toLowerCase().includes(text.toLowerCase()));
  const byScenario = entries.some(({ name }) => found(name));
  const byRule = entries.some(({ rules }) => rules.some(found));
  if (texts.length > 0 && !byScenario && !byRule) return [];
  return entries
    .filter(({ name }) => !byScenario || found(name))
    .map((entry) => ({ ...entry, rules: byRule ? entry.rules.filter(found) : entry.rules }))
    .filter(({ rules }) => rules.length > 0);
}
