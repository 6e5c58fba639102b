import type { Counts } from "../../../src/stats/ratio.ts";

/** The ramp of all scenarios: shares of the traffic that are treated, each for so many one-minute looks. */
export const SHARES: readonly number[] = [0.01, 0.05, 0.25, 0.5];
export const LOOKS_A_STAGE = 15;
export const LOOKS = SHARES.length * LOOKS_A_STAGE;

/** The chance of a false rollback that every rule is set to. */
export const ALPHA = 0.05;

/** Base of what the rules and the accounts know of a minute. */
export interface Look {
  /** 1 to 60. */
  readonly minute: number;
  /** 0 to 3: which of `SHARES` is served. */
  readonly stage: number;
  /** Requests that were treated in this minute, whether or not anybody could count them. */
  readonly exposed: number;
}

/** A look at a rate: what the groups did since the last look that had data. */
export interface RateLook extends Look {
  /** False where the source had no data; the counts are then 0, and the next look carries the sum. */
  readonly reported: boolean;
  readonly treatment: Counts;
  /** A part of the control as large as the treatment: what tools compare with that want equal groups. */
  readonly baseline: Counts;
  /** All of the control, the baseline in it. */
  readonly control: Counts;
}

/** What a rule may know before the ramp begins. */
export interface Known {
  /** The error rate in ordinary times, as a fraction: what a team would set a fixed threshold by. */
  readonly rate: number;
}

/** A rule is asked once a look, in order, and no longer after it said "roll back" (true). */
export interface Rule<L extends Look> {
  readonly name: string;
  begin(known: Known): (look: L) => boolean;
}

export function stageOf(minute: number): number {
  return Math.floor((minute - 1) / LOOKS_A_STAGE);
}

export function addCounts(one: Counts, other: Counts): Counts {
  return { events: one.events + other.events, total: one.total + other.total };
}

export const NO_COUNTS: Counts = { events: 0, total: 0 };
