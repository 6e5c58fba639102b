import { z } from "zod";
import { RolloutError } from "../errors.ts";
import { EVERYBODY, OFF, type Exposure, type Share } from "../model/exposure.ts";
import type { FlagTarget } from "../model/flag.ts";
import { parseShare } from "../model/units.ts";

/** What of a plan a flag system can say. All but the percentage have to be offered. */
export const expressions = ["percentage", "segments", "testers", "eligible", "exclude", "holdout", "unit"] as const;
export type Expression = (typeof expressions)[number];

/** For options: the finest step of a percentage, in percent. */
export const granularityOption = z
  .string({ error: "expected a percentage with its sign, such as 1%" })
  .transform((text, context): number => {
    const share = parseShare(text);
    if (share !== undefined && share > 0 && EVERYBODY % share === 0) return (share / EVERYBODY) * 100;
    context.addIssue({ code: "custom", message: "expected a step that divides 100%, no finer than 0.001%, such as 1% or 0.1%" });
    return z.NEVER;
  })
  .default(1)
  .describe("The finest step of a percentage that is served exactly. Default 1%.");

/** What of a plan's flag and audience a backend cannot say that says only these, each as a sentence. */
export function beyond(expressed: readonly Expression[], name: string, { audience, unit }: FlagTarget): string[] {
  const can = (expression: Expression) => expressed.includes(expression);
  const faults: string[] = [];
  const refuse = (what: string, mend: string) => faults.push(`${name} cannot say ${what}: ${mend}`);
  // Testers and the excluded are segments too.
  const needed = new Set([...(can("testers") ? audience.testers : []), ...(can("exclude") ? audience.exclude : [])]);
  const segments = Object.keys(audience.segments).filter((each) => !needed.has(each));
  const quoted = (names: string[]) => names.map((each) => `\`${each}\``).join(", ");
  if (!can("segments") && segments.length > 0) {
    refuse(`who is in ${segments.length > 1 ? "the segments" : "the segment"} ${quoted(segments)}`, "remove `audience.segments`");
  }
  if (!can("testers") && audience.testers.length > 0) refuse(`that ${quoted(audience.testers)} are testers`, "remove `audience.testers`");
  if (!can("eligible") && audience.eligible)
    refuse("who is eligible", "remove `audience.eligible`, and let the service that serves the flag see to it");
  if (!can("exclude") && audience.exclude.length > 0) refuse(`that ${quoted(audience.exclude)} are excluded`, "remove `audience.exclude`");
  if (!can("holdout") && audience.holdout > 0) refuse("who is held out", "remove `audience.holdout`");
  if (!can("unit") && unit)
    refuse(`that \`${unit.attribute}\` is what is bucketed`, "remove `flag.unit`: the service buckets by what it always does");
  return faults;
}

/** The share of a plan's exposure that is a percentage and nothing else. Throws `RolloutError` (`refused`) for any other. */
export function shareOf({ testers, everyone, segments }: Exposure, name: string): Share {
  const own = Object.values(segments).some((share) => share > everyone);
  if (!own && !testers) return everyone;
  throw new RolloutError("refused", `${name} can say a percentage only, not ${own ? "shares of segments" : "testers"}`, {
    hint: "use the plan that the rollout was started with",
  });
}

/** A share in the flag system's own numbers, of which `everybody` stands for all. */
export function numberOf(share: Share, everybody: number): number {
  return Number(((share / EVERYBODY) * everybody).toPrecision(12));
}

/** The exposure that is a number of the flag system's; when it is none, what is wrong with the number. */
export function exposureOf(number: number, everybody: number): Exposure | string {
  if (!(number >= 0 && number <= everybody)) return `is not between 0 and ${everybody}`;
  const share = (number / everybody) * EVERYBODY;
  const whole = Math.round(share);
  if (Math.abs(share - whole) > 1e-6) return `is finer than 0.001% of ${everybody}`;
  return whole === 0 ? OFF : { testers: false, everyone: whole, segments: {} };
}
