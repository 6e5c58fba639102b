import { createHash } from "node:crypto";
import { query } from "jsonpath-rfc9535";
import { RolloutError } from "../errors.ts";
import type { HttpResponse } from "../io/port.ts";
import { OFF } from "../model/exposure.ts";
import type { FlagReading } from "../model/flag.ts";
import { failureOf, notJson, requestText, type Asked } from "./answers.ts";
import type { HttpOptions } from "./http-options.ts";
import { exposureOf } from "./percentage.ts";

/** What the answer of a service says of the flag. A server may answer anything. */

type JsonValue = Parameters<typeof query>[0];

const LONGEST_REVISION = 1000;
const ABSENT = "absent";

/**
 * The flag as the answer says it. What is there but is no percentage is `foreign`, so that a rollback can still write over
 * it. Throws `RolloutError` when there is no answer that could be understood at all, or none that could be written on.
 */
export function readingOf(response: HttpResponse, { read, everybody }: HttpOptions, asked: Asked): FlagReading {
  if (read.absent?.includes(response.status)) return { kind: "known", exposure: OFF, revision: ABSENT };
  if (response.status < 200 || response.status > 299) {
    const hints = { 404: "create the flag there with 0, or say `absent: 404` if a flag that is not there is off" };
    throw failureOf(response, { ...asked, hints });
  }
  const document = parse(response, asked);
  const revision = revisionOf(document, response, read.revision, asked);
  const foreign = (path: string, found: string, why: string): FlagReading => ({
    kind: "foreign",
    found: `its answer has ${found} at ${path}${why}`,
    revision,
  });

  if (read.enabled !== undefined) {
    const enabled = only(document, read.enabled);
    if ("problem" in enabled) return foreign(read.enabled, ...enabled.problem);
    if (enabled.value === false) return { kind: "known", exposure: OFF, revision };
    if (enabled.value !== true) return foreign(read.enabled, show(enabled.value, asked), ", which is neither true nor false");
  }
  const found = only(document, read.percentage);
  if ("problem" in found) return foreign(read.percentage, ...found.problem);
  const number = typeof found.value === "string" && /^\d{1,10}(\.\d{1,10})?$/.test(found.value) ? Number(found.value) : found.value;
  if (typeof number !== "number") return foreign(read.percentage, show(found.value, asked), ", which is no number");
  const exposure = exposureOf(number, everybody);
  return typeof exposure === "string"
    ? foreign(read.percentage, String(number), `, which ${exposure}`)
    : { kind: "known", exposure, revision };
}

function parse(response: HttpResponse, asked: Asked): JsonValue {
  try {
    return JSON.parse(response.body) as JsonValue;
  } catch {
    throw notJson(response, asked);
  }
}

/** What one path finds: exactly one value. Of two nobody knows which is meant. */
function only(document: JsonValue, path: string): { value: unknown } | { problem: [found: string, why: string] } {
  const found = query(document, path);
  if (found.length === 1) return { value: found[0] };
  return { problem: found.length === 0 ? ["nothing", " (is the path right?)"] : [`${found.length} values`, ", where one is expected"] };
}

/** A revision as text: JSON, so that a number is handed back as a number. */
function revisionOf(document: JsonValue, response: HttpResponse, where: HttpOptions["read"]["revision"], asked: Asked): string {
  if (where === undefined) {
    return `content-${createHash("sha256").update(JSON.stringify(document)).digest("hex").slice(0, 32)}`;
  }
  if (typeof where === "object") {
    const value = response.headers[where.header.toLowerCase()];
    return value === undefined || value === "" ? noRevision(`the header ${where.header}`, "is missing", asked) : JSON.stringify(value);
  }
  const found = only(document, where);
  if ("problem" in found) return noRevision(where, `has ${found.problem.join("")}`, asked);
  const { value } = found;
  if (typeof value === "string" && value !== "" && value.length <= LONGEST_REVISION) return JSON.stringify(value);
  // A longer number was rounded when it was read, and would never be the right one.
  if (typeof value === "number" && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return JSON.stringify(value);
  return noRevision(where, `has ${show(value, asked)}, which cannot be a revision: a short text, or a number of at most 15 digits`, asked);
}

function noRevision(where: string, problem: string, asked: Asked): never {
  throw new RolloutError("unreachable", `${requestText(asked)}: ${where} ${problem}`, {
    hint: "compare `read.revision` with what the service answers",
  });
}

/** The value that `{{revision}}` stands for; nothing when it is none that was ever read. */
export function parseRevision(revision: string): string | number | undefined {
  try {
    const value: unknown = JSON.parse(revision);
    return typeof value === "string" || typeof value === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A value for people: secrets hidden, and cut where it is long. */
function show(value: unknown, { redact }: Asked): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = redact(JSON.stringify(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
