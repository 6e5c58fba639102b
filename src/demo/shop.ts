import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { NOOP_PROVIDER, OpenFeature, type Client, type EvaluationContext } from "@openfeature/server-sdk";
import { RolloutError } from "../errors.ts";
import { makeCounters, type Counters } from "./counters.ts";
import { flagFileProvider } from "./flagFile.ts";
import { LOOPBACK } from "./loopback.ts";
import { drawOutcome, SLOW, type BreakMode } from "./outcome.ts";
import { seededRandom, type Random } from "./random.ts";

/** The flag that the shop's pages ask for. */
export const FLAG = "new-recommendations";

export interface ShopOptions {
  /** The flagd definition file that the shop's SDK reads. */
  flagsFile: string;
  /** 0 for any that is free. */
  port: number;
  /** What is wrong with the new path; absent: nothing. */
  breakMode?: BreakMode | undefined;
  seed: number;
}

export interface Shop {
  port: number;
  /** Of its first page, without a slash at the end. */
  url: string;
  metricsUrl: string;
  stop(): Promise<void>;
}

let shops = 0;

/**
 * A small shop on loopback. Every page asks OpenFeature whether this user gets the new recommendations, and counts how
 * that went by the variant's name. How it goes is drawn, not lived through: slow pages keep nobody waiting.
 *
 * Throws `RolloutError`: `unreachable` when the flag file cannot be read, or the port is taken.
 */
export async function startShop({ flagsFile, port, breakMode, seed }: ShopOptions): Promise<Shop> {
  // The SDK is one for the process; a domain keeps what is this shop's apart.
  const domain = `demo-shop-${++shops}`;
  try {
    await OpenFeature.setProviderAndWait(domain, flagFileProvider(flagsFile));
  } catch (cause) {
    throw new RolloutError("unreachable", `the shop cannot read its flags from ${flagsFile}`, { cause });
  }
  const closeFlags = () => OpenFeature.setProviderAndWait(domain, NOOP_PROVIDER);

  const counters = makeCounters(Date.now());
  const serve = pages(OpenFeature.getClient(domain), counters, seededRandom(seed), breakMode);
  const server = createServer((request, response) => void serve(request, response));
  try {
    await listen(server, port);
  } catch (cause) {
    await closeFlags();
    throw new RolloutError("unreachable", `the shop cannot listen on ${LOOPBACK}:${port}`, { hint: "Name another port.", cause });
  }
  const { port: given } = server.address() as AddressInfo;
  const url = `http://${LOOPBACK}:${given}`;
  return {
    port: given,
    url,
    metricsUrl: `${url}/metrics`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await closeFlags();
    },
  };
}

const PAGE = /^\/(?:checkout|product\/[^/]+)?$/;

function pages(flags: Client, counters: Counters, random: Random, breakMode: BreakMode | undefined) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? "/").split("?")[0]!;
    if (path === "/metrics") return answer(response, 200, "text/plain; version=0.0.4; charset=utf-8", counters.text());
    if (!PAGE.test(path)) return answer(response, 404, "text/plain; charset=utf-8", "There is no such page.\n");

    const { value: isNew, variant = "none" } = await flags.getBooleanDetails(FLAG, false, contextOf(request));
    const { failed, milliseconds } = drawOutcome(random, isNew ? breakMode : undefined);
    counters.count(variant, { failed, slow: milliseconds > SLOW });
    if (failed) return answer(response, 500, "text/plain; charset=utf-8", "The recommendations failed.\n");
    const shown = `${isNew ? "New" : "Old"} recommendations (variant ${variant}), thought up in ${milliseconds} ms.`;
    answer(response, 200, "text/html; charset=utf-8", `<!doctype html><title>Shop</title><h1>Shop</h1><p>${shown}</p>\n`);
  };
}

/** Who asks, as a login would tell; somebody without one is nobody to the flag, and gets the control. */
function contextOf({ headers }: IncomingMessage): EvaluationContext {
  const { "x-user-id": id, "x-user-email": email, "x-user-region": region } = headers;
  return {
    ...(typeof id === "string" && { targetingKey: id, userId: id }),
    ...(typeof email === "string" && { email }),
    ...(typeof region === "string" && { region }),
  };
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, LOOPBACK, resolve);
  });
}
