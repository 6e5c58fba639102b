import type { RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { NotDone } from "../../src/errors.ts";
import { systemClock } from "../../src/io/clock.ts";
import { openHttp, type HttpSettings } from "../../src/io/http.ts";
import type { HttpRequest } from "../../src/io/port.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { failure as failureOf } from "../support/failure.ts";
import { faults, startServer, type TestServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { atOnce } from "../support/tools.ts";

const CANARY = "canary/5up3r+s3cret=";
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A server that answers each request in its turn, and the last listener from then on. */
async function serve(...turns: RequestListener[]): Promise<TestServer> {
  let count = 0;
  const server = await startServer((request, response) => turns[Math.min(count++, turns.length - 1)]!(request, response));
  servers.push(server);
  return server;
}

function open(settings: Partial<HttpSettings> = {}) {
  const redactor = createRedactor();
  redactor.add(CANARY);
  return openHttp({ redact: redactor.redact, env: {}, signal: new AbortController().signal, sleep: atOnce, ...settings });
}

const fine: RequestListener = (_, response) => response.end("fine");
const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(code, headers).end("not now");
const cutOff: RequestListener = (_, response) => {
  response.writeHead(200, { "content-length": "1000" });
  response.write("half of");
  setTimeout(() => response.socket?.destroy(), 5);
};

function failure(request: Partial<HttpRequest> & { url: string }, http = open()) {
  return failureOf(http.send({ method: "GET", deadline: 10_000, ...request }));
}

describe("a GET", () => {
  test.each([
    ["a connection that is cut off", faults["reset"]!],
    ["an answer that breaks off", cutOff],
    ["too many requests", status(429)],
    ["a bad gateway", status(502)],
    ["no time", status(503)],
    ["a gateway that waited too long", status(504)],
  ])("is sent again after %s", async (_, listener) => {
    const server = await serve(listener, listener, fine);
    expect(await open().send({ method: "GET", url: server.url, deadline: 10_000 })).toMatchObject({ status: 200, body: "fine" });
    expect(server.requests).toHaveLength(3);
  });

  test("is sent four times at the most, and then what came last is the answer", async () => {
    const server = await serve(status(502), status(504), status(502), status(503), fine);
    expect((await open().send({ method: "GET", url: server.url, deadline: 10_000 })).status).toBe(503);
    expect(server.requests).toHaveLength(4);
  });

  test("says how often it was tried", async () => {
    const server = await serve(faults["reset"]!);
    const error = await failure({ url: `${server.url}/flags` });
    expect(error.message).toBe(`GET ${server.url}/flags was cut off by the other side (tried 4 times)`);
    expect(error).not.toBeInstanceOf(NotDone);
  });

  test.each([400, 401, 404, 409, 500])("is not sent again after a status of %d", async (code) => {
    const server = await serve(status(code), fine);
    expect((await open().send({ method: "GET", url: server.url, deadline: 10_000 })).status).toBe(code);
    expect(server.requests).toHaveLength(1);
  });

  test("waits as long as the server asks for, and then goes on", async () => {
    const server = await serve(status(429, { "retry-after": "1" }), fine);
    const waits: number[] = [];
    const http = open({ sleep: async (pause) => void waits.push(pause) });
    expect((await http.send({ method: "GET", url: server.url, deadline: 10_000 })).body).toBe("fine");
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThanOrEqual(1000);
  });

  test.each([
    ["seconds", () => ({ "retry-after": "60" })],
    ["a date", () => ({ "retry-after": new Date(Date.now() + 60_000).toUTCString() })],
    ["an instant of its limit", () => ({ "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 60) })],
  ])("that would have to wait past its deadline fails at once, with what was said: %s", async (_, headers) => {
    const server = await serve(status(429, headers()));
    const error = await failure({ url: `${server.url}/x?token=${encodeURIComponent(CANARY)}`, headers: { authorization: CANARY } });
    expect(error.message).toMatch(/^GET http:\S+\/x was refused with status 429: the server asks to be left alone for (59|60|61) s, /);
    expect(error.hint).toBeDefined();
    expect(server.requests).toHaveLength(1);
  });

  test("has one deadline over all tries and the waits between them", async () => {
    const server = await serve(status(503), status(503), faults["hang"]!);
    const http = open({ sleep: (pause, signal) => systemClock.sleep(pause / 5, signal) });
    const error = await failure({ url: server.url, deadline: 1_200 }, http);
    expect(error.message).toContain("did not answer within 1.2 s");
    expect(server.requests).toHaveLength(3);
  });

  test("whose next try would come too late has the answer that there is", async () => {
    const server = await serve(status(503), fine);
    expect((await open().send({ method: "GET", url: server.url, deadline: 100 })).status).toBe(503);
    expect(server.requests).toHaveLength(1);
  });

  test("that waits for its next try is left at its deadline", async () => {
    const server = await serve(status(503), fine);
    const http = open({ sleep: (_, signal) => systemClock.sleep(20_000, signal) });
    expect((await failure({ url: server.url, deadline: 1_000 }, http)).message).toContain("did not answer within 1 s");
    expect(server.requests).toHaveLength(1);
  });

  test("is not sent again once it is interrupted", async () => {
    const controller = new AbortController();
    const server = await serve(status(503), fine);
    const sleep: HttpSettings["sleep"] = (_, signal) => {
      controller.abort();
      return systemClock.sleep(20_000, signal);
    };
    expect(await failure({ url: server.url }, open({ signal: controller.signal, sleep }))).toMatchObject({ code: "interrupted" });
    expect(server.requests).toHaveLength(1);
  });

  test("that the caller may not repeat is sent once", async () => {
    const server = await serve(status(503), fine);
    expect((await open().send({ method: "GET", url: server.url, deadline: 5_000, repeatable: false })).status).toBe(503);
  });
});

describe("a write", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE"] as const)("by %s is never sent again", async (method) => {
    for (const listener of [faults["reset"]!, status(503), status(429, { "retry-after": "0" }), cutOff]) {
      const server = await serve(listener, fine);
      await open()
        .send({ method, url: server.url, deadline: 5_000, body: "{}" })
        .catch((error: unknown) => expect(error).not.toBeInstanceOf(NotDone));
      expect(server.requests).toHaveLength(1);
    }
  });

  test("that its caller calls repeatable is", async () => {
    const server = await serve(faults["reset"]!, status(503), fine);
    const response = await open().send({ method: "POST", url: server.url, deadline: 5_000, body: "query=1", repeatable: true });
    expect(response.body).toBe("fine");
    expect(server.requests.map(({ body }) => body)).toEqual(["query=1", "query=1", "query=1"]);
  });

  test("that nobody listens to was certainly not done", async () => {
    const error = await failure({ url: `http://127.0.0.1:${await freePort()}/flag`, method: "PUT", body: "{}" });
    expect(error).toBeInstanceOf(NotDone);
    expect(error.message).toContain("nothing listens there");
  });

  test("that is refused has what the server asks for with its answer", async () => {
    const server = await serve(status(429, { "retry-after": "3" }));
    expect(await open().send({ method: "PUT", url: server.url, deadline: 5_000 })).toMatchObject({ status: 429, retryAfter: 3_000 });
  });
});

test("an answer is compressed on its way unless its caller would rather not", async () => {
  const server = await serve(fine);
  await open().send({ method: "GET", url: server.url, deadline: 5_000 });
  await open().send({ method: "GET", url: server.url, deadline: 5_000, compressed: false });
  expect(server.requests.map(({ headers }) => headers["accept-encoding"])).toEqual(["gzip", "identity"]);
});
