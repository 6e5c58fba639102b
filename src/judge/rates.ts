import type { Counts, Value } from "../model/measurement.ts";
import type { Limit, RelativeLimit } from "../model/plan.ts";
import { differenceInterval, rateInterval, ratioInterval, type Interval } from "../stats/intervals.ts";
import type { Groups } from "../stats/ratio.ts";
import type { Figures, StageSums } from "./method.ts";
import { count, percent, points, times } from "./numbers.ts";
import { bucketsIn, countsIn } from "./values.ts";

/** A rate as it is read from a metric: its own events, or the values of a histogram above one of its bounds. */
export interface RateView {
  readonly counts: (value: Value | undefined) => Counts;
  readonly subject: string;
  /** What its total counts. */
  readonly noun: "requests" | "values";
}

/** A metric of kind rate. */
export function rateOf(metricName: string): RateView {
  return { counts: countsIn, subject: metricName, noun: "requests" };
}

/** The share of a histogram's values above the bound of this index, out of so many buckets. */
export function shareAbove(subject: string, index: number, buckets: number): RateView {
  return {
    subject,
    noun: "values",
    counts(value) {
      const all = bucketsIn(value, buckets);
      const total = all.reduce((sum, each) => sum + each, 0);
      const events = all.slice(index + 1).reduce((sum, each) => sum + each, 0);
      return { events, total };
    },
  };
}

/** Both groups' counts. */
export function groupsIn({ counts }: RateView, { treatment, control }: StageSums): Groups {
  return { treatment: counts(treatment), control: counts(control) };
}

/** A limit on a rate. */
export type RateLimit = Extract<Limit, { rate: number }> | RelativeLimit;

/** What the counts of a stage say about a limit. */
export function rateFigures(view: RateView, limit: RateLimit, sums: StageSums): Figures {
  const groups = groupsIn(view, sums);
  const { treatment, control } = groups;
  const rate = treatment.total > 0 ? treatment.events / treatment.total : undefined;
  const against = control.total > 0 ? control.events / control.total : undefined;
  const basis = (text: string) => `${text} ${view.noun}`;
  const common = {
    subject: view.subject,
    treatment: rate === undefined ? undefined : percent(rate),
    control: against === undefined ? undefined : percent(against),
  };
  if ("rate" in limit)
    return { ...common, ...ready(limit.form, rate, rateInterval(treatment), limit.rate), show: percent, basis: basis(ofText(treatment)) };

  const amount = limit.form === "maxDecrease" ? 0 - limit.amount : limit.amount;
  const both = rate !== undefined && against !== undefined;
  const rest = { ...common, basis: basis(`${ofText(treatment)} against ${ofText(control)}`) };
  if (limit.by === "points")
    return { ...rest, ...ready(limit.form, both ? rate - against : undefined, differenceInterval(groups), amount), show: points };
  const ratio = both && (rate > 0 || against > 0) ? rate / against : undefined;
  return { ...rest, ...ready(limit.form, ratio, ratioInterval(groups), 1 + amount), show: times };
}

/** `41 of 1,775` */
export function ofText({ events, total }: Counts): string {
  return `${count(events)} of ${count(total)}`;
}

/** An estimate beside its limit; one that is no finite number is not shown, but is beyond it all the same. */
export function ready(
  form: Limit["form"],
  estimate: number | undefined,
  interval: Interval | undefined,
  limit: number,
): Pick<Figures, "estimate" | "interval" | "limit" | "beyond"> {
  const upwards = form === "max" || form === "maxIncrease" || form === "maxTrend";
  const beyond = estimate !== undefined && (upwards ? estimate > limit : estimate < limit);
  return { estimate: estimate !== undefined && Number.isFinite(estimate) ? estimate : undefined, interval, limit, beyond };
}
