/**
 * Figures that were measured before, by others' simulations of the same ramp, as they were written down: false rollbacks
 * in %, or missed in % / median minutes / mean thousands of requests exposed (a part may be missing). The definitions here are those that
 * reproduce them.
 */
export interface Published {
  /** Ramps simulated for each figure. */
  readonly runs: number;
  /** By rule and scenario. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const named = (names: readonly string[], cells: string): Record<string, string> =>
  Object.fromEntries(cells.split(" ").map((cell, index) => [names[index]!, cell]));

const QUIET = ["steady", "diurnal", "incident", "CV .5", "300 rpm"];
const HARMS = ["×1.5", "×2", "×5", "×3 from minute 45", "×3 at 300 rpm"];
const first = (harmless: string, harmful?: string) => ({ ...named(QUIET, harmless), ...(harmful && named(HARMS, harmful)) });

const NOISY = QUIET.concat(
  ["rare", "CV 1", "CV .5 + incident", "bursts of 5", "bursts of 20", "bursts of 50", "100k rpm", "100k rpm CV .5"],
  ["20k sticky users", "AR(.9) CV .2", "AR(.9) CV .5"],
);
const MORE_HARMS = ["×1.5", "×2", "×5", "×20", "×3 from minute 45", "×3 at 300 rpm", "×2 CV .5", "×5 CV .5"];
const second = (harmless: string, harmful: string) => ({ ...named(NOISY, harmless), ...named(MORE_HARMS, harmful) });

export const PUBLISHED: readonly Published[] = [
  {
    runs: 5000,
    cells: {
      "Argo threshold 2×, 1 min": first("95.6 99.2 100 99.0 99.6"),
      "Argo threshold 3×, 5 min": first("7.7 0.9 99.7 9.1 48.5", "73/60/53 40/15/30 0/3/.25 16/9/28.8 .1/18/.17"),
      "z-test at each look": first("35.7 35.4 36.5 61.2 24.2"),
      "Kayenta, textbook interval": first("0.8 0.4 0.6 0.6 0.3", "7/50/43 0/40/15.8 0/20/2.4 0/5/15.3 54/60/3.3"),
      "GrowthBook, equal control": first("2.1 2.1 2.2 19.7 1.0", ".1/36/17 0/26/5.1 0/12/.79 0/3/7.7 3.8/45/1.7"),
      "GrowthBook, all control": first("0.3 50.7 20.7 13.6 0.1"),
      "Statsig mSPRT": first("0.4 0.4 0.3 11.9 0.1"),
      "conditional-binomial": first("1.7 2.0 1.5 21.3 1.6", "0/33/11 0/20/2.7 0/4/.28 0/3/9.5 1.7/37/1.0"),
      // Of the rule with restart only the harms: its false rollbacks were measured with a tempering of unknown form.
      "conditional-binomial, restart": named(HARMS, "0/33/11.8 0/21/3.0 0/5/.32 0/2/5.0 1.8/38/1.1"),
    },
  },
  {
    runs: 2000,
    cells: {
      "conditional-binomial": second(
        "1.3 1.8 2.1 20.5 1.8 1.2 54 26 48 66 67 1.6 81 5.2 23 50",
        "0/33/11.1 0/19/2.65 0/4/.28 0/1/.07 0/3/9.5 1.7/37/1.0",
      ),
      DAB: {
        ...second(
          ".7 .7 1.1 .8 .7 .5 .7 .9 .9 .5 1.2 1.0 .7 3.5 23 48",
          "0/34/12.9 0/21/3.17 0/5/.36 0/2/.12 0/2/6.3 3/40/1.25 2/34/16.7 0/9/.69",
        ),
        "treatment-only CV .5": "4.9",
        "5k sticky users": "15",
      },
      "DAB strict, with history": second(
        ".4 .2 .3 0 .1 .3 0 .1 .1 .1 .2 .3 .1 1.8 17 38",
        "0/36/16.5 0/24/4.24 0/7/.48 0/3/.17 0/3/9.0 9/46/1.75 9/44/32 0/15/1.4",
      ),
      "DAB, margin 50 %": { "5k sticky users": "1" },
      "ceiling at the known rate": named(
        ["steady", "CV .5", "bursts of 5", "bursts of 20", "bursts of 50", "20k sticky users", "×2"],
        "1.0 2.4 2.1 .4 .1 3.8 //3.23",
      ),
    },
  },
];
