import { createServer, type AddressInfo, type LookupFunction } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { openHttp } from "../../src/io/http.ts";
import type { HttpRequest } from "../../src/io/port.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { startTunnel } from "../support/certificates.ts";
import { failure as failureOf } from "../support/failure.ts";
import { faults, startServer, type TestServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { atOnce } from "../support/tools.ts";

const CANARY = "canary/5up3r+s3cret=";
const servers: { close(): unknown }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(listener: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const server = await startServer(listener);
  servers.push(server);
  return server;
}

function open(settings: Partial<Parameters<typeof openHttp>[0]> = {}) {
  const redactor = createRedactor();
  redactor.add(CANARY);
  return openHttp({ redact: redactor.redact, env: {}, signal: new AbortController().signal, sleep: atOnce, ...settings });
}

function failure(request: Partial<HttpRequest> & { url: string }, http = open()) {
  return failureOf(http.send({ method: "GET", deadline: 5000, ...request }));
}

describe("an answer", () => {
  test("has its status, lower-case headers and its body, whatever the status", async () => {
    const server = await serve((_, response) => response.writeHead(418, { "X-Kind": "Teapot" }).end("short and ⚡"));
    const response = await open().send({
      method: "POST",
      url: `${server.url}/a?b=c`,
      headers: { "X-Mine": "1" },
      body: "hello",
      deadline: 5000,
    });
    expect(response).toMatchObject({ status: 418, body: "short and ⚡", headers: { "x-kind": "Teapot" } });
    expect(server.requests[0]).toMatchObject({ method: "POST", path: "/a?b=c", body: "hello", headers: { "x-mine": "1" } });
  });

  test("is decompressed", async () => {
    const server = await serve((_, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("text ".repeat(10_000))),
    );
    expect((await open().send({ method: "GET", url: server.url, deadline: 5000 })).body).toBe("text ".repeat(10_000));
  });

  test("comes over a connection that is kept and used again", async () => {
    const ports = new Set<number | undefined>();
    const server = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end("ok");
    });
    const http = open();
    for (let count = 0; count < 50; count++) await http.send({ method: "GET", url: server.url, deadline: 5000 });
    expect(ports.size).toBeLessThanOrEqual(2); // A request may begin just before the connection is free again.
  });

  test("of exactly the allowed size is taken, of one byte more it is not", async () => {
    const server = await serve((_, response) => response.end("x".repeat(1000)));
    expect((await open().send({ method: "GET", url: server.url, deadline: 5000, maxBytes: 1000 })).body).toHaveLength(1000);
    expect((await failure({ url: server.url, maxBytes: 999 })).message).toContain("more than 999 bytes");
  });
});

describe("a server that fails", () => {
  const told: Record<string, RegExp> = {
    hang: /did not answer within 0.4 s/,
    drip: /did not answer within 0.4 s/,
    "headers, then silence": /did not answer within 0.4 s/,
    reset: /cut off/,
    "cut off": /cut off/,
    "a huge answer": /more than 10485760 bytes/,
    "a gzip bomb": /more than 10485760 bytes/,
    "broken gzip": /compressed data that cannot be read/,
    "a redirect to another host": /redirected to another host, elsewhere\.example/,
    "a redirect to a metadata service": /redirected to another host, 169\.254\.169\.254/,
    "a redirect to itself": /redirected more than 5 times/,
  };
  for (const [name, message] of Object.entries(told)) {
    test(`by ${name} is told, in time, without a secret`, async () => {
      const server = await serve(faults[name]!);
      const begun = performance.now();
      const deadline = /within/.test(message.source) ? 400 : 10_000;
      const error = await failure({
        url: `${server.url}/metrics/${encodeURIComponent(CANARY)}?token=${encodeURIComponent(CANARY)}&other=hidden`,
        headers: { authorization: `Bearer ${CANARY}` },
        deadline,
      });
      expect(error.code).toBe("unreachable");
      expect(error.message).toMatch(message);
      expect(error.message).toContain(`GET ${server.url}/metrics/[secret] `);
      expect(`${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`).not.toMatch(/5up3r|hidden/);
      if (deadline === 400) expect(performance.now() - begun).toBeLessThan(1500);
    });
  }

  test("by not being there is told with what to do", async () => {
    const error = await failure({ url: `http://127.0.0.1:${await freePort()}/api` });
    expect(error.message).toMatch(/^GET http:\/\/127\.0\.0\.1:\d+\/api was not accepted: nothing listens there \(tried 4 times\)$/);
    expect(error.hint).toBeDefined();
  });

  test("by accepting no connection is left at the deadline", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, resolve));
    servers.push(server);
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`; // A TLS handshake that nobody answers.
    expect((await failure({ url, deadline: 300 })).message).toContain("did not answer within 0.3 s");
  });

  test("to resolve its name in time is left at the deadline", async () => {
    const error = await failure({ url: "http://silent.example/", deadline: 300 }, open({ lookup: () => {} }));
    expect(error.message).toContain("did not answer within 0.3 s");
  });

  test("does not show a header that cannot be sent", async () => {
    const error = await failure({ url: "http://127.0.0.1:9/", headers: { authorization: `Bearer ${CANARY}\n` } });
    expect(error.message).toContain("characters that are not allowed");
    expect(error.message).not.toContain("5up3r");
  });
});

describe("a redirect", () => {
  test("at the same host is followed, with the method kept for 307 and changed for 303", async () => {
    const server = await serve((request, response) => {
      if (request.url === "/307") response.writeHead(307, { location: "/end" }).end();
      else if (request.url === "/303") response.writeHead(303, { location: "end" }).end();
      else response.end("there");
    });
    for (const path of ["/307", "/303"]) {
      const { body } = await open().send({
        method: "POST",
        url: server.url + path,
        headers: { authorization: "x" },
        body: "data",
        deadline: 5000,
      });
      expect(body).toBe("there");
    }
    expect(server.requests.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
      "POST /307 data",
      "POST /end data",
      "POST /303 data",
      "GET /end ",
    ]);
  });

  test("to another port is another host: nothing is sent there", async () => {
    const other = await serve((_, response) => response.end("stolen"));
    const server = await serve((_, response) => response.writeHead(302, { location: `${other.url}/x` }).end());
    expect((await failure({ url: server.url, headers: { authorization: CANARY } })).message).toContain("redirected to another host");
    expect(other.requests).toEqual([]);
  });
});

describe("a link-local address is refused", () => {
  const addresses = [
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[fe80::1]",
    "[febf::1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[::169.254.169.254]",
    "[fd00:ec2::254]",
  ];
  test.each(addresses)("%s", async (address) => {
    const error = await failure({ url: `http://${address}/latest/meta-data` });
    expect(error).toMatchObject({ code: "invalidPlan" });
    expect(error.message).toContain("link-local");
  });

  test.each([["169.254.169.254"], ["::ffff:169.254.169.254"], ["fe80::1"]])(
    "when a name resolves to %s, also among others",
    async (address) => {
      const family = address.includes(":") ? 6 : 4;
      const all: LookupFunction = (_, __, callback) => {
        callback(null, [
          { address: "127.0.0.1", family: 4 },
          { address, family },
        ]);
      };
      const http = open({ lookup: all });
      const error = await failure({ url: "http://rebound.example/" }, http);
      expect(error.message).toContain("link-local");
    },
  );

  test("an ordinary one is not", async () => {
    const server = await serve((_, response) => response.end("ok"));
    const lookup: LookupFunction = (_, __, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);
    const response = await open({ lookup }).send({ method: "GET", url: `http://shop.example:${server.port}/`, deadline: 5000 });
    expect(response.body).toBe("ok");
  });
});

test.each(["http://user:pw@127.0.0.1/", "file:///etc/passwd", "nonsense"])("an address such as %s is refused", async (url) => {
  const error = await failure({ url });
  expect(error.code).toBe("invalidPlan");
  expect(error.message).not.toContain("pw");
});

test("an interruption ends what is under way and what comes after", async () => {
  const server = await serve(faults["hang"]!);
  const controller = new AbortController();
  const http = open({ signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  for (let count = 0; count < 2; count++) {
    const error = await failure({ url: server.url }, http);
    expect(error.code).toBe("interrupted");
  }
});

test("a proxy is used for other hosts and never for loopback", async () => {
  const server = await serve((_, response) => response.end("through"));
  const proxy = await startTunnel(server.port);
  servers.push(proxy);
  const http = open({ env: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` } });
  expect((await http.send({ method: "GET", url: "http://vendor.example/", deadline: 5000 })).body).toBe("through");
  expect((await http.send({ method: "GET", url: server.url, deadline: 5000 })).body).toBe("through");
  expect(proxy.asked).toEqual(["CONNECT vendor.example:80"]);
});
