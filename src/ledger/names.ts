import { RolloutError } from "../errors.ts";
import { nameSchema } from "../model/exposure.ts";

/**
 * The name itself where it is a rollout's: nothing that leads elsewhere, and no two that a store takes for one. Throws
 * `RolloutError` (`usage`) otherwise.
 */
export function checkedName(name: string): string {
  if (isName(name)) return name;
  throw new RolloutError("usage", `${JSON.stringify(name.slice(0, 80))} is not a rollout's name`, {
    hint: "A name has lower-case letters, digits and dashes, 63 at the most.",
  });
}

/** Whether it is a rollout's name. */
export function isName(name: string): boolean {
  return nameSchema.safeParse(name).success;
}

export function missingEntry(name: string, seq: number): RolloutError {
  return damaged(`ledger ${name}, entry ${seq}: it is missing, though later ones are there`);
}

export function damaged(why: string): RolloutError {
  return new RolloutError("damaged", why, { hint: "Nothing was written. Restore the ledger from a copy." });
}
