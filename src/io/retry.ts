import type { HttpResponse } from "./port.ts";
import type { Trouble } from "./trouble.ts";

/** When a request that may be repeated is sent again. */

/**
 * Answers of a server, or of a gateway before it, that has no time now. A 500 is not among them: it is a defect that this
 * very request meets, most often each time, and whoever looks again at the next poll finds out as well.
 */
const PASSING = new Set([429, 502, 503, 504]);

/** Without a word of when to come back, so often and no more. */
const MOST_TRIES = 4;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4_000;

/** What one try came to. */
export type Tried = { response: HttpResponse } | { trouble: Trouble };

/**
 * How many milliseconds to wait before the next try; nothing when there is none. At least what the server asked for,
 * otherwise twice as long each time. Chance keeps clients that failed together from coming back together.
 *
 * @param chance from 0 to 1
 */
export function pauseAfter(tried: Tried, tries: number, chance: number): number | undefined {
  const passes = "response" in tried ? PASSING.has(tried.response.status) : tried.trouble.reach !== "refused";
  if (!passes) return undefined;
  const backoff = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)) * (0.5 + chance / 2);
  const asked = "response" in tried ? tried.response.retryAfter : undefined;
  if (asked !== undefined) return asked + backoff / 2;
  return tries < MOST_TRIES ? backoff : undefined;
}

/**
 * How many milliseconds a server that refused (429, 503) asks to be left alone: by `Retry-After` in seconds or as a date,
 * or by the instant at which its rate limit begins anew.
 *
 * @param now epoch milliseconds, where the server does not say what time it has itself
 */
export function retryAfterOf({ status, headers }: Pick<HttpResponse, "status" | "headers">, now: number): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  // By the server's own clock: ours may be wrong.
  const theirs = Date.parse(headers["date"] ?? "");
  const today = Number.isNaN(theirs) ? now : theirs;
  const said = headers["retry-after"]?.trim();
  if (said !== undefined) {
    if (/^\d{1,9}$/.test(said)) return Number(said) * 1000;
    const date = /^[A-Za-z]{3,9}, ?\d/.test(said) ? Date.parse(said) : NaN;
    if (!Number.isNaN(date)) return Math.max(0, date - today);
  }
  if (status !== 429) return undefined;
  const reset = headers["ratelimit-reset"] ?? headers["x-ratelimit-reset"] ?? headers["x-rate-limit-reset"] ?? "";
  const [, structured] = /;\s*t=(\d{1,9})\b/.exec(headers["ratelimit"] ?? "") ?? [];
  if (structured !== undefined) return Number(structured) * 1000;
  if (!/^\d{1,13}(\.\d+)?$/.test(reset.trim())) return undefined;
  return untilReset(Number(reset), today);
}

/** Some say how many seconds are left, others the instant, in seconds or in milliseconds: a number so large is a year's. */
function untilReset(reset: number, today: number): number {
  if (reset >= 1e12) return Math.max(0, reset - today);
  if (reset >= 1e9) return Math.max(0, reset * 1000 - today);
  return reset * 1000;
}
