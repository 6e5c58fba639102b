import { z } from "zod";
import type { Groups } from "../stats/ratio.ts";
import { beginTwoSidedCeiling, ceilingHarmLogE, ceilingWithinLogE, stepTwoSidedCeiling } from "../stats/twoSidedCeiling.ts";
import { beginTwoSidedDab, harmLogE, stepTwoSidedDab } from "../stats/twoSidedDab.ts";
import { shapedLike } from "./memories.ts";

/**
 * Harm or an incident of everybody? A fixed limit that is broken cannot tell. So when it breaks, the last looks are gone
 * over again: is it broken without the feature as well, and are those who have it worse off than the others?
 */

const counts = z.number().min(0);
const lookSchema = z.tuple([counts, counts, counts, counts]);

/** The counts of the last looks: events and total of the treatment, then of the control. */
export const recentSchema = z.array(lookSchema).max(10);
export type Recent = z.infer<typeof recentSchema>;

/** As many as a gross harm takes to be seen, and some more. */
const MOST = 10;

export function withRecent(recent: Recent, { treatment, control }: Groups): Recent {
  return [...recent, [treatment.events, treatment.total, control.events, control.total] as const satisfies Recent[number]].slice(
    -MOST,
  ) as Recent;
}

/** What was found when the limit broke, and since then whether the treatment is worse off. */
export const incidentSchema = z.strictObject({ shared: z.boolean(), worse: shapedLike(beginTwoSidedDab({ controlHistory: false })) });
export type Incident = z.infer<typeof incidentSchema>;

/** The limit in question, and on which side of it the harm is. */
export interface Side {
  readonly rate: number;
  readonly above: boolean;
}

/**
 * The odds at which the control counts as broken as well. Less than a breach needs: it began when the treatment's did, and
 * to be mistaken here costs a pause that the next looks turn into a rollback.
 */
const BROKEN_AS_WELL = Math.log(5);

/** Looks back over the last looks at the moment when the limit is broken. */
export function beginIncident(recent: Recent, { rate, above }: Side): Incident {
  const looks = recent.map(([events, total, controlEvents, controlTotal]): Groups => ({
    treatment: { events, total },
    control: { events: controlEvents, total: controlTotal },
  }));
  const ceiling = looks.reduce((state, { control }) => stepTwoSidedCeiling(state, control, rate), beginTwoSidedCeiling());
  const broken = (above ? ceilingHarmLogE : ceilingWithinLogE)(ceiling) >= BROKEN_AS_WELL;
  const begun: Incident = { shared: broken, worse: beginTwoSidedDab({ controlHistory: false }) };
  return looks.reduce((incident, look) => stepIncident(incident, look, above), begun);
}

/** Goes on asking whether those with the feature are worse off. */
export function stepIncident({ shared, worse }: Incident, { treatment, control }: Groups, above: boolean): Incident {
  return { shared, worse: stepTwoSidedDab(worse, above ? { treatment, control } : { treatment: control, control: treatment }, 1) };
}

/** An incident of everybody, as long as the treatment is not shown to be worse off. */
export function isShared({ shared, worse }: Incident, threshold: number): boolean {
  return shared && harmLogE(worse) < threshold;
}
