import { z } from "zod";
import { verdictSchema } from "../model/verdict.ts";

/** What the plan would have done on one series. `backtest --json` prints one a line, in the order in which they begin in the file. */
export const backtestSchema = z.strictObject({
  schema: z.literal("rollout.backtest/1"),
  /** Null where the lines of the file do not name one. */
  series: z.string().nullable(),
  /** `unfinished`: the observations ended first. A pause ends a series, since nobody is there to resume. */
  outcome: z.enum(["complete", "rolledBack", "paused", "unfinished"]),
  /** The look that acted, or else the last: its instant (as in the file, ISO 8601) and its number, from 1 on. */
  at: z.iso.datetime().nullable(),
  look: z.number().int().min(0),
  /** The stage in which it acted; null before the first. */
  stage: z.string().nullable(),
  /** Why it paused or rolled back: `breach`, `sharedIncident`, `noData`, `sampleRatio`, `inconclusive`, `blind`. */
  cause: z.string().nullable(),
  /** The guardrail that was the reason, and its verdict with all numbers; null where it was none. */
  guardrail: z.string().nullable(),
  verdict: verdictSchema.nullable(),
  /** Why it did what it did, in words; of an unfinished one what it waited for. */
  sentence: z.string(),
});
export type BacktestReport = z.infer<typeof backtestSchema>;
