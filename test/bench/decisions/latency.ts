import { normalLogCdf } from "../../../src/stats/distributions.ts";
import type { HistogramGroups } from "../../../src/stats/histogram.ts";
import type { Random } from "../../stats/random.ts";
import { multinomial, poisson } from "./draws.ts";
import { LOOKS, SHARES, stageOf, type Look } from "./ramp.ts";
import type { Scenario } from "./scenarios.ts";

/** A look at a latency, in milliseconds: what the groups did in this minute, in buckets. */
export interface LatencyLook extends Look {
  /** Treatment and all of the control. */
  readonly groups: HistogramGroups;
  /** A part of the control as large as the treatment. */
  readonly baseline: readonly number[];
}

/** Every 25 ms up to 500 ms. */
export const BOUNDS: readonly number[] = Array.from({ length: 20 }, (_, index) => 25 * (index + 1));

/** How latencies are distributed: log-normal, and moved as a whole. */
export interface Latency {
  /** In ms. */
  readonly median: number;
  /** Standard deviation of the logarithm. */
  readonly sigma: number;
  /** In ms, added to each. */
  readonly shift: number;
}

const Z95 = 1.6448536269514722;
export const USUAL: Latency = { median: 120, sigma: 0.5, shift: 0 };
/** 273 ms. */
export const USUAL_P95 = USUAL.median * Math.exp(Z95 * USUAL.sigma);
const SHIFTED: Latency = { ...USUAL, shift: 100 };
/** The same median, and a 95th percentile that is 100 ms higher: σ = 0.69. */
const LONG_TAIL: Latency = { ...USUAL, sigma: Math.log((USUAL_P95 + 100) / USUAL.median) / Z95 };

const REQUESTS = 6000;

const worldOf = (name: string, treated: Latency): Omit<Scenario<LatencyLook>, "harm"> => ({
  name,
  known: { rate: 0.05 },
  run: (random) => run(random, bucketChances(treated)),
});
const harm = { onset: 0 };

export const LATENCY_SCENARIOS: readonly Scenario<LatencyLook>[] = [
  worldOf("latency: steady", USUAL),
  { ...worldOf("latency: all +100 ms", SHIFTED), harm },
  { ...worldOf("latency: tail, p95 +100 ms", LONG_TAIL), harm },
];

/** The chance of each bucket, the last being above all bounds. */
export function bucketChances({ median, sigma, shift }: Latency): number[] {
  const below = BOUNDS.map((bound) => (bound <= shift ? 0 : Math.exp(normalLogCdf(Math.log((bound - shift) / median) / sigma))));
  return [...below, 1].map((value, index) => value - (below[index - 1] ?? 0));
}

const USUAL_CHANCES = bucketChances(USUAL);

function run(random: Random, treated: readonly number[]): LatencyLook[] {
  return Array.from({ length: LOOKS }, (_, index) => {
    const minute = index + 1;
    const stage = stageOf(minute);
    const exposed = poisson(random, REQUESTS * SHARES[stage]!);
    const others = poisson(random, REQUESTS * (1 - SHARES[stage]!));
    const treatment = multinomial(random, exposed, treated);
    const baseline = multinomial(random, Math.min(exposed, others), USUAL_CHANCES);
    const rest = multinomial(random, Math.max(0, others - exposed), USUAL_CHANCES);
    const control = baseline.map((count, bucket) => count + rest[bucket]!);
    return { minute, stage, exposed, groups: { bounds: BOUNDS, treatment, control }, baseline };
  });
}
