import type { Exposure } from "./exposure.ts";
import type { EntryData } from "./entry.ts";
import type { Baseline, Instant } from "./measurement.ts";
import type { Plan } from "./plan.ts";
import type { Decision, Evidence, Gate, GoalVerdict, SplitCheck, Verdict } from "./verdict.ts";
import type { FlagSnapshot } from "./flag.ts";

/** What the entries of a ledger add up to. It is computed from them alone, never stored, never judged anew. */

export interface OpenIntent {
  seq: number;
  at: Instant;
  purpose: EntryData["intent"]["purpose"];
  from: Exposure;
  to: Exposure;
  stage: number;
  deadline: Instant;
  reason: string;
  /** What was under way when this intent overtook it: their writers may still write until their deadlines. */
  overtook: { to: Exposure; deadline: Instant }[];
}

export interface Pause {
  /** `person`: somebody asked for it; otherwise what a look found. */
  cause: "person" | Extract<Decision, { kind: "pause" }>["cause"];
  sentence: string;
  at: Instant;
  seq: number;
}

export interface MetricState {
  /** The end of the last successful measurement, by the source's own time where it has a history. */
  through: Instant;
  cursor?: unknown;
  /** Of a histogram, the bounds of its buckets. */
  bounds?: number[];
  /** Since when it has not been measured, and why, while it is not. */
  missing?: { since: Instant; reason: string };
}

/** What a guardrail has seen of the present stage, and of the run for its blast radius. */
export interface Progress {
  /** Measured milliseconds after the change, with traffic. */
  baked: number;
  /** Treated requests in intervals that lie wholly after the change. */
  samples: number;
  /** Treated requests since the run's start. */
  requests: number;
  /** Users with the feature that a metric counted, since the run's start. */
  users?: number;
  /** Harmful events beyond what the control's rate (or the limit) explains, since the run's start. */
  excessEvents: number;
}

/** While exposures change, numbers are mixed. `until` is absent while the change is under way. */
export interface ChangeWindow {
  from: Instant;
  until?: Instant;
}

export interface LookSummary {
  seq: number;
  at: Instant;
  flag: FlagSnapshot;
  verdicts: Verdict[];
  goals: GoalVerdict[];
  splitChecks: SplitCheck[];
  gates: Gate[];
  decision: Decision;
}

export interface State {
  rollout: string;
  /** The last entry: its number and the hash of its stored bytes. */
  head: { seq: number; hash: string };
  run: number;
  /** The latest instant on the present timeline. */
  at: Instant;
  /** What other clocks had got to: runners whose clocks disagree by more than a minute each have their own. */
  timelines: Instant[];
  plan: Plan;
  planHash: string;
  /** The folder of the plan file, relative to the root of the repository. */
  folder: string;
  /** How many shares of the false-rollback budget have been opened: the first plan's, one for each change after it. */
  budgets: number;
  startedAt: Instant;
  /** Index of the stage whose exposure was applied last; −1 before the first and after a rollback. */
  stage: number;
  /** What the flag must say. */
  exposure: Exposure;
  /** From when the stage's bake counts: its change applied and propagated. */
  bakeFrom: Instant;
  firstExposedAt?: Instant;
  changes: ChangeWindow[];
  intent?: OpenIntent;
  /** Writes of our own that were overtaken or given up and may still land, by the intent each belongs to. */
  late: { intent: number; to: Exposure }[];
  pause?: Pause;
  /** A person resumed a stage that was paused because its verdicts were undecided: they no longer keep it. */
  goesOnUndecided?: true;
  /** A person resumed a stage that was paused because it sees too little: that no longer keeps it. */
  goesOnBlind?: true;
  /** Guardrails whose breach nobody has answered yet. */
  breach?: { guardrails: string[]; at: Instant };
  /** Guardrails that an incident of everybody broke; they begin again when a person resumes. */
  shared?: string[];
  metrics: Record<string, MetricState>;
  progress: Record<string, Progress>;
  /** By guardrail, by goal and by what is split; see `core/look.ts`. */
  evidence: Record<string, Evidence>;
  /** What metrics were before the run, by `baselineKey`. */
  baselines: Record<string, Baseline>;
  /** The version of the judge that looked last. */
  judge?: string;
  lastLook?: LookSummary;
  end?: { outcome: "rolledBack" | EntryData["ended"]["outcome"]; reason: string; at: Instant };
}
