import type { Instant, Value } from "../model/measurement.ts";
import { NUMBERS, type MetricKind, type NumberName } from "../model/plan.ts";
import { parseDuration } from "../model/units.ts";
import type { Row } from "./rows.ts";

/** Single values of a row of observations. All of these throw `Mistake`. */

/** What is wrong with a line, and what to do about it. */
export class Mistake extends Error {
  override readonly name = "Mistake";
  readonly mend: string | undefined;
  constructor(message: string, mend?: string) {
    super(message);
    this.mend = mend;
  }
}

export function textIn(row: Row, key: string): string | undefined {
  const value = row[key];
  if (value === undefined || typeof value === "string") return value;
  if (key === "series" && typeof value === "number") return String(value);
  throw new Mistake(`"${key}" is no text: ${shown(value)}`);
}

export function flagIn(row: Row, key: string): boolean {
  const value = row[key];
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw new Mistake(`"${key}" is neither true nor false: ${shown(value)}`);
}

/** Without its zone the same text is another instant on another machine. */
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

export function instantIn(row: Row, key: string): Instant | undefined {
  const value = row[key];
  if (value === undefined) return undefined;
  const instant = typeof value === "string" && INSTANT.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(instant)) return instant;
  throw new Mistake(`"${key}" is no instant: ${shown(value)}`, "write it with its zone: 2026-01-01T00:01:00Z");
}

/** A duration, in milliseconds. */
export function spanIn(row: Row, key: string): number | undefined {
  const text = textIn(row, key);
  const span = text === undefined ? undefined : parseDuration(text);
  if (text !== undefined && !span) throw new Mistake(`"${key}" is no duration: ${shown(text)}`, "write it as the plan does: 24h");
  return span;
}

export function numberIn(row: Row, key: string): number | undefined {
  const value = row[key];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw new Mistake(`"${key}" is no number: ${shown(value)}`);
}

/** A count, which is not negative. */
export function countIn(row: Row, key: string): number | undefined {
  const value = numberIn(row, key);
  if (value !== undefined && value < 0)
    throw new Mistake(`"${key}" is negative: ${value}`, "increments of the interval are expected, no changes");
  return value;
}

export function numbersIn(row: Row, key: string): number[] | undefined {
  const value = row[key];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((each) => typeof each === "number" && Number.isFinite(each))) return value as number[];
  throw new Mistake(`"${key}" is no list of numbers: ${shown(value)}`);
}

const ANY_NUMBER = ["events", "total", "count", "sum", "sumSquares", "buckets", "value"] as const satisfies NumberName[];

/** What the row says of a metric of this kind; nothing where it has no numbers. */
export function valueIn(row: Row, name: string, kind: MetricKind): { value: Value; bounds?: number[] } | undefined {
  const own = Object.keys(NUMBERS[kind]) as NumberName[];
  const there = ANY_NUMBER.filter((key) => row[key] !== undefined);
  if (there.length === 0) return undefined;
  const other = there.find((key) => !own.includes(key));
  const needs = `${name} is a ${kind}: it has ${own.join(" and ")}`;
  if (other !== undefined) throw new Mistake(`"${other}" is no number of a ${kind}`, needs);
  const missing = own.find((key) => row[key] === undefined);
  if (missing !== undefined) throw new Mistake(`"${missing}" is missing`, needs);
  switch (kind) {
    case "rate":
      return { value: rateIn(row) };
    case "mean":
      return { value: meanIn(row) };
    case "histogram":
      return histogramIn(row["buckets"]);
    case "gauge":
      return { value: { level: numberIn(row, "value")! } };
    default:
      return kind satisfies never;
  }
}

function rateIn(row: Row): Value {
  const [events, total] = [countIn(row, "events")!, countIn(row, "total")!];
  if (events > total)
    throw new Mistake(`there are more events (${events}) than there were in total (${total})`, "`events` are some of `total`");
  return { events, total };
}

function meanIn(row: Row): Value {
  return { count: countIn(row, "count")!, sum: numberIn(row, "sum")!, sumSquares: countIn(row, "sumSquares")! };
}

const CUMULATIVE = `they are cumulative, as Prometheus' are: {"0.1":30,"+Inf":60} is 30 values up to 0.1 and 60 in all`;

/** From how many values are up to each bound to how many lie in each bucket. */
function histogramIn(buckets: unknown): { value: Value; bounds: number[] } {
  if (typeof buckets !== "object" || buckets === null || Array.isArray(buckets))
    throw new Mistake(`"buckets" is no object: ${shown(buckets)}`, CUMULATIVE);
  const upTo = Object.entries(buckets).map(
    ([bound, count]) => [bound === "+Inf" ? Infinity : Number(bound || "none"), count as unknown] as const,
  );
  upTo.sort((a, b) => a[0] - b[0]);
  const wrong = upTo.find(([bound, count]) => Number.isNaN(bound) || typeof count !== "number" || !(count >= 0) || count === Infinity);
  if (wrong) throw new Mistake(`a bucket is no number of values up to a bound: ${shown(buckets)}`, CUMULATIVE);
  if (upTo.at(-1)?.[0] !== Infinity) throw new Mistake(`the bucket "+Inf" is missing, which holds all values`, CUMULATIVE);
  const counts = upTo.map(([, count], index) => (count as number) - (index === 0 ? 0 : (upTo[index - 1]![1] as number)));
  if (counts.some((count) => count < 0)) throw new Mistake("the buckets do not rise", CUMULATIVE);
  return { value: { buckets: counts }, bounds: upTo.slice(0, -1).map(([bound]) => bound) };
}

/** What stands in a file, cut to what a line can show. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
