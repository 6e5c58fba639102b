import { change, count, percent, points, quantity, times } from "../judge/numbers.ts";
import type { Limit } from "../model/plan.ts";

/** A harm in the form of a limit: the same with another number. */

/** What a limit is on, while it does no harm. */
export interface Usual {
  readonly kind: "rate" | "mean";
  readonly unit: string | undefined;
  /** A fraction, or a mean in its unit. */
  readonly base: number;
  /** Whether `base` is more than a scale: of a mean that nobody told, ratios can be sized all the same. */
  readonly known: boolean;
}

/** A harm as it is told. */
export interface SizedHarm {
  /** As the limit writes it: a rate, a value, or an amount of change; of a ratio how many times as much. */
  readonly size: number;
  /** What the rate or the mean then is. */
  readonly becomes?: number;
  /** `1.9x`, `0.95%`, `+0.4pp`, `+12 EUR`. */
  readonly short: string;
  /** `1.9x (0.5% to 0.95%)`. */
  readonly text: string;
}

/** Almost all, or almost none. */
const EDGE = 1e-9;
/** Nobody asks how much a mean is that is more than so many times what it was. */
const LARGEST = 1000;

export function numberOf(limit: Limit): number {
  if ("rate" in limit) return limit.rate;
  if ("value" in limit) return limit.value;
  return "perHour" in limit ? limit.perHour : limit.amount;
}

/** The harm of this size. */
export function harmOf(limit: Limit, size: number): Limit {
  if ("rate" in limit) return { ...limit, rate: size };
  if ("value" in limit) return { ...limit, value: size };
  return "perHour" in limit ? { ...limit, perHour: size } : { ...limit, amount: size };
}

/**
 * The size that is so many times what a limit allows. Twice is the harm that a guardrail names where the plan does not say
 * another: the judge's own default, which is of the rarer of events and the requests without one.
 */
export function timesAllowed(limit: Limit, ratio: number, { kind, base }: Usual): number {
  if ("rate" in limit) {
    const { rate, form } = limit;
    const rarer = Math.min(rate, 1 - rate);
    const worse = (form === "max") === rate <= 0.5 ? Math.min(1 - EDGE, rarer * ratio) : rarer / ratio;
    return rate <= 0.5 ? worse : 1 - worse;
  }
  if ("value" in limit) return limit.value + Math.abs(limit.value) * (limit.form === "max" ? ratio - 1 : 1 / ratio - 1);
  if ("perHour" in limit) return limit.perHour * ratio;
  const { form, by, amount } = limit;
  if (kind === "rate" && by === "ratio") return form === "maxIncrease" ? ratio * (1 + amount) - 1 : 1 - (1 - amount) / ratio;
  if (amount > 0) return amount * ratio;
  // Nothing is allowed: so many times the base itself, or a part of it.
  const part = form === "maxIncrease" || kind === "mean" ? ratio - 1 : 1 - 1 / ratio;
  return by === "ratio" ? part : part * Math.abs(base);
}

/** The largest harm there can be, or that anybody asks for. */
export function worstOf(limit: Limit, { kind, base }: Usual): number {
  if ("rate" in limit) return limit.form === "max" ? 1 - EDGE : EDGE;
  if ("value" in limit) {
    if (limit.form === "max") return limit.value + LARGEST * Math.abs(limit.value);
    return limit.value > 0 ? 0 : limit.value * LARGEST;
  }
  if ("perHour" in limit) return limit.perHour * LARGEST;
  const { form, by, amount } = limit;
  if (kind === "rate") {
    const most = form === "maxIncrease" ? 1 - base : base;
    return Math.max(amount, by === "points" ? most : most / base);
  }
  if (form === "maxDecrease") return by === "ratio" ? 1 : Math.max(amount, Math.abs(base));
  return Math.max(amount, by === "ratio" ? 1 : Math.abs(base)) * LARGEST;
}

/** Whether a harm is beyond what the limit allows. */
export function isHarm(limit: Limit, size: number): boolean {
  return limit.form === "min" ? size < numberOf(limit) : size > numberOf(limit);
}

/** Whether a harm is at least as large as another of the same limit. */
export function isAtLeast({ form }: Limit, size: number, other: number): boolean {
  return form === "min" ? size <= other : size >= other;
}

/** A harm in words, of a rate or a mean. */
export function sizedHarm(limit: Limit, size: number, usual: Usual): SizedHarm {
  const show = (value: number) => (usual.kind === "rate" ? roughPercent(value) : quantity(value, usual.unit));
  if ("rate" in limit) {
    const failures = limit.rate > 0.5;
    const ratio = failures ? (1 - size) / (1 - limit.rate) : size / limit.rate;
    return {
      size,
      becomes: size,
      short: show(size),
      text: `${show(size)} (${times(Number(ratio.toFixed(2)))} the ${failures ? "failures" : "limit"})`,
    };
  }
  if ("value" in limit) return { size, becomes: size, short: show(size), text: show(size) };
  if ("perHour" in limit) return { size, short: `${change(size, usual.unit)}/h`, text: `${change(size, usual.unit)}/h` };
  const sign = limit.form === "maxIncrease" ? 1 : -1;
  const becomes = limit.by === "ratio" ? usual.base * (1 + sign * size) : usual.base + sign * size;
  const told = limit.by === "ratio" ? 1 + sign * size : sign * size;
  const short = limit.by === "ratio" ? times(told) : limit.by === "points" ? points(told) : change(told, usual.unit);
  if (!usual.known) return { size: told, short, text: short };
  return { size: told, becomes, short, text: `${short} (${show(usual.base)} to ${show(becomes)})` };
}

/** Two digits, counted from the nearer of 0 and 100 %. */
export function roughPercent(rate: number): string {
  const rarer = Number(Math.min(rate, 1 - rate).toPrecision(2));
  return percent(rate <= 0.5 ? rarer : 1 - rarer);
}

/** 36149 → `36,100`: requests that are only roughly known. */
export function roughly(value: number): string {
  return count(Number(value.toPrecision(3)));
}
