import { z } from "zod";
import { EVERYBODY, nameSchema, OFF, type Exposure, type Share } from "../model/exposure.ts";
import type { FlagTarget } from "../model/flag.ts";
import type { ChangeNote } from "./port.ts";

/**
 * What is said to a program that is a flag backend, as JSON on its standard input, and what it answers on its standard
 * output. Shares are percentages here, as people write them.
 */

const VERSION = 1;

/** What a program is asked. */
export type Question = { action: "read" } | { action: "write"; exposure: Exposure; ifRevision: string; note: ChangeNote };

/** The question as JSON. */
export function requestText(target: FlagTarget, question: Question): string {
  const { key, treatment, control, unit, audience } = target;
  const { holdout, ...others } = audience;
  const about = { key, target: { treatment, control, ...(unit && { unit }), audience: { ...others, holdout: percentOf(holdout) } } };
  if (question.action === "read") return JSON.stringify({ version: VERSION, action: "read", ...about });
  const { action, exposure, ...more } = question;
  return JSON.stringify({ version: VERSION, action, ...about, exposure: inPercent(exposure), ...more });
}

/** What a person says to switch the flag off whatever is there: without a revision, and as short as it can be. */
export function offText({ key }: FlagTarget): string {
  return JSON.stringify({ version: VERSION, action: "write", key, exposure: inPercent(OFF) });
}

function inPercent({ testers, everyone, segments }: Exposure) {
  const shares = Object.entries(segments).map(([name, share]) => [name, percentOf(share)]);
  return { percentage: percentOf(everyone), testers, segments: Object.fromEntries(shares) as Record<string, number> };
}

function percentOf(share: Share): number {
  return Number(((share / EVERYBODY) * 100).toFixed(3));
}

const sentence = z.string().min(1).max(2_000);
const shortText = "expected a text of 1 to 1000 characters";
const revision = z.string({ error: shortText }).min(1, shortText).max(1_000, shortText);
const fromNobodyToAll = "expected a number from 0 to 100";

/** A percentage, as a share; no finer than shares are. */
const percentage = z
  .number({ error: fromNobodyToAll })
  .min(0, fromNobodyToAll)
  .max(100, fromNobodyToAll)
  .refine((percent) => Math.abs(percent * 1000 - Math.round(percent * 1000)) < 1e-6, "expected a percentage no finer than 0.001")
  .transform((percent) => Math.round((percent / 100) * EVERYBODY));

const exposure = z
  .strictObject({
    percentage: percentage.default(0),
    testers: z.boolean().default(false),
    segments: z.record(nameSchema, percentage).default({}),
  })
  .transform(({ percentage: everyone, testers, segments }): Exposure => {
    const named = Object.entries(segments).filter(([, share]) => share > 0);
    return everyone === 0 && !testers && named.length === 0 ? OFF : { testers, everyone, segments: Object.fromEntries(named) };
  });

const refusals = [z.strictObject({ error: sentence, hint: sentence.optional() }), z.strictObject({ conflict: sentence })] as const;

/** What a read may be answered with. */
export const readAnswer = z.union([
  z.strictObject({ percentage, revision: revision.optional() }),
  z.strictObject({ exposure, revision: revision.optional() }),
  z.strictObject({ foreign: sentence, revision: revision.optional() }),
  refusals[0],
]);

/** What a write may be answered with. */
export const writeAnswer = z.union([z.strictObject({ revision: revision.optional() }), ...refusals]);
