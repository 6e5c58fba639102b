import type { Counts, Groups } from "./ratio.ts";
import { normalQuantile } from "./special.ts";

/**
 * Intervals for people to look at, each right for one look at a time fixed beforehand (that is what "95 %" means to a
 * reader). No decision rests on them.
 */
export type Interval = readonly [number, number];

const zOf = (confidence: number): number => normalQuantile((1 + confidence) / 2);

/** Wilson's score interval of a rate (Wilson 1927); nothing without requests. Assumes independent events. */
export function rateInterval({ events, total }: Counts, confidence = 0.95): Interval | undefined {
  if (total <= 0) return undefined;
  const z = zOf(confidence);
  const rate = events / total;
  const spread = z * Math.sqrt((rate * (1 - rate)) / total + (z * z) / (4 * total * total));
  const scale = 1 + (z * z) / total;
  const middle = rate + (z * z) / (2 * total);
  return [events <= 0 ? 0 : Math.max(0, (middle - spread) / scale), events >= total ? 1 : Math.min(1, (middle + spread) / scale)];
}

/**
 * The score interval of the ratio p_T/p_C (Koopman 1984): all ratios that a chi-squared score test does not reject. From
 * 0 without events in the treatment, to ∞ without events in the control; nothing where neither group says anything.
 */
export function ratioInterval({ treatment, control }: Groups, confidence = 0.95): Interval | undefined {
  if (treatment.total <= 0 || control.total <= 0 || treatment.events + control.events <= 0) return undefined;
  const critical = zOf(confidence) ** 2;
  const rejected = (logRatio: number): boolean => scoreOfRatio(treatment, control, Math.exp(logRatio)) > critical;
  const centre = Math.log((treatment.events + 0.5) / (treatment.total + 0.5)) - Math.log((control.events + 0.5) / (control.total + 0.5));
  return [
    treatment.events <= 0 ? 0 : Math.exp(edgeOf(rejected, centre, -1)),
    control.events <= 0 ? Infinity : Math.exp(edgeOf(rejected, centre, 1)),
  ];
}

/** Koopman's statistic at the ratio r; the control's rate is the root of (n_T + n_C) r p² − [r(n_T + x_C) + x_T + n_C] p + x_T + x_C. */
function scoreOfRatio(treatment: Counts, control: Counts, ratio: number): number {
  const quadratic = (treatment.total + control.total) * ratio;
  const linear = ratio * (treatment.total + control.events) + treatment.events + control.total;
  const constant = treatment.events + control.events;
  // The smaller root, in the form that does not subtract two nearly equal numbers.
  const controlRate = (2 * constant) / (linear + Math.sqrt(Math.max(0, linear * linear - 4 * quadratic * constant)));
  const parts: [Counts, number][] = [
    [treatment, controlRate * ratio],
    [control, controlRate],
  ];
  return parts.reduce((sum, [{ events, total }, rate]) => {
    const variance = total * rate * (1 - rate);
    const deviation = events - total * rate;
    return sum + (variance > 0 ? (deviation * deviation) / variance : Math.abs(deviation) > 1e-9 * total ? Infinity : 0);
  }, 0);
}

/** Where `rejected` begins in a direction from a centre that is not rejected: doubling, then halving. */
function edgeOf(rejected: (value: number) => boolean, centre: number, direction: 1 | -1): number {
  let inside = 0;
  let outside = 0.01;
  while (!rejected(centre + direction * outside) && outside < 500) [inside, outside] = [outside, outside * 2];
  for (let round = 0; round < 50; round++) {
    const middle = (inside + outside) / 2;
    if (rejected(centre + direction * middle)) outside = middle;
    else inside = middle;
  }
  return centre + direction * inside;
}

/** The interval of p_T − p_C from the two Wilson intervals (Newcombe 1998, method 10); nothing without requests in both groups. */
export function differenceInterval({ treatment, control }: Groups, confidence = 0.95): Interval | undefined {
  const [first, second] = [rateInterval(treatment, confidence), rateInterval(control, confidence)];
  if (!first || !second) return undefined;
  const [pt, pc] = [treatment.events / treatment.total, control.events / control.total];
  return [pt - pc - Math.hypot(pt - first[0], second[1] - pc), pt - pc + Math.hypot(first[1] - pt, pc - second[0])];
}
