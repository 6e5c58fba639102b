import { z } from "zod";
import type { Cohort } from "../model/measurement.ts";
import { NUMBERS, type MetricKind, type NumberKind, type NumberName } from "../model/plan.ts";
import type { MeasureRequest } from "./port.ts";
import { BUCKETS, COUNTER, forGroup, GAUGE, parseSelector, SelectorError, type Purpose, type Selector } from "./selector.ts";

/** How the numbers of a metric are asked for where series are counted: by plain selectors, filled in for each cohort. */

/** How the series of a gauge become one number. */
export const overSchema = z.enum(["mean", "sum", "max", "min"]);
export type Over = z.output<typeof overSchema>;

/** A text that is a plain selector; `refuse` says why one that can be read is of no use. */
function selector(purpose: Purpose, refuse: (selector: Selector) => string | undefined = () => undefined) {
  return z.string({ error: `expected a selector in quotes, such as '${purpose.example}'` }).superRefine((text, context) => {
    const problem = problemOf(text, purpose, refuse);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

function problemOf(text: string, purpose: Purpose, refuse: (selector: Selector) => string | undefined): string | undefined {
  try {
    return refuse(parseSelector(text, purpose));
  } catch (error) {
    if (error instanceof SelectorError) return error.message;
    throw error;
  }
}

function namesBound({ matchers }: Selector): string | undefined {
  if (!matchers.some(({ label }) => label === "le")) return undefined;
  return "a histogram is asked for with all of its buckets: leave out the label le (one bucket alone is a counter, for a metric of the kind rate)";
}

/** `{ counter: 'http_requests_total{…}' }` */
export const counterQuery = z.strictObject({
  counter: selector(COUNTER).describe("A plain Prometheus selector of a counter; {{group}} stands for the group's label."),
});

/** `{ counter: 'http_request_duration_seconds_bucket{…}' }` */
export const bucketsQuery = z.strictObject({
  counter: selector(BUCKETS, namesBound).describe(
    "A plain Prometheus selector of a classic histogram's _bucket series, without the label le; {{group}} stands for the group's label.",
  ),
});

/** `{ gauge: 'process_resident_memory_bytes{…}', over: max }` */
export const gaugeQuery = z.strictObject({
  gauge: selector(GAUGE).describe("A plain Prometheus selector of a gauge; {{group}} stands for the group's label."),
  over: overSchema.default("mean").describe("How the series of all replicas become one number. Default mean."),
});

export type NumberQuery = z.output<typeof counterQuery> | z.output<typeof gaugeQuery>;

/** The query of each kind of number. */
export const queries: Readonly<Record<NumberKind, z.ZodType<NumberQuery>>> = {
  counter: counterQuery,
  buckets: bucketsQuery,
  gauge: gaugeQuery,
};

/** By kind, the number without which there are no data. */
export const MAIN: Readonly<Record<MetricKind, NumberName>> = { rate: "total", mean: "count", histogram: "buckets", gauge: "value" };

/** One number of one cohort, and what selects its series. */
export interface Asked {
  cohort: Cohort;
  name: NumberName;
  kind: NumberKind;
  selector: Selector;
  over: Over;
}

/** All that has to be read for a metric. */
export function askedFor({ kind, numbers, cohorts }: MeasureRequest<NumberQuery>): Asked[] {
  const kinds: Partial<Record<NumberName, NumberKind>> = { ...NUMBERS[kind], users: "counter" };
  return cohorts.flatMap(({ cohort, label }) =>
    (Object.keys(kinds) as NumberName[]).flatMap((name): Asked[] => {
      const query = numbers[name];
      if (!query) return [];
      const text = "gauge" in query ? query.gauge : query.counter;
      const over = "gauge" in query ? query.over : "sum";
      return [{ cohort, name, kind: kinds[name]!, selector: forGroup(parseSelector(text), label), over }];
    }),
  );
}
