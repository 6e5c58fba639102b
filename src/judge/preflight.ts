import type { Guardrail } from "../model/plan.ts";
import type { Counts } from "../stats/ratio.ts";
import { isRelative } from "./counts.ts";
import { figures } from "./figures.ts";
import { odds } from "./numbers.ts";
import { measured } from "./sentences.ts";
import { testFor } from "./sequential.ts";

/** What a preflight found out about one guardrail. */
export interface Preflight {
  broken: boolean;
  sentence: string;
}

/**
 * Before anybody has the feature: is an absolute limit broken already, by the control or (of a metric without groups) by
 * everybody? Such a limit would roll back whatever is released. By the test against a limit that the rollout itself will
 * use, in one look; `alpha` is the chance, at most, to find it broken when it is kept. A relative limit cannot be broken
 * before there are two groups.
 */
export function limitAlreadyBroken({ limit, metric }: Guardrail, counts: Counts, alpha = 0.05): Preflight {
  if (isRelative(limit))
    return { broken: false, sentence: `the limit of ${metric} compares with the control, so it cannot be broken before the start` };
  const { events, total } = counts;
  if (!(Number.isFinite(total) && events >= 0 && events <= total)) {
    return { broken: false, sentence: `${metric} gave counts that cannot be: ${events} events of ${total} requests` };
  }
  const sums = { treatment: counts, control: { events: 0, total: 0 } };
  if (total === 0) return { broken: false, sentence: `there were no requests, so whether ${metric} keeps its limit is not known` };
  const { harm } = testFor(limit).weigh(undefined, [{ groups: sums, mixed: false }], alpha);
  const threshold = -Math.log(alpha);
  const broken = harm >= threshold;
  const found = measured(
    { metricName: metric, limit, grouped: true, sums, figures: figures(limit, sums) },
    " before anybody has the feature",
  );
  return {
    broken,
    sentence: `${found}; evidence that the limit is already broken ${odds(harm)}, ${odds(threshold)} ${broken ? "was" : "would be"} needed`,
  };
}
