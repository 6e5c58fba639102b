import { isDeepStrictEqual } from "node:util";
import { EVERYBODY, exposureSchema, OFF, type Exposure, type Share } from "../model/exposure.ts";
import type { FlagReading, FlagTarget } from "../model/flag.ts";
import { isObject, type Json } from "./flagd-json.ts";
import { anySegment, bucketingText, compileRule, not, segmentRule, unitMissing } from "./flagd-rules.ts";

/**
 * An exposure as flagd's targeting, and back.
 *
 * A unit has one bucket in 0…99,999, the same in every branch, and has the feature when its bucket is below its share:
 * whoever is in at a share is in at every larger one. The plan's two variant names are the randomised split alone, and
 * there both must be made of the same people. Where segments have shares of their own, the split is therefore the
 * buckets below the lowest share against those not below the highest: each stratum gives the same part of its units to
 * both. Those in between have names of their own.
 */

/** Which of the two values a variant has. */
export type Group = "treatment" | "control";

export interface CompiledTargeting {
  targeting: Json;
  /** The variants that the targeting can serve, and which value each must have. */
  variants: Record<string, Group>;
}

/** All variant names that exposures of this plan can serve, beside the plan's own two. */
export function variantNames({ treatment, control }: FlagTarget) {
  return {
    excluded: `${control}-excluded`,
    ineligible: `${control}-ineligible`,
    holdout: `${control}-holdout`,
    rest: `${control}-rest`,
    tester: `${treatment}-tester`,
    segment: (name: string) => `${treatment}-${name}`,
  };
}

/** The targeting that gives the feature to exactly `exposure`. */
export function compileTargeting(target: FlagTarget, exposure: Exposure): CompiledTargeting {
  const { audience, treatment, control } = target;
  const names = variantNames(target);
  const variants: Record<string, Group> = { [treatment]: "treatment", [control]: "control" };
  if (isOff(exposure)) return { targeting: {}, variants };

  const serve = (name: string, group: Group): string => {
    variants[name] = group;
    return name;
  };
  const chain: Json[] = [];
  const isFull = exposure.everyone === EVERYBODY;

  if (audience.exclude.length > 0) chain.push(anySegment(target, audience.exclude), serve(names.excluded, "control"));
  // Also where the plan names no testers: testers alone are an exposure, and must not read as off.
  if (exposure.testers) chain.push(anySegment(target, audience.testers), serve(names.tester, "treatment"));
  if (audience.eligible) chain.push(not(compileRule(audience.eligible)), serve(names.ineligible, "control"));
  chain.push(unitMissing(target), serve(names.ineligible, "control"));
  if (audience.holdout > 0) chain.push(isHeldOut(target), isFull ? control : serve(names.holdout, "control"));
  chain.push(...(isFull ? [treatment] : compileShares(target, exposure, serve)));
  return { targeting: { if: chain }, variants };
}

/** The branches of the exposed segments, the largest share first, and what everybody else gets. */
function compileShares(target: FlagTarget, { everyone, segments }: Exposure, serve: (name: string, group: Group) => string): Json[] {
  const { treatment, control } = target;
  const names = variantNames(target);
  const exposed = Object.entries(segments)
    .filter(([, share]) => share > everyone)
    .sort(([nameA, shareA], [nameB, shareB]) => shareB - shareA || (nameA < nameB ? -1 : 1));
  const partial = exposed.map(([, share]) => share).filter((share) => share < EVERYBODY);
  const shares = [...partial, everyone].filter((share) => share > 0);
  const lowest = Math.min(...shares);
  const highest = Math.max(...shares);
  const last: Weighted = [control, EVERYBODY - highest];

  const chain = exposed.flatMap(([name, share]): Json[] => {
    const variant = serve(names.segment(name), "treatment");
    if (share === EVERYBODY) return [segmentRule(target, name), variant];
    // A weight may be 0: the segment's name stays in its branch, so that the branch can be read back.
    const between: Weighted[] = [
      [variant, share - lowest],
      [serve(names.rest, "control"), highest - share],
    ];
    return [segmentRule(target, name), split(target, [[treatment, lowest], ...between, last])];
  });
  if (everyone === 0) return [...chain, serve(names.rest, "control")];
  const between: Weighted[] = partial.length > 0 ? [[serve(names.rest, "control"), highest - everyone]] : [];
  return [...chain, split(target, [[treatment, everyone], ...between, last])];
}

/**
 * The exposure that a flag's definition gives, if it is one that this plan could have written. Nothing but what an
 * evaluator would serve is looked at: an exposure is guessed from the tree, compiled again, and must give the same tree.
 */
export function readTargeting(target: FlagTarget, definition: Json | undefined): WithoutRevision<FlagReading> {
  if (definition === undefined) return { kind: "known", exposure: OFF };
  if (!isObject(definition)) return foreign(`the flag is ${excerpt(definition)}`);
  const { state, defaultVariant, targeting, variants } = definition;
  if (state === "DISABLED") return { kind: "known", exposure: OFF };
  if (state !== "ENABLED") return foreign(`the flag's state is ${excerpt(state)}`);
  if (defaultVariant !== target.control) return foreign(`the flag's defaultVariant is ${excerpt(defaultVariant)}, not "${target.control}"`);
  if (!isObject(variants) || !Object.hasOwn(variants, target.control)) return foreign(`the flag has no variant "${target.control}"`);
  if (targeting === undefined || targeting === null || isDeepStrictEqual(targeting, {})) return { kind: "known", exposure: OFF };

  const plain = readPlainSplit(target, targeting);
  const exposure = plain ?? readChain(target, targeting);
  const compiled = exposure && compileTargeting(target, exposure);
  if (!compiled || (!plain && !isDeepStrictEqual(compiled.targeting, targeting))) {
    return foreign(`the flag's targeting is none that this plan writes: ${excerpt(targeting)}`);
  }
  const served = plain ? [target.treatment, target.control] : Object.keys(compiled.variants);
  const wrong = wrongVariant(target, compiled, variants, served);
  return wrong ? foreign(wrong) : { kind: "known", exposure };
}

type WithoutRevision<Reading> = Reading extends unknown ? Omit<Reading, "revision"> : never;

/** Equal trees serve other people's feature when the values behind the names were changed. */
function wrongVariant(
  target: FlagTarget,
  compiled: CompiledTargeting,
  variants: { [key: string]: Json },
  served: string[],
): string | undefined {
  for (const name of served) {
    if (!Object.hasOwn(variants, name)) return `the flag has no variant "${name}"`;
    const expected = variants[target[compiled.variants[name]!]];
    if (!isDeepStrictEqual(variants[name], expected))
      return `the flag's variant "${name}" is ${excerpt(variants[name])}, not ${excerpt(expected)}`;
  }
  if (isDeepStrictEqual(variants[target.treatment], variants[target.control])) {
    return `the flag's variants "${target.treatment}" and "${target.control}" have the same value`;
  }
  return undefined;
}

/** `{"fractional":[["on",5],["off",95]]}`, as people write it, where the plan has no rules that it would leave out. */
function readPlainSplit(target: FlagTarget, targeting: Json): Exposure | undefined {
  const { eligible, exclude, testers, holdout } = target.audience;
  if (target.unit || eligible || exclude.length > 0 || testers.length > 0 || holdout > 0) return undefined;
  const split = weightsOf(targeting);
  if (split?.length !== 2 || split[0]![0] !== target.treatment || split[1]![0] !== target.control) return undefined;
  const [on, off] = [split[0]![1], split[1]![1]];
  const share = (on * EVERYBODY) / (on + off);
  if (!Number.isInteger(share)) return undefined;
  // Without testers in the plan all of them have the feature, as in the exposures of its stages.
  return share === 0 ? OFF : { testers: true, everyone: share, segments: {} };
}

/** The exposure that `targeting` most likely is, were it ours. */
function readChain(target: FlagTarget, targeting: Json): Exposure | undefined {
  if (!isObject(targeting) || !Array.isArray(targeting.if)) return undefined;
  const names = variantNames(target);
  const outcomes = targeting.if.filter((_, index) => index % 2 === 1);
  const segments: Record<string, Share> = {};
  for (const name of Object.keys(target.audience.segments)) {
    const variant = names.segment(name);
    for (const outcome of outcomes) {
      const weights = weightsOf(outcome);
      if (outcome === variant) segments[name] = EVERYBODY;
      else if (weights?.[1]?.[0] === variant) segments[name] = weights[0]![1] + weights[1][1];
    }
  }
  const rest = targeting.if.at(-1);
  const everyone = rest === target.treatment ? EVERYBODY : (weightsOf(rest)?.[0]?.[1] ?? 0);
  // The weights are somebody else's numbers: none but whole shares go on.
  return exposureSchema.safeParse({ testers: outcomes.includes(names.tester), everyone, segments }).data;
}

type Weighted = [variant: string, weight: number];

function weightsOf(outcome: Json | undefined): Weighted[] | undefined {
  if (!isObject(outcome) || !Array.isArray(outcome.fractional) || Object.keys(outcome).length !== 1) return undefined;
  const entries = outcome.fractional.filter((entry, index) => index > 0 || Array.isArray(entry));
  return entries.every(isWeighted) ? entries : undefined;
}

function isWeighted(entry: Json): entry is Weighted {
  if (!Array.isArray(entry) || entry.length !== 2) return false;
  const [variant, weight] = entry;
  return typeof variant === "string" && typeof weight === "number" && Number.isInteger(weight) && weight >= 0;
}

function split(target: FlagTarget, weights: Weighted[]): Json {
  return { fractional: target.unit ? [bucketingText(target), ...weights] : weights };
}

/** A salt of its own: by the split's own buckets the holdout would be those who come first, or last. */
function isHeldOut(target: FlagTarget): Json {
  const { holdout } = target.audience;
  return { "===": [{ fractional: [bucketingText(target, ["holdout:"]), ["held", holdout], ["free", EVERYBODY - holdout]] }, "held"] };
}

function isOff(exposure: Exposure): boolean {
  return !exposure.testers && exposure.everyone === 0 && Object.keys(exposure.segments).length === 0;
}

function foreign(found: string): WithoutRevision<FlagReading> {
  return { kind: "foreign", found };
}

function excerpt(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
