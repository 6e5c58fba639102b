import type { Limit } from "../model/plan.ts";
import type { Figures, Weighed } from "./method.ts";
import { odds, percent, roughly } from "./numbers.ts";

/** What a sentence is about. */
export interface Subject {
  readonly metricName: string;
  readonly form: Limit["form"];
  readonly grouped: boolean;
  /** Whether it compares with the control at the same time. */
  readonly compares: boolean;
  readonly figures: Figures;
}

/** What a look found of a guardrail, beside the figures. */
export interface Findings {
  readonly weighed: Weighed;
  readonly threshold: number;
  /** Why this look added nothing, or where the harm is. */
  readonly note?: string | undefined;
}

/** The verdict `breach`. */
export function breachSentence(subject: Subject, found: Findings): string {
  const { weighed, threshold, note } = found;
  return joined([
    measured(subject),
    weighed.harm === undefined ? undefined : `evidence of harm ${odds(weighed.harm)}, ${odds(threshold)} was needed`,
    subject.compares ? undefined : fixedLimitNote(subject, weighed),
    note,
    noiseNote(weighed),
  ]);
}

/** The verdict `clear`. */
export function clearSentence(subject: Subject, found: Findings): string {
  const { weighed, threshold } = found;
  const evidence =
    weighed.within === undefined
      ? "it is within the limit"
      : `evidence that it is within the limit ${odds(weighed.within)}, ${odds(threshold)} was needed`;
  return joined([measured(subject), evidence, ...cautions(found)]);
}

/** The verdict `inconclusive`; `more` is how many requests would tell, if that can be estimated. */
export function inconclusiveSentence(subject: Subject, found: Findings, more: number | undefined): string {
  const { harm, within } = found.weighed;
  const telling =
    more === undefined ? "" : `: about ${roughly(more)} more ${nounOf(subject)}${subject.grouped ? " with the feature" : ""} would tell`;
  const evidence =
    harm === undefined || within === undefined
      ? "neither shown to be broken nor to be kept"
      : `evidence of harm ${odds(harm)}, that it is within the limit ${odds(within)}, ${odds(found.threshold)} is needed${telling}`;
  return joined([measured(subject), evidence, subject.figures.note, ...cautions(found)]);
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("; ");
}

/** What the evidence has allowed for. */
function noiseNote({ noise }: Weighed): string | undefined {
  return noise && `the control has ${noise.sentence}, which is allowed for`;
}

/**
 * What the evidence has allowed for, and what it has not. The latter stands beside no breach: a harm that begins late has
 * the same looks until the ratio has followed, and nobody is to be talked out of it.
 */
function cautions({ weighed }: Findings): (string | undefined)[] {
  const { autocorrelation } = weighed;
  return [
    noiseNote(weighed),
    autocorrelation &&
      `but the groups differ by something that stays from look to look (correlation ${autocorrelation.correlation.toFixed(2)}), which looks like harm: a margin of ${percent(autocorrelation.margin)} would cover it`,
  ];
}

/** `errors are 2.31% with the feature against 0.52% without (4.4x, 95% interval 3.1x to 6.4x; limit 1.2x): 41 of 1,775 against 92 of 17,700 requests` */
export function measured(
  { metricName, form, grouped, compares, figures }: Subject,
  who = grouped ? " with the feature" : " over everybody",
): string {
  const least = form === "min" || form === "maxDecrease" ? "at least " : "";
  const limitText = `limit ${least}${figures.show(figures.limit)}`;
  const beside = compares ? " without" : figures.versus === undefined ? undefined : ` ${figures.versus}`;
  if (figures.treatment === undefined || (beside !== undefined && figures.control === undefined))
    return `nothing was measured of ${metricName} in this stage yet (${limitText})`;

  const verb = figures.subject === metricName && /[^s]s$/.test(metricName) ? "are" : "is";
  const interval = intervalText(figures);
  const compared = compares && figures.estimate !== undefined ? [figures.show(figures.estimate)] : [];
  const known = [...compared, ...(interval ? [`95% interval ${interval}`] : [])].join(", ");
  const against = beside === undefined ? "" : ` against ${figures.control}${beside}`;
  return `${figures.subject} ${verb} ${figures.treatment}${who}${against} (${known ? `${known}; ` : ""}${limitText}): ${figures.basis}`;
}

function intervalText({ interval, show }: Figures): string | undefined {
  if (!interval || !Number.isFinite(interval[0])) return undefined;
  return Number.isFinite(interval[1]) ? `${show(interval[0])} to ${show(interval[1])}` : `${show(interval[0])} or more`;
}

function nounOf({ figures: { basis } }: Subject): string {
  return basis.endsWith("values") ? "values" : "requests";
}

/** Without a control in the test, only a reader can tell harm from an incident, unless the test has looked at the control as well. */
function fixedLimitNote({ figures, grouped }: Subject, { shared }: Weighed): string {
  const other = grouped && figures.versus === undefined ? figures.control : undefined;
  if (shared) return `a shared incident: without the feature it is ${other}, and those who have it are not shown to be worse off`;
  if (shared === false && other !== undefined) return `without the feature it is ${other}, so it is no incident of everybody`;
  const note = `this compares with ${figures.versus === undefined ? "a fixed limit" : "the past"}, so an incident that hits everybody looks the same`;
  return other === undefined ? note : `${note} (without the feature: ${other})`;
}
