import type { ConnectedSource } from "../../../src/engine/context.ts";
import type { Interval, MeasureRequest, MetricSource } from "../../../src/metrics/port.ts";
import { prometheus } from "../../../src/metrics/prometheus.ts";
import type { Value } from "../../../src/model/measurement.ts";
import { seededRandom } from "../../../src/demo/random.ts";

/** The bounds of a histogram with twenty buckets. */
export const BOUNDS = Array.from({ length: 19 }, (_, index) => Math.round(5 * 1.4 ** index) / 1000);
const REQUESTS = 1000;

/** A healthy service: about a thousand requests a group and interval, one in a hundred failing, most of them quick. */
export function steadySource(seed: number): ConnectedSource {
  const random = seededRandom(seed);
  const about = (mean: number) => {
    // The sum of Bernoulli trials by its normal approximation: whole, and spread as counts are.
    const spread = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * spread));
  };
  const valueOf = (kind: MeasureRequest["kind"]): Value =>
    kind === "histogram"
      ? { buckets: Array.from({ length: BOUNDS.length + 1 }, (_, index) => about((REQUESTS / 6) * Math.exp(-((index - 8) ** 2) / 12))) }
      : { events: about(REQUESTS / 100), total: about(REQUESTS) + REQUESTS / 10 };
  const source: MetricSource = {
    measure: async (requests) =>
      requests.map(({ kind, intervals }) => ({
        status: "measured",
        sent: { queries: [], missing: [], withoutEvents: [] },
        ...(kind === "histogram" && { bounds: BOUNDS }),
        intervals: intervals.map((interval): Interval => ({ ...interval, counts: { treatment: valueOf(kind), control: valueOf(kind) } })),
      })),
  };
  return { source, history: true, settle: 30_000, parseQuery: (query, kind) => prometheus.query[kind]!.parse(query) };
}
