import type { Audience } from "../model/plan.ts";
import type { Shares } from "./groups.ts";
import type { Random } from "./random.ts";

/** Whom the feature has met: requests, and users as far as the plan says how many there are. */
export interface Reach {
  /** Since the harm began. */
  readonly requests: number;
  users(): number | undefined;
  /** So many requests with the feature came; `harmful` ones count. */
  met(shares: Shares, treated: number, harmful: boolean): void;
  /** Users of both groups who are met for the first time at this stage by so many requests. */
  newUsers(shares: Shares, stage: number, requests: ByGroup, random: Random): ByGroup | undefined;
}

type ByGroup = Record<"treatment" | "control", number>;

/**
 * All users make as many requests, on average. Who is in stays in, so that each step of the exposure adds users who had not
 * been in: of so many of them R requests meet all but e^(−R/users).
 */
export function beginReach({ units }: Audience): Reach {
  /** Users who came in together, and their requests since the harm began. */
  const waves: { users: number; requests: number }[] = [];
  let requests = 0;
  let exposed = 0;
  let counted = { stage: -1, requests: { treatment: 0, control: 0 } };

  return {
    get requests() {
      return requests;
    },
    users: () => (units === undefined ? undefined : Math.round(waves.reduce((sum, wave) => sum + met(wave.users, wave.requests), 0))),
    met(shares, treated, harmful) {
      if (harmful) requests += treated;
      if (units === undefined) return;
      const now = shareExposed(shares) * units;
      if (now > exposed) waves.push({ users: now - exposed, requests: 0 });
      exposed = Math.max(exposed, now);
      if (harmful && exposed > 0) for (const wave of waves) wave.requests += (treated * wave.users) / exposed;
    },
    newUsers(shares, stage, now, random) {
      if (units === undefined) return undefined;
      if (counted.stage !== stage) counted = { stage, requests: { treatment: 0, control: 0 } };
      const of = (group: "treatment" | "control"): number => {
        const users = shares[group] * units;
        const before = counted.requests[group];
        const after = (counted.requests[group] += now[group]);
        // Some of these very requests: drawn by themselves the users would vary more than chance lets them.
        return now[group] > 0 ? random.binomial(now[group], (met(users, after) - met(users, before)) / now[group]) : 0;
      };
      return { treatment: of("treatment"), control: of("control") };
    },
  };
}

function met(users: number, requests: number): number {
  return users > 0 ? users * -Math.expm1(-requests / users) : 0;
}

function shareExposed({ treatment, segments }: Shares): number {
  return treatment + Object.values(segments).reduce((sum, share) => sum + share, 0);
}
