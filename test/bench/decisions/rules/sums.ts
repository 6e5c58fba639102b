import { normalQuantile } from "../../../../src/stats/special.ts";
import { growthBook, statsig } from "../../../reference/peers.ts";
import type { Sample } from "../../../reference/textbook.ts";
import type { Counts } from "../../../../src/stats/ratio.ts";
import { addCounts, ALPHA, NO_COUNTS, type RateLook, type Rule } from "../ramp.ts";

/** Rules on all that was counted since the ramp began, summed over its stages, asked at every look. */

/** Which control a rule compares with: as many requests as are treated, or all of it. */
export type Against = "baseline" | "control";

function onSums(name: string, against: Against, harmful: (treatment: Counts, control: Counts) => boolean): Rule<RateLook> {
  return {
    name,
    begin: () => {
      let [treatment, control] = [NO_COUNTS, NO_COUNTS];
      return (look) => {
        treatment = addCounts(treatment, look.treatment);
        control = addCounts(control, look[against]);
        // Without an event no test has a standard error.
        return treatment.events > 0 && control.total > 0 && harmful(treatment, control);
      };
    },
  };
}

/** The one-sided test of two proportions, with the rate of both together in the standard error, as if each look were the only one. */
export function zTest(name: string, against: Against): Rule<RateLook> {
  const critical = normalQuantile(1 - ALPHA);
  return onSums(name, against, (treatment, control) => {
    const { events, total } = addCounts(treatment, control);
    const rate = events / total;
    const error = Math.sqrt(rate * (1 - rate) * (1 / treatment.total + 1 / control.total));
    return rateOf(treatment) - rateOf(control) > critical * error;
  });
}

/**
 * GrowthBook's safe rollouts: a one-sided sequential test of the absolute difference, tuned to 5,000 users of both groups.
 * It gives no result while a group has no variance, which is to say no event.
 */
export function growthBookSequential(name: string, against: Against): Rule<RateLook> {
  return onSums(name, against, (treatment, control) => {
    if (control.events === 0) return false;
    const found = growthBook(sampleOf(control), sampleOf(treatment), { alpha: ALPHA, tuning: 5000, relative: false });
    return found.lower_for_greater > 0;
  });
}

/** Statsig's sequential test, one-sided: a z-score against a limit that grows where looks are early. */
export function statsigSequential(name: string, against: Against): Rule<RateLook> {
  return onSums(name, against, (treatment, control) => {
    const [t, c] = [sampleOf(treatment), sampleOf(control)];
    const { z_star, V } = statsig({ var_t: t.variance, n_t: t.count, var_c: c.variance, n_c: c.count, alpha: ALPHA, one_sided: true });
    return t.mean - c.mean > z_star * Math.sqrt(V);
  });
}

const rateOf = ({ events, total }: Counts): number => events / total;

/** A rate as the mean of zeros and ones. */
function sampleOf(counts: Counts): Sample {
  const mean = rateOf(counts);
  return { count: counts.total, mean, variance: mean * (1 - mean) };
}
