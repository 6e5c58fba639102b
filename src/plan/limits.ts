import type { Limit, MetricKind } from "../model/plan.ts";
import { amountText, convert, dimensionOf, parseAmount, parsePercent, parsePoints, unitsLike } from "../model/units.ts";
import { withUnit } from "./fields.ts";
import type { MetricShape } from "./metricShape.ts";
import { found, listed } from "./phrases.ts";
import type { Mistake } from "./problems.ts";

/** Limits: what a form's text means for a metric of a kind and a unit. */

export type Form = Limit["form"];

/** What a limit is about besides its form. */
export interface About {
  metric: MetricShape;
  /** The guardrail names a quantile. */
  quantile: boolean;
  /** What a relative limit compares with, in words: `the control`. */
  versus: string;
}

/** A limit, or why it is none. */
export type LimitReading = { limit: Limit } | { mistake: Mistake };

type Written = string | number;

/** By kind, the forms that it has. */
export const FORMS: Readonly<Record<MetricKind, readonly Form[]>> = {
  rate: ["max", "min", "maxIncrease", "maxDecrease"],
  mean: ["max", "min", "maxIncrease", "maxDecrease"],
  histogram: ["max", "maxIncrease"],
  gauge: ["max", "min", "maxIncrease", "maxDecrease", "maxTrend"],
};

export function isRelativeForm(form: Form): form is "maxIncrease" | "maxDecrease" {
  return form === "maxIncrease" || form === "maxDecrease";
}

/** What a limit of the form says. The form must be one that the metric's kind has. */
export function readLimit(form: Form, written: Written, about: About): LimitReading {
  if (form === "maxTrend") return readTrend(written, about.metric);
  if (isRelativeForm(form)) return readDistance(form, written, about);
  return about.metric.kind === "rate" ? readShare(form, written) : readLevel(form, written, about.metric);
}

/** Whether a limit allows more than another of the same form. */
export function isBeyond(outer: Limit, inner: Limit): boolean {
  const [a, b] = [numberOf(outer), numberOf(inner)];
  return inner.form === "min" ? a < b : a > b;
}

/** The number of a limit, in the unit of its form. */
export function numberOf(limit: Limit): number {
  if ("rate" in limit) return limit.rate;
  if ("value" in limit) return limit.value;
  return "perHour" in limit ? limit.perHour : limit.amount;
}

/** The limit as one would write it: `0.1%`, `0.05pp`, `50ms`, `5MiB/h`. What is equal has the same text. */
export function limitText(limit: Limit, unit?: string): string {
  if ("rate" in limit) return `${inPercent(limit.rate)}%`;
  if ("value" in limit) return amountText(limit.value, unit);
  if ("perHour" in limit) return `${amountText(limit.perHour, unit)}/h`;
  if (limit.by === "value") return amountText(limit.amount, unit);
  return `${inPercent(limit.amount)}${limit.by === "points" ? "pp" : "%"}`;
}

/** The percentage of a fraction: 5 of 0.05. */
export function inPercent(fraction: number): number {
  return Number((fraction * 100).toPrecision(12));
}

function readShare(form: "max" | "min", written: Written): LimitReading {
  const rate = typeof written === "string" ? parsePercent(written.trim()) : undefined;
  if (rate !== undefined && rate > 0 && rate < 1) return { limit: { form, rate } };
  const mend = withUnit(["%"], "write a percentage: 0.5%, 5% or 99.9%");
  return refused("a percentage above 0% and below 100%", written, mend);
}

function readLevel(form: "max" | "min", written: Written, metric: MetricShape): LimitReading {
  const value = readAmount(written, metric);
  return "mistake" in value ? value : { limit: { form, value: value.amount } };
}

/** How far from the control or the past. A fall is never more than the whole. */
function readDistance(form: "maxIncrease" | "maxDecrease", written: Written, { metric, quantile, versus }: About): LimitReading {
  const text = typeof written === "string" ? written.trim() : "";
  const ratio = parsePercent(text);
  const isFall = form === "maxDecrease";
  if (ratio !== undefined && !(isFall && ratio >= 1)) return { limit: { form, by: "ratio", amount: ratio } };
  const points = parsePoints(text);
  const whole = isFall ? ", below 100%" : "";

  if (metric.kind === "rate") {
    if (points !== undefined && points < 1) return { limit: { form, by: "points", amount: points } };
    return refused(
      `a change against ${versus}, such as 20% (of its rate${whole}) or 0.05pp (points, below 100pp)`,
      written,
      withUnit(["%", "pp"], "write a ratio such as 20%, or points such as 0.05pp"),
    );
  }
  if (points !== undefined) {
    const mend =
      metric.kind === "histogram" && !quantile ? "write a ratio: 10%" : `write a ratio such as 10%, or an amount: ${exampleOf(metric)}`;
    return { mistake: { message: `points (pp) are of rates, and \`${metric.name}\` is a ${metric.kind}`, mend } };
  }
  if (metric.kind === "histogram" && !quantile) {
    const mend = withUnit(["%"], "write a ratio, or say of which quantile it is: `quantile: 95%`");
    return refused("a ratio such as 10%, since no quantile is named", written, mend);
  }
  if (ratio === undefined) {
    const value = readAmount(written, metric, { change: `a change against ${versus}` });
    if ("mistake" in value) return value;
    if (value.amount >= 0) return { limit: { form, by: "value", amount: value.amount } };
  }
  return refused(
    `a change against ${versus} of at least 0${isFall ? ", and below 100%" : ""}`,
    written,
    () => `write how much ${isFall ? "less" : "more"} is allowed: 20% or ${exampleOf(metric)}`,
  );
}

const perHour: Readonly<Record<string, number>> = { s: 3_600, min: 60, h: 1, d: 1 / 24 };

function readTrend(written: Written, metric: MetricShape): LimitReading {
  const [, text, per] = typeof written === "string" ? (/^(.*?)\s?\/\s?(s|min|h|d)$/.exec(written.trim()) ?? []) : [];
  const expected = `a rise over time, such as ${exampleOf(metric, 5)}/h`;
  if (text === undefined || per === undefined) {
    const parsed = parseAmount(String(written).trim());
    const amount = parsed && `${parsed.amount}${parsed.unit ?? metric.unit ?? ""}`;
    const times = ["h", "min", "s", "d"].map((time) => `${amount}/${time}`);
    return refused(expected, written, () =>
      amount ? `say in what time: ${listed(times, "or")}` : "write an amount with /s, /min, /h or /d",
    );
  }
  const value = readAmount(text, metric, { per: `/${per}` });
  if ("mistake" in value) return value;
  const limit = Number((value.amount * perHour[per]!).toPrecision(12));
  if (limit > 0) return { limit: { form: "maxTrend", perHour: limit } };
  return refused(`${expected}, above 0`, written, () => "write how fast it may rise");
}

/**
 * An amount in the metric's unit. `change` says what it is where it may be a percentage as well, `per` what follows its
 * unit: `/h`.
 */
function readAmount(
  written: Written,
  metric: MetricShape,
  { change, per = "" }: { change?: string; per?: string } = {},
): { amount: number } | { mistake: Mistake } {
  const { name, unit } = metric;
  const parsed = typeof written === "number" ? { amount: written } : parseAmount(written.trim());
  const what = change ?? "a value";
  const example = `such as ${change === undefined ? "" : "20% or "}${exampleOf(metric)}${per}`;
  if (unit === undefined) {
    const mend = `\`${name}\` has no unit: write a plain number, or give the metric a \`unit\``;
    if (!parsed) return refused(`${what}, ${example}`, written, () => mend);
    if (parsed.unit === undefined) return { amount: parsed.amount };
    const message = `\`${name}\` has no unit, so its limits are plain numbers`;
    return { mistake: { message, mend: `write ${parsed.amount}${per}, or give the metric \`unit: ${parsed.unit}\`` } };
  }
  const units = unitsLike(unit);
  if (!parsed) return refused(`${what} with its unit, ${example}`, written, () => `write a number with ${listed(units, "or")}`);
  if (parsed.unit === undefined) {
    const usual = [unit, "ms", "s", "B", "KiB", "MiB"].filter((other) => units.includes(other));
    const suffixes = [...[...new Set(usual)].map((each) => `${each}${per}`), ...(change === undefined ? [] : ["%"])];
    return refused(`${what} with its unit, ${example}`, written, withUnit(suffixes, ""));
  }
  const amount = convert(parsed.amount, parsed.unit, unit);
  if (amount !== undefined) return { amount };
  const dimension = dimensionOf(parsed.unit);
  const message = dimension
    ? `\`${name}\` is measured in ${unit}, and this is a ${dimension}`
    : `\`${name}\` is measured in ${unit}, which ${parsed.unit} does not convert to`;
  return { mistake: { message, mend: `write it in ${listed(units, "or")}` } };
}

/** An amount as one might write it for a metric: `200ms`. */
function exampleOf({ unit }: MetricShape, amount?: number): string {
  const dimension = unit === undefined ? undefined : dimensionOf(unit);
  if (dimension === "duration") return `${amount ?? 200}ms`;
  return dimension === "size" ? `${amount ?? 800}MiB` : `${amount ?? 20}${unit ?? ""}`;
}

function refused(expected: string, written: Written, mend: (written: Written) => string): { mistake: Mistake } {
  const stands = typeof written === "number" ? `, found ${found(written)}` : "";
  return { mistake: { message: `expected ${expected}${stands}`, mend: mend(written) } };
}
