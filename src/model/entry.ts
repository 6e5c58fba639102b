import { z } from "zod";
import { exposureSchema, nameSchema } from "./exposure.ts";
import { flagReadingSchema, flagSnapshotSchema } from "./flag.ts";
import { baselineSchema, instantSchema, metricReadingSchema } from "./measurement.ts";
import { planSchema } from "./plan.ts";
import { decisionSchema, evidenceSchema, gateSchema, goalVerdictSchema, splitCheckSchema, verdictSchema } from "./verdict.ts";

/**
 * The entries of a ledger. They are attacker-controlled when read, so every schema is strict and bounded by the
 * entry's size.
 */

/** The most bytes one entry may have. */
export const MAX_ENTRY_BYTES = 8 * 1024 * 1024;

export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * What the token of a CI job says, checked by the process that wrote the entry: signed by a key of the issuer, for this
 * tool, not expired. Others have that process's word for it, and its word is as good as the entry's signature.
 */
export const provenSchema = z.strictObject({
  /** The address of whoever issued the token: `https://token.actions.githubusercontent.com`. */
  issuer: z.string().min(1).max(500),
  subject: z.string().min(1).max(500),
  repository: z.string().max(500).optional(),
  /** The file of the workflow and where it comes from: `shop/web/.github/workflows/roll.yml@refs/heads/main`. */
  workflow: z.string().max(1_000).optional(),
  run: z.string().max(100).optional(),
  /** Who began the run. */
  actor: z.string().max(200).optional(),
});
export type Proven = z.infer<typeof provenSchema>;

/** Who wrote it. Without `proven` it is what the process said of itself, and reads "claimed". */
export const actorSchema = z.strictObject({
  /** A user's name, or a CI job's. */
  who: z.string().max(500),
  /** A host, or a CI system with its run. */
  where: z.string().max(500),
  proven: provenSchema.optional(),
});
export type Actor = z.infer<typeof actorSchema>;

/** By whom an entry is signed: an ed25519 signature in base64, and the key's fingerprint. See `ledger/signature.ts`. */
export const signatureSchema = z.strictObject({ key: hashSchema, value: z.string().regex(/^[A-Za-z0-9+/]{86}==$/) });
export type Signature = z.infer<typeof signatureSchema>;

const seqSchema = z.number().int().min(1);
const reasonSchema = z.string().max(10_000);

const planFields = { plan: planSchema, planHash: hashSchema };

/** By kind, what an entry says. */
export const entryDataSchemas = {
  /** A run begins. `exposure` and `stage` are OFF and −1, or what was found when an existing exposure was adopted. */
  started: z.strictObject({
    ...planFields,
    /** The folder of the plan file, relative to the root of the repository: paths in the plan are relative to it. */
    folder: z.string(),
    exposure: exposureSchema,
    stage: z.number().int().min(-1),
    adopted: z.boolean(),
    /** Why a run after the first was begun. */
    reason: reasonSchema.optional(),
    /** What the preflight read: where the first intervals begin. */
    metrics: z.record(z.string(), metricReadingSchema),
  }),
  /** One look: all that its decision rested on, and the decision. */
  look: z.strictObject({
    judge: z.string(),
    flag: flagSnapshotSchema,
    metrics: z.record(z.string(), metricReadingSchema),
    verdicts: z.array(verdictSchema),
    /**
     * The judge's memory after it, while it is in hand. It is not stored: it is a pure fold over the readings of the looks,
     * many times as large as they are, and a checkpoint has it now and then. Older ledgers have it in every look.
     */
    evidence: z.record(z.string(), evidenceSchema).exactOptional(),
    goals: z.array(goalVerdictSchema).default([]),
    splitChecks: z.array(splitCheckSchema).default([]),
    /** What was asked of the time before the run, by `baselineKey`: what it was, until that is known once; or why it is not known. */
    baselines: z.record(z.string(), z.union([baselineSchema, z.string()])).default({}),
    /** The plan file differs from the ledger's plan, so that advancing waits. */
    planDiffers: z.boolean(),
    gates: z.array(gateSchema),
    decision: decisionSchema,
  }),
  /**
   * The flag is about to be written. Nobody writes the flag without one.
   * - `advance`: to a stage; `rollback`: to off, overtaking what is open; `repair`: back to what the ledger says;
   *   `restore`: back to what the ledger says after somebody stopped it outside, because a person asked for it
   */
  intent: z.strictObject({
    purpose: z.enum(["advance", "rollback", "repair", "restore"]),
    from: exposureSchema,
    to: exposureSchema,
    /** The stage that `to` belongs to; −1 for off. */
    stage: z.number().int().min(-1),
    deadline: instantSchema,
    reason: reasonSchema,
  }),
  /** The flag was written and read back (or found at the target by a later runner: `recovered`). That of a rollback ends the run. */
  applied: z.strictObject({ intent: seqSchema, revision: z.string(), recovered: z.boolean() }),
  /** The intent was given up. `mayLand`: its write may still come, because its writer did not say so itself before it wrote. */
  abandoned: z.strictObject({ intent: seqSchema, reason: reasonSchema, mayLand: z.boolean() }),
  /** The flag was put back to what the ledger says, after a late write of our own or to fence one off. */
  repaired: z.strictObject({ intent: seqSchema, revision: z.string(), found: flagReadingSchema }),
  /**
   * A rollback that was done while the ledger could not be reached, recorded now that it can be: `at`, `actor` and `reason`
   * are those of then. `stands`: the flag is still off, so the run is over.
   */
  spooled: z.strictObject({
    id: z.string().regex(/^[0-9a-f]{32}$/),
    at: instantSchema,
    actor: actorSchema,
    reason: reasonSchema,
    revision: z.string(),
    stands: z.boolean(),
  }),
  /** A person paused. (A look that decides to pause does so by itself.) */
  paused: z.strictObject({ reason: reasonSchema }),
  /**
   * A person let it go on. `adopt` takes `exposure` and `stage` over from the live flag; `restore` writes what the
   * ledger says; `despiteBreach` lets the breached guardrails begin again.
   */
  resumed: z.strictObject({
    mode: z.enum(["plain", "adopt", "restore"]),
    despiteBreach: z.boolean(),
    reason: reasonSchema.optional(),
    exposure: exposureSchema.optional(),
    stage: z.number().int().min(-1).optional(),
  }),
  /** The plan of the ledger is now this one: `words` were taken over by themselves, the rest a person accepted. */
  planChanged: z.strictObject({
    ...planFields,
    by: z.enum(["words", "person"]),
    changes: z.array(z.string()),
    stage: z.number().int().min(-1),
  }),
  /**
   * Another version of the judge looks from now on. E-values carry over; what it cannot go on from (`restarted`) begins
   * again with a share of the budget that is kept for it.
   */
  judgeChanged: z.strictObject({ from: z.string(), to: z.string(), restarted: z.array(z.string()) }),
  /** The run is over. `yielded`: another unfinished rollout has the same flag. */
  ended: z.strictObject({ outcome: z.enum(["complete", "yielded"]), reason: reasonSchema }),
} as const;

export type EntryKind = keyof typeof entryDataSchemas;
export type EntryData = { [Kind in EntryKind]: z.infer<(typeof entryDataSchemas)[Kind]> };

const frame = {
  seq: seqSchema,
  /** SHA-256 of the stored bytes of the entry before; 64 zeros for the first. */
  prev: hashSchema,
  /** Random: tells one attempt to write a number from another. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  rollout: nameSchema,
  run: z.number().int().min(1),
  at: instantSchema,
  actor: actorSchema,
  /** The number of the last entry before it that carries a checkpoint, where there is one. */
  checkpointAt: seqSchema.exactOptional(),
  /**
   * The state after it, so that the ledger's end can be read without all that is before. It is a copy: what the entries
   * say counts, and `log verify` compares. A format that a version does not know is passed over.
   */
  checkpoint: z
    .strictObject({
      format: z.number().int().min(1),
      state: z.record(z.string(), z.unknown()),
      /** What the judge remembers, packed. */
      evidence: z.string().exactOptional(),
    })
    .exactOptional(),
  /** The last field of its line, so that it signs all that stands before it. */
  signature: signatureSchema.optional(),
};

/** An entry as far as its place in the ledger goes: what it says is not looked at. */
export const frameSchema = z.looseObject(frame);
export type Frame = z.infer<typeof frameSchema>;

export const entrySchema = z.discriminatedUnion("kind", [
  z.strictObject({ ...frame, kind: z.literal("started"), data: entryDataSchemas.started }),
  z.strictObject({ ...frame, kind: z.literal("look"), data: entryDataSchemas.look }),
  z.strictObject({ ...frame, kind: z.literal("intent"), data: entryDataSchemas.intent }),
  z.strictObject({ ...frame, kind: z.literal("applied"), data: entryDataSchemas.applied }),
  z.strictObject({ ...frame, kind: z.literal("abandoned"), data: entryDataSchemas.abandoned }),
  z.strictObject({ ...frame, kind: z.literal("repaired"), data: entryDataSchemas.repaired }),
  z.strictObject({ ...frame, kind: z.literal("spooled"), data: entryDataSchemas.spooled }),
  z.strictObject({ ...frame, kind: z.literal("paused"), data: entryDataSchemas.paused }),
  z.strictObject({ ...frame, kind: z.literal("resumed"), data: entryDataSchemas.resumed }),
  z.strictObject({ ...frame, kind: z.literal("planChanged"), data: entryDataSchemas.planChanged }),
  z.strictObject({ ...frame, kind: z.literal("judgeChanged"), data: entryDataSchemas.judgeChanged }),
  z.strictObject({ ...frame, kind: z.literal("ended"), data: entryDataSchemas.ended }),
]);
export type Entry = z.infer<typeof entrySchema>;
export type EntryOf<Kind extends EntryKind> = Extract<Entry, { kind: Kind }>;

/** An entry without its frame: what a caller wants to say. */
export type Statement = { [Kind in EntryKind]: { kind: Kind; data: EntryData[Kind] } }[EntryKind];
