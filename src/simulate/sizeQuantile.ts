import { radiusIn } from "../judge/methods/quantileRise.ts";
import { change, percent, quantity, times } from "../judge/numbers.ts";
import type { RelativeLimit } from "../model/plan.ts";
import { firstWhere } from "../stats/search.ts";
import { normalQuantile } from "../stats/special.ts";
import { shareBelow, type LogNormal } from "./logNormal.ts";
import { harmOf, numberOf } from "./sizeHarm.ts";
import type { SizedTest } from "./sizeTest.ts";

/** A quantile that must not rise, and what its values are taken to be like. */
export interface Rising {
  readonly quantile: number;
  readonly limit: RelativeLimit;
  readonly values: LogNormal & { readonly bounds: readonly number[] };
  readonly unit: string | undefined;
  readonly controlPerTreated: number;
  /** How many stages had evidence before: each has a part of its own of the chance of a false alarm. */
  readonly stagesBefore: number;
  readonly alpha: number;
}

const MOST_LOG_REQUESTS = Math.log(1e12);
/** A rise to so many times the quantile is as good as any. */
const LARGEST = 30;

/**
 * A quantile against the control's (`stats/quantile.ts`): a breach where the treatment's is surely above a bound so far
 * above one that the control's is surely below. How many values that takes depends on how they are spread over the buckets:
 * it is sized for log-normal values that all become slower by one factor, as `simulate` draws them.
 */
export function quantileRiseTest(rising: Rising): SizedTest {
  const { quantile, limit, values, unit, controlPerTreated, stagesBefore, alpha } = rising;
  const { bounds, median, spread } = values;
  const usual = median * Math.exp(spread * normalQuantile(quantile));
  const radiusOf = radiusIn(quantile, stagesBefore + 1, alpha);
  const ratio = limit.by === "ratio";
  /** The quantile that comes of a harm, and the other way round. */
  const after = (size: number) => (ratio ? usual * (1 + size) : usual + size);
  const lineAbove = (bound: number) => (ratio ? bound * (1 + limit.amount) : bound + limit.amount);
  const noise = (share: number, count: number, power: number) => normalQuantile(power) * Math.sqrt((share * (1 - share)) / count);

  /** The first bound that lies so far above one that the control's quantile is surely below, of so many values. */
  const boundToPass = (requests: number, power: number): number | undefined => {
    const count = requests * controlPerTreated;
    const { down } = radiusOf(count);
    const sure = bounds.find((bound) => {
      const below = shareBelow(values, bound);
      return below - noise(below, count, power) - down >= quantile;
    });
    return sure === undefined ? undefined : bounds.find((bound) => bound >= lineAbove(sure) * (1 - 1e-9));
  };
  const seesAbove = (bound: number, size: number, requests: number, up: number, power: number): boolean => {
    const above = 1 - shareBelow({ median: (median * after(size)) / usual, spread }, bound);
    return above - noise(above, requests, power) > 1 - quantile + up;
  };
  const worst = ratio ? LARGEST : LARGEST * usual;
  const sees = (requests: number, power: number): number | undefined => {
    const bound = requests >= 1 ? boundToPass(requests, power) : undefined;
    if (bound === undefined) return undefined;
    const { up } = radiusOf(requests);
    const seen = (size: number) => seesAbove(bound, size, requests, up, power);
    return seen(worst) ? firstWhere(seen, limit.amount, worst) : undefined;
  };
  return {
    limit,
    unit,
    names: 2 * limit.amount,
    worst,
    times: (often) => limit.amount * often,
    sees,
    needs(size, power) {
      const enough = (log: number) => {
        const requests = Math.exp(log);
        const bound = boundToPass(requests, power);
        return bound !== undefined && seesAbove(bound, size, requests, radiusOf(requests).up, power);
      };
      return enough(MOST_LOG_REQUESTS) ? Math.ceil(Math.exp(firstWhere(enough, 0, MOST_LOG_REQUESTS))) : Infinity;
    },
    tell(size) {
      const short = ratio ? times(1 + size) : change(numberOf(harmOf(limit, size)), unit);
      const text = `${short} (p${Number((quantile * 100).toPrecision(6))} from ${quantity(usual, unit)} to ${quantity(after(size), unit)})`;
      return { size: ratio ? 1 + size : size, becomes: after(size), short, text };
    },
    sizedInRun: false,
    canDetect: false,
    note: `if its values are log-normal, with a median of ${quantity(median, unit)} and a spread of ${percent(spread)}, in buckets as fine as the limit asks for`,
  };
}
