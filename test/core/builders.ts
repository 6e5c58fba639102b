import fc from "fast-check";
import { decide } from "../../src/core/decide.ts";
import { evolve } from "../../src/core/evolve.ts";
import type { Findings } from "../../src/core/gates.ts";
import type { Entry, Statement } from "../../src/model/entry.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagSnapshot } from "../../src/model/flag.ts";
import type { Cohort, Counts, Instant, Measurement, MetricReading, Value } from "../../src/model/measurement.ts";
import type { Guardrail, Metric, Plan, Stage } from "../../src/model/plan.ts";
import type { Progress, State } from "../../src/model/state.ts";
import type { Decision, GateName, Verdict, VerdictKind } from "../../src/model/verdict.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** When the run of these tests starts. */
export const START = Date.UTC(2030, 0, 7, 9);

export const exposed = (everyone: number, segments: Record<string, number> = {}): Exposure => ({ testers: true, everyone, segments });
export const of = (events: number, total: number): Counts => ({ events, total });

type Rate = Extract<Metric, { kind: "rate" }>;
export const metric = (changes: Partial<Rate> = {}): Rate => ({
  source: "prod",
  kind: "rate",
  grouped: true,
  events: {},
  total: {},
  ...changes,
});
/** `errors` may rise by a fifth; its breach rolls back. */
export const guardrail = (changes: Partial<Guardrail> = {}): Guardrail => ({
  id: "errors",
  metric: "errors",
  limit: { form: "maxIncrease", by: "ratio", amount: 0.2 },
  onBreach: "rollback",
  ...changes,
});
export const stage = (name: string, exposure: Exposure, bake: number, minSamples: Stage["minSamples"] = 0): Stage => ({
  name,
  exposure,
  bake,
  minSamples,
});

/** Three stages of half an hour, an hour and an hour, one guardrail; clients follow the flag within a minute. */
export const plan = (changes: Partial<Plan> = {}): Plan => ({
  version: 1,
  rollout: "checkout",
  risks: [],
  flag: { backend: { type: "flagd" }, key: "checkout", treatment: "on", control: "off", propagation: MINUTE, writeWithin: 30 * SECOND },
  audience: { exclude: [], testers: [], holdout: 0, segments: {} },
  sources: { prod: { type: "prometheus" } },
  metrics: { errors: metric() },
  guardrails: [guardrail()],
  goals: [],
  policy: {
    falseRollback: 0.05,
    poll: MINUTE,
    onInconclusive: "advance",
    onBlind: "advance",
    sampleRatio: "users",
    onNoData: { hold: 30 * MINUTE, then: "pause" },
  },
  stages: [stage("canary", exposed(1_000), 30 * MINUTE), stage("half", exposed(50_000), HOUR), stage("all", exposed(EVERYBODY), HOUR)],
  ...changes,
});
export const policy = (changes: Partial<Plan["policy"]>): Plan => plan({ policy: { ...plan().policy, ...changes } });

export const progress = (changes: Partial<Progress> = {}): Progress => ({ baked: 0, samples: 0, requests: 0, excessEvents: 0, ...changes });

/** The canary, ten minutes into the run, with its bake done and nothing else to say. */
export const state = (changes: Partial<State> = {}): State => ({
  rollout: "checkout",
  head: { seq: 9, hash: "9".repeat(64) },
  run: 1,
  at: START + 10 * MINUTE,
  timelines: [],
  plan: plan(),
  planHash: "a".repeat(64),
  folder: "",
  budgets: 0,
  startedAt: START,
  stage: 0,
  exposure: exposed(1_000),
  bakeFrom: START + MINUTE,
  firstExposedAt: START,
  changes: [],
  late: [],
  metrics: { errors: { through: START + 10 * MINUTE } },
  progress: { errors: progress({ baked: 30 * MINUTE, samples: 1_000, requests: 1_000 }) },
  evidence: {},
  baselines: {},
  ...changes,
});
/** Nobody is exposed yet. */
export const unexposed = (changes: Partial<State> = {}): State => {
  const { firstExposedAt: _, ...before } = state({ stage: -1, exposure: OFF, progress: {} });
  return { ...before, ...changes };
};

export const known = (exposure: Exposure): FlagSnapshot => ({ kind: "known", exposure, revision: "7" });
export const foreign: FlagSnapshot = { kind: "foreign", found: "a rule of somebody's", revision: "8" };
export const unreadable: FlagSnapshot = { kind: "unreadable", reason: "timeout" };

export const verdict = (kind: VerdictKind, id = "errors"): Verdict => ({
  guardrail: id,
  metric: id,
  verdict: kind,
  sentence: `${id} are ${kind}`,
});
/** An interval `(from, to]`. */
export const interval = (from: Instant, to: Instant, counts: Partial<Record<Cohort, Value>>, mixed = false): Measurement => ({
  from,
  to,
  mixed,
  counts,
});
export const measured = (...measurements: Measurement[]): MetricReading => ({
  status: "measured",
  through: measurements.at(-1)?.to ?? START,
  measurements,
});
export const noData: MetricReading = { status: "noData", reason: "the target is down" };
export const failed: MetricReading = { status: "error", reason: "timeout" };

/** An hour after the start, all is well. */
export const findings = (changes: Partial<Findings> = {}): Findings => ({
  at: START + HOUR,
  flag: known(exposed(1_000)),
  metrics: { errors: measured() },
  verdicts: [verdict("clear")],
  splitChecks: [],
  planDiffers: false,
  ...changes,
});

/** What is decided, in short, and the whole of it. */
export function decided(before: Partial<State> = {}, found: Partial<Findings> = {}) {
  const { decision, gates } = decide(state(before), findings(found));
  const cause = "cause" in decision ? ` (${decision.cause})` : "";
  return { decision, gates, short: `${decision.kind}${cause}`, gate: (name: GateName) => gates.find(({ gate }) => gate === name)! };
}

/** A ledger that is told entry by entry. */
export interface Story {
  readonly state: State;
  /** The number of the last entry. */
  readonly seq: number;
  tell(at: Instant, statement: Statement): Story;
}

/** The story of a run from `started` on. */
export function story(data: Partial<Extract<Statement, { kind: "started" }>["data"]> = {}, at: Instant = START): Story {
  let told: State | undefined;
  let seq = 0;
  const result: Story = {
    get state() {
      return told!;
    },
    get seq() {
      return seq;
    },
    tell(at, statement) {
      seq++;
      const run = statement.kind === "started" ? (told?.run ?? 0) + 1 : (told?.run ?? 1);
      const entry: Entry = {
        seq,
        prev: (told?.head.hash ?? "0").padStart(64, "0"),
        id: "0".repeat(32),
        rollout: "checkout",
        run,
        at,
        actor: { who: "ann", where: "desk" },
        ...statement,
      };
      const before = JSON.stringify(told);
      const after = evolve(told, entry, String(seq).padStart(64, "0"));
      // What others still hold must not change under their hands.
      if (JSON.stringify(told) !== before) throw new Error(`entry ${seq} changed the state before it`);
      told = after;
      return result;
    },
  };
  return result.tell(at, started(data));
}

export const started = (data: Partial<Extract<Statement, { kind: "started" }>["data"]> = {}): Statement => ({
  kind: "started",
  data: { plan: plan(), planHash: "a".repeat(64), folder: "", exposure: OFF, stage: -1, adopted: false, metrics: {}, ...data },
});

type LookData = Extract<Statement, { kind: "look" }>["data"];
export const hold: Decision = { kind: "hold", because: [] };
export const look = (changes: Partial<LookData> = {}): Statement => ({
  kind: "look",
  data: {
    judge: "test/1",
    flag: known(OFF),
    metrics: {},
    verdicts: [],
    evidence: {},
    goals: [],
    splitChecks: [],
    baselines: {},
    planDiffers: false,
    gates: [],
    decision: hold,
    ...changes,
  },
});
export const looked = (reading: MetricReading, name = "errors"): Statement => look({ metrics: { [name]: reading } });

type IntentData = Extract<Statement, { kind: "intent" }>["data"];
export const intent = (at: Instant, changes: Partial<IntentData> = {}): Statement => ({
  kind: "intent",
  data: { purpose: "advance", from: OFF, to: exposed(1_000), stage: 0, deadline: at + 30 * SECOND, reason: "stage canary", ...changes },
});
export const rollback = (at: Instant): Statement =>
  intent(at, { purpose: "rollback", from: exposed(1_000), to: OFF, stage: -1, reason: "harm" });
export const applied = (intent: number): Statement => ({ kind: "applied", data: { intent, revision: "2", recovered: false } });
export const abandoned = (intent: number, mayLand: boolean): Statement => ({
  kind: "abandoned",
  data: { intent, reason: "given up", mayLand },
});
export const person: Statement = { kind: "paused", data: { reason: "lunch" } };
export const resumed = (changes: Partial<Extract<Statement, { kind: "resumed" }>["data"]> = {}): Statement => ({
  kind: "resumed",
  data: { mode: "plain", despiteBreach: false, ...changes },
});
export const planChanged = (plan: Plan, by: "words" | "person", stage = 0): Statement => ({
  kind: "planChanged",
  data: { plan, planHash: "b".repeat(64), by, changes: [], stage },
});

/** A run whose canary was applied at `START` + 10 s, so that its bake counts from `START` + 70 s. */
export function onCanary(data: Parameters<typeof story>[0] = {}): Story {
  const told = story({ metrics: { errors: measured() }, ...data }).tell(START, intent(START));
  return told.tell(START + 10 * SECOND, applied(told.seq));
}

/** Any exposure of a few segments; shares that are equal, full and next to each other are likely. */
export const anyExposure = (): fc.Arbitrary<Exposure> => {
  const share = fc.oneof(fc.constantFrom(1, 1_000, 1_001, 50_000, EVERYBODY), fc.integer({ min: 1, max: EVERYBODY }));
  return fc.record({
    testers: fc.boolean(),
    everyone: fc.oneof(fc.constant(0), share),
    segments: fc.dictionary(fc.constantFrom("europe", "ring-1", "staff"), share, { noNullPrototype: true }),
  });
};
