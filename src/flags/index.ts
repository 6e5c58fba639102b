import { command } from "./command.ts";
import { flagd } from "./flagd.ts";
import { http } from "./http.ts";

/** Every flag backend of the house, by the name that a plan gives as its `type`. */
export const flagBackends = { flagd, http, command };
