import { createHash } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { http } from "../../src/flags/http.ts";
import { traitsOf, type FlagBackend, type FlagBackendTraits } from "../../src/flags/port.ts";
import { type Evaluation } from "../conformance/flags.ts";
import { startServer, type TestServer } from "../support/faultyServer.ts";
import { realTools, settableClock } from "../support/tools.ts";

/** Flag services as teams write them for themselves. */

interface Flag {
  owner: string;
  rollout: { percentage: unknown; salt: string };
  version: number;
}

export interface FlagService extends TestServer {
  flags: Map<string, Flag>;
  /** Every write that was done, in order. */
  readonly written: { key: string; from: unknown; to: unknown }[];
  /** What the next write does after it was done, instead of answering; once. */
  afterNextWrite: RequestListener | undefined;
  /** What answers instead of the service, before anything is done. */
  instead: RequestListener | undefined;
  /** How it answers when nothing does so instead. */
  serve: RequestListener;
}

/**
 * One that keeps a version and an ETag of each flag, PATCHes what it is sent, and refuses what is not on the newest version: by
 * `If-Match` (412), or by a `version` in the body (409).
 */
export async function startFlagService(flags: Record<string, number> = { "new-checkout": 0 }): Promise<FlagService> {
  const held = new Map(
    Object.entries(flags).map(([key, percentage]): [string, Flag] => [
      key,
      { owner: "growth", rollout: { percentage, salt: key }, version: 1 },
    ]),
  );
  const written: FlagService["written"] = [];
  const serve: RequestListener = (request, response) => {
    const { body, path } = server.requests.at(-1)!;
    const key = decodeURIComponent(path.replace(/^\/flags\//, ""));
    const flag = held.get(key);
    const answer = (status: number, value: unknown, headers: Record<string, string> = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    if (!flag) return void answer(404, { error: "no such flag" });
    if (request.method === "GET") return void answer(200, flag, { etag: `"v${flag.version}"` });
    const sent = JSON.parse(body) as Partial<Flag>;
    const match = request.headers["if-match"];
    if (match !== undefined && match !== `"v${flag.version}"`) return void answer(412, { error: "precondition failed" });
    if (sent.version !== undefined && sent.version !== flag.version) return void answer(409, { error: "conflict" });
    const from = flag.rollout.percentage;
    flag.rollout = { ...flag.rollout, ...sent.rollout };
    written.push({ key, from, to: flag.rollout.percentage });
    flag.version += 1;
    const { afterNextWrite } = service;
    service.afterNextWrite = undefined;
    if (afterNextWrite) return void afterNextWrite(request, response);
    answer(200, flag);
  };
  const server = await startServer((request, response) => (service.instead ?? serve)(request, response));
  const service: FlagService = Object.assign(server, { flags: held, written, afterNextWrite: undefined, instead: undefined, serve });
  return service;
}

export interface PlainService extends TestServer {
  percentages: Map<string, unknown>;
}

/** One that knows no revisions: a number for each key, put and got as fractions, and 404 for a key that was never put. */
export async function startPlainService(): Promise<PlainService> {
  const percentages = new Map<string, unknown>();
  const server = await startServer((request, response) => {
    const { body, path } = server.requests.at(-1)!;
    const key = decodeURIComponent(path.replace("/keys/", ""));
    if (request.method === "PUT") percentages.set(key, JSON.parse(body));
    const value = percentages.get(key);
    if (value === undefined) response.writeHead(404).end();
    else response.end(JSON.stringify(value));
  });
  return Object.assign(server, { percentages });
}

/** Half of the options of a backend on the service: by `version` in the body. */
export function versioned(url: string): Record<string, unknown> {
  return {
    read: { url: `${url}/flags/{{key}}`, percentage: "$.rollout.percentage", revision: "$.version" },
    write: { method: "PATCH", body: { rollout: { percentage: "{{percentage}}" }, version: "{{revision}}" }, conflict: 409 },
  };
}

export interface Connected {
  backend: FlagBackend;
  traits: FlagBackendTraits;
}

export function connectHttp(options: Record<string, unknown>, env: Record<string, string> = {}, folder?: string): Connected {
  const parsed = http.options.parse(options);
  const tools = realTools({ clock: settableClock(Date.now()), env, ...(folder !== undefined && { folder }) });
  return { backend: http.connect(parsed, tools), traits: traitsOf(http, parsed) };
}

/** Serves the feature to so many of a hundred, as such a service would: by a hash of the key and the id, whoever it is. */
export function bucketed(key: string, percentage: number): (id: string) => Evaluation {
  return (id) => {
    const bucket = createHash("sha256").update(`${key} ${id}`).digest().readUInt32BE(0) / 2 ** 32;
    const value = bucket * 100 < percentage;
    return { variant: value ? "on" : "off", value };
  };
}

export function authorizationOf({ headers }: IncomingMessage): string {
  return String(headers.authorization ?? "");
}
