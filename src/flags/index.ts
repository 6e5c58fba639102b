import { flagd } from "./flagd.ts";

/** Every flag backend of the house, by the name that a plan gives as its `type`. */
export const flagBackends = { flagd };
