import type { Value } from "../model/measurement.ts";
import type { Verdict } from "../model/verdict.ts";
import type { Interval } from "../stats/intervals.ts";

/** How a limit is judged: by which test, on which part of what was measured, and in whose words. */

/** What one interval says to a guardrail: what those with the feature had, and those without. */
export interface Step {
  /** The end of the interval, in epoch milliseconds. */
  readonly at: number;
  /** It overlaps a change of exposure: it may show harm, never that there is none. */
  readonly mixed: boolean;
  readonly treatment: Value | undefined;
  readonly control: Value | undefined;
}

/** The sums of a stage, of those groups that had anything; of a gauge the last levels. */
export interface StageSums {
  readonly treatment?: Value | undefined;
  readonly control?: Value | undefined;
}

/** What a test says after some steps. */
export interface Weighed {
  readonly breach: boolean;
  readonly clear: boolean;
  /** ln E of the harm, and of its being within the limit, where the test has them. */
  readonly harm?: number;
  readonly within?: number;
  /** A fixed limit is broken without the feature as well, and those who have it are not shown to be worse off. */
  readonly shared?: boolean;
  /** How the control varies by more than chance, as far as it was learned. */
  readonly noise?: Verdict["noise"];
  /** Noise that persists in one group, which looks like harm. */
  readonly autocorrelation?: Verdict["autocorrelation"];
}

/** When a test is asked. */
export interface Asked {
  /** The chance of a false alarm over all looks. */
  readonly alpha: number;
  /** The stage has baked: tests that may be asked only a few times are asked now. */
  readonly bakeOver: boolean;
}

/** Estimate, interval and limit in the unit of the limit's form, and as text. */
export interface Figures {
  /** Nothing where it is no number: nothing measured, or a ratio to a rate of zero. */
  readonly estimate: number | undefined;
  /** At 95 %, for people; its upper end may be ∞. */
  readonly interval: Interval | undefined;
  readonly limit: number;
  /** Whether the estimate is on the wrong side of the limit. */
  readonly beyond: boolean;
  /** An estimate, an end of the interval, or the limit. */
  readonly show: (value: number) => string;
  /** What is measured, in the words of a sentence: `errors`, `latency above 500 ms`, `the p95 of latency`. */
  readonly subject: string;
  /** What each group has: `2.31%`, `350 ms to 375 ms`; nothing where nothing was measured. */
  readonly treatment: string | undefined;
  readonly control: string | undefined;
  /** With whom the treatment is compared, where that is not the control at the same time: `in the 24 h before`. */
  readonly versus?: string;
  /** What it rests on: `41 of 1,775 against 92 of 17,700 requests`. */
  readonly basis: string;
  /** What else a reader should know of the test. */
  readonly note?: string | undefined;
}

/** How many treated requests a test needs, as far as that can be said. */
export interface Sizes {
  /** To see the harm that the guardrail names. */
  readonly needs?: number;
  /** More than there were, until one side is shown, if all stays as it is. */
  readonly more?: number;
}

/** What a size is computed from. */
export interface Sized extends Asked {
  readonly sums: StageSums;
  /** Steps of this stage so far. */
  readonly looks: number;
  /** The chance to see the harm with what it needs: 80 % unless said. */
  readonly power?: number;
  readonly weighed: Weighed;
}

/**
 * A test of one limit. Its memory is plain JSON, and what `step` makes of a memory from JSON is what it makes of the
 * memory itself, so that going on from the ledger is the same as never having stopped.
 */
export interface Method<Memory = unknown> {
  /** Kept with the evidence: what another method remembers is nothing to go on from. */
  readonly name: string;
  /** Whether it compares with the control at the same time. */
  readonly compares: boolean;
  /** Whether its evidence is an e-value, which another test of the same may go on from. */
  readonly hasEValues: boolean;
  begin(): Memory;
  /** A memory from a ledger, where anything may stand; nothing when it is none of this method's. */
  read(stored: unknown): Memory | undefined;
  step(memory: Memory, step: Step): Memory;
  /** Adds an interval in which nobody has the feature: it may teach what the noise is, and nothing of harm. */
  calibrate(memory: Memory, control: Value): Memory;
  /** What it keeps of a stage that is over. */
  newStage(memory: Memory): Memory;
  weigh(memory: Memory, asked: Asked): Weighed & { readonly memory?: Memory };
  figures(sums: StageSums, memory: Memory): Figures;
  sizes(sized: Sized): Sizes;
}

/** A method with its types forgotten: whoever chooses it hands its own memory back. */
export function method<Memory>(definition: Method<Memory>): Method {
  return definition as Method;
}
