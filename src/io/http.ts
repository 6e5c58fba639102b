import { lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Dispatcher } from "undici";
import { RolloutError } from "../errors.ts";
import type { Http, HttpRequest, HttpResponse } from "./port.ts";

const MAX_BYTES = 10 * 1024 * 1024;
const MAX_REDIRECTS = 5;

export interface HttpSettings {
  /** Hides secrets in the text of errors. */
  redact(text: string): string;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are respected; loopback never goes through a proxy. */
  env: Record<string, string | undefined>;
  /** Ends everything that is under way. */
  signal: AbortSignal;
  /** How names become addresses; the system's way by default. */
  lookup?: LookupFunction;
}

/** A client with one pool of connections. See `Http` for what it promises. */
export function openHttp({ redact, env, signal, lookup = systemLookup as LookupFunction }: HttpSettings): Http {
  let client: Promise<Client> | undefined;
  // One listener for all: a look has many requests under way.
  const underWay = new Set<AbortController>();
  const interrupted = () => new Trouble("was interrupted", { code: "interrupted" });
  signal.addEventListener("abort", () => underWay.forEach((stop) => stop.abort(interrupted())), { once: true });
  return {
    async send(request) {
      const url = parseUrl(request.url);
      // Path and host alone: a query may hold what nobody else should read.
      const tried = `${request.method} ${url.protocol}//${url.host}${url.pathname}`;
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(new Trouble(`did not answer within ${request.deadline / 1000} s`)), request.deadline);
      underWay.add(stop);
      try {
        if (signal.aborted) stop.abort(interrupted());
        stop.signal.throwIfAborted();
        client ??= openClient(env, lookup);
        const exchange = exchangeAll(await client, request, url, stop.signal);
        // The deadline holds also where an abort is not heard, such as in a name server that does not answer.
        return await Promise.race([exchange, aborted(stop.signal)]);
      } catch (error) {
        const trouble = stop.signal.aborted ? (stop.signal.reason as Trouble) : troubleOf(error);
        throw new RolloutError(
          trouble.code,
          redact(`${tried} ${trouble.message}`),
          trouble.hint === undefined ? {} : { hint: trouble.hint },
        );
      } finally {
        clearTimeout(timer);
        underWay.delete(stop);
        if (!stop.signal.aborted) stop.abort(new Trouble("is over"));
      }
    },
  };
}

/** What happened, in words that follow the request. It holds nothing of the answer and no header. */
class Trouble extends Error {
  readonly code: "unreachable" | "interrupted" | "invalidPlan";
  readonly hint: string | undefined;
  constructor(message: string, { code = "unreachable", hint }: { code?: Trouble["code"]; hint?: string } = {}) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

interface Client {
  request: typeof import("undici").request;
  dispatcher: Dispatcher;
}

async function openClient(env: Record<string, string | undefined>, lookup: LookupFunction): Promise<Client> {
  // Loaded when something is sent: it is slow to load.
  const { request, Agent, EnvHttpProxyAgent } = await import("undici");
  const httpProxy = env["http_proxy"] ?? env["HTTP_PROXY"] ?? "";
  const httpsProxy = env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "";
  const settings = { connect: { lookup: guarded(lookup) }, headersTimeout: 0, bodyTimeout: 0 };
  if (!httpProxy && !httpsProxy) return { request, dispatcher: new Agent(settings) };
  const noProxy = env["no_proxy"] ?? env["NO_PROXY"] ?? "";
  const direct = noProxy.trim() === "*" ? "*" : `${noProxy},localhost,127.0.0.1,[::1]`;
  return { request, dispatcher: new EnvHttpProxyAgent({ ...settings, httpProxy, httpsProxy, noProxy: direct }) };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  throw new RolloutError("invalidPlan", "an address has to begin with http:// or https:// and hold no user or password");
}

/** Sends the request and follows redirects that stay at the same host. */
async function exchangeAll({ request, dispatcher }: Client, asked: HttpRequest, first: URL, signal: AbortSignal): Promise<HttpResponse> {
  let url = first;
  let { method, body } = asked;
  const own = Object.entries(asked.headers ?? {}).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const headers: Record<string, string> = { ...Object.fromEntries(own), "accept-encoding": "gzip" };
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
  return { status: statusCode, headers: Object.fromEntries(joined) as Record<string, string>, body: text };
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
    if (size > maxBytes) throw new Trouble(`answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Link-local addresses (cloud metadata services hand out credentials there), as themselves and dressed up as IPv6. */
const linkLocal = new BlockList();
linkLocal.addSubnet("169.254.0.0", 16, "ipv4"); // And with it ::ffff:169.254.0.0.
linkLocal.addSubnet("fe80::", 10, "ipv6");
linkLocal.addSubnet("::a9fe:0", 112, "ipv6");
linkLocal.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
linkLocal.addSubnet("2002:a9fe::", 32, "ipv6");
linkLocal.addAddress("fd00:ec2::254", "ipv6");

function refuseLinkLocal(host: string): void {
  const address = host.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const family = isIP(address);
  if (family !== 0 && linkLocal.check(address, family === 6 ? "ipv6" : "ipv4")) throw linkLocalTrouble();
}

function linkLocalTrouble(): Trouble {
  return new Trouble("was refused: the address is link-local, where clouds keep credentials", { code: "invalidPlan" });
}

/** Looks at what a name resolves to at the moment of connecting, when it can no longer change. */
function guarded(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, addresses, family) => {
      try {
        if (!error) for (const found of Array.isArray(addresses) ? addresses : [{ address: addresses }]) refuseLinkLocal(found.address);
      } catch (trouble) {
        callback(trouble as Error, "");
        return;
      }
      callback(error, addresses, family);
    });
}

const reasons: Record<string, string> = {
  ECONNREFUSED: "was not accepted: nothing listens there",
  ECONNRESET: "was cut off by the other side",
  UND_ERR_SOCKET: "was cut off by the other side",
  ENOTFOUND: "failed: the name of the host is not known",
  EAI_AGAIN: "failed: the name of the host could not be resolved",
  EHOSTUNREACH: "failed: there is no way to the host",
  ENETUNREACH: "failed: there is no way to the host",
  ETIMEDOUT: "failed: the host did not answer",
  UND_ERR_CONNECT_TIMEOUT: "failed: the host did not accept the connection",
  UND_ERR_INVALID_ARG: "could not be sent: a header or the address has characters that are not allowed",
  Z_DATA_ERROR: "answered with compressed data that cannot be read",
  Z_BUF_ERROR: "answered with compressed data that ends too early",
};

function troubleOf(error: unknown): Trouble {
  if (error instanceof Trouble) return error;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (cause instanceof Trouble) return cause;
  const known = typeof code === "string" ? reasons[code] : undefined;
  const text = known ?? `failed (${typeof code === "string" ? code : error instanceof Error ? error.message : "for an unknown reason"})`;
  return new Trouble(text, { hint: "is the address right, and does it answer from here?" });
}
