import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import type { Dispatcher } from "undici";
import type { Client } from "./exchange.ts";
import { guarded } from "./linkLocal.ts";
import { Trouble } from "./trouble.ts";

export interface ClientSettings {
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` (in small letters too) are respected; loopback never goes through a proxy. */
  env: Record<string, string | undefined>;
  /** How names become addresses. */
  lookup: LookupFunction;
  /** Certificates in PEM form, to trust besides the usual ones. */
  ca: string | undefined;
}

/** One pool of connections. Throws `Trouble` for a proxy or certificates that cannot be used. */
export async function openClient({ env, lookup, ca }: ClientSettings): Promise<Client> {
  // Loaded when something is sent: it is slow to load.
  const { request, Agent, EnvHttpProxyAgent, Pool } = await import("undici");
  const httpProxy = env["http_proxy"] ?? env["HTTP_PROXY"] ?? "";
  const httpsProxy = env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "";
  const tls = ca === undefined ? {} : { ca: trusted(ca, env) };
  const settings = { connect: { lookup: guarded(lookup), ...tls }, headersTimeout: 0, bodyTimeout: 0 };
  if (!httpProxy && !httpsProxy) return { request, dispatcher: new Agent(settings) };
  for (const [name, address] of Object.entries({ HTTP_PROXY: httpProxy, HTTPS_PROXY: httpsProxy })) {
    if (address !== "" && !/^https?:\/\/[^/]/i.test(address)) {
      throw new Trouble("could not be sent: the address of the proxy is not understood", {
        hint: `${name} has to begin with http:// or https://`,
      });
    }
  }
  const noProxy = env["no_proxy"] ?? env["NO_PROXY"] ?? "";
  const direct = noProxy.trim() === "*" ? "*" : `${noProxy},localhost,127.0.0.1,[::1]`;
  const clientFactory = (proxy: URL, options: object) => patient(new Pool(proxy, options));
  return {
    request,
    dispatcher: new EnvHttpProxyAgent({ ...settings, clientFactory, requestTls: tls, httpProxy, httpsProxy, noProxy: direct }),
  };
}

/** What is cut off while it opens a tunnel the library tries again without a pause, hundreds of times a second: we say when. */
function patient(proxy: Dispatcher): Dispatcher {
  const connect = proxy.connect.bind(proxy) as (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>;
  const once = (options: Dispatcher.ConnectOptions) =>
    connect(options).catch((error: unknown) => {
      throw (error as { code?: unknown }).code === "UND_ERR_SOCKET"
        ? new Trouble("was not sent: the proxy cut the connection off", {
            hint: "is the address of the proxy right (HTTPS_PROXY, HTTP_PROXY)?",
            reach: "nowhere",
          })
        : error;
    });
  return Object.assign(proxy, { connect: once });
}

/** A list of one's own replaces that of Node, and with it what NODE_EXTRA_CA_CERTS adds to that. */
function trusted(ca: string, env: ClientSettings["env"]): string[] {
  const extra = env["NODE_EXTRA_CA_CERTS"];
  return [...rootCertificates, ...(extra ? [readExtra(extra)] : []), ca].filter((text) => text !== "");
}

/** As Node does, what cannot be read is left out. */
function readExtra(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
