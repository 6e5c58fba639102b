import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startTraffic } from "../../src/demo/traffic.ts";
import { makeUsers } from "../../src/demo/users.ts";
import { listen } from "../support/listening.ts";

interface Visit {
  path: string;
  user: string;
}

/** A server that remembers who asked for what; `delay` in milliseconds before each answer. */
async function openServer(delay = 0) {
  const visits: Visit[] = [];
  const sockets = new Set<unknown>();
  let underWay = 0;
  let most = 0;
  const server = createServer((request, response) => {
    visits.push({ path: request.url ?? "", user: String(request.headers["x-user-id"]) });
    sockets.add(request.socket);
    most = Math.max(most, ++underWay);
    setTimeout(() => {
      underWay -= 1;
      response.end("ok");
    }, delay);
  });
  const { port, close } = await listen(server);
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}`, visits, connections: () => sockets.size, most: () => most };
}

const traffic = (url: string, given: { seed?: number; requestsPerSecond?: number; signal?: AbortSignal } = {}) => {
  const started = startTraffic({ url, users: 4000, requestsPerSecond: 300, seed: 1, signal: new AbortController().signal, ...given });
  onTestFinished(() => started.stop());
  return started;
};

test("requests come at the rate that was asked for, over connections that are kept", async () => {
  const server = await openServer();
  const shoppers = traffic(server.url);
  const begun = performance.now();
  await shoppers.reached(600);
  const rate = shoppers.answered / ((performance.now() - begun) / 1000);
  expect(rate).toBeGreaterThan(150);
  expect(rate).toBeLessThan(330);
  expect(server.connections()).toBeLessThanOrEqual(32);
});

test("a slow server has a bounded number of requests under way, and is not flooded after", async () => {
  const server = await openServer(300);
  const shoppers = traffic(server.url, { requestsPerSecond: 2_000 });
  await sleep(1_000);
  expect(server.most()).toBeLessThanOrEqual(32);
  expect(shoppers.sent).toBeLessThanOrEqual(32 * 5);
});

test("who asks for what is the same for the same seed", async () => {
  const servers = await Promise.all([openServer(), openServer(), openServer()]);
  await Promise.all(servers.map(({ url }, index) => traffic(url, { seed: index < 2 ? 7 : 8 }).reached(120)));
  // Requests that are under way together may arrive in another order.
  const seen = servers.map(({ visits }) => visits.slice(0, 80).map(({ path, user }) => `${user} ${path}`));
  const common = (one: string[], other: string[]) => one.filter((visit) => other.includes(visit)).length;
  expect(common(seen[0]!, seen[1]!)).toBeGreaterThan(70);
  expect(common(seen[0]!, seen[2]!)).toBeLessThan(10);
});

test("it ends with its signal: nothing is sent after, and whoever waits is let go", async () => {
  const server = await openServer();
  const stop = new AbortController();
  const shoppers = traffic(server.url, { signal: stop.signal });
  await shoppers.reached(10);
  const never = shoppers.reached(1_000_000);
  stop.abort();
  await never;
  const { sent } = shoppers;
  await sleep(100);
  expect(shoppers.sent).toBe(sent);
  await shoppers.stop();
});

test("a shop that is gone does no harm", async () => {
  const shoppers = traffic("http://127.0.0.1:1");
  await sleep(200);
  await shoppers.stop();
  expect(shoppers.sent).toBeGreaterThan(0);
  expect(shoppers.answered).toBe(0);
});

test("users are the same for the same seed; one in 25 is of the staff, and there are two regions", () => {
  const users = makeUsers(4000, 1);
  expect(users).toEqual(makeUsers(4000, 1));
  expect(users).not.toEqual(makeUsers(4000, 2));
  expect(new Set(users.map(({ id }) => id)).size).toBe(4000);
  expect(users.filter(({ email }) => email.endsWith("@example.com"))).toHaveLength(160);
  const europeans = users.filter(({ region }) => region === "eu").length;
  expect(europeans).toBeGreaterThan(2200);
  expect(europeans).toBeLessThan(2600);
});
