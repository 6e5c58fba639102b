import type { Guardrail } from "../model/plan.ts";
import { betaBinomialLogE } from "../stats/limit.ts";
import type { Counts } from "../stats/ratio.ts";
import { odds } from "./numbers.ts";
import { rateFigures, rateOf } from "./rates.ts";
import { measured } from "./sentences.ts";

/** What a preflight found out about one guardrail. */
export interface Preflight {
  broken: boolean;
  sentence: string;
}

/** The requests with which the test is tuned: those in which ten events are expected (or ten non-events, if they are rarer). */
const OPTIMAL_EVENTS = 10;

/**
 * Before anybody has the feature: is the fixed limit of a rate broken already, by the control or (of a metric without
 * groups) by everybody? Such a limit would roll back whatever is released. It is asked once, so by the plain test of a rate
 * (`betaBinomialLogE`); `alpha` is the chance, at most, to find it broken when it is kept. Other limits are not known to be
 * broken before the start.
 */
export function limitAlreadyBroken({ limit, metric, versus }: Guardrail, counts: Counts, alpha = 0.05): Preflight {
  if ("by" in limit || versus)
    return { broken: false, sentence: `the limit of ${metric} compares, so it cannot be broken before the start` };
  if (!("rate" in limit)) return { broken: false, sentence: `whether ${metric} keeps its limit is not known before the start` };
  const { events, total } = counts;
  if (!(Number.isFinite(total) && events >= 0 && events <= total)) {
    return { broken: false, sentence: `${metric} gave counts that cannot be: ${events} events of ${total} requests` };
  }
  if (total === 0) return { broken: false, sentence: `there were no requests, so whether ${metric} keeps its limit is not known` };
  const { form, rate } = limit;
  // "At least" is "at most" for the requests that were no events.
  const [suspect, most] = form === "max" ? [counts, rate] : [{ events: total - events, total }, 1 - rate];
  const harm = betaBinomialLogE(suspect, most, { optimum: OPTIMAL_EVENTS / Math.min(rate, 1 - rate), alpha: Math.min(alpha, 0.2) });
  const threshold = -Math.log(alpha);
  const broken = harm >= threshold;
  const figures = rateFigures(rateOf(metric), limit, { treatment: counts, control: undefined });
  const found = measured({ metricName: metric, form, grouped: true, compares: false, figures }, " before anybody has the feature");
  return {
    broken,
    sentence: `${found}; evidence that the limit is already broken ${odds(harm)}, ${odds(threshold)} ${broken ? "was" : "would be"} needed`,
  };
}
