import { judgedMetrics } from "../core/look.ts";
import type { Baseline, Cohort, Instant, Measurement, MetricReading } from "../model/measurement.ts";
import type { Plan } from "../model/plan.ts";
import { Mistake } from "./cells.ts";
import type { Observation } from "./observation.ts";
import type { VirtualLook } from "./virtualRun.ts";

/**
 * What happens in a series, in order.
 * - `begin`: at a stage, −1 being off; `recorded` where its lines say when the flag was changed
 */
export type SeriesEvent =
  | { kind: "begin"; at: Instant; stage: number; recorded: boolean }
  | { kind: "look"; look: VirtualLook }
  | { kind: "stage"; from: Instant; at: Instant; stage: number };

/** Puts the observations of one series together. Both functions throw `Mistake`. */
export interface Series {
  /** What is complete with this observation: a look is, once something later comes. */
  add(observation: Observation): SeriesEvent[];
  /** What is complete now that nothing more comes. */
  end(): SeriesEvent[];
  /** Metrics of which it has had at least one number. */
  readonly seen: ReadonlySet<string>;
}

type Values = Extract<Observation, { kind: "values" | "baseline" }>;

/** An interval, or a time before the run, that is put together group by group. */
type Growing<T> = { -readonly [Key in keyof T]: T[Key] };

interface Open {
  at: Instant;
  measured: Map<string, Growing<Measurement>[]>;
  told: Map<string, MetricReading>;
  bounds: Map<string, number[]>;
  flagUnreadable: string | undefined;
}

function opened(at: Instant): Open {
  return { at, measured: new Map(), told: new Map(), bounds: new Map(), flagUnreadable: undefined };
}

export function seriesFor(plan: Plan): Series {
  const judged = judgedMetrics(plan);
  const seen = new Set<string>();
  const through = new Map<string, Instant>();
  const bounds = new Map<string, number[]>();
  let baselines: Record<string, Growing<Baseline> | string> = {};
  let begun: { recorded: boolean; at: Instant } | undefined;
  let last = -Infinity;
  let open: Open | undefined;

  return {
    seen,
    add(observation) {
      const isBaseline = observation.kind === "baseline" || observation.kind === "noBaseline";
      const at = observation.kind === "stage" ? observation.at : (observation.look ?? last);
      if (at < last) {
        const before = new Date(last).toISOString();
        throw new Mistake(`it is earlier than the line before it in its series (${before})`, "sort each series by time");
      }
      const events = open && (at > open.at || observation.kind === "stage") ? closed(open, at) : [];
      last = at;
      if (observation.kind === "stage") return [...events, changed(observation)];
      if (isBaseline) addBaseline(observation);
      else addTo((open ??= opened(at)), observation);
      return events;
    },
    end: () => (open ? closed(open, undefined) : []),
  };

  function changed({ at, from, stage }: Extract<Observation, { kind: "stage" }>): SeriesEvent {
    if (!begun) {
      begun = { recorded: true, at };
      return { kind: "begin", at, stage, recorded: true };
    }
    if (!begun.recorded) {
      throw new Mistake("a change of stage in a series that did not begin with one", `begin it so: {"at":…,"stage":"off"}`);
    }
    if (stage < 0) throw new Mistake("a series cannot be off again", "what comes after a rollback is a series of its own");
    return { kind: "stage", from, at, stage };
  }

  function addTo(look: Open, observation: Exclude<Observation, { kind: "stage" | "baseline" | "noBaseline" }>): void {
    switch (observation.kind) {
      case "values":
        return addValues(look, observation);
      case "status":
        if (look.measured.has(observation.metric)) throw bothWays(observation.metric);
        look.told.set(observation.metric, observation.reading);
        return;
      case "flag":
        look.flagUnreadable = observation.reason;
        return;
      case "look":
        return;
      default:
        return observation satisfies never;
    }
  }

  function addValues(look: Open, observation: Extract<Observation, { kind: "values" }>): void {
    const { metric, at, from, mixed } = observation;
    if (look.told.has(metric)) throw bothWays(metric);
    if (!look.measured.has(metric)) look.measured.set(metric, []);
    const intervals = look.measured.get(metric)!;
    let interval = intervals.at(-1);
    if (interval && at < interval.to)
      throw new Mistake("its interval is earlier than that of the line before it", "sort each look by `at`");
    if (!interval || at > interval.to) {
      interval = { from: from ?? Number.NaN, to: at, mixed, counts: {} };
      intervals.push(interval);
    }
    if (interval.mixed !== mixed || !(from === undefined || from === interval.from)) {
      throw new Mistake("it says otherwise of its interval than the line before it", "`from` and `mixed` are the same for all groups");
    }
    const { bounds } = observation;
    if (bounds) {
      const before = look.bounds.get(metric);
      if (before && !sameNumbers(before, bounds)) throw new Mistake("its buckets have other bounds than those of the line before it");
      look.bounds.set(metric, bounds);
    }
    put(interval, observation);
  }

  function addBaseline(observation: Extract<Observation, { kind: "baseline" | "noBaseline" }>): void {
    const { key } = observation;
    const known = baselines[key];
    if (observation.kind === "noBaseline") {
      baselines[key] = observation.reason;
      return;
    }
    const { from, at, bounds, values, cohort } = observation;
    const baseline = typeof known === "object" ? known : { from: from!, to: at, counts: {}, ...(bounds && { bounds }) };
    baselines[key] = baseline;
    put(baseline, observation);
    if (values && cohort) baseline.levels = { ...baseline.levels, [cohort]: values };
  }

  function put(into: { counts: Measurement["counts"]; users?: Measurement["users"] }, { metric, cohort, value, users }: Values): void {
    if (cohort === undefined) return;
    if (into.counts[cohort] || into.users?.[cohort] !== undefined)
      throw new Mistake(`${metric} of ${cohort} is there twice`, "add the lines up");
    if (value) into.counts[cohort] = value;
    if (users !== undefined) into.users = { ...into.users, [cohort]: users } as Partial<Record<Cohort, number>>;
    seen.add(metric);
  }

  function closed(look: Open, next: Instant | undefined): SeriesEvent[] {
    open = undefined;
    const events: SeriesEvent[] = [];
    if (!begun) {
      // The first interval is taken to be as long as the second, where its lines do not say.
      const gap = next === undefined ? plan.policy.poll : next - look.at;
      const froms = [...look.measured.values()].flatMap(([interval]) => (interval && !Number.isNaN(interval.from) ? [interval.from] : []));
      begun = { recorded: false, at: froms.length > 0 ? Math.min(...froms) : look.at - gap };
      events.push({ kind: "begin", at: begun.at, stage: 0, recorded: false });
    }
    const metrics: Record<string, MetricReading> = {};
    for (const name of judged) metrics[name] = readingOf(look, name);
    const { flagUnreadable } = look;
    events.push({ kind: "look", look: { at: look.at, metrics, baselines, ...(flagUnreadable !== undefined && { flagUnreadable }) } });
    baselines = {};
    return events;
  }

  function readingOf({ measured, told, bounds: own }: Open, name: string): MetricReading {
    const intervals = measured.get(name);
    if (!intervals) return told.get(name) ?? { status: "noData", reason: "the look has no line of it" };
    let from = through.get(name) ?? begun!.at;
    const measurements = intervals.map((interval) => {
      if (Number.isNaN(interval.from)) interval.from = Math.min(from, interval.to);
      from = interval.to;
      return interval;
    });
    through.set(name, from);
    const [known, now] = [bounds.get(name), own.get(name)];
    const fresh = now && !(known && sameNumbers(known, now)) ? { bounds: now } : {};
    if (now) bounds.set(name, now);
    return { status: "measured", through: from, measurements, ...fresh };
  }
}

function bothWays(metric: string): Mistake {
  return new Mistake(`${metric} has both numbers and a status at this look`, "keep one of them");
}

function sameNumbers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((each, index) => each === other[index]);
}
