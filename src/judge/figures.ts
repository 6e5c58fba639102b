import type { Limit } from "../model/plan.ts";
import { differenceInterval, rateInterval, ratioInterval, type Interval } from "../stats/intervals.ts";
import type { Groups } from "../stats/ratio.ts";
import { percent, points, times } from "./numbers.ts";

/** Estimate, interval and limit in the unit of the limit's form, as numbers and as text. */
export interface Figures {
  /** Nothing where it is no number: nothing measured, or a ratio to a rate of zero. */
  readonly estimate: number | undefined;
  /** At 95 %, for people; its upper end may be ∞. */
  readonly interval: Interval | undefined;
  readonly limit: number;
  /** Whether the estimate is on the wrong side of the limit. */
  readonly beyond: boolean;
  readonly show: (value: number) => string;
}

/** What the counts of a stage say about a limit. */
export function figures(limit: Limit, sums: Groups): Figures {
  const { treatment, control } = sums;
  const rate = treatment.total > 0 ? treatment.events / treatment.total : undefined;
  const against = control.total > 0 ? control.events / control.total : undefined;
  switch (limit.form) {
    case "max":
    case "min":
      return ready(limit, rate, rateInterval(treatment), limit.rate, percent);
    case "maxIncrease":
    case "maxDecrease": {
      const amount = limit.form === "maxDecrease" ? 0 - limit.amount : limit.amount;
      const both = rate !== undefined && against !== undefined;
      if (limit.by === "points") return ready(limit, both ? rate - against : undefined, differenceInterval(sums), amount, points);
      return ready(limit, both && (rate > 0 || against > 0) ? rate / against : undefined, ratioInterval(sums), 1 + amount, times);
    }
    default:
      return limit satisfies never;
  }
}

function ready(
  { form }: Limit,
  estimate: number | undefined,
  interval: Interval | undefined,
  limit: number,
  show: (value: number) => string,
): Figures {
  const beyond = estimate !== undefined && (form === "max" || form === "maxIncrease" ? estimate > limit : estimate < limit);
  return { estimate: estimate !== undefined && Number.isFinite(estimate) ? estimate : undefined, interval, limit, beyond, show };
}
