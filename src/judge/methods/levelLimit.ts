import { z } from "zod";
import type { Limit } from "../../model/plan.ts";
import { fitting } from "../memories.ts";
import { method, type Method, type StageSums } from "../method.ts";
import { quantity } from "../numbers.ts";
import { ready } from "../rates.ts";
import { levelIn } from "../values.ts";
import type { MeanView } from "./meanChange.ts";

/** The last readings, the oldest first: whether the treatment's was beyond the limit, and whether the control's was. */
const memorySchema = z.strictObject({
  treatment: z.array(z.boolean()).max(100),
  control: z.array(z.boolean()).max(100),
});
type Memory = z.infer<typeof memorySchema>;

/** How many of the last readings must be beyond a threshold. */
export interface Failures {
  readonly count: number;
  readonly of: number;
}

/**
 * A threshold of a gauge, broken when so many of its last readings are beyond it, and kept when none of them is. It has no
 * chance of a false alarm that could be named: readings depend on each other.
 */
export function levelLimitMethod(
  { metricName, unit }: MeanView,
  limit: Extract<Limit, { value: number }>,
  { count: failures, of }: Failures = { count: 1, of: 1 },
): Method {
  const beyond = (level: number) => (limit.form === "max" ? level > limit.value : level < limit.value);
  const withLevel = (past: readonly boolean[], level: number | undefined): boolean[] =>
    level === undefined ? [...past] : [...past, beyond(level)].slice(-of);
  const broken = (past: readonly boolean[]) => past.filter(Boolean).length >= failures;
  return method<Memory>({
    name: `threshold of ${of}`,
    compares: false,
    hasEValues: false,
    begin: () => ({ treatment: [], control: [] }),
    read: (stored) => fitting(memorySchema, stored),
    step: ({ treatment, control }, step) => ({
      treatment: withLevel(treatment, levelIn(step.treatment)),
      control: withLevel(control, levelIn(step.control)),
    }),
    calibrate: (memory) => memory,
    newStage: (memory) => memory,
    weigh: ({ treatment, control }) => ({
      breach: broken(treatment),
      clear: treatment.length === of && !treatment.some(Boolean),
      shared: broken(treatment) && broken(control),
    }),
    figures(sums: StageSums, { treatment }) {
      const [level, other] = [levelIn(sums.treatment), levelIn(sums.control)];
      const show = (value: number) => quantity(value, unit);
      return {
        ...ready(limit.form, level, undefined, limit.value),
        show,
        subject: metricName,
        treatment: level === undefined ? undefined : show(level),
        control: other === undefined ? undefined : show(other),
        basis: `${treatment.filter(Boolean).length} of the last ${treatment.length} readings beyond the limit, ${failures} of ${of} break it`,
      };
    },
    sizes: () => ({}),
  });
}
