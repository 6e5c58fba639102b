import { alphaOf } from "../core/budget.ts";
import { isSplit } from "../core/exposure.ts";
import { isRelative } from "../core/groups.ts";
import { admit } from "../judge/admission.ts";
import type { Exposure } from "../model/exposure.ts";
import type { Guardrail, Plan, Stage } from "../model/plan.ts";
import { sharesOf } from "./groups.ts";
import type { Expected } from "./sizeExpected.ts";
import { isAtLeast, roughPercent, type SizedHarm } from "./sizeHarm.ts";
import { mendsOf, type Mend } from "./sizeMends.ts";
import { quantileRiseTest } from "./sizeQuantile.ts";
import { readingsSize } from "./sizeReadings.ts";
import { testAt, watchedAt, type SizedTest, type Watched } from "./sizeTest.ts";

export type GuardrailSize = { readonly guardrail: string } & (
  | { readonly kind: "notJudged" | "notSized"; readonly reason: string }
  | ({ readonly kind: "requests" } & RequestsSize)
  | ({ readonly kind: "readings" } & GaugeSize)
);

export interface RequestsSize {
  /** Its part of the chance of a false rollback. */
  readonly alpha: number;
  /** Treated requests in the bake; absent where the traffic is not known. */
  readonly inBake?: number;
  /** The smallest harm that it sees in the bake with this power. */
  readonly sees80?: SizedHarm;
  readonly sees90?: SizedHarm;
  /** The harm that it names, and what it takes to see it with 80 % power: treated requests, … */
  readonly names: SizedHarm;
  readonly needs?: number;
  /** … users who make so many in the bake, … */
  readonly users?: number;
  /** … and milliseconds of the stage as it is. */
  readonly takes?: number;
  /**
   * `sees`: the bake is enough. `waits`: the stage waits for as many requests. `blind`: it is over before. `never`: no
   * number of requests would do. `unknown`: the traffic is not known.
   */
  readonly can: "sees" | "waits" | "blind" | "never" | "unknown";
  /** Why no number of requests would do. */
  readonly because?: string;
  /** Where it cannot see what it names, what would help; any of these by itself. */
  readonly mends: readonly Mend[];
  /** Whether a rollout under way knows what it needs too. */
  readonly sizedInRun: boolean;
  /** What is assumed of it at every stage. */
  readonly note?: string;
}

export interface GaugeSize {
  readonly alpha: number;
  /** Readings in the bake, and how many it takes before anything can be said. */
  readonly inBake: number;
  readonly needs: number;
  readonly takes: number;
  readonly can: "sees" | "blind";
  readonly sentence: string;
}

/** A guardrail at a stage that is to be sized. */
export interface Asking {
  plan: Plan;
  guardrail: Guardrail;
  stage: Stage;
  expected: Expected;
  /** At how many stages before it is judged. */
  stagesBefore: number;
}

export interface Sized {
  size: GuardrailSize;
  /** Whether it would see ten times what it allows. */
  tellsAnything: boolean;
}

/** Harm of which a stage should see so many times what is allowed, if it is to see anything. */
const ANYTHING = 10;

/** What a guardrail can see at a stage. */
export function sizeAt(asking: Asking): Sized {
  const { plan, guardrail, stage, expected } = asking;
  const metric = plan.metrics[guardrail.metric]!;
  const alpha = alphaOf(plan, guardrail, 0);
  const nothing = (kind: "notJudged" | "notSized", reason: string): Sized => ({
    size: { guardrail: guardrail.id, kind, reason },
    tellsAnything: false,
  });
  const watched = watchedOf(asking, stage.exposure);
  const reason = notJudgedBecause(asking, watched);
  if (reason !== undefined) return nothing("notJudged", reason);
  if (metric.kind === "gauge") return gaugeAt(asking, alpha);
  const test = testOf(asking, watched, alpha);
  if (typeof test === "string") return nothing("notSized", test);

  const minutes = stage.bake / 60_000;
  const inBake = watched.perMinute === undefined ? undefined : Math.floor(watched.perMinute * minutes);
  const needs = test.needs(test.names, 0.8);
  const finite = Number.isFinite(needs);
  const seen = (power: number): { harm?: SizedHarm; size?: number } => {
    const size = inBake === undefined ? undefined : test.sees(inBake, power);
    return size === undefined ? {} : { harm: test.tell(size), size };
  };
  const [at80, at90] = [seen(0.8), seen(0.9)];
  const samples = stage.minSamples === "auto" ? (test.sizedInRun && finite ? needs : 0) : stage.minSamples;
  const can = !finite ? "never" : inBake === undefined ? "unknown" : needs <= inBake ? "sees" : needs <= samples ? "waits" : "blind";
  const { units } = plan.audience;
  const ofUser = units === undefined || expected.traffic === undefined ? 0 : (expected.traffic / units) * minutes;
  return {
    size: {
      guardrail: guardrail.id,
      kind: "requests",
      alpha,
      ...(inBake !== undefined && { inBake }),
      ...(at80.harm && { sees80: at80.harm }),
      ...(at90.harm && { sees90: at90.harm }),
      names: test.tell(test.names),
      ...(finite && { needs }),
      ...(finite && ofUser > 0 && { users: Math.ceil(needs / ofUser) }),
      ...(finite && watched.perMinute !== undefined && { takes: Math.ceil((needs / watched.perMinute) * 60_000) }),
      can,
      ...(can === "never" && { because: becauseOf(watched) }),
      mends:
        can === "blind"
          ? mendsOf({ plan, stage, test, watched, inBake: inBake!, needs, alpha, again: againFor(asking, alpha) })
          : can === "never"
            ? [neverMend(test, watched)]
            : [],
      sizedInRun: test.sizedInRun,
      ...(test.note !== undefined && { note: test.note }),
    },
    tellsAnything: at80.size !== undefined && isAtLeast(test.limit, test.times(ANYTHING), at80.size),
  };
}

function watchedOf({ plan, guardrail, expected }: Asking, exposure: Exposure): Watched {
  return watchedAt(plan, guardrail, sharesOf(exposure, plan.audience), expected);
}

/** Why the judge would say nothing at this stage: asked of the judge itself, with a reading of nothing. */
function notJudgedBecause({ plan, guardrail, stage: { exposure } }: Asking, watched: Watched): string | undefined {
  const metric = plan.metrics[guardrail.metric]!;
  const reading = { status: "measured" as const, through: 0, measurements: [] };
  const split = isSplit(exposure, plan.audience.holdout);
  const compares = isRelative(guardrail);
  const admitted = admit({ metric, metricName: guardrail.metric, reading, exposure, split, compares });
  if (admitted.kind === "nothing") return admitted.reason;
  if (watched.share <= 0) return "its labels name the two groups alone, and whole segments are in neither";
  return watched.exposed !== undefined && watched.exposed <= 0
    ? "only testers have the feature, too few to move a number for everybody"
    : undefined;
}

function testOf({ plan, guardrail, expected, stagesBefore }: Asking, watched: Watched, alpha: number): SizedTest | string {
  const { quantile, limit, versus } = guardrail;
  if (quantile === undefined || versus || !("by" in limit)) return testAt(plan, guardrail, watched, expected, alpha);
  const { model } = expected.metrics[guardrail.metric]!;
  const metric = plan.metrics[guardrail.metric]!;
  if (model.kind !== "values" || !model.bounds) return `the buckets of ${guardrail.metric} are not known`;
  return quantileRiseTest({
    quantile,
    limit,
    values: { ...model, bounds: model.bounds },
    unit: "unit" in metric ? metric.unit : undefined,
    controlPerTreated: watched.controlPerTreated ?? 0,
    stagesBefore,
    alpha,
  });
}

/** The same guardrail in other circumstances. */
function againFor(asking: Asking, usualAlpha: number): Parameters<typeof mendsOf>[0]["again"] {
  return ({ exposure = asking.stage.exposure, traffic: times = 1, alpha = usualAlpha }) => {
    const { traffic } = asking.expected;
    const now: Asking = { ...asking, expected: { ...asking.expected, traffic: traffic === undefined ? undefined : traffic * times } };
    const watched = watchedOf(now, exposure);
    const test = testOf(now, watched, alpha);
    if (typeof test === "string" || watched.perMinute === undefined) return undefined;
    return { needs: test.needs(test.names, 0.8), inBake: Math.floor((watched.perMinute * asking.stage.bake) / 60_000) };
  };
}

function gaugeAt({ plan, guardrail, stage, stagesBefore }: Asking, alpha: number): Sized {
  const { poll } = plan.policy;
  const inBake = Math.floor(stage.bake / poll);
  const { needs, sentence } = readingsSize(guardrail, { readings: inBake, poll, alpha, askedBefore: stagesBefore });
  const can = inBake >= needs ? "sees" : "blind";
  return {
    size: { guardrail: guardrail.id, kind: "readings", alpha, inBake, needs, takes: needs * poll, can, sentence },
    tellsAnything: can === "sees",
  };
}

function becauseOf({ exposed }: Watched): string {
  if (exposed === undefined) return "it can never be as bad as that";
  return `${roughPercent(exposed)} of everybody cannot cause that, however bad the feature is`;
}

function neverMend({ leastExposed }: SizedTest, { exposed }: Watched): Mend {
  if (exposed === undefined) return { change: "detect", text: "name a smaller harm with `detect`" };
  const stages = leastExposed === undefined ? "larger stages" : `stages of more than ${roughPercent(leastExposed)}`;
  return { change: "stages", text: `count it by group, or let it guard ${stages} alone (\`stages\`)` };
}
