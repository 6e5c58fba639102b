import { beginCeiling, ceilingLogE, stepCeiling } from "../../../../src/stats/ceiling.ts";
import { beginDab, dabLogE, stepDab, type DabBeginning, type DabReading } from "../../../../src/stats/dab.ts";
import { beginMixture, HARM_GRID } from "../../../../src/stats/mixture.ts";
import { ratioLogE, stepRatio } from "../../../../src/stats/ratio.ts";
import { ALPHA, LOOKS, type RateLook, type Rule } from "../ramp.ts";

/** Rules that multiply the evidence of the looks, one by one, and roll back when it reaches 1/α. */

export const ENOUGH = Math.log(1 / ALPHA);

/**
 * The conditional-binomial e-process against all of the control, for a harm that is there from the first look; with
 * `restart` half of the prior is on a harm that begins later, spread evenly over the looks of the ramp.
 */
export function conditionalBinomial(name: string, { restart }: { restart: boolean }): Rule<RateLook> {
  return {
    name,
    begin: () => {
      let state = beginMixture(HARM_GRID.length, restart ? 1 / 2 : 1);
      return (look) => {
        // What moves at a look begins at the next one, and after the last there is none.
        const onset = restart && look.minute < LOOKS ? 1 / 2 / LOOKS : 0;
        state = stepRatio(state, look, 1, HARM_GRID, onset);
        return ratioLogE(state) >= ENOUGH;
      };
    },
  };
}

/** DAB, as the product decides by it. */
export function dab(name: string, { margin = 1, ...of }: { margin?: number } & DabBeginning & DabReading = {}): Rule<RateLook> {
  return {
    name,
    begin: () => {
      let state = beginDab(of);
      return (look) => dabLogE((state = stepDab(state, look, margin)), of) >= ENOUGH;
    },
  };
}

/** DAB without a control, at the rate of ordinary times: the limit of somebody who knows it exactly. */
export function ceilingAtKnownRate(name: string): Rule<RateLook> {
  return {
    name,
    begin: ({ rate }) => {
      let state = beginCeiling();
      return ({ treatment }) => ceilingLogE((state = stepCeiling(state, treatment, { limit: rate, side: "above" }))) >= ENOUGH;
    },
  };
}
