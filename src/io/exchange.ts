import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Dispatcher } from "undici";
import { refuseLinkLocal } from "./linkLocal.ts";
import type { HttpRequest, HttpResponse } from "./port.ts";
import { retryAfterOf } from "./retry.ts";
import { Trouble } from "./trouble.ts";

const MAX_BYTES = 10 * 1024 * 1024;
const MAX_REDIRECTS = 5;

/** What sends: undici's function, and the connections that it uses. */
export interface Client {
  request: typeof import("undici").request;
  dispatcher: Dispatcher;
}

/** Sends a request once and follows redirects that stay at the same host. */
export async function exchange(
  { request, dispatcher }: Client,
  asked: HttpRequest,
  first: URL,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let url = first;
  let { method, body } = asked;
  const own = Object.entries(asked.headers ?? {}).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const headers: Record<string, string> = {
    ...Object.fromEntries(own),
    "accept-encoding": asked.compressed === false ? "identity" : "gzip",
  };
  for (let redirects = 0; ; redirects++) {
    refuseLinkLocal(url.hostname);
    const response = await request(url, { method, headers, body: body ?? null, dispatcher, signal });
    const next = redirectTarget(response, url);
    if (!next) return await readAnswer(response, asked.maxBytes ?? MAX_BYTES);
    discard(response.body);
    if (redirects === MAX_REDIRECTS) throw new Trouble(`was redirected more than ${MAX_REDIRECTS} times`);
    if (!staysHome(url, next)) {
      throw new Trouble(`was redirected to another host, ${next.host}`, {
        hint: "use the address that it redirects to, if that is the right one",
      });
    }
    // As browsers do, and RFC 9110 describes: only 307 and 308 send the same again.
    if (response.statusCode === 303 || ((response.statusCode === 301 || response.statusCode === 302) && method === "POST")) {
      method = "GET";
      body = undefined;
      delete headers["content-type"];
    }
    url = next;
  }
}

function redirectTarget({ statusCode, headers }: Dispatcher.ResponseData, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const location = headers["location"];
  return typeof location === "string" && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

/** The same host, port and protocol; or the same host with TLS, both at their usual ports. */
function staysHome(from: URL, to: URL): boolean {
  if (to.username || to.password) return false;
  return (
    to.origin === from.origin ||
    (to.hostname === from.hostname && from.protocol === "http:" && to.protocol === "https:" && !from.port && !to.port)
  );
}

function discard(body: Readable): void {
  body.on("error", () => {});
  body.destroy();
}

async function readAnswer({ statusCode, headers, body }: Dispatcher.ResponseData, maxBytes: number): Promise<HttpResponse> {
  const encoding = String(headers["content-encoding"] ?? "identity").toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip") {
    discard(body);
    throw new Trouble("answered in an encoding that it was not asked for");
  }
  const text = await readText(body, encoding === "gzip", maxBytes);
  const joined = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    Array.isArray(value) ? value.join(", ") : (value ?? ""),
  ]);
  const answer: HttpResponse = { status: statusCode, headers: Object.fromEntries(joined) as Record<string, string>, body: text };
  const retryAfter = retryAfterOf(answer, Date.now());
  return retryAfter === undefined ? answer : { ...answer, retryAfter };
}

/** Counts bytes as they come out of the decompression, so that a small answer cannot become a huge one. */
async function readText(body: Readable, compressed: boolean, maxBytes: number): Promise<string> {
  const gunzip = compressed ? createGunzip() : undefined;
  if (gunzip) {
    body.on("error", (error) => gunzip.destroy(error));
    gunzip.on("close", () => discard(body));
    body.pipe(gunzip);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of (gunzip ?? body) as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the stream, and with it the connection.
    if (size > maxBytes) throw new Trouble(`answered with more than ${maxBytes} bytes`, { hint: "is that the right address?" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
