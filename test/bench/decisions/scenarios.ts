import type { Random } from "../../stats/random.ts";
import { poisson } from "./draws.ts";
import { independentNoise, noNoise, persistentNoise, stickyUsers, treatmentNoise, type Noise } from "./noise.ts";
import { addCounts, LOOKS, NO_COUNTS, SHARES, stageOf, type Known, type Look, type RateLook } from "./ramp.ts";

/** A world to ramp in: its name, what is known of it beforehand, and one run of it. */
export interface Scenario<L extends Look> {
  readonly name: string;
  readonly known: Known;
  /** Absent where the release is harmless. */
  readonly harm?: Harm;
  run(random: Random): L[];
}

export interface Harm {
  /** Minutes without harm before it begins. */
  readonly onset: number;
  /** The size of a harm that stays the same, where a Wald test can be told its size. */
  readonly size?: number;
}

/** What varies from scenario to scenario; all else is the ramp at 6,000 requests a minute and 0.5 % errors. */
export interface World {
  /** Requests a minute of both groups together. */
  readonly requests?: number;
  readonly known?: number;
  /** The rate of both groups, by minute (1 to 60). */
  readonly rate?: (minute: number) => number;
  /** What the treatment multiplies it by. */
  readonly size?: (minute: number) => number;
  readonly noise?: Noise;
  /** Errors come in clusters of Poisson size of this mean. */
  readonly cluster?: number;
  /** The chance that the source has no data at a look. */
  readonly missing?: number;
  /** Which share of the treatment's requests arrives. */
  readonly arriving?: number;
}

const REQUESTS = 6000;
const RATE = 0.005;

/** Minutes 21 to 25: six times the errors in both groups. Where it lies decides what tools see that sum over the stages. */
const incident = (minute: number): number => (minute > 20 && minute <= 25 ? 6 * RATE : RATE);

/** One period of a cosine within the hour, ±60 %, lowest at the beginning: rates are highest halfway, at 5 % and 25 %. */
const diurnal = (minute: number): number => RATE * (1 - 0.6 * Math.cos((2 * Math.PI * (minute - 1)) / 60));

const always =
  (size: number) =>
  (_minute: number): number =>
    size;

export const HARMLESS: readonly Scenario<RateLook>[] = [
  harmless("steady", {}),
  harmless("diurnal", { rate: diurnal }),
  harmless("incident", { rate: incident }),
  harmless("CV .5", { noise: independentNoise(0.5) }),
  harmless("300 rpm", { requests: 300 }),
  harmless("rare", { known: RATE / 10 }),
  harmless("CV 1", { noise: independentNoise(1) }),
  harmless("CV .5 + incident", { noise: independentNoise(0.5), rate: incident }),
  harmless("bursts of 5", { cluster: 5 }),
  harmless("bursts of 20", { cluster: 20 }),
  harmless("bursts of 50", { cluster: 50 }),
  harmless("100k rpm", { requests: 100_000 }),
  harmless("100k rpm CV .5", { requests: 100_000, noise: independentNoise(0.5) }),
  harmless("missing intervals", { missing: 0.2 }),
  harmless("sample ratio mismatch", { arriving: 0.8 }),
  harmless("treatment-only CV .5", { noise: treatmentNoise(0.5) }),
  harmless("20k sticky users", { noise: stickyUsers(20_000) }),
  harmless("5k sticky users", { noise: stickyUsers(5000) }),
  harmless("AR(.9) CV .2", { noise: persistentNoise(0.2, 0.9) }),
  harmless("AR(.9) CV .5", { noise: persistentNoise(0.5, 0.9) }),
];

export const HARMFUL: readonly Scenario<RateLook>[] = [
  harmful("×1 (no harm)", { onset: 0 }, { size: always(1) }),
  ...[1.5, 2, 3, 5, 20].map((size) => harmful(`×${size}`, { onset: 0, size }, { size: always(size) })),
  harmful("×3 from minute 45", { onset: 45, size: 3 }, { size: (minute) => (minute > 45 ? 3 : 1) }),
  harmful("×3 at 300 rpm", { onset: 0, size: 3 }, { size: always(3), requests: 300 }),
  harmful("×2 CV .5", { onset: 0 }, { size: always(2), noise: independentNoise(0.5) }),
  harmful("×5 CV .5", { onset: 0 }, { size: always(5), noise: independentNoise(0.5) }),
  harmful("×2 CV 1", { onset: 0 }, { size: always(2), noise: independentNoise(1) }),
  harmful("×2 missing intervals", { onset: 0, size: 2 }, { size: always(2), missing: 0.2 }),
  harmful("slow leak to ×3", { onset: 0 }, { size: (minute) => 1 + (2 * minute) / LOOKS }),
];

function harmless(name: string, world: World): Scenario<RateLook> {
  return { name, known: { rate: world.known ?? RATE }, run: (random) => ramp(random, world) };
}

function harmful(name: string, harm: Harm, world: World): Scenario<RateLook> {
  return { ...harmless(name, world), harm };
}

/**
 * One run. Requests are Poisson; the baseline is a part of the control with exactly as many requests as the treatment
 * (all of it where the control has fewer). Within a minute and a group events are binomial, or come in clusters.
 */
export function ramp(random: Random, world: World): RateLook[] {
  const { requests = REQUESTS, known = RATE, missing = 0, arriving = 1 } = world;
  const factorsOf = (world.noise ?? noNoise)(random);
  let pending = { treatment: NO_COUNTS, baseline: NO_COUNTS, control: NO_COUNTS };
  return Array.from({ length: LOOKS }, (_, index): RateLook => {
    const minute = index + 1;
    const stage = stageOf(minute);
    const share = SHARES[stage]!;
    const rate = world.rate?.(minute) ?? known;
    const factors = factorsOf(minute);
    const group = (total: number, factor: number) => ({ events: eventsOf(random, total, rate * factor, world.cluster), total });

    const exposed = poisson(random, requests * share * arriving);
    const others = poisson(random, requests * (1 - share));
    const treatment = group(exposed, factors.treatment * (world.size?.(minute) ?? 1));
    const baseline = group(Math.min(exposed, others), factors.baseline);
    const control = addCounts(baseline, group(others - baseline.total, factors.rest));
    pending = {
      treatment: addCounts(pending.treatment, treatment),
      baseline: addCounts(pending.baseline, baseline),
      control: addCounts(pending.control, control),
    };
    if (missing > 0 && random.uniform() < missing) {
      return { minute, stage, exposed, reported: false, treatment: NO_COUNTS, baseline: NO_COUNTS, control: NO_COUNTS };
    }
    const look = { minute, stage, exposed, reported: true, ...pending };
    pending = { treatment: NO_COUNTS, baseline: NO_COUNTS, control: NO_COUNTS };
    return look;
  });
}

function eventsOf(random: Random, total: number, rate: number, cluster: number | undefined): number {
  if (cluster === undefined) return random.binomial(total, Math.min(1, rate));
  return Math.min(total, poisson(random, cluster * poisson(random, (total * rate) / cluster)));
}
