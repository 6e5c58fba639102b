import { createHash } from "node:crypto";
import type { Plan } from "../model/plan.ts";

/**
 * SHA-256, in hex, of the normalised plan as JSON with its keys sorted: two plans have the same hash when they say the
 * same, however they are laid out. What files hold that a rule names is part of it.
 */
export function planHash(plan: Plan): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(plan)))
    .digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
}
