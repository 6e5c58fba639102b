import fc from "fast-check";

/** What processes counted, and what a metrics server saw of it. */

export interface History {
  /** By labels, values and their times in seconds. */
  series: Map<string, [at: number, value: number][]>;
  /** What was counted, by labels and times in milliseconds. */
  counted: { labels: string; at: number; by: number }[];
}

/** Two processes scraped every 15 s for 100 minutes, with births, restarts that are seen as falls, and missed scrapes. */
export function historyArbitrary(): fc.Arbitrary<History> {
  const labels = ["a", "b"].flatMap((instance) =>
    ["on", "off"].flatMap((variant) => ["200", "500"].map((code) => `v="${variant}",code="${code}",i="${instance}"`)),
  );
  const event = fc.record({
    series: fc.integer({ min: 0, max: labels.length - 1 }),
    scrape: fc.integer({ min: 1, max: 400 }),
    kind: fc.constantFrom("add", "add", "add", "restart", "gap"),
    by: fc.integer({ min: 1, max: 1000 }),
  });
  return fc.array(event, { minLength: 50, maxLength: 300 }).map((events) => {
    const history: History = { series: new Map(), counted: [] };
    for (const [index, name] of labels.entries()) {
      const own = events.filter(({ series }) => series === index);
      const values: [number, number][] = [];
      // The totals are there from the start, so that it is known what is born later.
      let value = name.includes('code="200"') ? 5 : 0;
      let gap = 0;
      let pending = 0;
      for (let scrape = 0; scrape <= 400; scrape++) {
        for (const { kind, by } of own.filter((each) => each.scrape === scrape)) {
          if (kind === "gap") gap = by % 12;
          else if (kind === "restart" && value + pending > 1 && gap === 0 && pending === 0) {
            const after = by % value;
            history.counted.push({ labels: name, at: scrape * 15_000, by: after });
            value = after;
            break; // Nothing else at this scrape, so that the fall is seen.
          } else if (kind === "add") pending += by;
        }
        if (gap > 0) {
          gap--;
          continue;
        }
        if (pending > 0) history.counted.push({ labels: name, at: scrape * 15_000, by: pending });
        value += pending;
        pending = 0;
        if (value > 0 || values.length > 0) values.push([scrape * 15, value]);
      }
      if (values.length > 0) history.series.set(name, values);
    }
    return history;
  });
}

export function truthOf({ counted }: History, from: number, to: number): [number, number, number, number] {
  const sum = (variant: string, code: string) =>
    counted.reduce(
      (all, { labels, at, by }) => (at > from && at <= to && labels.includes(`v="${variant}"`) && labels.includes(code) ? all + by : all),
      0,
    );
  return [sum("on", 'code="5'), sum("on", "code="), sum("off", 'code="5'), sum("off", "code=")];
}

/** Histograms of the same processes: what each counted, bucket by bucket. */
export interface HistogramHistory {
  /** By labels without `le`, the cumulative counters in the order of `LE`, and their times in seconds. */
  series: Map<string, [at: number, cumulative: number[]][]>;
  /** How many values fell into which bucket, by labels and times in milliseconds. */
  counted: { labels: string; at: number; bucket: number; by: number }[];
}

export const LE = ["0.1", "0.5", "+Inf"];

/** Replicas scraped every 15 s for 100 minutes, of which one is born later, with restarts and missed scrapes. */
export function histogramArbitrary(): fc.Arbitrary<HistogramHistory> {
  const labels = ["a", "b"].flatMap((instance) => ["on", "off"].map((variant) => `v="${variant}",i="${instance}"`));
  const event = fc.record({
    series: fc.integer({ min: 0, max: labels.length - 1 }),
    scrape: fc.integer({ min: 1, max: 400 }),
    kind: fc.constantFrom("add", "add", "add", "add", "restart", "gap"),
    bucket: fc.integer({ min: 0, max: LE.length - 1 }),
    by: fc.integer({ min: 1, max: 1000 }),
  });
  return fc.tuple(fc.array(event, { minLength: 50, maxLength: 300 }), fc.integer({ min: 1, max: 300 })).map(([events, birth]) => {
    const history: HistogramHistory = { series: new Map(), counted: [] };
    for (const [index, name] of labels.entries()) {
      const own = events.filter(({ series }) => series === index);
      const values: [number, number[]][] = [];
      let counts = LE.map(() => 0);
      let gap = 0;
      let pending: HistogramHistory["counted"] = [];
      for (let scrape = name.includes('i="b"') ? birth : 0; scrape <= 400; scrape++) {
        for (const { kind, bucket, by } of own.filter((each) => each.scrape === scrape)) {
          const before = counts.reduce((sum, each) => sum + each, 0);
          if (kind === "gap") gap = by % 12;
          else if (kind === "add") pending.push({ labels: name, at: scrape * 15_000, bucket, by });
          else if (before > 1 && gap === 0 && pending.length === 0) {
            // Fewer than before, so that the fall is seen, though perhaps not in each bucket; and nothing else at this scrape.
            counts = LE.map((_, each) => (each === bucket ? by % before : 0));
            history.counted.push({ labels: name, at: scrape * 15_000, bucket, by: by % before });
            break;
          }
        }
        if (gap > 0) {
          gap--;
          continue;
        }
        for (const each of pending) {
          counts[each.bucket]! += each.by;
          history.counted.push({ ...each, at: scrape * 15_000 });
        }
        pending = [];
        let below = 0;
        values.push([scrape * 15, counts.map((count) => (below += count))]);
      }
      history.series.set(name, values);
    }
    return history;
  });
}

/** How many values fell into each bucket within `(from, to]`. */
export function bucketsOf({ counted }: HistogramHistory, variant: string, from: number, to: number): number[] {
  return LE.map((_, index) =>
    counted.reduce(
      (all, { labels, at, bucket, by }) =>
        at > from && at <= to && bucket === index && labels.includes(`v="${variant}"`) ? all + by : all,
      0,
    ),
  );
}
