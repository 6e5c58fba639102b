import { EVERYBODY } from "../model/exposure.ts";
import type { State, Progress } from "../model/state.ts";
import type { BlastRadius } from "../model/verdict.ts";
import type { Instant } from "../model/measurement.ts";

/** What a breach has cost by `at`: the widest reach and the worst harm over the guardrails that broke. */
export function blastRadius(state: State, progress: Progress[], at: Instant): BlastRadius {
  const counted = progress.flatMap(({ users }) => users ?? []);
  const users = counted.length > 0 ? Math.max(...counted) : exposedUnits(state);
  return {
    ...(users !== undefined && { users }),
    ...(counted.length > 0 && { counted: true as const }),
    requests: Math.max(0, ...progress.map((each) => each.requests)),
    excessEvents: Math.max(0, ...progress.map((each) => Math.round(each.excessEvents))),
    exposedFor: state.firstExposedAt === undefined ? 0 : Math.max(0, at - state.firstExposedAt),
  };
}

/** About how many units have the feature, from the plan's own figures; unknown where the plan gives none. */
function exposedUnits(state: State): number | undefined {
  const { audience } = state.plan;
  const free = 1 - audience.holdout / EVERYBODY;
  if (audience.units === undefined) return undefined;
  const everyone = (audience.units * state.exposure.everyone * free) / EVERYBODY;
  const segments = Object.entries(state.exposure.segments).reduce((sum, [name, share]) => {
    const units = audience.segments[name]?.units ?? 0;
    return sum + (units * Math.max(0, share - state.exposure.everyone) * free) / EVERYBODY;
  }, 0);
  return Math.min(audience.units, Math.round(everyone + segments));
}
