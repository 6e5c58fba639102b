import type { Random } from "../../stats/random.ts";
import { gammaSum } from "./draws.ts";
import { SHARES, stageOf } from "./ramp.ts";

/** What a minute multiplies the rate of each group by; `rest` is the control without the baseline. */
export interface Factors {
  readonly treatment: number;
  readonly baseline: number;
  readonly rest: number;
}

/** Begins the noise of one run; it is then asked for minute 1, 2, 3 and so on. */
export type Noise = (random: Random) => (minute: number) => Factors;

/** The control is one arm: its baseline has the noise of the rest. */
const ofArms = (treatment: number, control: number): Factors => ({ treatment, baseline: control, rest: control });

export const noNoise: Noise = () => () => ofArms(1, 1);

/** Each arm's rate is multiplied every minute by its own gamma noise of mean 1. */
export function independentNoise(cv: number): Noise {
  return (random) => () => ofArms(random.gamma(cv * cv), random.gamma(cv * cv));
}

/** The same in the treatment alone. */
export function treatmentNoise(cv: number): Noise {
  return (random) => () => ofArms(random.gamma(cv * cv), 1);
}

/**
 * Each arm's rate wanders by itself: log-normal of mean 1, its logarithm a stationary AR(1) process with this correlation
 * from minute to minute.
 */
export function persistentNoise(cv: number, correlation: number): Noise {
  const variance = Math.log1p(cv * cv);
  const innovation = Math.sqrt(1 - correlation * correlation);
  return (random) => {
    const states = [random.normal(), random.normal()];
    const factors = () => states.map((state) => Math.exp(Math.sqrt(variance) * state - variance / 2)) as [number, number];
    return (minute) => {
      if (minute > 1) for (const index of states.keys()) states[index] = correlation * states[index]! + innovation * random.normal();
      return ofArms(...factors());
    };
  };
}

/** The variance of a user's share of the errors, relative to its mean: most users have hardly any, a few have very many. */
const HEAVY = 20;

/**
 * So many users, each with a tendency to errors of its own that stays (gamma, CV √20 = 4.5), fall into the groups once: who is in
 * at 1 % is in at 5 %. The baseline is as many users from the other end of the line. Sums of gammas are gammas, so that
 * only the nine blocks of users are drawn whose borders some stage has.
 */
export function stickyUsers(users: number): Noise {
  const borders = [0, ...SHARES, ...SHARES.toReversed().map((share) => 1 - share), 1];
  const widths = borders.slice(1).map((border, index) => border - borders[index]!);
  return (random) => {
    const blocks = widths.map((width) => (width > 0 ? gammaSum(random, users * width, HEAVY) / users : 0));
    const sum = (from: number, to: number) => blocks.slice(from, to).reduce((all, block) => all + block, 0);
    return (minute) => {
      const stage = stageOf(minute);
      const share = SHARES[stage]!;
      const [first, last] = [stage + 1, blocks.length - stage - 1];
      const middle = 1 - 2 * share;
      return {
        treatment: sum(0, first) / share,
        baseline: sum(last, blocks.length) / share,
        rest: middle > 0 ? sum(first, last) / middle : 1,
      };
    };
  };
}
