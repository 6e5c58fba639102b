import { NotDone } from "../errors.ts";
import type { HttpResponse, Tools } from "../io/port.ts";
import { authorization, certificates } from "../model/access.ts";
import type { Exposure } from "../model/exposure.ts";
import type { FlagReading, FlagTarget } from "../model/flag.ts";
import { failureOf, requestText, type Asked } from "./answers.ts";
import { byHandText } from "./http-byHand.ts";
import { httpOptions, isChecked, type HttpOptions } from "./http-options.ts";
import { parseRevision, readingOf } from "./http-reading.ts";
import { fillHeader, fillJson, fillTree, fillUrl, type Values } from "./http-template.ts";
import { beyond, numberOf, shareOf } from "./percentage.ts";
import { Conflict, defineFlagBackend, type ChangeNote, type FlagBackendTraits } from "./port.ts";

/**
 * A flag service with an HTTP API of its own: the plan says where its answer has the percentage and what to send to change
 * it. A write is never sent twice: whether one whose answer was lost has arrived is for the next read to say.
 */

const NAME = "a flag by http";
/** For all tries to read the flag, in milliseconds. */
const READ_WITHIN = 10_000;
const MAX_BYTES = 1024 * 1024;

export const http = defineFlagBackend({
  name: "http",
  options: httpOptions,
  granularity: 1,
  concurrency: "bestEffort",
  // Most clients of such a service ask it every half minute or so.
  propagation: 60_000,
  traits: (options): Pick<FlagBackendTraits, "granularity" | "concurrency"> => ({
    granularity: options.granularity,
    concurrency: isChecked(options) ? "checked" : "bestEffort",
  }),
  cannotExpress: (target) => beyond(["percentage"], NAME, target),
  connect(options, tools) {
    const connection = { options, tools, headers: authorization(options, tools.reveal), ca: certificates(options, tools.files.read) };
    return {
      read: (target) => read(connection, target, READ_WITHIN),
      write: (target, exposure, ifRevision, note, within = target.writeWithin) =>
        write(connection, target, exposure, { ifRevision, note, within }),
      byHand: (target) => byHandText(options, target),
    };
  },
});

interface Connection {
  options: HttpOptions;
  tools: Tools;
  headers: Record<string, string>;
  ca: () => Promise<string | undefined>;
}

async function read({ options, tools, headers, ca }: Connection, { key }: FlagTarget, within: number): Promise<FlagReading> {
  const asked: Asked = { method: "GET", url: fillUrl(options.read.url, { key }), changes: false, redact: tools.redact };
  const response = await tools.http.send({
    method: "GET",
    url: asked.url,
    headers: { accept: "application/json", "cache-control": "no-cache", ...headers },
    deadline: Math.min(within, READ_WITHIN),
    maxBytes: MAX_BYTES,
    // A server that compresses weakens the ETag, and a write on a weak one is refused.
    compressed: typeof options.read.revision !== "object",
    ca: await ca(),
  });
  return readingOf(response, options, asked);
}

interface Write {
  ifRevision: string;
  note: ChangeNote;
  /** Milliseconds. */
  within: number;
}

async function write(connection: Connection, target: FlagTarget, exposure: Exposure, { ifRevision, note, within }: Write): Promise<void> {
  const { options, tools, headers, ca } = connection;
  const end = tools.clock.monotonic() + within;
  const percentage = numberOf(shareOf(exposure, NAME), options.everybody);
  const revision = parseRevision(ifRevision);
  if (isChecked(options)) {
    if (revision === undefined) throw new Conflict(`${ifRevision} is no revision of the flag ${target.key}`);
  } else {
    const now = await read(connection, target, within);
    if (now.revision !== ifRevision) throw new Conflict(`the flag ${target.key} is at revision ${now.revision}, not ${ifRevision}`);
  }

  const { rollout, stage, reason, head } = note;
  const values: Values = { key: target.key, percentage, rollout, stage, reason, head, ...(revision !== undefined && { revision }) };
  const { method } = options.write;
  const asked: Asked = { method, url: fillUrl(options.write.url ?? options.read.url, values), changes: true, redact: tools.redact };
  const body = bodyOf(options.write.body, values);
  const own = Object.entries(options.write.headers ?? {}).map(([name, text]) => [name.toLowerCase(), fillHeader(text, values)]);
  const certificate = await ca();
  const deadline = Math.floor(end - tools.clock.monotonic());
  if (deadline <= 0) throw new NotDone("unreachable", `${requestText(asked)} was not sent: there was no time left`);
  const response = await tools.http.send({
    method,
    url: asked.url,
    headers: {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
      ...(Object.fromEntries(own) as Record<string, string>),
    },
    ...(body !== undefined && { body }),
    deadline,
    maxBytes: MAX_BYTES,
    ca: certificate,
  });
  settle(response, options, asked);
}

function bodyOf(template: unknown, values: Values): string | undefined {
  if (template === undefined || template === null) return undefined;
  return typeof template === "string" ? fillJson(template, values) : JSON.stringify(fillTree(template, values));
}

/** Throws unless the service says that it did it. */
function settle(response: HttpResponse, { write: { conflict } }: HttpOptions, asked: Asked): void {
  const { status } = response;
  if (status >= 200 && status <= 299) return;
  if (conflict?.includes(status)) throw new Conflict(`${requestText(asked)} answered with status ${status}`);
  throw failureOf(response, asked);
}
