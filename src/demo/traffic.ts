import { Agent, get } from "node:http";
import { seededRandom, type Random } from "./random.ts";
import { makeUsers, type User } from "./users.ts";

export interface TrafficOptions {
  /** Of the shop's first page. */
  url: string;
  /** How many users there are. */
  users: number;
  requestsPerSecond: number;
  seed: number;
  /** Ends the traffic. */
  signal: AbortSignal;
}

export interface Traffic {
  /** Requests sent so far. */
  readonly sent: number;
  /** Requests answered so far, with whatever status. */
  readonly answered: number;
  /** Resolves once so many were answered, or the traffic has ended. */
  reached(answered: number): Promise<void>;
  /** Ends the traffic; resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

/** Milliseconds between two handfuls of requests. */
const TICK = 20;
/** More at once would only queue. */
const MOST_UNDER_WAY = 32;
/** A shop that was slow for longer than this, in seconds, is not flooded with what it missed. */
const MOST_BEHIND = 0.1;

/**
 * Users who shop, at a steady rate, over connections that are kept. Who asks for which page is drawn from `seed`.
 * Requests that fail are the shop's affair.
 */
export function startTraffic({ url, users, requestsPerSecond, seed, signal }: TrafficOptions): Traffic {
  const people = makeUsers(users, seed);
  const random = seededRandom(seed + 1);
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_UNDER_WAY });
  const { hostname, port } = new URL(url);
  let [sent, answered, underWay, due] = [0, 0, 0, 0];
  let last = performance.now();
  let waiting: { until: number; resolve: () => void }[] = [];
  let ended = signal.aborted;

  const settle = (): void => {
    const over = (until: number) => ended || answered >= until;
    for (const { until, resolve } of waiting) if (over(until)) resolve();
    waiting = waiting.filter(({ until }) => !over(until));
  };
  const reached = (until: number) =>
    new Promise<void>((resolve) => {
      waiting.push({ until, resolve });
      settle();
    });

  let idle = () => {};
  const done = (): void => {
    underWay -= 1;
    if (underWay === 0) idle();
  };
  const send = (): void => {
    const { path, headers } = drawRequest(random, people);
    sent += 1;
    underWay += 1;
    get({ hostname, port, path, headers, agent }, (response) => {
      response.once("end", () => {
        answered += 1;
        settle();
      });
      response.once("error", () => {});
      response.resume();
    })
      .once("error", () => {})
      .once("close", done);
  };
  const tick = (): void => {
    const now = performance.now();
    due = Math.min(due + ((now - last) / 1000) * requestsPerSecond, 1 + requestsPerSecond * MOST_BEHIND);
    last = now;
    while (due >= 1 && underWay < MOST_UNDER_WAY) {
      due -= 1;
      send();
    }
  };

  const timer = setInterval(tick, TICK);
  const end = (): void => {
    ended = true;
    clearInterval(timer);
    signal.removeEventListener("abort", end);
    settle();
    agent.destroy();
  };
  signal.addEventListener("abort", end);
  if (ended) end();

  return {
    get sent() {
      return sent;
    },
    get answered() {
      return answered;
    },
    reached,
    async stop() {
      end();
      if (underWay > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}

/** Somebody who asks for some page: the first one mostly. */
function drawRequest(random: Random, people: User[]): { path: string; headers: Record<string, string> } {
  const { id, email, region } = people[Math.floor(random() * people.length)]!;
  const page = random();
  const path = page < 0.5 ? "/" : page < 0.85 ? `/product/${1 + Math.floor(random() * 200)}` : "/checkout";
  return { path, headers: { "x-user-id": id, "x-user-email": email, "x-user-region": region } };
}
