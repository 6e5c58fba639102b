import { z } from "zod";

/** Whether a key may be a name: every object has these already, so that a table of names would seem to hold them. */
export function isFreeKey(name: string): boolean {
  return !(name in Object.prototype);
}

/** A name of a rollout, stage reference or segment: lower case letters, digits and dashes. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
  .refine(isFreeKey);

/** How many shares make everybody: shares are whole thousandths of a percent. */
export const EVERYBODY = 100_000;

/** A share of units in whole thousandths of a percent: 0 to 100,000. */
export const shareSchema = z.number().int().min(0).max(EVERYBODY);
export type Share = z.infer<typeof shareSchema>;

/**
 * Who gets the feature, as one absolute value. A unit has the largest share that it matches: that of `everyone` or of
 * one of its segments. Segments with share 0 are not listed.
 */
export const exposureSchema = z.strictObject({
  testers: z.boolean(),
  everyone: shareSchema,
  segments: z.record(nameSchema, shareSchema.min(1)),
});
export type Exposure = z.infer<typeof exposureSchema>;

/** Nobody, not even testers. */
export const OFF: Exposure = Object.freeze({ testers: false, everyone: 0, segments: Object.freeze({}) }) as Exposure;
