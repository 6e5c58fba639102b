import { RolloutError } from "../errors.ts";
import type { FlagTarget } from "../model/flag.ts";
import type { Rule } from "../model/plan.ts";
import type { Json } from "./flagd-json.ts";

/**
 * Rules of an audience as flagd's JSON Logic. An evaluator that meets an error serves the code's own default, which may
 * be the feature, so no condition may ever fail: every operator that is particular about types is behind a guard.
 */

/** The condition that is true for exactly the contexts that `rule` matches. */
export function compileRule(rule: Rule): Json {
  if ("all" in rule) return { and: rule.all.map(compileRule) };
  if ("any" in rule) return { or: rule.any.map(compileRule) };
  if ("not" in rule) return not(compileRule(rule.not));
  const value = attribute(rule.attribute);
  // Against a list `in` is strict and never fails: 1 is not "1", and a list or nothing is in no list.
  if ("in" in rule) return { in: [value, rule.in] };
  if ("inFile" in rule) return { in: [value, rule.values] };
  if ("notIn" in rule) return not({ in: [value, rule.notIn] });
  if ("equals" in rule) return { "===": [value, rule.equals] };
  if ("startsWith" in rule) return { starts_with: [value, rule.startsWith] };
  if ("endsWith" in rule) return { ends_with: [value, rule.endsWith] };
  // Without the guard `in` looks for a member when the attribute is a list, and fails on a number.
  if ("contains" in rule) return { and: [isText(value), { in: [rule.contains, value] }] };
  // Without the guard a missing attribute is below everything, and a text that is no number fails.
  if ("below" in rule) return { and: [isNumber(value), { "<": [value, rule.below] }] };
  if ("above" in rule) return { and: [isNumber(value), { ">": [value, rule.above] }] };
  if ("semver" in rule) return compileSemver(value, rule.semver);
  return rule satisfies never;
}

/** True when any of the plan's segments matches; false for none at all. */
export function anySegment(target: FlagTarget, names: string[]): Json {
  const conditions = names.map((name) => segmentRule(target, name));
  if (conditions.length === 0) return false;
  return conditions.length === 1 ? conditions[0]! : { or: conditions };
}

/** The condition of one of the plan's segments. */
export function segmentRule(target: FlagTarget, name: string): Json {
  const segment = Object.hasOwn(target.audience.segments, name) ? target.audience.segments[name] : undefined;
  if (!segment) throw new RolloutError("unexpected", `the audience has no segment ${name}`);
  return compileRule(segment.rule);
}

export function not(condition: Json): Json {
  return { "!": [condition] };
}

/** True when there is nothing to bucket a unit by: such units would all fall into one bucket and jump in together. */
export function unitMissing(target: FlagTarget): Json {
  if (!target.unit) return not({ var: "targetingKey" });
  const value = attribute(target.unit.attribute);
  return not({ or: [{ and: [isText(value), { "!==": [value, ""] }] }, isNumber(value)] });
}

/** The text that is hashed to find a unit's bucket. */
export function bucketingText(target: FlagTarget, salt: string[] = []): Json {
  // A number is not hashed at all unless it is made text.
  return { cat: [...salt, { var: "$flagd.flagKey" }, attribute(target.unit?.attribute ?? "targetingKey")] };
}

/** What of the audience's rules a flagd file cannot say, each as a sentence. */
export function inexpressibleRules(target: FlagTarget): string[] {
  const { audience, unit } = target;
  const faults = new Set<string>();
  if (unit) faultsOfAttribute(unit.attribute).forEach((fault) => faults.add(fault));
  if (audience.eligible) faultsOfRule(audience.eligible).forEach((fault) => faults.add(fault));
  for (const { rule } of Object.values(audience.segments)) faultsOfRule(rule).forEach((fault) => faults.add(fault));
  return [...faults];
}

function faultsOfRule(rule: Rule): string[] {
  if ("all" in rule) return rule.all.flatMap(faultsOfRule);
  if ("any" in rule) return rule.any.flatMap(faultsOfRule);
  if ("not" in rule) return faultsOfRule(rule.not);
  const faults = faultsOfAttribute(rule.attribute);
  if ("semver" in rule && !parseSemver(rule.semver)) {
    faults.push(
      `flagd cannot compare versions by "${rule.semver}": write comparators of whole versions with >=, >, <=, <, = or !=, such as ">=7.4.0 <8.0.0"`,
    );
  }
  return faults;
}

function faultsOfAttribute(name: string): string[] {
  if (!/[.\\]/.test(name)) return [];
  return [
    `the attribute "${name}" cannot be found by flagd, which takes a dot or backslash in a name for a path into a nested attribute: give the attribute a name without them`,
  ];
}

function compileSemver(value: Json, range: string): Json {
  const comparators = parseSemver(range);
  if (!comparators) throw new RolloutError("invalidPlan", `flagd cannot compare versions by "${range}"`);
  // Without the guard the number 7.4 and the list ["7.4.0"] are versions too.
  return { and: [isText(value), ...comparators.map(([operator, version]) => ({ sem_ver: [value, operator, version] }))] };
}

/** `^` and `~` are left out: to flagd `^7.4.0` is any 7.x, also 7.0.0. */
const comparatorPattern =
  /^(>=|<=|!=|>|<|=)?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?|(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))?)$/;

function parseSemver(range: string): [operator: string, version: string][] | undefined {
  const comparators = range
    .trim()
    .replace(/(>=|<=|!=|>|<|=)\s+/g, "$1")
    .split(/\s+/)
    .map((comparator) => comparatorPattern.exec(comparator));
  if (!comparators.every((match) => match !== null)) return undefined;
  return comparators.map((match) => [match[1] ?? "=", wholeVersion(match[2]!)]);
}

/** `7.4` is `7.4.0` to flagd's evaluators, but not to its schema. */
function wholeVersion(version: string): string {
  return /^\d+$/.test(version) ? `${version}.0.0` : version.replace(/^(\d+\.\d+)$/, "$1.0");
}

function attribute(name: string): Json {
  return { var: name };
}

/** JSON Logic cannot ask for a type, but only a text starts with the empty text. */
function isText(value: Json): Json {
  return { starts_with: [value, ""] };
}

/**
 * A number is what is not text, is a member of the list made of it (a list is not a member of itself), and begins as a
 * number when written out (`true`, nothing, and objects do not). Arithmetic would tell as well, but fails on the others.
 */
function isNumber(value: Json): Json {
  // Two arguments: the interpreter fails on `cat` of nothing alone.
  const firstCharacter = { substr: [{ cat: [value, ""] }, 0, 1] };
  return { and: [not(isText(value)), { in: [value, { merge: [value] }] }, { in: [firstCharacter, [..."-0123456789"]] }] };
}
