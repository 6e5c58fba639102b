import { z } from "zod";
import { exposureSchema } from "./exposure.ts";
import type { Audience, Flag } from "./plan.ts";

/** What a backend needs to know of a plan to say an exposure in its own words, and to read it back. */
export type FlagTarget = Omit<Flag, "backend"> & { audience: Audience };

/**
 * The live flag. Absent, disabled and off are all the exposure `OFF`.
 * - `known`: it says exactly what we would write for `exposure`
 * - `foreign`: it says something that no exposure of this plan is; `found` describes it for people
 * `revision` changes with every write of our flag; it is what a conditional write hands back.
 */
export const flagReadingSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("known"), exposure: exposureSchema, revision: z.string() }),
  z.strictObject({ kind: z.literal("foreign"), found: z.string(), revision: z.string() }),
]);
export type FlagReading = z.infer<typeof flagReadingSchema>;

/** A reading as a look records it: the backend may also not have answered. */
export const flagSnapshotSchema = z.discriminatedUnion("kind", [
  ...flagReadingSchema.options,
  z.strictObject({ kind: z.literal("unreadable"), reason: z.string() }),
]);
export type FlagSnapshot = z.infer<typeof flagSnapshotSchema>;
