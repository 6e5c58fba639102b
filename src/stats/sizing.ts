import { shiftLogE } from "./difference.ts";
import { HARM_GRID } from "./mixture.ts";
import { firstWhere } from "./search.ts";
import { multipleOf, tuningFor, type Sides } from "./sequence.ts";
import { normalQuantile } from "./special.ts";

/**
 * How many requests a comparison needs before it can be expected to see a harm, and how small a harm it sees with the
 * requests there are. Approximations for planning: no decision rests on them.
 */

/** The chance of a false alarm, the chance to see the harm if it is there, and in which direction is looked. */
export interface Demand {
  readonly alpha: number;
  readonly power: number;
  readonly sides: Sides;
}

/** Rates that a plan expects, and how many control requests there are to a treated one. */
export interface ExpectedRates {
  readonly control: number;
  readonly treatment: number;
  readonly controlPerTreated: number;
}

const onesidedQuantile = ({ alpha, sides }: Demand): number => normalQuantile(1 - (sides === "one" ? alpha : alpha / 2));

/**
 * Treated requests for one look at the end: n_T = (z_(1−α) + z_(1−β))² [p_T(1 − p_T) + p_C(1 − p_C)/k]/(p_T − p_C)², with
 * n_C = k n_T (Fleiss, Levin & Paik 2003, section 4.3, unpooled). α/2 for two sides.
 */
export function requestsForRates({ control, treatment, controlPerTreated }: ExpectedRates, demand: Demand): number {
  const z = onesidedQuantile(demand) + normalQuantile(demand.power);
  const variance = treatment * (1 - treatment) + (control * (1 - control)) / controlPerTreated;
  return (z * z * variance) / (treatment - control) ** 2;
}

/**
 * How many times as many requests a confidence sequence needs that is tuned to that number: [(M + z_(1−β))/(z_(1−α) + z_(1−β))]²
 * with M its multiple of the standard error there. 2.12 at α = 0.05 and 80 % power, 1.93 at 90 %. It is the price of
 * looking as often as one likes; a large harm is seen long before.
 */
export function sequentialInflation(demand: Demand): number {
  const { alpha, power, sides } = demand;
  const sequential = multipleOf(sides, tuningFor(sides, 1, alpha), alpha) + normalQuantile(power);
  return (sequential / (onesidedQuantile(demand) + normalQuantile(power))) ** 2;
}

/**
 * The smallest difference of two rates, upwards from the control's, that a confidence sequence sees with so many treated
 * requests; nothing if not even a rate of 1 would be seen.
 */
export function smallestDifference(requests: number, expected: Omit<ExpectedRates, "treatment">, demand: Demand): number | undefined {
  const inflation = sequentialInflation(demand);
  const seen = (treatment: number): boolean => requestsForRates({ ...expected, treatment }, demand) * inflation <= requests;
  return seen(1) ? firstWhere(seen, expected.control, 1) - expected.control : undefined;
}

/**
 * The smallest shift of a mean that a confidence sequence sees, in the unit of the standard deviation σ, each group having
 * its n: (M + z_(1−β)) σ √(1/n_T + 1/n_C).
 */
export function smallestShift(deviation: number, counts: { treatment: number; control: number }, { alpha, power, sides }: Demand): number {
  const multiple = multipleOf(sides, tuningFor(sides, 1, alpha), alpha) + normalQuantile(power);
  return multiple * deviation * Math.sqrt(1 / counts.treatment + 1 / counts.control);
}

/** A ratio test that is planned: the ratio the treatment's rate would have, and the one that is allowed. */
export interface ExpectedRatio {
  readonly ratio: number;
  readonly margin: number;
  readonly controlPerTreated: number;
}

/**
 * Events, of both groups together, until test (a) sees a ratio. The evidence drifts by KL(θ₁‖θ₀) an event to the threshold
 * ln(1/α) + ln |grid|, θ(r) = r/(r + k) being the treatment's share of the events. At a power of 50 % it is
 * [ln(1/α) + ln |grid|]/KL; above, as many as leave the threshold z standard deviations behind (`observationsUntil`).
 * ∞ where the ratio is within the margin.
 */
export function eventsForRatio(expected: ExpectedRatio, { alpha, power }: RatioDemand, sizes: number = HARM_GRID.length): number {
  return observationsUntil(-Math.log(alpha) + Math.log(sizes), power, evidenceOfRatio(expected));
}

/** Of a ratio test a demand has no sides: it looks upwards, and a decrease is an increase of the other group. */
export type RatioDemand = Pick<Demand, "alpha" | "power">;

/** By how much one observation adds to the log of the likelihood ratio, on average, and with what variance. */
interface Evidence {
  readonly drift: number;
  readonly variance: number;
}

const NO_DRIFT: Evidence = { drift: 0, variance: 0 };

/** Of one event: KL(θ₁‖θ₀), and θ₁(1 − θ₁) ln²[θ₁(1 − θ₀)/(θ₀(1 − θ₁))]; none where the ratio is within the margin. */
function evidenceOfRatio({ ratio, margin, controlPerTreated }: ExpectedRatio): Evidence {
  if (ratio <= margin) return NO_DRIFT;
  const [harmful, allowed] = [ratio / (ratio + controlPerTreated), margin / (margin + controlPerTreated)];
  const up = Math.log(harmful / allowed);
  const down = Math.log1p(-harmful) - Math.log1p(-allowed);
  return { drift: harmful * up + (1 - harmful) * down, variance: harmful * (1 - harmful) * (up - down) ** 2 };
}

/** The m at which m · drift − z √(m · variance) = threshold: then a share `power` of all paths has passed it. */
function observationsUntil(threshold: number, power: number, { drift, variance }: Evidence): number {
  if (drift <= 0) return Infinity;
  const spread = normalQuantile(power) * Math.sqrt(variance);
  return ((spread + Math.sqrt(spread * spread + 4 * drift * threshold)) / (2 * drift)) ** 2;
}

/**
 * What DAB needs beyond the limit of Wald's test, ln(1/α)/KL, which knows the rate and the size of the harm: so much more
 * evidence, in logs, to find out the size and the beginning (and, where it is proved for each kind of noise, the kind) …
 */
const DAB_OVERHEAD = { usual: 1.7, strict: 6 };
/** … and the looks it takes to tell harm from noise: one look gives about so much evidence, however many events it has. */
const DAB_EVIDENCE_PER_LOOK = 2.5;

/** `strict`: without the control's history, and the least E over all kinds of noise (`dab.ts`). */
export interface DabDemand extends RatioDemand {
  readonly strict?: boolean;
}

/** What every look has, as a plan expects it. */
export interface ExpectedLook {
  /** Events in a control request. */
  readonly controlRate: number;
  /** Treated requests a look. */
  readonly requests: number;
}

/**
 * Treated requests until DAB sees a ratio, a calibrated formula: with T = ln(1/α) + 1.7 (6 if strict), the events at which
 * m KL − z √(m V) = T, as in `eventsForRatio`, and T/2.5 looks.
 *
 * The constants are fitted by least squares, in logs, to the medians and the 80 and 90 % quantiles of simulations of this
 * code: Poisson counts at a constant share, 100 runs for each of 32 plans (α of 0.05 and 0.005, ratios of 1.5 to 20,
 * margins of 1 to 1.5, 1 to 99 control requests to a treated one, 0.06 to 40 expected treated events a look). They are
 * off by 11 % in the root mean square, by three tenths or three looks at most; the strict ones by 19 % and two thirds.
 * Noise needs more: rates that vary by 50 % from look to look about twice as much at a ratio of 5, four to five times at 2.
 */
export function requestsForDab(expected: ExpectedRatio, look: ExpectedLook, { alpha, power, strict = false }: DabDemand): number {
  const threshold = (strict ? DAB_OVERHEAD.strict : DAB_OVERHEAD.usual) - Math.log(alpha);
  const events = observationsUntil(threshold, power, evidenceOfRatio(expected));
  return events / eventsPerTreated(expected, look.controlRate) + (threshold / DAB_EVIDENCE_PER_LOOK) * look.requests;
}

/**
 * Treated requests until the ceiling sees a rate of `ratio` times the limit: as `requestsForDab`, with Poisson counts that
 * give limit (r ln r − r + 1) of evidence a request. Fitted for DAB, it is within a third or three looks for the ceiling.
 */
export function requestsForCeiling(ratio: number, limit: number, requestsPerLook: number, { alpha, power }: RatioDemand): number {
  const threshold = DAB_OVERHEAD.usual - Math.log(alpha);
  const log = Math.log(ratio);
  const evidence = ratio > 1 ? { drift: limit * (ratio * log - ratio + 1), variance: limit * ratio * log * log } : NO_DRIFT;
  return observationsUntil(threshold, power, evidence) + (threshold / DAB_EVIDENCE_PER_LOOK) * requestsPerLook;
}

/** What a fall takes beyond Wald's limit, as `DAB_OVERHEAD` is for a rise (`limit`: below a fixed limit), and looks besides. */
const FALL = { usual: { overhead: 0.9, looks: 0.5 }, strict: { overhead: 2.8, looks: 0.5 }, limit: { overhead: 2.3, looks: 1 } };
/** A rate that falls further than to this share is found no sooner: that events are missing, clusters of them explain as well. */
const DEEPEST_FALL = 0.35;

/**
 * Treated requests until DAB, its groups swapped, sees that the treatment's rate fell to `ratio` times the control's, with
 * `margin` < 1 times allowed. Where a look is expected to give E of evidence it grows by ln(1 + 2E)/2: how much a rate varies
 * from look to look is learned from the same looks, as in a t-test. Until ln(1/α) + 0.9 (2.8 if strict), as `eventsForRatio`.
 *
 * Fitted as `requestsForDab`, to falls to 0.8 … 0.2 times: off by 12 % in the root mean square, by half at most.
 */
export function requestsForFall({ ratio, margin, controlPerTreated }: ExpectedRatio, look: ExpectedLook, demand: DabDemand): number {
  const deepest = Math.max(ratio, margin * DEEPEST_FALL);
  // Seen from the control, which has the larger rate.
  const ofEvent = evidenceOfRatio({ ratio: 1 / deepest, margin: 1 / margin, controlPerTreated: 1 / controlPerTreated });
  const events = look.controlRate * (ratio + controlPerTreated);
  return requestsUntilFall(ofEvent, events, look.requests, demand.strict ? "strict" : "usual", demand);
}

/** Treated requests until the ceiling sees a rate of `ratio` < 1 times a limit from below; for falls to a third or less far off. */
export function requestsForFallBelow(ratio: number, limit: number, requestsPerLook: number, demand: RatioDemand): number {
  const deepest = Math.max(ratio, DEEPEST_FALL);
  const log = Math.log(deepest);
  const ofEvent = ratio < 1 ? { drift: deepest * log - deepest + 1, variance: deepest * log * log } : NO_DRIFT;
  return requestsUntilFall(ofEvent, limit, requestsPerLook, "limit", demand);
}

function requestsUntilFall(ofEvent: Evidence, events: number, perLook: number, kind: keyof typeof FALL, { alpha, power }: RatioDemand) {
  const { drift, variance } = ofEvent;
  const twiceALook = 2 * drift * events * perLook;
  const slower = twiceALook > 0 ? Math.log1p(twiceALook) / twiceALook : 1;
  const ofRequest = { drift: drift * events * slower, variance: variance * events * slower ** 2 };
  return observationsUntil(FALL[kind].overhead - Math.log(alpha), power, ofRequest) + FALL[kind].looks * perLook;
}

/** A shift that `shiftLogE` is to see: how far beyond the margin, to what it is tuned, and σ_T² + σ_C²/k, which is n_T SE². */
export interface ExpectedShift {
  readonly distance: number;
  readonly resolution: number;
  readonly variance: number;
  /** Treated requests a look, where looks are compared with each other (`betweenLooks.ts`). */
  readonly perLook?: number;
}

/** Looking often takes fewer requests than one look at the end, comparing looks some looks more: fitted to differences of rates. */
const [LOOKING_OFTEN, LOOKS_COMPARED] = [0.88, 4];
const MOST_LOG_REQUESTS = Math.log(1e15);

/** Treated requests until `shiftLogE` sees a shift: 0.88 times those at which E is 1/α at `distance` − z SE, and four looks. */
export function requestsForShift({ distance, resolution, variance, perLook = 0 }: ExpectedShift, { alpha, power }: RatioDemand): number {
  const seen = (logRequests: number): boolean => {
    const standardError = Math.sqrt(variance / Math.exp(logRequests));
    const estimate = distance - normalQuantile(power) * standardError;
    return shiftLogE({ estimate, standardError }, 0, resolution, alpha) >= -Math.log(alpha);
  };
  if (!(distance > 0) || !seen(MOST_LOG_REQUESTS)) return Infinity;
  return LOOKING_OFTEN * Math.exp(firstWhere(seen, 0, MOST_LOG_REQUESTS)) + LOOKS_COMPARED * perLook;
}

/** Events of both groups for one treated request: p_T + k p_C, with p_T = ratio · p_C, at most 1. */
function eventsPerTreated({ ratio, controlPerTreated }: ExpectedRatio, controlRate: number): number {
  return Math.min(1, ratio * controlRate) + controlPerTreated * controlRate;
}

/** Treated requests for the events of `eventsForRatio`, at the control's rate. */
export function requestsForRatio(expected: ExpectedRatio, controlRate: number, demand: RatioDemand): number {
  return eventsForRatio(expected, demand) / eventsPerTreated(expected, controlRate);
}

/** Beyond so many times the margin it makes no difference to anybody how much a harm is. */
const LARGEST_RATIO = 1000;

/**
 * The smallest ratio above `margin` that is seen with so many treated requests, `requestsFor` being what a ratio needs;
 * nothing if not even a thousand times the margin would be seen.
 */
export function smallestRatio(requests: number, margin: number, requestsFor: (ratio: number) => number): number | undefined {
  const seen = (ratio: number): boolean => requestsFor(ratio) <= requests;
  return seen(margin * LARGEST_RATIO) ? firstWhere(seen, margin, margin * LARGEST_RATIO) : undefined;
}

/** How long it takes until so many requests are treated: n/(rate · share), in the unit of time of the rate; ∞ without traffic. */
export function durationOf(requests: number, traffic: { rate: number; share: number }): number {
  const treated = traffic.rate * traffic.share;
  return treated > 0 ? requests / treated : Infinity;
}
