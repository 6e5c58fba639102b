import { z } from "zod";
import { instantSchema } from "../model/measurement.ts";

/**
 * What a scraped source remembers of one metric between two looks. It is kept in the ledger, so it is small, and it is
 * attacker-controlled when it comes back.
 */
export interface Cursor {
  /** Where the next interval begins. */
  at: number;
  /** The selectors that were read then: only under these may a series that is new count from 0. */
  selectors: Set<string>;
  /** By the target's address. A target that is not here has never been read. */
  targets: Map<string, TargetCursor>;
}

export interface TargetCursor {
  /** When its process began, in epoch seconds, if it says so. */
  started: number | undefined;
  /**
   * The last value of each series. Series that vanished stay: their return must not count from 0 again.
   */
  series: Map<string, number>;
}

const pairSchema = z.tuple([z.string().max(20_000), z.number().min(0)]);
const cursorSchema = z.strictObject({
  version: z.literal(1),
  at: instantSchema,
  selectors: z.array(z.string().max(20_000)).max(1000),
  targets: z.array(z.tuple([z.string().max(4000), z.number().nullable(), z.array(pairSchema).max(10_000)])).max(1000),
});

/** As JSON. Lists, not objects: shorter, and a name such as `__proto__` means nothing. */
export function writeCursor(cursor: Cursor): unknown {
  return {
    version: 1,
    at: cursor.at,
    selectors: [...cursor.selectors],
    targets: [...cursor.targets].map(([target, { started, series }]) => [target, started ?? null, [...series]]),
  } satisfies z.input<typeof cursorSchema>;
}

/** Nothing when there is none, or when it is not one of ours: then the next reading is a baseline again. */
export function readCursor(value: unknown): Cursor | undefined {
  const { success, data } = cursorSchema.safeParse(value);
  if (!success) return undefined;
  return {
    at: data.at,
    selectors: new Set(data.selectors),
    targets: new Map(data.targets.map(([target, started, series]) => [target, { started: started ?? undefined, series: new Map(series) }])),
  };
}
