import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { listen, type Listening } from "./listening.ts";

/** A server on loopback that does as its listener says, and forgets nothing that was asked. */
export interface TestServer extends Listening {
  url: string;
  requests: { method: string; path: string; headers: IncomingMessage["headers"]; body: string }[];
}

export async function startServer(listener: RequestListener): Promise<TestServer> {
  const requests: TestServer["requests"] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      requests.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, body });
      listener(request, response);
    });
  });
  // A request may be held back on its way for longer than a server waits for the next one by itself.
  server.keepAliveTimeout = 120_000;
  const listening = await listen(server);
  return { ...listening, url: `http://127.0.0.1:${listening.port}`, requests };
}

const HUNDRED_MEGABYTES = Buffer.alloc(100 * 1024 * 1024);
let bomb: Buffer | undefined;

/**
 * By name, ways in which a server fails to answer. `echo` repeats the headers that it was sent, as some proxies do.
 */
export const faults: Record<string, RequestListener> = {
  hang: () => {},
  drip: (_, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    const timer = setInterval(() => response.write("x"), 1000);
    response.on("close", () => clearInterval(timer));
  },
  "headers, then silence": (_, response) => {
    response.writeHead(200);
    response.flushHeaders();
  },
  reset: (request) => request.socket.resetAndDestroy(),
  "cut off": (_, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("requests_total 1");
    setTimeout(() => response.socket?.destroy(), 20);
  },
  "a status of 500 with HTML": (_, response) => {
    response.writeHead(500, { "content-type": "text/html" });
    response.end("<html><body>Internal error</body></html>");
  },
  "an HTML page": (_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!DOCTYPE html><html><body>Please log in</body></html>\n");
  },
  "an empty answer": (_, response) => response.writeHead(503).end(),
  "a huge answer": (_, response) => {
    response.writeHead(200);
    const send = () => {
      while (!response.destroyed && response.write(HUNDRED_MEGABYTES.subarray(0, 1024 * 1024)));
    };
    response.on("drain", send);
    send();
  },
  "a gzip bomb": (_, response) => {
    bomb ??= gzipSync(HUNDRED_MEGABYTES);
    response.writeHead(200, { "content-encoding": "gzip" });
    response.end(bomb);
  },
  "broken gzip": (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" });
    response.end("not compressed at all");
  },
  "a redirect to another host": (_, response) => response.writeHead(302, { location: "http://elsewhere.example/metrics" }).end(),
  "a redirect to a metadata service": (_, response) => response.writeHead(307, { location: "http://169.254.169.254/latest/" }).end(),
  "a redirect to itself": (request, response) => response.writeHead(307, { location: request.url ?? "/" }).end(),
  garbage: (_, response) => {
    const bytes = Buffer.alloc(4096);
    for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 7919) % 256;
    response.writeHead(200).end(bytes);
  },
  "an echo of the headers": (request, response) => {
    response.writeHead(401, { "content-type": "application/json" });
    response.end(JSON.stringify({ status: "error", errorType: "unauthorized", error: JSON.stringify(request.headers) }));
  },
};
