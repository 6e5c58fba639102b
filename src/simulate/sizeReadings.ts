import { duration } from "../core/words.ts";
import { FIRST_ASKED_AT } from "../judge/methods/levelTrend.ts";
import type { Guardrail } from "../model/plan.ts";
import { smallestP } from "../stats/mannWhitney.ts";
import { normalQuantile } from "../stats/special.ts";
import { roughPercent } from "./sizeHarm.ts";

/** A gauge has no requests: what counts is how often it is read. */

/** How a gauge is sized at a stage. */
export interface ReadingsSize {
  /** How many readings it takes before anything can be said. */
  readonly needs: number;
  readonly sentence: string;
}

export interface AskedReadings {
  /** Readings in the bake, one a look. */
  readonly readings: number;
  /** Milliseconds from look to look. */
  readonly poll: number;
  readonly alpha: number;
  /** How often the test was asked at the stages before: each time it has a part of its own of the chance of a false alarm. */
  readonly askedBefore: number;
}

/** Of a gauge's past so many levels are read. */
const PAST_LEVELS = 60;
const POWER = 0.8;

/** How many readings a gauge's guardrail takes. Its tests assume that readings are independent of each other, which they seldom are. */
export function readingsSize({ limit, failures, versus }: Guardrail, asked: AskedReadings): ReadingsSize {
  const level = (6 * asked.alpha) / (Math.PI * (asked.askedBefore + 1)) ** 2;
  if ("perHour" in limit) return trendSize(level);
  if ("by" in limit) return ranksSize(level, asked.readings, versus ? PAST_LEVELS : undefined);
  const { count, of } = failures ?? { count: 1, of: 1 };
  const takes = duration(count * asked.poll);
  const rule = of === 1 ? "the first reading beyond it" : `${count} of ${of} readings beyond it`;
  return { needs: count, sentence: `it is broken by ${rule}, after ${takes} at the earliest; how likely chance does so, nobody can say` };
}

/** Sen's interval does not leave all slopes out once z σ(S) is below the number of pairs (`stats/trend.ts`). */
function trendSize(level: number): ReadingsSize {
  const z = normalQuantile(1 - level);
  const tells = (n: number) => z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18) < (n * (n - 1)) / 2;
  let needs = 3;
  while (!tells(needs)) needs++;
  return {
    needs,
    sentence: `it is asked at ${FIRST_ASKED_AT} readings, at twice as many each time after, and at the end of the bake; which rise it sees depends on how much the level wavers`,
  };
}

/**
 * Mann and Whitney's test, once, at the end of the bake. The share of pairs that a shift is seen at is by Noether (1987,
 * "Sample size determination for some common nonparametric tests"): ½ + (z_(1−α) + z_(1−β)) √((m + n + 1)/(12 m n)).
 */
function ranksSize(level: number, readings: number, past: number | undefined): ReadingsSize {
  let needs = 1;
  while (smallestP(needs, past ?? needs, "greater") > level) needs++;
  const [m, n] = [readings, past ?? readings];
  const pairs = 0.5 + (normalQuantile(1 - level) + normalQuantile(POWER)) * Math.sqrt((m + n + 1) / (12 * m * n));
  const whom = past === undefined ? "the readings without the feature" : `${past} readings of before the rollout`;
  const once = `it is asked once, at the end of the bake, of ${readings} readings against ${whom}`;
  const sees = pairs < 1 ? `, and sees a level that is beyond the limit in ${roughPercent(pairs)} of their pairs` : "";
  return { needs, sentence: readings < needs ? `${once}: fewer than ${needs} cannot tell anything` : `${once}${sees}` };
}
