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
  const state = stateAfter(stored ?? beginSampleRatio(shares), counted, shares, !stored);

  const threshold = -Math.log(SAMPLE_RATIO_ALPHA);
  const status = state.largest >= threshold ? "mismatch" : "ok";
  const sentence = sentenceOf(metricName, of, state, status);
  return {
    check: { metric: metricName, of, status, sentence, evidence: rounded(state.logE), threshold: rounded(threshold) },
    evidence: { alpha: SAMPLE_RATIO_ALPHA, state: rounded(state) },
  };
}

/** With what was counted; the first interval at an exposure may hold what was met, but not yet read, before it. */
function stateAfter(before: SampleRatioState, counted: [number, number][], shares: number[], begins: boolean): SampleRatioState {
  if (counted.length === 0) return before;
  const isNew = begins || before.shares[0] !== shares[0];
  const settled = isNew ? stepSampleRatio(before, [0, 0], shares) : before;
  return counted.slice(isNew ? 1 : 0).reduce((sum, counts) => stepSampleRatio(sum, counts, shares), settled);
}

function sentenceOf(metricName: string, of: SplitQuestion["of"], state: SampleRatioState, status: "ok" | "mismatch"): string {
  const [own = 0, other = 0] = state.counts;
  const total = own + other;
  const found =
    total === 0
      ? `nothing was counted at this exposure yet`
      : `${count(own)} of ${count(total)} ${of} have the feature (${percent(own / total)} where the split gives ${percent(state.shares[0]!)})`;
  if (status === "ok")
    return total === 0 ? `the sample ratio of ${metricName}: ${found}` : `the sample ratio of ${metricName} is as planned: ${found}`;
  return `sample ratio mismatch in ${metricName}: ${found}; the odds against chance were ${odds(state.largest)}, ${odds(-Math.log(SAMPLE_RATIO_ALPHA))} is the limit: the groups cannot be compared`;
}

/** New users of both groups, or their requests; nothing where a group was not counted. */
function usersIn({ counts, users }: Measurement, of: SplitQuestion["of"]): [number, number][] {
  if (of === "requests") {
    const [own, other] = [countsIn(counts.treatment).total, countsIn(counts.control).total];
    return counts.treatment && counts.control ? [[own, other]] : [];
  }
  return users?.treatment === undefined || users.control === undefined ? [] : [[users.treatment, users.control]];
}
