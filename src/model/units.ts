import { z } from "zod";
import { EVERYBODY } from "./exposure.ts";

/** Quantities as text: a number and its unit, never a bare number. */

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
