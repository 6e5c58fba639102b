import { cohortsOf, isRelative } from "../core/groups.ts";
import { methodFor } from "../judge/choose.ts";
import type { Method } from "../judge/method.ts";
import { percent, quantity, times } from "../judge/numbers.ts";
import type { Value } from "../model/measurement.ts";
import type { Guardrail, Limit, Metric, Plan, RelativeLimit } from "../model/plan.ts";
import type { Shares } from "./groups.ts";
import { shareBelow } from "./logNormal.ts";
import { usualOf, type Expected, type ExpectedMetric } from "./sizeExpected.ts";
import { harmOf, isHarm, numberOf, roughPercent, sizedHarm, timesAllowed, worstOf, type SizedHarm, type Usual } from "./sizeHarm.ts";

/** Whom a guardrail watches at a stage. */
export interface Watched {
  /** Requests a minute that it counts as treated; absent where the traffic is not known. */
  readonly perMinute: number | undefined;
  /** The share of everybody that they are. */
  readonly share: number;
  /** Control requests for a treated one; absent where it compares with nobody. */
  readonly controlPerTreated: number | undefined;
  /** Of a number for everybody, the share of them who have the feature. */
  readonly exposed: number | undefined;
}

/** The test of a guardrail as the judge chooses it, asked beforehand. Sizes of harms are numbers in the form of `limit`. */
export interface SizedTest {
  readonly limit: Limit;
  readonly unit: string | undefined;
  /** The harm that the guardrail names, and the largest there can be. */
  readonly names: number;
  readonly worst: number;
  /** So many times what is allowed. */
  times(ratio: number): number;
  /** Treated requests until it sees a harm, by the judge's own formulas; ∞ where it never does. */
  needs(size: number, power: number): number;
  /** The smallest harm that it sees with so many treated requests; nothing where it sees none. */
  sees(requests: number, power: number): number | undefined;
  tell(size: number): SizedHarm;
  /** Whether a rollout under way sizes it as well, so that `minSamples: auto` and `onBlind` wait for it. */
  readonly sizedInRun: boolean;
  /** Of a number for everybody, the share of them who must have the feature for the named harm to be possible. */
  readonly leastExposed?: number;
  /** Whether `detect` says what it names. */
  readonly canDetect: boolean;
  /** What a reader should know of it. */
  readonly note?: string;
}

/** Whom a guardrail watches. */
export function watchedAt(plan: Plan, { metric, ...guardrail }: Guardrail, shares: Shares, { traffic }: Expected): Watched {
  const grouped = plan.metrics[metric]!.grouped;
  const asked = new Set<string>(cohortsOf(plan, metric).map(({ cohort }) => cohort));
  const segments = (counts: (name: string) => boolean) =>
    Object.entries(shares.segments).reduce((sum, [name, share]) => sum + (counts(name) ? share : 0), 0);
  const relative = isRelative(guardrail);
  const own = grouped ? shares.treatment + (relative ? 0 : segments((name) => asked.has(`segment:${name}`))) : 1;
  return {
    perMinute: traffic === undefined ? undefined : traffic * own,
    share: own,
    controlPerTreated: relative && own > 0 ? shares.control / own : undefined,
    exposed: grouped ? undefined : shares.treatment + segments(() => true),
  };
}

/** The test of a limit on a rate, a mean, or a share of a histogram's values; a text: why it cannot be sized. */
export function testAt(plan: Plan, guardrail: Guardrail, watched: Watched, expected: Expected, alpha: number): SizedTest | string {
  const metric = plan.metrics[guardrail.metric]!;
  const told = expected.metrics[guardrail.metric]!;
  const subject: Subject = { plan, guardrail, metric, told, usual: usualOf(told, unitOf(metric)), watched, alpha };
  if (metric.kind === "histogram")
    return guardrail.quantile === undefined ? slowdownTest(subject) : quantileTest(subject, guardrail.quantile);
  if (guardrail.versus) return pastTest(subject, guardrail.limit as RelativeLimit, guardrail.versus.before, expected.traffic);
  return plainTest(subject);
}

interface Subject {
  plan: Plan;
  guardrail: Guardrail;
  metric: Metric;
  told: ExpectedMetric;
  usual: Usual;
  watched: Watched;
  alpha: number;
}

/** Enough for half an event more or less to make no difference. */
const MANY = 1e12;
const NOTHING = { breach: false, clear: false, harm: 0, within: 0 };

function plainTest(subject: Subject, more: Partial<SizedTest> = {}): SizedTest | string {
  const { plan, guardrail, metric, told, usual, watched, alpha } = subject;
  const { metric: metricName, limit } = guardrail;
  if (usual.kind === "mean" && !usual.known && !("by" in limit && limit.by === "ratio")) return unknownBase(subject);
  const methodOf = (detect: Limit): Method | undefined => {
    const choice = methodFor({ metricName, metric, guardrail: { ...guardrail, detect } });
    return "method" in choice ? choice.method : undefined;
  };
  const perLook = ((watched.perMinute ?? 0) * plan.policy.poll) / 60_000;
  const of = (total: number): Value => valueOf(usual, told.deviation ?? 0, total);
  const sums = {
    treatment: of(MANY),
    control: watched.controlPerTreated === undefined ? undefined : of(MANY * watched.controlPerTreated),
  };
  const diluted = dilution(usual, watched.exposed);
  const worst = diluted && "rate" in limit ? diluted.worst(limit.form) : worstOf(limit, usual);
  const named = guardrail.detect ? numberOf(guardrail.detect) : timesAllowed(limit, 2, usual);
  const needs = (size: number, power: number): number => {
    if (!isHarm(limit, size) || (limit.form === "min" ? size < worst : size > worst)) return Infinity;
    const method = methodOf(harmOf(limit, size));
    return method?.sizes({ sums, looks: MANY / perLook, weighed: NOTHING, alpha, bakeOver: true, power }).needs ?? Infinity;
  };
  return {
    limit,
    unit: usual.unit,
    names: named,
    worst,
    times: (ratio) => timesAllowed(limit, ratio, usual),
    needs,
    sees: (requests, power) => smallest((size) => needs(size, power) <= requests, numberOf(limit), worst),
    tell(size) {
      const harm = sizedHarm(limit, size, usual);
      if (!diluted) return harm;
      const own = diluted.treated(size);
      return { ...harm, text: `${harm.short} of everybody (${own >= 0 && own <= 1 ? roughPercent(own) : "over 100%"} with the feature)` };
    },
    ...(diluted && { leastExposed: diluted.least(named) }),
    sizedInRun: true,
    canDetect: true,
    ...more,
  };
}

/** About where harms begin to be seen, no more exactly than anybody reads; of two such places the smaller harm. */
function smallest(seen: (size: number) => boolean, limit: number, worst: number): number | undefined {
  const at = (part: number) => limit + (worst - limit) * part;
  let part = 2 ** -24;
  while (part <= 1 && !seen(at(part))) part *= 2;
  if (part > 1) return undefined;
  let [unseen, enough] = [part / 2, part];
  for (let round = 0; round < 12; round++) {
    const middle = (unseen + enough) / 2;
    if (seen(at(middle))) enough = middle;
    else unseen = middle;
  }
  return at(enough);
}

function unknownBase({ guardrail: { metric }, usual }: Subject): string {
  return `how large ${metric} usually is, nobody says: add --base ${metric}=40${usual.unit ?? ""}`;
}

/** So many requests, none of them harmed. */
function valueOf({ kind, base }: Usual, deviation: number, total: number): Value {
  if (kind === "rate") return { events: base * total, total };
  return { count: total, sum: base * total, sumSquares: (base * base + deviation * deviation) * total };
}

/** A rate of everybody moves by what those with the feature are of them. */
function dilution({ kind, base }: Usual, exposed: number | undefined) {
  if (kind !== "rate" || exposed === undefined) return undefined;
  return {
    treated: (rate: number) => (rate - base * (1 - exposed)) / exposed,
    least: (rate: number) => (rate > base ? (rate - base) / (1 - base) : (base - rate) / base),
    worst: (form: Limit["form"]) => base * (1 - exposed) + (form === "max" ? exposed : 0),
  };
}

/** Against the time before the run: a fixed limit, which the judge draws once it has measured that time. */
function pastTest(subject: Subject, limit: RelativeLimit, before: number, traffic: number | undefined): SizedTest | string {
  const { guardrail, metric, told, usual } = subject;
  if (usual.kind === "mean" && !usual.known) return unknownBase(subject);
  const total = traffic === undefined ? MANY : (traffic * before) / 60_000;
  const cohort = metric.grouped ? "control" : "everyone";
  const baseline = { from: -before, to: 0, counts: { [cohort]: valueOf(usual, told.deviation ?? 0, total) } };
  const choice = methodFor({ metricName: guardrail.metric, metric, guardrail, baseline });
  if (!("method" in choice)) return choice.reason;
  const { limit: line } = choice.method.figures({ treatment: undefined, control: undefined }, choice.method.begin());
  const fixed = (amount: number): Limit => {
    const form = limit.form === "maxIncrease" ? "max" : "min";
    return usual.kind === "rate" ? { form, rate: amount } : { form, value: amount };
  };
  const { versus: _, ...rest } = guardrail;
  const note = `its limit is drawn at ${usual.kind === "rate" ? percent(line) : quantity(line, usual.unit)}, by what was before the rollout`;
  return plainTest({ ...subject, guardrail: { ...rest, limit: fixed(line) } }, { note, canDetect: false });
}

/** "The p95 is at most 500 ms" is "at most 5 % are above 500 ms"; against the past the bound is not known yet. */
function quantileTest(subject: Subject, quantile: number): SizedTest | string {
  const { guardrail, metric } = subject;
  const allowed = Number((1 - quantile).toPrecision(12));
  const where = "value" in guardrail.limit ? quantity(guardrail.limit.value, unitOf(metric)) : "the bound that its past draws";
  const { versus: _, detect: __, quantile: ___, ...rest } = guardrail;
  return plainTest(asRate(subject, { ...rest, limit: { form: "max", rate: allowed } }, allowed / 2), {
    canDetect: false,
    tell: (size) => ({
      size,
      becomes: size,
      short: roughPercent(size),
      text: `${roughPercent(size)} above ${where} (${percent(allowed)} are allowed)`,
    }),
  });
}

/** The share of slower values by which a slowdown is sized. */
const TYPICAL_TAIL = 0.05;

/** At one bound of many, the one that about 5 % of the values are above; what is seen at several is seen sooner. */
function slowdownTest(subject: Subject): SizedTest | string {
  const { guardrail, metric, told, alpha } = subject;
  if (told.model.kind !== "values" || !told.model.bounds) return `the buckets of ${guardrail.metric} are not known`;
  const { model } = told;
  const tails = told.model.bounds.map((bound) => ({ bound, share: 1 - shareBelow(model, bound) }));
  const typical = tails.reduce((best, each) => (distance(each.share) < distance(best.share) ? each : best));
  const rate = asRate(subject, guardrail, typical.share);
  const where = `the values above ${quantity(typical.bound, unitOf(metric))}`;
  return plainTest(
    { ...rate, alpha: alpha / tails.length },
    {
      sizedInRun: false,
      note: `taken to have ${tails.length + 1} buckets, and to be slower at one bound alone`,
      tell: (size) => ({
        size: 1 + size,
        becomes: typical.share * (1 + size),
        short: times(1 + size),
        text: `${times(1 + size)} ${where} (${roughPercent(typical.share)} to ${roughPercent(typical.share * (1 + size))})`,
      }),
    },
  );
}

function distance(share: number): number {
  return Math.abs(Math.log(Math.max(share, 1e-9) / TYPICAL_TAIL));
}

/** A share of a histogram's values, which is judged as a rate is. */
function asRate(subject: Subject, guardrail: Guardrail, base: number): Subject {
  const { source, grouped } = subject.metric;
  const usual: Usual = { kind: "rate", unit: undefined, base, known: true };
  return { ...subject, guardrail, metric: { kind: "rate", source, grouped, events: {}, total: {} }, usual };
}

function unitOf(metric: Metric): string | undefined {
  return "unit" in metric ? metric.unit : undefined;
}
