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
  /** The bounds of a histogram's buckets, the last (∞) left out. */
  bounds: number[] | undefined;
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
  /** The same of each histogram: the last values of its cumulative counters, in the order of the bounds, ∞ last. */
  histograms: Map<string, number[]>;
}

const nameSchema = z.string().max(20_000);
const seriesSchema = z.array(z.tuple([nameSchema, z.number().min(0)])).max(10_000);
const histogramsSchema = z.array(z.tuple([nameSchema, z.array(z.number().min(0)).max(1001)])).max(10_000);
const cursorSchema = z.strictObject({
  version: z.literal(1),
  at: instantSchema,
  selectors: z.array(nameSchema).max(1000),
  bounds: z.array(z.number()).max(1000).optional(),
  targets: z.array(z.tuple([z.string().max(4000), z.number().nullable(), seriesSchema, histogramsSchema.optional()])).max(1000),
});

/** As JSON. Lists, not objects: shorter, and a name such as `__proto__` means nothing. */
export function writeCursor({ at, selectors, bounds, targets }: Cursor): unknown {
  return {
    version: 1,
    at,
    selectors: [...selectors],
    ...(bounds && { bounds }),
    targets: [...targets].map(([target, { started, series, histograms }]) => [
      target,
      started ?? null,
      [...series],
      ...(histograms.size > 0 ? [[...histograms]] : []),
    ]),
  };
}

/** Nothing when there is none, or when it is not one of ours: then the next reading is a baseline again. */
export function readCursor(value: unknown): Cursor | undefined {
  const { success, data } = cursorSchema.safeParse(value);
  if (!success) return undefined;
  const { at, selectors, bounds, targets } = data;
  const counters = (bounds?.length ?? 0) + 1;
  if (targets.some(([, , , histograms = []]) => histograms.some(([, values]) => values.length !== counters))) return undefined;
  return {
    at,
    selectors: new Set(selectors),
    bounds,
    targets: new Map(
      targets.map(([target, started, series, histograms]) => [
        target,
        { started: started ?? undefined, series: new Map(series), histograms: new Map(histograms) },
      ]),
    ),
  };
}
