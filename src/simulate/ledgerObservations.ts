import { sameExposure } from "../core/exposure.ts";
import type { Entry, EntryOf } from "../model/entry.ts";
import { OFF as NOBODY } from "../model/exposure.ts";
import type { Baseline, Cohort, Instant, Measurement, Value } from "../model/measurement.ts";
import { baselineKey } from "../model/measurement.ts";
import type { State } from "../model/state.ts";
import { durationText } from "../model/units.ts";
import { OFF } from "./observation.ts";
import type { Row } from "./rows.ts";

/** An entry of a ledger and the state after it. */
export interface LedgerEntry {
  entry: Entry;
  state: State;
}

/** Turns the entries of a ledger, in their order, into rows of observations. */
export interface Observer {
  take(entry: LedgerEntry): Row[];
  /** What of the entries so far cannot be replayed. */
  warnings(): string[];
}

/**
 * The looks and the changes of exposure of a ledger, each run as a series, so that their replay decides what was decided. A
 * run's series ends before the first thing that no replay can repeat: what a person did, a plan that was changed, a flag
 * that was not as the ledger says.
 *
 * @param judge the version that would replay them
 * @param only the one run that is wanted
 */
export function observeLedger(judge: string, only?: number): Observer {
  const runs = new Map<number, Observer>();
  return {
    take({ entry, state }) {
      if (only !== undefined && entry.run !== only) return [];
      if (!runs.has(entry.run)) runs.set(entry.run, observeRun(entry.run, judge));
      return runs.get(entry.run)!.take({ entry, state });
    },
    warnings: () => [...runs.values()].flatMap((run) => run.warnings()),
  };
}

function observeRun(run: number, judge: string): Observer {
  const judges = new Set<string>();
  let before: State | undefined;
  let over: string | undefined;
  let cut: string | undefined;
  return {
    take({ entry, state }) {
      // What a replay ends at, the run may have gone on from; how it was carried out is no loss.
      if (cut !== undefined || (over !== undefined && entry.kind !== "look")) return [];
      const obstacle = over ?? obstacleTo(entry, before);
      if (obstacle !== undefined) {
        cut = `run ${run} is exported up to entry ${entry.seq - 1}: ${obstacle}`;
        return [];
      }
      const rows = rowsOf(entry, before, state).map((row) => ({ series: `${entry.rollout}/${run}`, ...row }));
      if (entry.kind === "look") {
        judges.add(entry.data.judge);
        over = endedBy(entry);
      }
      before = state;
      return rows;
    },
    warnings: () => [...otherJudges(run, judges, judge), ...(cut === undefined ? [] : [cut])],
  };
}

function otherJudges(run: number, judges: Set<string>, judge: string): string[] {
  const others = [...judges].filter((each) => each !== judge);
  if (others.length === 0) return [];
  return [`run ${run} was judged by ${others.join(", ")}; a replay judges by ${judge}, and may decide otherwise`];
}

/** What a replay stops at. */
function endedBy({ seq, data: { decision } }: EntryOf<"look">): string | undefined {
  if (decision.kind === "hold" || decision.kind === "advance") return undefined;
  return decision.kind === "pause" ? `it was paused in entry ${seq}, and a replay ends there` : `it was over with entry ${seq}`;
}

/** Why an entry cannot be repeated. */
function obstacleTo(entry: Entry, before: State | undefined): string | undefined {
  if (before && entry.at < before.at) return "the clock was set back";
  switch (entry.kind) {
    case "started": {
      const { stage, exposure } = entry.data;
      const expected = entry.data.plan.stages[stage]?.exposure ?? NOBODY;
      return sameExposure(exposure, expected) ? undefined : "it began with an exposure that is of no stage";
    }
    case "look":
      return obstacleInLook(entry, before!);
    case "intent":
      return entry.data.purpose === "rollback"
        ? "a person rolled it back"
        : entry.data.purpose === "restore"
          ? "a person restored the flag"
          : undefined;
    case "spooled":
      return "it was rolled back while the ledger could not be reached";
    case "paused":
      return "a person paused it";
    case "resumed":
      return "a person resumed it";
    case "planChanged":
      return entry.data.by === "words" ? undefined : "a person accepted another plan";
    case "judgeChanged":
      return "another version of the judge looked from there on";
    case "ended":
      return entry.data.outcome === "yielded" ? "it gave way to another rollout" : undefined;
    case "applied":
    case "abandoned":
    case "repaired":
      return undefined;
    default:
      return entry satisfies never;
  }
}

function obstacleInLook({ data: { flag, planDiffers } }: EntryOf<"look">, before: State): string | undefined {
  if (planDiffers) return "the plan file was another";
  if (before.intent) return "a change of exposure was under way at a look";
  if (flag.kind === "unreadable" || (flag.kind === "known" && sameExposure(flag.exposure, before.exposure))) return undefined;
  return "the flag was not as the ledger says";
}

function rowsOf(entry: Entry, before: State | undefined, after: State): Row[] {
  switch (entry.kind) {
    case "started":
      return [{ at: text(entry.at), stage: after.plan.stages[after.stage]?.name ?? OFF }];
    case "applied": {
      const intent = before?.intent;
      if (intent?.seq !== entry.data.intent || intent.purpose !== "advance") return [];
      return [{ from: text(intent.at), at: text(entry.at), stage: after.plan.stages[intent.stage]!.name }];
    }
    case "look":
      return lookRows(entry, after);
    default:
      return [];
  }
}

function lookRows({ at, data }: EntryOf<"look">, after: State): Row[] {
  const look = { at: text(at) };
  const rows: Row[] = [];
  if (data.flag.kind === "unreadable") rows.push({ ...look, flag: "unreadable", reason: data.flag.reason });
  for (const { metric, versus } of after.plan.guardrails) {
    const baseline = versus && data.baselines[baselineKey(metric, versus.before)];
    if (baseline) rows.push(...baselineRows(baseline, { look: text(at), metric, before: durationText(versus.before) }));
  }
  for (const [metric, reading] of Object.entries(data.metrics)) {
    switch (reading.status) {
      case "measured":
        // Where nothing was measured nothing is missing either, as when a source is read for the first time.
        if (reading.measurements.length === 0) rows.push({ ...look, metric, status: "baseline" });
        for (const each of reading.measurements) rows.push(...measurementRows(metric, each, at, after.metrics[metric]?.bounds));
        break;
      case "noData":
      case "error":
        rows.push({ ...look, metric, status: reading.status, reason: reading.reason });
        break;
      case "baseline":
      case "notYet":
        rows.push({ ...look, metric, status: reading.status });
        break;
      default:
        reading satisfies never;
    }
  }
  return rows.length > 0 ? rows : [look];
}

function measurementRows(
  metric: string,
  { from, to, mixed, counts, users }: Measurement,
  at: Instant,
  bounds: number[] | undefined,
): Row[] {
  const interval = { from: text(from), at: text(to), ...(to !== at && { look: text(at) }), metric };
  return cohortRows({ counts, users }, bounds).map((numbers) => ({ ...interval, ...numbers, ...(mixed && { mixed }) }));
}

function baselineRows(baseline: Baseline | string, about: { look: string; metric: string; before: string }): Row[] {
  if (typeof baseline === "string") return [{ at: about.look, ...about, status: "noData", reason: baseline }];
  const { from, to, counts, levels, bounds } = baseline;
  return cohortRows({ counts, users: undefined }, bounds).map((numbers) => {
    const values = levels?.[("segment" in numbers ? `segment:${String(numbers["segment"])}` : numbers["group"]) as Cohort];
    return { from: text(from), at: text(to), ...about, ...numbers, ...(values && { values }) };
  });
}

/** One row for each cohort that has anything; one without numbers where none has. */
function cohortRows(
  { counts, users }: { counts: Measurement["counts"]; users: Measurement["users"] },
  bounds: number[] | undefined,
): Row[] {
  const cohorts = [...new Set([...Object.keys(counts), ...Object.keys(users ?? {})])] as Cohort[];
  if (cohorts.length === 0) return [{}];
  return cohorts.map((cohort) => {
    const value = counts[cohort];
    const count = users?.[cohort];
    return { ...groupOf(cohort), ...(value && numbersOf(value, bounds)), ...(count !== undefined && { users: count }) };
  });
}

function groupOf(cohort: Cohort): Row {
  if (cohort === "treatment" || cohort === "control" || cohort === "everyone") return { group: cohort };
  return { group: "treatment", segment: cohort.slice("segment:".length) };
}

function numbersOf(value: Value, bounds: number[] | undefined): Row {
  if ("level" in value) return { value: value.level };
  if (!("buckets" in value)) return { ...value };
  let upTo = 0;
  const buckets = value.buckets.map((count, index) => [String(bounds?.[index] ?? "+Inf"), (upTo += count)]);
  return { buckets: Object.fromEntries(buckets) as unknown };
}

function text(at: Instant): string {
  return new Date(at).toISOString();
}
