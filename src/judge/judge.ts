import type { Exposure } from "../model/exposure.ts";
import type { MetricReading } from "../model/measurement.ts";
import type { Guardrail, Metric } from "../model/plan.ts";
import type { Evidence, Verdict, VerdictKind } from "../model/verdict.ts";
import { requestsToGo } from "./ahead.ts";
import { admit, type Admitted } from "./counts.ts";
import { addSteps, memoryOf, NOTHING, resume, type KeptEvidence } from "./evidence.ts";
import { figures } from "./figures.ts";
import { rounded } from "./round.ts";
import { breachSentence, clearSentence, inconclusiveSentence, measured, type Odds, type Subject } from "./sentences.ts";
import { testFor, type Test } from "./sequential.ts";

export { limitAlreadyBroken } from "./preflight.ts";

/** Recorded in every look; verdicts of one version replay to the same. */
export const judgeVersion = "plain/1";

export interface JudgeInput {
  guardrail: Guardrail;
  metric: Metric;
  /** The name of the stage: the estimate is of this stage alone. */
  stage: string;
  exposure: Exposure;
  /** Whether treatment and control are randomised at this exposure. */
  split: boolean;
  reading: MetricReading;
  /** What the last look's judgement of this guardrail returned. */
  evidence: Evidence | undefined;
  /** The chance of a false alarm that this guardrail has, over all looks; used when its evidence begins. */
  alpha: number;
}

export interface Judged {
  verdict: Verdict;
  evidence: Evidence;
}

/**
 * Judges one guardrail at one look.
 * - A breach stands as long as the evidence says so, whatever this look could read: rolling back needs no metric source.
 * - A reading that cannot be judged leaves the evidence as it was.
 */
export function judge(input: JudgeInput): Judged {
  const { guardrail, metric, reading, exposure, split, stage } = input;
  const { limit, metric: metricName } = guardrail;
  const test = testFor(limit);
  const before = resume(input.evidence, test, stage, input.alpha);
  const admitted = admit({ limit, metric, metricName, exposure, split, reading });
  const steps = admitted.kind === "steps" ? admitted.steps : [];
  const { memory, harm, within } = test.weigh(memoryOf(before), steps, before.alpha);
  const evidence: KeptEvidence = { ...before, ...memory, sums: rounded(addSteps(before.sums, steps)) };

  const figure = figures(limit, evidence.sums);
  const subject: Subject = { metricName, limit, grouped: metric.grouped, sums: evidence.sums, figures: figure };
  const known: Odds = { harm, within, threshold: -Math.log(before.alpha) };
  const interval = figure.interval && figure.interval.every(Number.isFinite) ? figure.interval : undefined;
  const say = (verdict: VerdictKind, sentence: string): Judged => ({
    verdict: {
      guardrail: guardrail.id,
      metric: metricName,
      verdict,
      sentence,
      ...(figure.estimate !== undefined && { estimate: rounded(figure.estimate) }),
      ...(interval && { interval: [rounded(interval[0]), rounded(interval[1])] as [number, number] }),
      limit: rounded(figure.limit),
      evidence: rounded(harm),
      threshold: rounded(known.threshold),
    },
    evidence,
  });

  if (harm >= known.threshold) return say("breach", breachSentence(subject, known, noteOn(admitted, subject)));
  if (admitted.kind === "nothing") return say(admitted.verdict, admitted.reason);
  if (within >= known.threshold) return say("clear", clearSentence(subject, known));
  return say("inconclusive", inconclusiveSentence(subject, known, whatItTakes(test, evidence, subject, known.threshold)));
}

/** What the sums of the stage do not show: that this look added nothing, or that the harm began late and lies in it. */
function noteOn(admitted: Admitted, { limit, figures: { beyond }, ...subject }: Subject): string | undefined {
  if (admitted.kind === "nothing") return admitted.reason;
  const sums = addSteps(NOTHING, admitted.steps);
  const latest = figures(limit, sums);
  return beyond || !latest.beyond ? undefined : `since the last look alone: ${measured({ ...subject, limit, sums, figures: latest })}`;
}

/** Requests until the side to which the estimate points is shown. */
function whatItTakes(test: Test, evidence: KeptEvidence, { sums, figures: { beyond } }: Subject, threshold: number): number | undefined {
  return requestsToGo(test, memoryOf(evidence), sums, beyond ? "harm" : "within", evidence.alpha, threshold);
}
