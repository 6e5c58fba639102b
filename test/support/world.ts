import { createHash } from "node:crypto";
import type { ConnectedSource, Engine, Note } from "../../src/engine/context.ts";
import type { PlanFile } from "../../src/engine/start.ts";
import { RolloutError } from "../../src/errors.ts";
import { Conflict, type FlagBackend } from "../../src/flags/port.ts";
import { Taken, type Store, type StoredEntry } from "../../src/ledger/port.ts";
import type { Interval, Measured, MeasureRequest, Sent } from "../../src/metrics/port.ts";
import type { Cohort, Counts, Instant, Value } from "../../src/model/measurement.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagReading } from "../../src/model/flag.ts";
import type { Guardrail, Plan } from "../../src/model/plan.ts";
import type { SpooledRollback } from "../../src/model/spool.ts";

/**
 * A world in memory for the engine: one true time, a store, a flag and a shop that counts its requests, and runners whose
 * clocks may be wrong. Every operation on the outside waits for its turn; who has it, and how it ends, is up to the test.
 */

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Where the time of every world begins. */
export const BEGINNING: Instant = Date.UTC(2026, 2, 2, 9);

export type Operation = "list" | "read" | "create" | "readFlag" | "writeFlag" | "measure" | "sleep";

/**
 * How an operation ends. `refused`: it did not happen; `unanswered`: it did, but an error came back; `dies`, `diesAfter`:
 * the runner is killed before or after it; `late`, `diesLate`: the write happens later, whatever became of its runner.
 */
export type Fate = "done" | "refused" | "unanswered" | "dies" | "diesAfter" | "late" | "diesLate";

/** Waits until it is the runner's turn; a sleeper's not before `until`. */
export type Turn = (runner: string, operation: Operation, until?: Instant) => Promise<Fate>;

/** A request is an error with `treatment` (with the feature) or `control`; `traffic` is requests in a second. */
export interface Conditions {
  traffic: number;
  treatment: number;
  control: number;
}

export const HEALTHY: Conditions = { traffic: 100, treatment: 0.005, control: 0.005 };
export const HARMFUL: Conditions = { ...HEALTHY, treatment: 0.2 };

export interface Write {
  at: Instant;
  exposure: Exposure;
  /** The head of the ledger when its writer intended it. */
  head: string;
  runner: string;
  /** It landed after its writer had given it up. */
  late: boolean;
}

export interface Runner {
  name: string;
  engine: Engine;
  notes: Note[];
  /** How far its clock is ahead of the true time, in milliseconds. */
  offset: number;
  stop: AbortController;
}

export interface World {
  /** The true time; a test may set it forward. */
  time: Instant;
  turn: Turn;
  /** Writes under way that have not landed yet, by whom. */
  late: { runner: string; land: () => void }[];
  ledgers: Map<string, StoredEntry[]>;
  /** When each entry of a ledger was stored, by the true time. */
  stored: Map<string, Instant[]>;
  /** Every write of the flag that landed, a change by hand not among them. */
  writes: Write[];
  /** What the flag says now. */
  readonly exposure: Exposure;
  /** Somebody changes the flag outside of the rollout; text is something that no plan says. */
  byHand(exposure: Exposure | string): void;
  /** From now on it goes on like this. */
  conditions(conditions: Conditions): void;
  /** How the metrics server answers. `same`: the same numbers for every group; `blind`: nothing matches the control. */
  source: "well" | "dead" | "empty" | "same" | "blind";
  /** All that was ever counted by now, by cohort. */
  truth(cohort: Cohort): Counts;
  /** What the shop's counters did, for a world that goes on from this one. */
  readonly slopes: readonly Slope[];
  runner(name: string, offset?: number): Runner;
  entries(name: string): StoredEntry[];
}

export interface WorldOptions {
  /** Whether the flag system refuses a write with an old revision. */
  checked?: boolean;
  /** A store, a flag, a shop and a time to go on from. */
  from?: World;
}

const SCRAPE = 15 * SECOND;
const STALE = 2 * MINUTE;

export function createWorld({ checked = true, from }: WorldOptions = {}): World {
  const ledgers = new Map([...(from?.ledgers ?? [])].map(([name, stored]) => [name, [...stored]]));
  const stored = new Map([...(from?.stored ?? [])].map(([name, times]) => [name, [...times]]));
  let live: { exposure: Exposure; foreign?: string; revision: number } = { exposure: from?.exposure ?? OFF, revision: 0 };
  const slopes: Slope[] = [...(from?.slopes ?? [])];
  const history = shopHistory(slopes);
  let conditions = HEALTHY;
  let ids = 0;

  const countFromNow = () => history.change(world.time, conditions, live.exposure.everyone / EVERYBODY);
  const world: World = {
    time: from?.time ?? BEGINNING,
    turn: async (_, operation, until) => {
      // Nothing is at once, so that no two instants of a test are the same by chance.
      world.time = Math.max(world.time + (operation === "sleep" ? 0 : 5), until ?? 0);
      return "done";
    },
    late: [],
    ledgers,
    stored,
    writes: [],
    get exposure() {
      return live.exposure;
    },
    byHand(changed) {
      const revision = live.revision + 1;
      live = typeof changed === "string" ? { exposure: live.exposure, foreign: changed, revision } : { exposure: changed, revision };
      countFromNow();
    },
    conditions(changed) {
      conditions = changed;
      countFromNow();
    },
    source: "well",
    slopes,
    truth: (cohort) => history.countsAt(cohort, world.time),
    runner(name, offset = 0) {
      const runner: Runner = { name, offset, notes: [], stop: new AbortController(), engine: undefined as never };
      runner.engine = engineOf(runner);
      return runner;
    },
    entries: (name) => ledgers.get(name) ?? [],
  };

  /** One operation of a runner on the outside, which ends as its turn says. */
  async function perform<T>(runner: Runner, operation: Operation, effect: (late: boolean) => T): Promise<T> {
    const fate = await world.turn(runner.name, operation);
    switch (fate) {
      case "done":
        return effect(false);
      case "refused":
        throw unreachable(operation);
      case "unanswered":
        quietly(() => effect(false));
        throw unreachable(operation);
      case "dies":
        return forever();
      case "diesAfter":
        quietly(() => effect(false));
        return forever();
      case "late":
        world.late.push({ runner: runner.name, land: () => quietly(() => effect(true)) });
        throw unreachable(operation);
      case "diesLate":
        world.late.push({ runner: runner.name, land: () => quietly(() => effect(true)) });
        return forever();
      default:
        return fate satisfies never;
    }
  }

  function storeOf(runner: Runner): Store {
    return {
      address: "memory",
      list: () => perform(runner, "list", () => [...ledgers.keys()].sort()),
      read: (name, first) =>
        perform(runner, "read", () => {
          const all = ledgers.get(name) ?? [];
          return first === -1 ? all.slice(-1) : all.slice(Math.max(0, first - 1));
        }),
      create: (name, seq, bytes) =>
        perform(runner, "create", () => {
          const before = ledgers.get(name) ?? [];
          if (seq !== before.length + 1) throw new Taken(`${name} ${seq}`);
          ledgers.set(name, [...before, { seq, bytes }]);
          stored.set(name, [...(stored.get(name) ?? []), world.time]);
        }),
    };
  }

  function flagOf(runner: Runner): FlagBackend {
    return {
      read: () =>
        perform(runner, "readFlag", (): FlagReading => {
          const revision = String(live.revision);
          return live.foreign === undefined
            ? { kind: "known", exposure: live.exposure, revision }
            : { kind: "foreign", found: live.foreign, revision };
        }),
      write: (_, exposure, ifRevision, { head }) =>
        perform(runner, "writeFlag", (late) => {
          if (checked && ifRevision !== String(live.revision)) throw new Conflict(`at ${live.revision}, not ${ifRevision}`);
          live = { exposure, revision: live.revision + 1 };
          world.writes.push({ at: world.time, exposure, head, runner: runner.name, late });
          countFromNow();
        }),
      byHand: ({ key }) => `turn ${key} off in memory`,
    };
  }

  function sourceOf(runner: Runner): ConnectedSource {
    return {
      history: true,
      settle: 30 * SECOND,
      parseQuery: (query) => query,
      source: {
        measure: (requests) =>
          perform(runner, "measure", () => requests.map((request) => answer(world.source, request, history, world.time))),
      },
    };
  }

  function engineOf(runner: Runner): Engine {
    const source = sourceOf(runner);
    // Each runner is a machine of its own.
    const spooled = new Map<string, SpooledRollback>();
    return {
      store: storeOf(runner),
      clock: {
        now: () => world.time + runner.offset,
        monotonic: () => world.time,
        async sleep(milliseconds, signal) {
          if (signal?.aborted) return;
          const fate = await world.turn(runner.name, "sleep", world.time + milliseconds);
          if (fate !== "done") await forever();
        },
      },
      actor: async () => ({ who: runner.name, where: "a test" }),
      newId: () => (++ids).toString(16).padStart(32, "0"),
      connectFlag: () => flagOf(runner),
      connectSources: (plan) => Object.fromEntries(Object.keys(plan.sources).map((name) => [name, source])),
      stop: runner.stop.signal,
      spool: {
        async put(rollback) {
          const path = `spool/${rollback.rollout}-${rollback.id}.json`;
          spooled.set(path, { ...rollback, store: "memory" });
          return path;
        },
        list: async (rollout) => [...spooled].flatMap(([path, rollback]) => (rollback.rollout === rollout ? [{ path, rollback }] : [])),
        remove: async (path) => void spooled.delete(path),
      },
      tell: (note) => runner.notes.push(note),
      rollbackFor: MINUTE,
      // Nothing hangs here: whatever does not happen says so.
      within: (_, work) => work,
    };
  }

  return world;
}

/** Counters of the shop over time, as a metrics server that scrapes it remembers them. */
interface ShopHistory {
  change(at: Instant, conditions: Conditions, share: number): void;
  countsAt(cohort: Cohort, at: Instant): Counts;
}

interface Slope {
  at: Instant;
  /** Requests and errors by then, and in a millisecond from then on. */
  sums: Record<"treatment" | "control", Counts>;
  rates: Record<"treatment" | "control", Counts>;
}

function shopHistory(slopes: Slope[]): ShopHistory {
  const none = { events: 0, total: 0 };
  if (slopes.length === 0) slopes.push({ at: BEGINNING - DAY, sums: { treatment: none, control: none }, rates: ratesOf(HEALTHY, 0) });
  const slopeAt = (at: Instant) => slopes.findLast((slope) => slope.at <= at) ?? slopes[0]!;
  const sumAt = ({ at: since, sums, rates }: Slope, group: "treatment" | "control", at: Instant): Counts => ({
    events: sums[group].events + rates[group].events * (at - since),
    total: sums[group].total + rates[group].total * (at - since),
  });
  return {
    change(at, conditions, share) {
      const last = slopes.at(-1)!;
      slopes.push({
        at,
        sums: { treatment: sumAt(last, "treatment", at), control: sumAt(last, "control", at) },
        rates: ratesOf(conditions, share),
      });
    },
    countsAt(cohort, at) {
      const slope = slopeAt(at);
      const of = (group: "treatment" | "control") => sumAt(slope, group, Math.max(at, slope.at));
      const whole = ({ events, total }: Counts): Counts => ({ events: Math.floor(events), total: Math.floor(total) });
      if (cohort === "everyone") {
        const [a, b] = [of("treatment"), of("control")];
        return whole({ events: a.events + b.events, total: a.total + b.total });
      }
      return cohort === "treatment" || cohort === "control" ? whole(of(cohort)) : none;
    },
  };
}

function ratesOf({ traffic, treatment, control }: Conditions, share: number): Slope["rates"] {
  const of = (part: number, rate: number): Counts => ({ total: (traffic * part) / SECOND, events: (traffic * part * rate) / SECOND });
  return { treatment: of(share, treatment), control: of(1 - share, control) };
}

/** What a server knows that last scraped the shop up to fifteen seconds ago: nothing of the future. */
function answer(source: World["source"], request: MeasureRequest, history: ShopHistory, now: Instant): Measured {
  const sent: Sent = { queries: [], missing: [], withoutEvents: [] };
  if (source === "dead") return { sent, status: "error", reason: "the metrics server does not answer" };
  if (source === "empty") return { sent, status: "noData", reason: "the answer is NaN" };
  const scrape = (at: Instant) => Math.floor(Math.min(at, now) / SCRAPE) * SCRAPE;
  const end = request.intervals.at(-1)?.to ?? now;
  const newest = scrape(end);
  if (newest < end - STALE) return { sent: { ...sent, newest }, status: "noData", reason: "no newer sample" };
  const cohortOf = (cohort: Cohort): Cohort => (source === "same" && cohort === "treatment" ? "control" : cohort);
  const intervals = request.intervals.map(({ from, to }): Interval => {
    const counts: Partial<Record<Cohort, Value>> = {};
    const users: Partial<Record<Cohort, number>> = {};
    for (const { cohort } of request.cohorts) {
      const before = history.countsAt(cohortOf(cohort), scrape(from));
      const after = history.countsAt(cohortOf(cohort), scrape(to));
      const increment = { events: after.events - before.events, total: after.total - before.total };
      counts[cohort] = valueOf(request.kind, increment);
      users[cohort] = Math.floor(increment.total / 10);
    }
    return { from, to, counts, ...(request.numbers.users !== undefined && { users }) };
  });
  const bounds = request.kind === "histogram" ? { bounds: BOUNDS } : {};
  return { sent: { ...sent, newest, missing: source === "blind" ? ["control"] : [] }, status: "measured", intervals, ...bounds };
}

/** In seconds: a request takes 0.1 s, and one that is an error 2 s. */
const BOUNDS = [0.5, 1, 5];

/** What requests are to a metric of this kind; a gauge shows how many errors there are. */
function valueOf(kind: MeasureRequest["kind"], { events, total }: Counts): Value {
  switch (kind) {
    case "rate":
      return { events, total };
    case "mean":
      return { count: total, sum: 0.1 * (total - events) + 2 * events, sumSquares: 0.01 * (total - events) + 4 * events };
    case "histogram":
      return { buckets: [total - events, 0, events, 0] };
    case "gauge":
      return { level: events };
    default:
      return kind satisfies never;
  }
}

/** A plan for worlds: three stages of two minutes, errors at most 2 %, nothing else to wait for. */
export function planOf(changes: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    rollout: "checkout",
    risks: [],
    flag: {
      backend: { type: "memory" },
      key: "checkout",
      treatment: "on",
      control: "off",
      propagation: 0,
      writeWithin: 30 * SECOND,
    },
    audience: { exclude: [], testers: [], holdout: 0, segments: {} },
    sources: { shop: { type: "memory" } },
    metrics: { errors: { source: "shop", kind: "rate", grouped: true, events: { of: "errors" }, total: { of: "requests" } } },
    guardrails: [{ id: "errors max 2%", metric: "errors", limit: { form: "max", rate: 0.02 }, onBreach: "rollback" }],
    goals: [],
    policy: {
      falseRollback: 0.05,
      poll: MINUTE,
      onInconclusive: "advance",
      onBlind: "advance",
      sampleRatio: "users",
      onNoData: { hold: 30 * MINUTE, then: "pause" },
    },
    stages: [stage(5), stage(25), stage(100)],
    ...changes,
  };
}

export function stage(percent: number, bake = 2 * MINUTE): Plan["stages"][number] {
  return { name: `${percent}%`, exposure: everyone(percent), bake, minSamples: 0 };
}

export function everyone(percent: number): Exposure {
  return { testers: percent > 0, everyone: (percent * EVERYBODY) / 100, segments: {} };
}

export const relative: Guardrail = {
  id: "errors maxIncrease 50%",
  metric: "errors",
  limit: { form: "maxIncrease", by: "ratio", amount: 0.5 },
  onBreach: "rollback",
};

export function fileOf(plan: Plan): PlanFile {
  return { plan, hash: createHash("sha256").update(JSON.stringify(plan)).digest("hex"), folder: "" };
}

function unreachable(operation: Operation): RolloutError {
  return new RolloutError("unreachable", `${operation}: no answer`);
}

function quietly(effect: () => unknown): void {
  try {
    effect();
  } catch {
    // Whoever would have been told is not there to hear it.
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
