import { compareRanks } from "../../../../src/stats/mannWhitney.ts";
import { normalQuantile } from "../../../../src/stats/special.ts";
import type { Look, Rule } from "../ramp.ts";

/**
 * Kayenta's judge on one metric, asked every five minutes about the points of the stage so far, a point a minute, beside
 * a baseline as large as the canary. Confidence 98 %, tolerance 0.25, `allowedIncrease` 1. It fails the canary where the metric is High:
 * the lower end of the interval of the shift is above a quarter of the shift, and the mean ratio is at least 1. Without
 * any points in a group the score is 0, which fails too.
 *
 * Two readings of the interval. `textbook` is the k-th smallest of the m·n differences, k = ⌊mn/2 − ½ − zσ⌋ but at least 1,
 * σ² = mn(m + n + 1)/12 (Hollander & Wolfe, without a correction for ties): it is the one that the published figures turn
 * out to rest on. `inverted` is Kayenta's own, after R: the shift at which the test, its σ corrected for ties, just
 * accepts. It rolls back a little sooner, and has about twice the false rollbacks.
 */
export function kayenta<L extends Look>(
  name: string,
  interval: "textbook" | "inverted",
  points: (look: L) => { experiment?: number | undefined; control?: number | undefined },
): Rule<L> {
  const isAbove = interval === "textbook" ? isAboveByRank : isAboveByTest;
  return {
    name,
    begin: () => {
      let stage = 0;
      let [experiment, control]: [number[], number[]] = [[], []];
      return (look) => {
        if (look.stage !== stage) [stage, experiment, control] = [look.stage, [], []];
        const point = points(look);
        if (point.experiment !== undefined) experiment.push(point.experiment);
        if (point.control !== undefined) control.push(point.control);
        if (look.minute % MINUTES !== 0) return false;
        if (experiment.length === 0 || control.length === 0) return true;
        return isHigh(experiment, control, isAbove);
      };
    },
  };
}

const MINUTES = 5;
const CONFIDENCE = 0.98;
const TOLERANCE = 0.25;
const Z = normalQuantile((1 + CONFIDENCE) / 2);

/** Whether the lower end of the interval is above this shift. */
type IsAbove = (shift: number, differences: readonly number[], experiment: readonly number[], control: readonly number[]) => boolean;

function isHigh(experiment: readonly number[], control: readonly number[], isAbove: IsAbove): boolean {
  // What is the same everywhere, or all of one value, passes; and a mean ratio below 1 is no increase.
  if (new Set([...experiment, ...control]).size === 1 || meanOf(experiment) < meanOf(control)) return false;
  const differences = experiment.flatMap((value) => control.map((other) => value - other)).sort((a, b) => a - b);
  return isAbove(TOLERANCE * Math.abs(medianOf(differences)), differences, experiment, control);
}

/** By the k-th smallest difference. */
export function isAboveByRank(
  shift: number,
  differences: readonly number[],
  { length: m }: readonly number[],
  { length: n }: readonly number[],
): boolean {
  const rank = Math.floor((m * n) / 2 - 0.5 - Z * Math.sqrt((m * n * (m + n + 1)) / 12));
  return differences[Math.max(1, rank) - 1]! > shift;
}

/** By whether the test rejects the shift. */
export function isAboveByTest(
  shift: number,
  _differences: readonly number[],
  experiment: readonly number[],
  control: readonly number[],
): boolean {
  const { first, sizes, ties } = compareRanks(
    experiment.map((value) => value - shift),
    control,
  );
  const [m, n] = sizes;
  const variance = ((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1)));
  return first - (m * n) / 2 - 0.5 > Z * Math.sqrt(variance);
}

/** The Hodges-Lehmann estimate. */
function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
