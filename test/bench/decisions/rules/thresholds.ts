import { addCounts, NO_COUNTS, type RateLook, type Rule } from "../ramp.ts";

/**
 * Argo Rollouts: a query over the last `window` minutes, asked every minute, against a fixed limit of so many times the
 * known rate. More than `failureLimit` failed measurements in all, over the stages too, fail the release (a background
 * analysis). A window without data is an error; more than four in a row fail as well. A window without requests is no
 * measurement.
 */
export function argoThreshold(name: string, of: { times: number; window: number; failureLimit: number }): Rule<RateLook> {
  return {
    name,
    begin: ({ rate }) => {
      const recent: RateLook[] = [];
      let [failed, errors] = [0, 0];
      return (look) => {
        recent.push(look);
        if (recent.length > of.window) recent.shift();
        errors = recent.some(({ reported }) => reported) ? 0 : errors + 1;
        const sum = recent.reduce((counts, { treatment }) => addCounts(counts, treatment), NO_COUNTS);
        if (sum.total > 0 && sum.events / sum.total > of.times * rate) failed++;
        return failed > of.failureLimit || errors > ARGO_ERROR_LIMIT;
      };
    },
  };
}

/** Argo's default `consecutiveErrorLimit`. */
const ARGO_ERROR_LIMIT = 4;

/**
 * Flagger: a check a minute over the last minute, and one counter that is never set back. A rate above the limit counts,
 * and so does a query without values: no data, or no requests.
 */
export function flaggerThreshold(name: string, of: { times: number; threshold: number }): Rule<RateLook> {
  return {
    name,
    begin: ({ rate }) => {
      let failed = 0;
      return ({ treatment: { events, total } }) => {
        if (total === 0 || events / total > of.times * rate) failed++;
        return failed >= of.threshold;
      };
    },
  };
}
