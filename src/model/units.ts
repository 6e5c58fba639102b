import { z } from "zod";
import { EVERYBODY } from "./exposure.ts";

/**
 * Quantities as text: a number and its unit, never a bare number. Durations, percentages and shares are those of the plan
 * itself (`30m`, `5%`); amounts are what a metric measures (`50ms`, `5MiB`, `20EUR`), in the metric's own unit.
 */

const durationUnits: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `1.5h` or `1h30m`; nothing when it is not a duration, or not a whole number of milliseconds. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) sum += Number(amount) * durationUnits[unit as string]!;
  const whole = Math.round(sum);
  return Math.abs(sum - whole) < 1e-6 && whole <= 3_650 * 86_400_000 ? whole : undefined;
}

/** The fraction of `0.1%`, which is 0.001; nothing when it is not a percentage. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s?%$/.exec(text);
  return match ? Number((Number(match[1]) / 100).toPrecision(12)) : undefined;
}

/** The fraction of `0.05pp` (percentage points), which is 0.0005; nothing when it is not one. */
export function parsePoints(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s?pp$/.exec(text);
  return match ? Number((Number(match[1]) / 100).toPrecision(12)) : undefined;
}

/** The share of `0.1%` in thousandths of a percent, which is 100; nothing when it is over 100 % or finer than 0.001 %. */
export function parseShare(text: string): number | undefined {
  const fraction = parsePercent(text);
  if (fraction === undefined || fraction > 1) return undefined;
  const share = fraction * EVERYBODY;
  return Math.abs(share - Math.round(share)) < 1e-6 ? Math.round(share) : undefined;
}

/** A duration with its unit, as milliseconds: for the options of adapters. */
export function duration() {
  return z.string({ error: "expected a duration with its unit, such as 30s" }).transform((text, context) => {
    const milliseconds = parseDuration(text);
    if (milliseconds !== undefined) return milliseconds;
    context.addIssue({ code: "custom", message: "expected a duration with its unit, such as 30s, 5m or 1h30m" });
    return z.NEVER;
  });
}

/** The units that convert to each other, smallest first; any other word is a unit of its own. */
const scales = {
  duration: { ns: 1, us: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3_600e9 },
  size: { B: 1, KB: 1e3, KiB: 2 ** 10, MB: 1e6, MiB: 2 ** 20, GB: 1e9, GiB: 2 ** 30 },
} as const satisfies Record<string, Record<string, number>>;

export type Dimension = keyof typeof scales;

/** What a unit measures; nothing for one that converts to no other. */
export function dimensionOf(unit: string): Dimension | undefined {
  return (Object.keys(scales) as Dimension[]).find((dimension) => Object.hasOwn(scales[dimension], unit));
}

/** The units that convert to this one, smallest first, itself among them. */
export function unitsLike(unit: string): string[] {
  const dimension = dimensionOf(unit);
  return dimension ? Object.keys(scales[dimension]) : [unit];
}

/** How many of the units below it a unit holds; of one that converts to nothing, one. */
function sizeOf(unit: string): number {
  const dimension = dimensionOf(unit);
  return dimension ? (scales[dimension] as Readonly<Record<string, number>>)[unit]! : 1;
}

/** An amount in another unit, to twelve digits; nothing when the two do not measure the same. */
export function convert(amount: number, from: string, to: string): number | undefined {
  return unitsLike(to).includes(from) ? Number(((amount * sizeOf(from)) / sizeOf(to)).toPrecision(12)) : undefined;
}

/** A word, or the sign of a currency. Percent and `pp` are no units of a metric: limits say shares and points with them. */
const UNIT = /^(?!pp$)[\p{L}\p{Sc}][\p{L}\p{N}\p{Sc}_-]{0,39}$/u;

/** Whether a text can be the unit of a metric. */
export function isUnit(text: string): boolean {
  return UNIT.test(text);
}

/** The number and the unit of `50ms`, `-5 C` or `20`; nothing when it is no amount. */
export function parseAmount(text: string): { amount: number; unit?: string } | undefined {
  const [, digits, unit] = /^(-?\d{1,20}(?:\.\d{1,20})?)\s?(\S*)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined || (unit !== "" && !isUnit(unit))) return undefined;
  // Of zero without a sign, which JSON would lose.
  return { amount: Number(digits) + 0, ...(unit === "" ? {} : { unit }) };
}

/**
 * An amount of a unit as one would write it, with the unit of its kind that makes it shortest: `50ms` for 0.05 of `s`,
 * `5MiB` for 5,242,880 of `B`. What is equal has the same text, whatever it was written in.
 */
export function amountText(amount: number, unit?: string): string {
  const texts = (unit === undefined ? [] : unitsLike(unit))
    .map((candidate) => ({ candidate, converted: convert(amount, unit!, candidate)! }))
    .filter(({ converted }) => Math.abs(converted) >= 1 && Math.abs(converted) < 1e15)
    .map(({ candidate, converted }) => `${converted}${candidate}`);
  // Of texts that are equally long the one with the larger unit; too small or too large for all of them, the metric's own.
  return texts.reduce((best, text) => (best === "" || text.length <= best.length ? text : best), "") || `${amount}${unit ?? ""}`;
}

/** Milliseconds as one would write them in a plan: `24h`, `90s`; days from two on. */
export function durationText(milliseconds: number): string {
  const [unit, size] = Object.entries(durationUnits).findLast(
    ([unit, size]) => milliseconds % size === 0 && (unit !== "d" || milliseconds >= 2 * size),
  ) ?? ["ms", 1];
  return `${milliseconds / size}${unit}`;
}

const longNames = new Map([
  ["nanosecond", "ns"],
  ["microsecond", "us"],
  ["\u00B5s", "us"],
  ["\u03BCs", "us"],
  ["millisecond", "ms"],
  ["msec", "ms"],
  ["second", "s"],
  ["sec", "s"],
  ["minute", "min"],
  ["hour", "h"],
  ["byte", "B"],
  ["kilobyte", "KB"],
  ["kibibyte", "KiB"],
  ["megabyte", "MB"],
  ["mebibyte", "MiB"],
  ["gigabyte", "GB"],
  ["gibibyte", "GiB"],
]);

/** The unit that a unit of its own was probably meant to be: `s` for `seconds`, `MB` for `mb`; nothing when none is. */
export function likelyUnit(unit: string): string | undefined {
  if (dimensionOf(unit)) return undefined;
  const word = unit.toLowerCase();
  const known = Object.values(scales).flatMap((scale) => Object.keys(scale));
  return longNames.get(word) ?? longNames.get(word.replace(/s$/, "")) ?? known.find((candidate) => candidate.toLowerCase() === word);
}
