import { inOneLine, NotDone, RolloutError } from "../errors.ts";
import type { HttpResponse } from "../io/port.ts";

/** What a flag service's answer says about its failure, for every backend that speaks HTTP. */

export interface Asked {
  method: string;
  url: string;
  /** Whether it was to change something. */
  changes: boolean;
  /** What to do about a status, where the backend knows. */
  hints?: Readonly<Record<number, string>>;
  redact(text: string): string;
}

/** The request in words, without its query: that may hold what nobody else should read. */
export function requestText({ method, url }: Pick<Asked, "method" | "url">): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname}`;
}

/**
 * The error that an answer without success is; `NotDone` where a change was turned away before anything was done. What
 * the service says is quoted with secrets hidden, and cut.
 */
export function failureOf(response: HttpResponse, asked: Asked): RolloutError {
  const { status, retryAfter } = response;
  const wait = retryAfter === undefined ? "" : `, and asks to be left alone for ${Math.ceil(retryAfter / 1000)} s`;
  const text = asked.redact(`${requestText(asked)} answered with status ${status}${wait}${quoted(response, asked)}`);
  const hint = asked.hints?.[status] ?? hintFor(status);
  // Too many requests are counted before they are read. A gateway's 503 may come after, unless it says when to come again.
  const turnedAway = status === 429 || (status === 503 && retryAfter !== undefined);
  return asked.changes && turnedAway
    ? new NotDone("unreachable", text, { hint, retryAfter })
    : new RolloutError("unreachable", text, { hint });
}

/** What else an answer is that should have been JSON. */
export function notJson(response: HttpResponse, asked: Asked): RolloutError {
  const what = quoted(response, asked) || ": nothing";
  return new RolloutError("unreachable", asked.redact(`${requestText(asked)} answered with something else than JSON${what}`), {
    hint: "is that the address of the service's API?",
  });
}

const LONGEST = 200;

function quoted({ body }: HttpResponse, { redact }: Asked): string {
  if (body.trim() === "") return "";
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(body)) return ": a page of HTML";
  return `: ${inOneLine(redact(body), LONGEST)}`;
}

function hintFor(status: number): string {
  if (status === 401 || status === 403) return "check the token: is it the right one, and may it read and change this flag?";
  if (status === 404) return "is the address right, and does the flag exist there?";
  if (status === 409 || status === 412)
    return "if that means that somebody else changed the flag, list the status in the write's `conflict`";
  if (status === 429 || status === 503) return "the service has no time now: run the command again later";
  return status >= 500 ? "the service failed: look at its log, or try again" : "compare the request with the service's documentation";
}
