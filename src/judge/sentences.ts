import type { Limit } from "../model/plan.ts";
import type { Counts, Groups } from "../stats/ratio.ts";
import { isRelative } from "./counts.ts";
import type { Figures } from "./figures.ts";
import { count, odds, percent, roughly } from "./numbers.ts";

/** What a sentence is about. */
export interface Subject {
  readonly metricName: string;
  readonly limit: Limit;
  readonly grouped: boolean;
  readonly sums: Groups;
  readonly figures: Figures;
}

/** Evidence in ln E, for both sides of the limit, and what is needed. */
export interface Odds {
  readonly harm: number;
  readonly within: number;
  readonly threshold: number;
}

/** The verdict `breach`; `note` says why this look itself added nothing. */
export function breachSentence(subject: Subject, { harm, threshold }: Odds, note?: string): string {
  const parts = [measured(subject), `evidence of harm ${odds(harm)}, ${odds(threshold)} was needed`];
  if (!isRelative(subject.limit)) parts.push(sharedIncidentNote(subject));
  if (note) parts.push(note);
  return parts.join("; ");
}

/** The verdict `clear`. */
export function clearSentence(subject: Subject, { within, threshold }: Odds): string {
  return `${measured(subject)}; evidence that it is within the limit ${odds(within)}, ${odds(threshold)} was needed`;
}

/** The verdict `inconclusive`; `requests` is how many more would tell, if that can be estimated. */
export function inconclusiveSentence(subject: Subject, { harm, within, threshold }: Odds, requests: number | undefined): string {
  const state = `${measured(subject)}; evidence of harm ${odds(harm)}, that it is within the limit ${odds(within)}, ${odds(threshold)} is needed`;
  if (requests === undefined) return state;
  return `${state}: about ${roughly(requests)} more requests${subject.grouped ? " with the feature" : ""} would tell`;
}

/** `errors are 2.31% with the feature against 0.52% without (4.4x, 95% interval 3.1x to 6.4x; limit 1.2x): 41 of 1,775 against 92 of 17,700 requests` */
export function measured(
  { metricName, limit, grouped, sums, figures }: Subject,
  who = grouped ? " with the feature" : " over everybody",
): string {
  const { treatment, control } = sums;
  const relative = isRelative(limit);
  const least = limit.form === "min" || limit.form === "maxDecrease" ? "at least " : "";
  const limitText = `limit ${least}${figures.show(figures.limit)}`;
  if (treatment.total === 0 || (relative && control.total === 0))
    return `nothing was measured of ${metricName} in this stage yet (${limitText})`;

  const verb = /[^s]s$/.test(metricName) ? "are" : "is";
  const interval = intervalText(figures);
  const compared = relative && figures.estimate !== undefined ? [figures.show(figures.estimate)] : [];
  const known = [...compared, ...(interval ? [`95% interval ${interval}`] : [])].join(", ");
  const against = relative ? ` against ${rateText(control)} without` : "";
  const counts = relative ? `${ofText(treatment)} against ${ofText(control)}` : ofText(treatment);
  return `${metricName} ${verb} ${rateText(treatment)}${who}${against} (${known ? `${known}; ` : ""}${limitText}): ${counts} requests`;
}

function intervalText({ interval, show }: Figures): string | undefined {
  if (!interval) return undefined;
  return Number.isFinite(interval[1]) ? `${show(interval[0])} to ${show(interval[1])}` : `${show(interval[0])} or more`;
}

/** Without a control in the test, only a reader can tell harm from an incident: here is what helps. */
function sharedIncidentNote({ sums: { control } }: Subject): string {
  const note = "this compares with a fixed limit, so an incident that hits everybody looks the same";
  return control.total > 0 ? `${note} (without the feature: ${rateText(control)}, ${ofText(control)})` : note;
}

const rateText = ({ events, total }: Counts): string => percent(events / total);
const ofText = ({ events, total }: Counts): string => `${count(events)} of ${count(total)}`;
