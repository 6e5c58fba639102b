import { describeShare } from "../core/exposure.ts";
import { EVERYBODY, type Exposure } from "../model/exposure.ts";
import type { Audience, Guardrail, Limit, Metric, Rule } from "../model/plan.ts";

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

/** What a guardrail demands, and what it cannot tell. */
export function describeGuardrail({ metric: name, limit }: Guardrail, metric: Metric | undefined): string {
  const caution = metric?.grouped === false ? "; it has no groups, so it cannot tell a shared incident from harm" : "";
  return `${name} ${demandOf(limit)}${caution}`;
}

function demandOf(limit: Limit): string {
  if ("rate" in limit) return `is ${limit.form === "max" ? "at most" : "at least"} ${percent(limit.rate)}%`;
  const amount = `${percent(limit.amount)}${limit.by === "ratio" ? "%" : " percentage points"}`;
  return `is at most ${amount} ${limit.form === "maxIncrease" ? "above" : "below"} the control's`;
}

function percent(fraction: number): number {
  return Number((fraction * 100).toPrecision(12));
}
