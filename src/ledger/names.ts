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
