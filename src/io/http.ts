import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { NotDone, RolloutError } from "../errors.ts";
import { openClient } from "./client.ts";
import { systemClock } from "./clock.ts";
import { exchange, type Client } from "./exchange.ts";
import type { Clock, Http, HttpRequest, HttpResponse } from "./port.ts";
import { pauseAfter, type Tried } from "./retry.ts";
import { Trouble, troubleOf } from "./trouble.ts";

export interface HttpSettings {
  /** Hides secrets in the text of errors. */
  redact(text: string): string;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are respected; loopback never goes through a proxy. */
  env: Record<string, string | undefined>;
  /** Ends everything that is under way. */
  signal: AbortSignal;
  /** How names become addresses; the system's way by default. */
  lookup?: LookupFunction;
  /** How it waits between two tries; by the system's clock by default. */
  sleep?: Clock["sleep"];
}

/** A client with one pool of connections for all whom it trusts alike. See `Http` for what it promises. */
export function openHttp({ redact, env, signal, lookup = systemLookup as LookupFunction, sleep = systemClock.sleep }: HttpSettings): Http {
  const clients = new Map<string | undefined, Promise<Client>>();
  const clientFor = ({ ca }: HttpRequest): Promise<Client> => {
    const client = clients.get(ca) ?? openClient({ env, lookup, ca });
    clients.set(ca, client);
    return client;
  };
  // One listener for all: a look has many requests under way.
  const underWay = new Set<AbortController>();
  const interrupted = () => new Trouble("was interrupted", { code: "interrupted" });
  signal.addEventListener("abort", () => underWay.forEach((stop) => stop.abort(interrupted())), { once: true });
  return {
    async send(request) {
      const url = parseUrl(request.url);
      // Path and host alone: a query may hold what nobody else should read.
      const tried = `${request.method} ${url.protocol}//${url.host}${url.pathname}`;
      const { repeatable = request.method === "GET" } = request;
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(new Trouble(`did not answer within ${request.deadline / 1000} s`)), request.deadline);
      const end = performance.now() + request.deadline;
      underWay.add(stop);
      try {
        if (signal.aborted) stop.abort(interrupted());
        stop.signal.throwIfAborted();
        const once = async () => exchange(await clientFor(request), request, url, stop.signal);
        const answer = repeatable
          ? persist(
              once,
              () => end - performance.now(),
              (pause) => sleep(pause, stop.signal),
              stop.signal,
            )
          : once();
        // The deadline holds also where an abort is not heard, such as in a name server that does not answer.
        return await Promise.race([answer, aborted(stop.signal)]);
      } catch (error) {
        const trouble = stop.signal.aborted ? (stop.signal.reason as Trouble) : troubleOf(error);
        const text = redact(`${tried} ${trouble.message}`);
        const hint = trouble.hint === undefined ? {} : { hint: trouble.hint };
        throw trouble.reach === "nowhere" && !repeatable
          ? new NotDone(trouble.code, text, hint)
          : new RolloutError(trouble.code, text, hint);
      } finally {
        clearTimeout(timer);
        underWay.delete(stop);
        if (!stop.signal.aborted) stop.abort(new Trouble("is over"));
      }
    },
  };
}

/**
 * Tries until there is an answer that is no passing refusal, or no time is left to wait for a better one.
 *
 * @param left milliseconds until the deadline
 * @param wait until so many milliseconds have passed, or `signal` aborts
 */
async function persist(
  once: () => Promise<HttpResponse>,
  left: () => number,
  wait: (pause: number) => Promise<void>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  for (let tries = 1; ; tries++) {
    const tried = await once().then(
      (response): Tried => ({ response }),
      (error: unknown): Tried => ({ trouble: troubleOf(error) }),
    );
    const pause = signal.aborted ? undefined : pauseAfter(tried, tries, Math.random());
    if (pause !== undefined && pause < left()) {
      await wait(pause);
      continue;
    }
    if ("trouble" in tried) throw tries === 1 ? tried.trouble : timesTried(tried.trouble, tries);
    const { status, retryAfter } = tried.response;
    if (pause !== undefined && retryAfter !== undefined) throw sentAway(status, retryAfter);
    return tried.response;
  }
}

function timesTried({ message, code, hint, reach }: Trouble, tries: number): Trouble {
  return new Trouble(`${message} (tried ${tries} times)`, { code, reach, ...(hint !== undefined && { hint }) });
}

function sentAway(status: number, retryAfter: number): Trouble {
  const seconds = Math.ceil(retryAfter / 1000);
  return new Trouble(`was refused with status ${status}: the server asks to be left alone for ${seconds} s, longer than there is time`, {
    hint: "ask less often, or wait: the next command tries again",
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  throw new RolloutError("invalidPlan", "an address has to begin with http:// or https:// and hold no user or password");
}
