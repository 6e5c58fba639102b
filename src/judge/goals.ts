import type { GoalQuestion, Judge } from "../model/judge.ts";
import type { Evidence, GoalVerdict } from "../model/verdict.ts";
import { admit } from "./admission.ts";
import { methodFor } from "./choose.ts";
import { resume, weigh, withSteps } from "./evidence.ts";
import { odds } from "./numbers.ts";
import { rounded } from "./round.ts";
import { measured } from "./sentences.ts";

/**
 * Judges one goal: by the test of a guardrail on the same line, hoped to be passed. What would be harm beyond the line is
 * the goal reached, what would be within is the goal missed.
 */
export function judgeGoal({
  goal,
  metric,
  stage,
  exposure,
  split,
  reading,
  bounds,
  evidence: stored,
  alpha,
}: GoalQuestion): ReturnType<Judge["goal"]> {
  const { id, metric: metricName, limit } = goal;
  const choice = methodFor({ metricName, metric, guardrail: { limit }, bounds });
  const short = (verdict: GoalVerdict["verdict"], sentence: string, evidence: Evidence) => ({
    verdict: { goal: id, metric: metricName, verdict, sentence },
    evidence,
  });
  if (!("method" in choice)) return short(choice.verdict === "inconclusive" ? "open" : choice.verdict, choice.reason, stored ?? { alpha });

  const { method } = choice;
  const admitted = admit({ metric, metricName, reading, exposure, split, compares: method.compares });
  const before = resume(stored, method, stage, alpha);
  const { evidence, weighed } = weigh(withSteps(before, method, admitted.kind === "steps" ? admitted.steps : []), method, false);
  const figures = method.figures(evidence.sums, evidence.memory);
  const interval = figures.interval?.every(Number.isFinite) ? figures.interval : undefined;
  const threshold = -Math.log(evidence.alpha);
  const found = measured({ metricName, form: limit.form, grouped: metric.grouped, compares: method.compares, figures })
    .replace("; limit ", "; goal ")
    .replace("(limit ", "(goal ");
  const say = (verdict: GoalVerdict["verdict"], sentence: string) => ({
    verdict: {
      goal: id,
      metric: metricName,
      verdict,
      sentence,
      ...(figures.estimate !== undefined && { estimate: rounded(figures.estimate) }),
      ...(interval && { interval: [rounded(interval[0]), rounded(interval[1])] as [number, number] }),
      limit: rounded(figures.limit),
    },
    evidence,
  });
  const known = (logE: number | undefined) => (logE === undefined ? "" : `; evidence ${odds(logE)}, ${odds(threshold)} was needed`);
  if (weighed.breach) return say("reached", `${found}${known(weighed.harm)}`);
  if (weighed.clear) return say("missed", `${found}; the goal is not within reach${known(weighed.within)}`);
  if (admitted.kind === "nothing")
    return say(
      admitted.verdict === "notJudgeable" ? "notJudgeable" : admitted.verdict === "noTraffic" ? "open" : "noData",
      admitted.reason,
    );
  const open =
    weighed.harm === undefined || weighed.within === undefined
      ? ""
      : `; evidence that it is reached ${odds(weighed.harm)}, that it is missed ${odds(weighed.within)}, ${odds(threshold)} is needed`;
  return say("open", `${found}${open}`);
}
