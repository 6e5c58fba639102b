import { z } from "zod";
import type { Limit } from "../../model/plan.ts";
import { trendOf } from "../../stats/trend.ts";
import { fitting } from "../memories.ts";
import { method, type Method } from "../method.ts";
import { change, count } from "../numbers.ts";
import { ready } from "../rates.ts";
import { levelIn } from "../values.ts";
import type { MeanView } from "./meanChange.ts";

const HOUR = 3_600_000;
/** Of more readings every other one is kept: a trend is as well seen in half of them. */
const MOST = 240;
/** So many readings, and twice as many each time after, before it is asked; and when the stage has baked. */
export const FIRST_ASKED_AT = 10;

const memorySchema = z.strictObject({
  /** When and how much, the oldest first. */
  points: z.array(z.tuple([z.number(), z.number()])).max(MOST),
  /** Readings so far, also those that were not kept. */
  readings: z.number().int().min(0),
  asked: z.number().int().min(0),
  at: z.number().int().min(0),
  breach: z.boolean(),
  clear: z.boolean(),
});
type Memory = z.infer<typeof memorySchema>;

/**
 * How fast a gauge rises: Theil and Sen's slope and its interval (`stats/trend.ts`), asked at 10, 20, 40, … readings and at
 * the end of the bake, the k-th time with 6α/(π² k²) of the chance of a false alarm. Levels that remember those before
 * them, such as memory between two collections of garbage, make the interval too narrow: it advises, and pauses.
 */
export function levelTrendMethod({ metricName, unit }: MeanView, { perHour }: Extract<Limit, { perHour: number }>): Method {
  const pointsOf = ({ points }: Memory) => points.map(([at, value]) => ({ at: (at - points[0]![0]) / HOUR, value }));
  return method<Memory>({
    name: "trend",
    compares: false,
    hasEValues: false,
    begin: () => ({ points: [], readings: 0, asked: 0, at: 0, breach: false, clear: false }),
    read: (stored) => fitting(memorySchema, stored),
    step(memory, step) {
      const level = levelIn(step.treatment);
      if (level === undefined || step.mixed) return memory;
      const points = [...memory.points, [step.at, level] as [number, number]];
      const kept = points.length > MOST ? points.filter((_, index) => index % 2 === 0) : points;
      return { ...memory, points: kept, readings: memory.readings + 1 };
    },
    calibrate: (memory) => memory,
    newStage: ({ asked }) => ({ points: [], readings: 0, asked, at: 0, breach: false, clear: false }),
    weigh(memory, { alpha, bakeOver }) {
      const { readings, asked, at, breach, clear } = memory;
      const due = readings >= Math.max(FIRST_ASKED_AT, 2 * at) || (bakeOver && readings > at);
      const level = (6 * alpha) / (Math.PI * (asked + 1)) ** 2;
      const trend = due ? trendOf(pointsOf(memory), 1 - 2 * level) : undefined;
      if (!trend) return { breach, clear };
      const found = { breach: breach || trend.interval[0] > perHour, clear: trend.interval[1] < perHour };
      return { ...found, memory: { ...memory, ...found, asked: asked + 1, at: readings } };
    },
    figures(_, memory) {
      const trend = trendOf(pointsOf(memory));
      const show = (value: number) => `${change(value, unit)}/h`;
      return {
        ...ready("maxTrend", trend?.slope, trend?.interval, perHour),
        show,
        subject: `the trend of ${metricName}`,
        treatment: trend && show(trend.slope),
        control: undefined,
        basis: `${count(memory.readings)} readings`,
      };
    },
    sizes: () => ({}),
  });
}
