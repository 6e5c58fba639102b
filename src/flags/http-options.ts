import parseJsonPath from "jsonpath-rfc9535/parser";
import { z } from "zod";
import { addressProblem, checkCredentials, credentials, headerName } from "../model/access.ts";
import { fillJson, fillUrl, mentions, placeholderProblem, placeholders, type Placeholder } from "./http-template.ts";
import { granularityOption } from "./percentage.ts";

/** The options of the backend `http`: how a service is asked for its flag, and how it is told. All of it is checked offline. */

/** A longer one is no path that a person wrote, and takes long to read. */
const LONGEST_PATH = 500;

/** A JSONPath as RFC 9535 describes it. */
const jsonPath = z.string({ error: "expected a JSONPath in quotes, such as $.rollout.percentage" }).superRefine((text, context) => {
  const problem = pathProblem(text);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

function pathProblem(text: string): string | undefined {
  if (text.length > LONGEST_PATH) return `expected a JSONPath of at most ${LONGEST_PATH} characters`;
  if (!text.startsWith("$")) return "a JSONPath begins with $, the whole answer: write one such as $.rollout.percentage";
  try {
    parseJsonPath(text);
    return undefined;
  } catch (error) {
    const offset = (error as { location?: { start?: { offset?: number } } }).location?.start?.offset ?? 0;
    const rest = text.slice(offset, offset + 20);
    return `this is no JSONPath, ${rest === "" ? "its end is missing" : `it cannot be read from \`${rest}\` on`}: write one such as $.rollout.percentage, or $.environments[?@.name=='prod'].percentage`;
  }
}

/** An address with placeholders in its path or query. */
function url(allowed: readonly Placeholder[]) {
  return z.string().superRefine((text, context) => {
    const problem = placeholderProblem(text, allowed) ?? urlProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

function urlProblem(text: string): string | undefined {
  const filled = (value: string) => fillUrl(text, Object.fromEntries(placeholders.map((name) => [name, value])));
  const [one, other] = [filled("a"), filled("b")];
  const problem = addressProblem(one);
  if (problem !== undefined || !URL.canParse(other))
    return problem ?? "expected an address such as https://flags.internal/api/flags/{{key}}";
  return new URL(one).origin === new URL(other).origin
    ? undefined
    : "a placeholder cannot stand for a part of the host: write the host out";
}

const writeHeaders = z.record(
  headerName,
  z.string().superRefine((text, context) => {
    const problem =
      // Why somebody acted may hold any character, and must not keep a flag from being switched off.
      placeholderProblem(text, ["key", "percentage", "revision"]) ??
      (/[^\t\x20-\x7e]/.test(text) ? "a header is one line of plain ASCII" : undefined);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  }),
);

const status = z.number().int().min(400).max(599);
/** A status or several, as a list. */
const statuses = z
  .union([status, z.array(status).min(1)], { error: "expected a status such as 404, or a list of them" })
  .transform((given) => (Array.isArray(given) ? given : [given]));

export const httpOptions = z
  .strictObject({
    ...credentials,
    read: z.strictObject({
      url: url(["key"]).describe("Where the flag is read, by GET; {{key}} stands for its key."),
      percentage: jsonPath.describe("Where in the answer the percentage is: a JSONPath."),
      enabled: jsonPath.optional().describe("Where it says whether the flag is on at all: false is off, whatever the percentage."),
      revision: z
        .union([jsonPath, z.strictObject({ header: headerName })])
        .optional()
        .describe("Where its revision is: a JSONPath, or { header: ETag }. Default: a hash of the answer."),
      absent: statuses.optional().describe("The status that says that there is no such flag, which is off."),
    }),
    write: z.strictObject({
      method: z.enum(["PUT", "POST", "PATCH"]).default("PUT"),
      url: url(placeholders).optional().describe("Where the flag is written. Default: where it is read."),
      headers: writeHeaders.optional().describe("Further headers of the write, such as If-Match."),
      body: z.unknown().describe("The body, JSON as a tree or as text, with placeholders."),
      conflict: statuses.optional().describe("The statuses that say that the flag is not at {{revision}} any more."),
    }),
    everybody: z.number().positive().default(100).describe("The service's number for everybody: 100 for a percentage, 1 for a fraction."),
    granularity: granularityOption,
    byHand: z.string().min(1).optional().describe("How a person switches the flag off, such as a link. Default: the request."),
  })
  .superRefine((given, context) => {
    checkCredentials(given, context);
    checkWrite(given, context);
  });

export type HttpOptions = z.output<typeof httpOptions>;

/** Whether the service itself refuses a write that is not on the revision that was read. */
export function isChecked({ write }: Pick<HttpOptions, "write">): boolean {
  return write.conflict !== undefined && usesRevision(write);
}

function usesRevision({ url, headers, body }: HttpOptions["write"]): boolean {
  return mentions([url ?? "", headers ?? {}, body ?? ""], "revision");
}

function checkWrite({ read, write }: Pick<HttpOptions, "read" | "write">, context: z.RefinementCtx): void {
  let isRight = true;
  const say = (path: (string | number)[], message: string) => {
    isRight = false;
    context.addIssue({ code: "custom", path, message });
  };
  checkTree(write.body, ["write", "body"], say);
  // A misspelt placeholder is most likely the one that would be missing.
  if (isRight && !mentions([write.url ?? "", write.headers ?? {}, write.body ?? ""], "percentage")) {
    say(["write"], "the write does not say {{percentage}}: put it where the service expects the number");
  }
  if (!usesRevision(write)) return;
  if (read.revision === undefined) {
    say(
      ["write"],
      "{{revision}} is not known, since `read.revision` is missing: say where the answer has it, such as $.version or { header: ETag }",
    );
  } else if (read.absent !== undefined) {
    say(["read", "absent"], "a flag that is absent has no {{revision}} to write with: remove `absent`, and create the flag with 0 first");
  }
}

function checkTree(tree: unknown, path: (string | number)[], say: (path: (string | number)[], message: string) => void): void {
  if (typeof tree === "string") {
    const problem = placeholderProblem(tree, placeholders) ?? (path.length === 2 ? textProblem(tree) : undefined);
    if (problem !== undefined) say(path, problem);
  } else if (typeof tree === "object" && tree !== null) {
    for (const [key, value] of Object.entries(tree)) {
      const below = [...path, Array.isArray(tree) ? Number(key) : key];
      const problem = placeholderProblem(key, placeholders);
      if (problem !== undefined) say(below, problem);
      checkTree(value, below, say);
    }
  }
}

/** Filled in with the most inconvenient values, the text of a body must be JSON. */
function textProblem(text: string): string | undefined {
  const sample = Object.fromEntries(placeholders.map((name) => [name, name === "percentage" || name === "revision" ? 5 : '"'])) as Record<
    Placeholder,
    string | number
  >;
  try {
    JSON.parse(fillJson(text, sample));
    return undefined;
  } catch {
    return "the body is not JSON once it is filled in: write it as keys and values, or put what is text in double quotes";
  }
}
