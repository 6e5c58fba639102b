import { describeShare } from "../core/exposure.ts";
import { EVERYBODY, type Exposure } from "../model/exposure.ts";
import type { Audience, Goal, Guardrail, Limit, Metric, Plan, Rule } from "../model/plan.ts";
import { amountText, durationText } from "../model/units.ts";

/** Parts of a plan in words, for people. */

/** Who matches a rule: `email ends with "@example.com"`. */
export function describeRule(rule: Rule): string {
  if ("all" in rule) return joined(rule.all, " and ");
  if ("any" in rule) return joined(rule.any, " or ");
  if ("not" in rule) return `not (${describeRule(rule.not)})`;
  const { attribute } = rule;
  if ("in" in rule) return `${attribute} is ${oneOf(rule.in)}`;
  if ("notIn" in rule) return `${attribute} is not ${oneOf(rule.notIn)}`;
  if ("equals" in rule) return `${attribute} is ${JSON.stringify(rule.equals)}`;
  if ("startsWith" in rule) return `${attribute} starts with ${JSON.stringify(rule.startsWith)}`;
  if ("endsWith" in rule) return `${attribute} ends with ${JSON.stringify(rule.endsWith)}`;
  if ("contains" in rule) return `${attribute} contains ${JSON.stringify(rule.contains)}`;
  if ("above" in rule) return `${attribute} is above ${rule.above}`;
  if ("below" in rule) return `${attribute} is below ${rule.below}`;
  if ("semver" in rule) return `${attribute} is a version ${rule.semver}`;
  return `${attribute} is one of the ${rule.values.length} values in ${rule.inFile}`;
}

function joined(rules: readonly Rule[], word: string): string {
  return rules.map((rule) => ("all" in rule || "any" in rule ? `(${describeRule(rule)})` : describeRule(rule))).join(word);
}

function oneOf(values: readonly (string | number | boolean)[]): string {
  const shown = values.slice(0, 8).map((value) => JSON.stringify(value));
  const rest = values.length - shown.length;
  return shown.length === 1 ? shown[0]! : `one of ${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** Who has the feature at an exposure. */
export function describeWho({ testers, everyone, segments }: Exposure, audience: Audience): string {
  const parts = testers ? [`the testers (${audience.testers.join(", ")})`] : [];
  for (const [name, share] of Object.entries(segments)) {
    if (share > everyone) parts.push(share === EVERYBODY ? `all of ${name}` : `${describeShare(share)} of ${name}`);
  }
  if (everyone === EVERYBODY) parts.push("everybody eligible");
  else if (everyone > 0) parts.push(`${describeShare(everyone)} of the eligible`);
  const holdout =
    audience.holdout > 0 && (everyone > 0 || Object.keys(segments).length > 0)
      ? `, the holdout of ${describeShare(audience.holdout)} left out`
      : "";
  return parts.length > 0 ? `${parts.join(", ")}${holdout}` : "nobody";
}

/** What a guardrail demands: `errors is at most 20% above the control's`. */
export function describeGuardrail({ metric: name, limit, quantile, failures, versus }: Guardrail, metric: Metric | undefined): string {
  const unit = unitOf(metric);
  if ("perHour" in limit) return `${name} rises by at most ${amountText(limit.perHour, unit)} an hour`;
  const than = versus ? `what it was in the ${durationText(versus.before)} before the rollout` : "the control's";
  if (metric?.kind === "histogram" && quantile !== undefined) {
    const most = percent(quantile);
    if ("value" in limit) return `${most} of ${name} is within ${amountText(limit.value, unit)}`;
    return `the ${name} that ${most} is within is at most ${deviation(limit, than, unit)}`;
  }
  if (metric?.kind === "histogram") return `the share of ${name} beyond any bound is at most ${deviation(limit, than, unit)}`;
  if (failures && failures.of > 1 && "value" in limit) {
    const side = limit.form === "max" ? "above" : "below";
    return `${name} is ${side} ${amountText(limit.value, unit)} in fewer than ${failures.count} of the last ${failures.of} readings`;
  }
  const average = metric?.kind === "mean" ? " on average" : "";
  return `${name} is${average} ${limit.form === "min" ? "at least" : "at most"} ${deviation(limit, than, unit)}`;
}

/** What else to know of a guardrail: what it cannot tell, and what it asks of a stage. */
export function guardrailNotes({ limit, versus, require, proof, detect }: Guardrail, metric: Metric | undefined): string[] {
  const notes: string[] = [];
  const shared = "so it cannot tell a shared incident from harm";
  if (metric?.grouped === false) notes.push(`it has no groups, ${shared}`);
  else if (versus) notes.push(`it is compared with the past, ${shared}`);
  else if ("perHour" in limit) notes.push(`a trend has no control, ${shared}`);
  else if (metric?.kind === "gauge") notes.push("readings of a gauge follow each other, so what they show is a sign and no proof");
  if (require) notes.push("a stage is only left once it is shown to be kept");
  if (proof) notes.push("judged by the stricter test, which needs more requests");
  if (detect)
    notes.push(`each stage should be able to see it at ${deviation(detect, versus ? "before" : "the control's", unitOf(metric))}`);
  return notes;
}

/** What is hoped for: `addToCart is at least 10% above the control's`. */
export function describeGoal({ metric: name, limit }: Goal, metric: Metric | undefined): string {
  const average = metric?.kind === "mean" ? " on average" : "";
  // It is the line of a limit, to be passed: below what would be a minimum, above all else.
  const side = limit.form === "min" ? "at most" : "at least";
  return `${name} is${average} ${side} ${deviation(limit, "the control's", unitOf(metric))}`;
}

/** By what the shares of the two groups are checked. */
export function describeSampleRatio({ policy: { sampleRatio }, metrics }: Plan): string {
  if (sampleRatio === "off") return "the sizes of the two groups are not checked";
  if (sampleRatio === "requests") return "the sizes of the two groups are checked by their requests";
  const counting = Object.keys(metrics).filter((name) => metrics[name]?.users);
  if (counting.length === 0) return "the sizes of the two groups are not checked: no metric counts `users`";
  return `the sizes of the two groups are checked by the users of ${counting.join(", ")}`;
}

/** A line to be kept or passed: `0.1%`, `20% above the control's`. */
function deviation(limit: Limit, than: string, unit: string | undefined): string {
  if ("rate" in limit) return percent(limit.rate);
  if ("value" in limit) return amountText(limit.value, unit);
  if ("perHour" in limit) return `${amountText(limit.perHour, unit)} an hour`;
  const amounts = {
    ratio: () => percent(limit.amount),
    points: () => `${percent(limit.amount).slice(0, -1)} percentage points`,
    value: () => amountText(limit.amount, unit),
  };
  return `${amounts[limit.by]()} ${limit.form === "maxIncrease" ? "above" : "below"} ${than}`;
}

function unitOf(metric: Metric | undefined): string | undefined {
  return metric && "unit" in metric ? metric.unit : undefined;
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(12))}%`;
}
