import { z } from "zod";
import { EVERYBODY } from "../model/exposure.ts";
import type { Judge, SplitQuestion } from "../model/judge.ts";
import type { Measurement } from "../model/measurement.ts";
import { beginSampleRatio, SAMPLE_RATIO_ALPHA, stepSampleRatio, type SampleRatioState } from "../stats/sampleRatio.ts";
import { count, odds, percent } from "./numbers.ts";
import { rounded } from "./round.ts";
import { countsIn } from "./values.ts";

const pair = z.array(z.number().min(0)).length(2);
const stateSchema: z.ZodType<SampleRatioState> = z.strictObject({
  shares: pair,
  counts: pair,
  earlier: z.number(),
  logE: z.number(),
  largest: z.number(),
});

/**
 * Whether treatment and control have the shares that the exposure gives them (`stats/sampleRatio.ts`): over all looks the
 * evidence that they do not is right with a chance of at most one in a thousand by itself. Mixed intervals do not count.
 */
export function judgeSplit({ metricName, of, treatment, reading, evidence }: SplitQuestion): ReturnType<Judge["split"]> {
  const shares = [treatment / EVERYBODY, 1 - treatment / EVERYBODY];
  const stored = z.strictObject({ alpha: z.number(), state: stateSchema }).safeParse(evidence).data?.state;
  const counted =
    reading.status === "measured" ? reading.measurements.filter(({ mixed }) => !mixed).flatMap((each) => usersIn(each, of) ?? []) : [];
  if (!stored && counted.length === 0) return undefined;
  const state = counted.reduce((before, counts) => stepSampleRatio(before, counts, shares), stored ?? beginSampleRatio(shares));

  const threshold = -Math.log(SAMPLE_RATIO_ALPHA);
  const status = state.largest >= threshold ? "mismatch" : "ok";
  const [own = 0, other = 0] = state.counts;
  const total = own + other;
  const found = `${count(own)} of ${count(total)} ${of} have the feature (${total > 0 ? percent(own / total) : "none"} where the split gives ${percent(shares[0]!)})`;
  const sentence =
    status === "mismatch"
      ? `sample ratio mismatch in ${metricName}: ${found}; the odds against chance were ${odds(state.largest)}, ${odds(threshold)} is the limit: the groups cannot be compared`
      : `the sample ratio of ${metricName} is as planned: ${found}`;
  return {
    check: { metric: metricName, of, status, sentence, evidence: rounded(state.logE), threshold: rounded(threshold) },
    evidence: { alpha: SAMPLE_RATIO_ALPHA, state: rounded(state) },
  };
}

/** New users of both groups, or their requests; nothing where a group was not counted. */
function usersIn({ counts, users }: Measurement, of: SplitQuestion["of"]): [number, number][] {
  if (of === "requests") {
    const [own, other] = [countsIn(counts.treatment).total, countsIn(counts.control).total];
    return counts.treatment && counts.control ? [[own, other]] : [];
  }
  return users?.treatment === undefined || users.control === undefined ? [] : [[users.treatment, users.control]];
}
