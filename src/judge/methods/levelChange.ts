import { z } from "zod";
import type { RelativeLimit } from "../../model/plan.ts";
import { mannWhitneyP, medianDifference, smallestP } from "../../stats/mannWhitney.ts";
import { medianOf } from "../../stats/robust.ts";
import { fitting } from "../memories.ts";
import { method, type Method } from "../method.ts";
import { change, count, quantity, times } from "../numbers.ts";
import { ready } from "../rates.ts";
import { levelIn } from "../values.ts";
import type { MeanView } from "./meanChange.ts";

/** More readings than this are no news: the oldest are forgotten. */
const MOST = 300;

const levels = z.array(z.number()).max(MOST);
const memorySchema = z.strictObject({
  treatment: levels,
  control: levels,
  /** How often the test was asked, and over how many readings it was asked last. */
  asked: z.number().int().min(0),
  at: z.number().int().min(0),
  breach: z.boolean(),
  clear: z.boolean(),
});
type Memory = z.infer<typeof memorySchema>;

/**
 * A gauge against the control, or against its own past: Mann and Whitney's test (`stats/mannWhitney.ts`), at the end of a
 * stage. The k-th time that it is asked it has 6α/(π² k²) of the chance of a false alarm, and it is not asked of so few
 * readings that it could not reject. It assumes readings independent of each other: it advises, and pauses.
 *
 * @param past the levels before the run, where those are compared with
 */
export function levelChangeMethod(
  { metricName, unit }: MeanView,
  limit: RelativeLimit,
  past?: { levels: readonly number[]; when: string },
): Method {
  const upwards = limit.form === "maxIncrease";
  const sign = upwards ? 1 : -1;
  /** The control's level moved to where the limit is. */
  const line = (level: number) => (limit.by === "ratio" ? level * (1 + sign * limit.amount) : level + sign * limit.amount);
  const newest = (past: readonly number[], level: number | undefined) => (level === undefined ? [...past] : [...past, level].slice(-MOST));
  return method<Memory>({
    name: past ? "ranks, past" : "ranks",
    compares: !past,
    hasEValues: false,
    begin: () => ({ treatment: [], control: [], asked: 0, at: 0, breach: false, clear: false }),
    read: (stored) => fitting(memorySchema, stored),
    step: (memory, step) =>
      step.mixed
        ? memory
        : {
            ...memory,
            treatment: newest(memory.treatment, levelIn(step.treatment)),
            control: newest(memory.control, past ? undefined : levelIn(step.control)),
          },
    calibrate: (memory) => memory,
    newStage: ({ asked }) => ({ treatment: [], control: [], asked, at: 0, breach: false, clear: false }),
    weigh(memory, { alpha, bakeOver }) {
      const { treatment, breach, clear } = memory;
      const control = (past?.levels ?? memory.control).map(line);
      const level = (6 * alpha) / (Math.PI * (memory.asked + 1)) ** 2;
      const isNews = treatment.length > memory.at;
      if (!bakeOver || !isNews || smallestP(treatment.length, control.length, "greater") > level) return { breach, clear };
      const beyond = mannWhitneyP(treatment, control, upwards ? "greater" : "less");
      const within = mannWhitneyP(treatment, control, upwards ? "less" : "greater");
      const found = { breach: breach || beyond <= level, clear: within <= level };
      return { ...found, memory: { ...memory, ...found, asked: memory.asked + 1, at: treatment.length } };
    },
    figures(_, memory) {
      const control = past?.levels ?? memory.control;
      const [own, other] = [medianOf(memory.treatment), medianOf(control)];
      const estimate = limit.by === "ratio" ? own / other : medianDifference(memory.treatment, control);
      const known = estimate !== undefined && !Number.isNaN(estimate) ? estimate : undefined;
      return {
        ...ready(limit.form, known, undefined, limit.by === "ratio" ? 1 + sign * limit.amount : sign * limit.amount),
        show: (value) => (limit.by === "ratio" ? times(value) : change(value, unit)),
        subject: `the median of ${metricName}`,
        treatment: Number.isNaN(own) ? undefined : quantity(own, unit),
        control: Number.isNaN(other) ? undefined : quantity(other, unit),
        ...(past && { versus: past.when }),
        basis: `${count(memory.treatment.length)} against ${count(control.length)} readings`,
        note: "it is compared once the stage has baked",
      };
    },
    sizes: () => ({}),
  });
}
