import type { Baseline } from "../model/measurement.ts";
import type { Guardrail, Metric } from "../model/plan.ts";
import type { Method } from "./method.ts";

/** What a limit is to be judged on. */
export interface Judged {
  readonly metricName: string;
  readonly metric: Metric;
  readonly guardrail: Pick<Guardrail, "limit" | "quantile" | "failures" | "versus" | "proof" | "detect">;
  /** Of a histogram, once it was read. */
  readonly bounds?: readonly number[] | undefined;
  /** What it was before the run, for a limit that compares with that; a text says why it is not known. */
  readonly baseline?: Baseline | string | undefined;
}

/** A method, or why there is none: for the exposure or the numbers as they are, or because numbers are missing. */
export type Choice = { method: Method } | { verdict: "notJudgeable" | "noData" | "inconclusive"; reason: string };
