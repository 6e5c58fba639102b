import type { z } from "zod";
import type { Tools } from "../io/port.ts";
import type { Exposure } from "../model/exposure.ts";
import type { FlagReading, FlagTarget } from "../model/flag.ts";

/** The flag changed since it was read: nothing was written. */
export class Conflict extends Error {
  override readonly name = "Conflict";
}

/** Who and why, for the vendor's own change log. */
export interface ChangeNote {
  rollout: string;
  stage: string;
  reason: string;
  /** The hash of the ledger's head when the change was intended. */
  head: string;
}

/** A flag system, connected. Every error it throws is a `RolloutError` or a `Conflict`. */
export interface FlagBackend {
  read(target: FlagTarget): Promise<FlagReading>;
  /**
   * Makes the flag say `exposure`, absolutely, keeping all that is not ours as it is. Every write changes the revision,
   * also one that says what is there already. Throws `Conflict` when the flag's revision is not `ifRevision`, and
   * `NotDone` only when certainly nothing was written.
   *
   * @param within how many milliseconds it may take; later nothing is sent any more. By default the target's `writeWithin`
   */
  write(target: FlagTarget, exposure: Exposure, ifRevision: string, note: ChangeNote, within?: number): Promise<void>;
  /** How a person switches the feature off by hand: one line of text, a command or a link. */
  byHand(target: FlagTarget): string;
}

/** What is known of a flag system with the options of a plan. */
export interface FlagBackendTraits {
  name: string;
  granularity: number;
  concurrency: "checked" | "bestEffort" | "none";
  cannotExpress(target: FlagTarget): string[];
}

/** A flag system, described. */
export interface FlagBackendDefinition<Options extends z.ZodType = z.ZodType> {
  name: string;
  options: Options;
  /** The finest step of a percentage, in percent. A plan that asks for finer is refused offline. */
  granularity: number;
  /** How strong the check of `ifRevision` is: atomic at the vendor, a read before the write, or none. */
  concurrency: FlagBackendTraits["concurrency"];
  /** How long its slowest client may serve the old exposure unless the plan says so, in milliseconds. */
  propagation: number;
  /** Where the granularity or the concurrency depends on the options: what they are with these. */
  traits?(options: z.output<Options>): Partial<Pick<FlagBackendTraits, "granularity" | "concurrency">>;
  /** What of a plan's flag and audience it cannot say, each as a sentence; offline. */
  cannotExpress?(target: FlagTarget, options: z.output<Options>): string[];
  connect(options: z.output<Options>, tools: Tools): FlagBackend;
}

/** Gives a definition its types. */
export function defineFlagBackend<Options extends z.ZodType>(definition: FlagBackendDefinition<Options>): FlagBackendDefinition<Options> {
  return definition;
}

/** A definition with the options of a plan, as its schema reads them. */
export function traitsOf<Options extends z.ZodType>(
  definition: FlagBackendDefinition<Options>,
  options: z.output<Options>,
): FlagBackendTraits {
  const { name, granularity, concurrency } = definition;
  const cannotExpress = (target: FlagTarget) => definition.cannotExpress?.(target, options) ?? [];
  return { name, granularity, concurrency, ...definition.traits?.(options), cannotExpress };
}
