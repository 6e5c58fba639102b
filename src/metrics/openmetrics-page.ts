import type { Tools } from "../io/port.ts";
import { addBucket, addRise, splitBound, type Cumulative, type HistogramReading } from "./buckets.ts";
import { addIncrease, counterValue, NoData, noRises } from "./counts.ts";
import type { TargetCursor } from "./cursor.ts";
import { seriesText, type Exposition } from "./exposition.ts";
import type { Asked } from "./queries.ts";
import { labelMatcher } from "./selector.ts";
import { levelOf, type BucketsReading, type CounterReading, type GaugeReading } from "./values.ts";

/** What the pages of all targets show of one selector, and what it rose by since they were read before. */

/** When the process began: tells a restart that counted past the old value before anybody looked. */
export const STARTED = "process_start_time_seconds";

/** One target at this look: what its series were, what they are, and what to remember. */
export interface TargetState {
  target: string;
  page: Exposition;
  /** Nothing, if it was never read before: then none of its series can be told from a new one. */
  last: TargetCursor | undefined;
  next: TargetCursor;
}

export function targetState(target: string, page: Exposition, before: TargetCursor | undefined): TargetState {
  const found = page.samples.get(STARTED)?.find(({ labels }) => labels.size === 0)?.value;
  const started = found !== undefined && Number.isFinite(found) ? found : undefined;
  // Clients derive it from the time of boot, which may wander by a second.
  const restarted = started !== undefined && before?.started !== undefined && started > before.started + 1;
  const last: TargetCursor | undefined = restarted ? { started, series: new Map(), histograms: new Map() } : before;
  return { target, page, last, next: { started, series: new Map(last?.series), histograms: new Map(last?.histograms) } };
}

/** What becomes of counters: `sum` gives their values, `increase` what they rose by, `remember` nothing yet. */
export type Mode = "sum" | "increase" | "remember";

/** All series of a selector of counters over all targets, which `next` then remembers. Throws `NoData`. */
export function readCounter(asked: Asked, targets: readonly TargetState[], mode: Mode, redact: Tools["redact"]): CounterReading {
  const rises = noRises(1);
  let found = false;
  for (const { target, page, last, next } of targets) {
    for (const { series, value } of seriesOn(page, asked, target, redact)) {
      counterValue(series, value, ` (${target})`);
      found = true;
      if (mode === "sum") addIncrease(rises, 0, undefined, value);
      else if (mode === "increase" && last) addIncrease(rises, 0, last.series.get(series), value);
      next.series.set(series, value);
    }
  }
  return { found, ...rises };
}

/** The histograms of a selector on one page. */
export interface TargetHistograms {
  state: TargetState;
  histograms: HistogramReading[];
}

/** All histograms of a selector of buckets. Throws `NoData` for what is no bucket. */
export function findHistograms(asked: Asked, targets: readonly TargetState[], redact: Tools["redact"]): TargetHistograms[] {
  return targets.map((state) => {
    const { target, page } = state;
    const all = new Map<string, Map<number, number>>();
    for (const { series: shown, labels, value } of seriesOn(page, asked, target, redact)) {
      const { rest, bound } = splitBound(asked.selector.name, labels);
      const series = redact(seriesText(asked.selector.name, rest));
      const cumulative = all.get(series) ?? new Map<number, number>();
      all.set(series, cumulative);
      if (cumulative.has(bound)) throw new NoData(`${shown} is shown twice (${target})`);
      addBucket(cumulative, bound, value, series, ` (${target})`);
    }
    return { state, histograms: [...all].map(([series, cumulative]) => ({ cohort: asked.cohort, series, cumulative, where: target })) };
  });
}

/** What the histograms rose by, which `next` then remembers. */
export function readBuckets(found: readonly TargetHistograms[], bounds: readonly number[], mode: Mode): BucketsReading {
  const sums = bounds.map(() => 0);
  for (const { state, histograms } of found) {
    for (const each of histograms) {
      const former = state.last?.histograms.get(each.series);
      const before: Cumulative | undefined = former && new Map(bounds.map((bound, index) => [bound, former[index]!]));
      if (mode === "sum") addRise(sums, bounds, undefined, each);
      else if (mode === "increase" && state.last) addRise(sums, bounds, before, each);
      state.next.histograms.set(
        each.series,
        bounds.map((bound) => each.cumulative.get(bound)!),
      );
    }
  }
  return { found: found.some(({ histograms }) => histograms.length > 0), rises: [sums] };
}

/** What a selector of gauges shows now, over all targets. Throws `NoData` for what is no gauge, or no number. */
export function readGauge(asked: Asked, targets: readonly TargetState[], redact: Tools["redact"]): GaugeReading {
  const values = targets.flatMap(({ target, page }) =>
    seriesOn(page, asked, target, redact).map(({ series, value }) => {
      if (Number.isFinite(value)) return value;
      throw new NoData(`${series} is ${value}, which is no level (${target})`);
    }),
  );
  return { found: values.length > 0, levels: [levelOf(values, asked.over)] };
}

interface Shown {
  series: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

/** The series of a selector on one page. Throws `NoData` for one that is shown twice, or is of another type. */
function seriesOn(page: Exposition, { selector, kind }: Asked, target: string, redact: Tools["redact"]): Shown[] {
  const matches = labelMatcher(selector);
  const samples = (page.samples.get(selector.name) ?? []).filter(({ labels }) => matches(labels));
  const type = typeOf(selector.name, page);
  if (samples.length > 0 && kind === "gauge" && type === "counter") throw new NoData(`${selector.name} is a counter, not a gauge`);
  if (samples.length > 0 && kind !== "gauge" && type === "gauge") throw new NoData(`${selector.name} is a gauge, not a counter`);
  const seen = new Set<string>();
  return samples.map(({ labels, value }) => {
    // It is remembered in the ledger, and a page may repeat in a label what it was sent.
    const series = redact(seriesText(selector.name, labels));
    if (seen.has(series)) throw new NoData(`${series} is shown twice (${target})`);
    seen.add(series);
    return { series, labels, value };
  });
}

/** Whether the samples of a name only rise, as far as the page says; the type may stand at the name of their family. */
function typeOf(name: string, { types }: Exposition): "counter" | "gauge" | undefined {
  const own = types.get(name);
  if (own === "counter" || own === "gauge") return own;
  const [, family, suffix] = /^(.*)_(total|bucket|count|sum)$/.exec(name) ?? [];
  const type = family === undefined ? undefined : types.get(family);
  if (suffix === "total") return type === "counter" ? "counter" : undefined;
  if (type === "gaugehistogram") return "gauge";
  return type === "histogram" || type === "summary" ? "counter" : undefined;
}
