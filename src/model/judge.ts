import type { Exposure, Share } from "./exposure.ts";
import type { Baseline, MetricReading } from "./measurement.ts";
import type { Goal, Guardrail, Metric } from "./plan.ts";
import type { Evidence, GoalVerdict, SplitCheck, Verdict } from "./verdict.ts";

/** What is asked of a judge, and what it answers. It is pure: all that it may know is handed to it. */

/** One metric at one look, and the stage in which it was measured. */
export interface Question {
  metric: Metric;
  /** The name of the stage: the estimate is of this stage alone. */
  stage: string;
  exposure: Exposure;
  /** Whether treatment and control are randomised at this exposure. */
  split: boolean;
  reading: MetricReading;
  /** Of a histogram, the bounds of its buckets. */
  bounds?: readonly number[] | undefined;
  /** What the last look's judgement of the same returned. */
  evidence: Evidence | undefined;
  /** The chance of a false alarm, over all looks; used when the evidence begins. */
  alpha: number;
}

/** A guardrail to judge. */
export interface GuardrailQuestion extends Question {
  guardrail: Guardrail;
  /** What the metric was before the run, where the guardrail compares with that; a text: why it is not known. */
  baseline?: Baseline | string | undefined;
  /** The stage has baked: what may be asked only once is asked now. */
  bakeOver: boolean;
}

export interface GoalQuestion extends Question {
  goal: Goal;
}

/** Whether the groups have their shares. `treatment` is the planned share of the treatment among both. */
export interface SplitQuestion {
  metricName: string;
  of: SplitCheck["of"];
  treatment: Share;
  reading: MetricReading;
  evidence: Evidence | undefined;
}

export interface Judge {
  /** Recorded in every look; verdicts of one version replay to the same. */
  readonly version: string;
  guardrail(question: GuardrailQuestion): { verdict: Verdict; evidence: Evidence };
  goal(question: GoalQuestion): { verdict: GoalVerdict; evidence: Evidence };
  /** Nothing where nothing was counted. */
  split(question: SplitQuestion): { check: SplitCheck; evidence: Evidence } | undefined;
  /** Whether another version's evidence can be gone on from. */
  understands(question: Pick<GuardrailQuestion, "guardrail" | "metric" | "evidence">): boolean;
}
