import type { MeasureRequest } from "../../src/metrics/port.ts";
import type { NumberQuery } from "../../src/metrics/queries.ts";
import type { Cohort, Value } from "../../src/model/measurement.ts";
import type { MetricKind, NumberName } from "../../src/model/plan.ts";

/** What a service shows over time, and what looks have to make of it. */

/** Epoch milliseconds at which all stories begin. */
export const BEGIN = 1_700_000_000_000;

type Numbers = Partial<Record<NumberName, NumberQuery>>;

export interface Story {
  name: string;
  /**
   * What the service shows, by seconds since the beginning: by series, the value as text. `dead`: it no longer answers.
   * Looks see what was shown last, so a change between two looks has to be shown at the second.
   */
  shown: { at: number; series: Record<string, string> | "dead" }[];
  /** Seconds since the beginning; the first only says where counting begins. */
  looks: number[];
  /** By default a rate of requests, errors being codes of 500 and more. The names of all series begin with the story's own. */
  kind?: MetricKind;
  numbers?: Numbers;
  /** What `{{group}}` stands for; by default on and off. */
  labels?: { treatment: string; control: string };
  expected: Expected[];
}

/** Events and total of the treatment, then of the control; the values of any kind; or why there are none. */
export type Expected =
  | { counts: [number, number, number, number]; missing?: Cohort[]; withoutEvents?: Cohort[] }
  | {
      values: Partial<Record<Cohort, Value>>;
      bounds?: number[];
      users?: Partial<Record<Cohort, number>>;
      missing?: Cohort[];
      withoutEvents?: Cohort[];
    }
  | { status: "noData"; reason: RegExp }
  /** The target is dead: a source says so in its own way, but never with numbers. */
  | { status: "blind" };

export interface ToldStory extends Story {
  /** What the names of its series begin with: of its own, so that all stories can be told at once. */
  metric: string;
}

/** A series of requests, by its labels. */
export function requests(labels: string): string {
  return `_requests_total{${labels}}`;
}

/** How a rate of requests is asked for. */
export const ofRequests = {
  events: { counter: requests('variant="{{group}}",code=~"5.."') },
  total: { counter: requests('variant="{{group}}"') },
} satisfies Numbers;

/** A request as the engine makes it. */
export function requestFor(story: ToldStory, intervals: MeasureRequest["intervals"], cursor: unknown): MeasureRequest<NumberQuery> {
  const { treatment, control } = story.labels ?? { treatment: "on", control: "off" };
  const named = (query: NumberQuery): NumberQuery =>
    "gauge" in query ? { ...query, gauge: story.metric + query.gauge } : { counter: story.metric + query.counter };
  const numbers = Object.entries(story.numbers ?? ofRequests).map(([name, query]) => [name, named(query)]);
  return {
    metric: story.metric,
    kind: story.kind ?? "rate",
    numbers: Object.fromEntries(numbers) as Numbers,
    cohorts: [
      { cohort: "treatment", label: treatment },
      { cohort: "control", label: control },
    ],
    intervals,
    cursor,
  };
}
