import { z } from "zod";
import { RolloutError } from "../errors.ts";
import { parseSecret, secret, type Secret } from "./secret.ts";

/** Options that adapters share: where a server is, whom we trust to be it, and how we say who we are. */

/** An address without a user, a password or a reference in it: the ledger and the output show it. */
export function address() {
  return z.string().superRefine((text, context) => {
    const problem = addressProblem(text);
    if (problem) context.addIssue({ code: "custom", message: problem });
  });
}

/** What is wrong with an address, as a sentence; nothing when it is one. */
export function addressProblem(text: string): string | undefined {
  if (text.includes("${")) return "an address cannot hold a reference: it is shown, so no secret belongs in it";
  if (!URL.canParse(text)) return "expected an address such as http://prometheus:9090";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "expected an address that begins with http:// or https://";
  if (url.username || url.password) return "a user or a password does not belong in an address: use bearer, or username and password";
  return url.hash ? "an address has no # part" : undefined;
}

const FORBIDDEN = new Set(["host", "content-length", "transfer-encoding", "connection", "accept-encoding"]);

/** A header's value: a plain text, or a whole reference to a secret. */
const headerValue = z.string().transform((text, context): string | Secret => {
  const reference = parseSecret(text);
  if (reference) return reference;
  if (text.includes("${"))
    context.addIssue({ code: "custom", message: "a reference to a secret is the whole value of a header, or none of it" });
  if (/[^\t\x20-\x7e]/.test(text)) context.addIssue({ code: "custom", message: "a header is one line of plain ASCII" });
  return text;
});

/** The name of a header. */
export const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: "not a name of a header" });

const headers = z.record(headerName, headerValue).superRefine((values, context) => {
  for (const [name, value] of Object.entries(values)) {
    const lower = name.toLowerCase();
    if (FORBIDDEN.has(lower)) context.addIssue({ code: "custom", path: [name], message: `the header ${name} is set for you` });
    if ((lower === "authorization" || lower === "cookie") && typeof value === "string") {
      context.addIssue({
        code: "custom",
        path: [name],
        message: `a secret stands in a plan as a reference only: write ${name}: \${env:NAME}, or use bearer`,
      });
    }
  }
});

/** Who we are and whom we trust, for the options of an adapter. */
export const credentials = {
  bearer: secret().optional().describe("A token, sent as Authorization: Bearer."),
  username: z.string().min(1).optional().describe("For basic authentication, with password."),
  password: secret().optional(),
  headers: headers.optional().describe("Further headers, such as X-Scope-OrgID."),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe("A file of certificates in PEM form, relative to the plan's folder, to trust besides those of the system."),
};

type Credentials = z.output<z.ZodObject<typeof credentials>>;

/** Refuses half of a basic authentication, and two authentications at once. */
export function checkCredentials(options: Credentials, context: z.RefinementCtx): void {
  const say = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if ((options.username === undefined) !== (options.password === undefined)) {
    say(options.username === undefined ? "password" : "username", "username and password belong together");
  }
  if (options.bearer && options.username !== undefined) say("bearer", "use either bearer or username and password");
}

/** The headers of every request. Reveals the secrets. */
export function authorization(options: Credentials, reveal: (secret: Secret) => string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    result[name.toLowerCase()] = typeof value === "string" ? value : reveal(value);
  if (options.bearer) result["authorization"] = `Bearer ${reveal(options.bearer)}`;
  if (options.username !== undefined && options.password) {
    result["authorization"] = `Basic ${Buffer.from(`${options.username}:${reveal(options.password)}`).toString("base64")}`;
  }
  return result;
}

const MAX_CA_BYTES = 1024 * 1024;

/** Reads the file that an option `ca` names, once, when it is first asked for. Throws `RolloutError` (`invalidPlan`) when it holds no certificate. */
export function certificates(
  { ca }: Pick<Credentials, "ca">,
  read: (path: string, options: { maxBytes: number }) => Promise<Uint8Array | undefined>,
): () => Promise<string | undefined> {
  let known: Promise<string> | undefined;
  return async () => {
    if (ca === undefined) return undefined;
    known ??= read(ca, { maxBytes: MAX_CA_BYTES }).then((bytes) => {
      const text = new TextDecoder().decode(bytes ?? new Uint8Array());
      if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
      const problem = bytes ? "holds no certificate in PEM form" : "does not exist";
      throw new RolloutError("invalidPlan", `the file ${ca} (option ca) ${problem}`, {
        hint: "name the certificate of the authority, which begins with -----BEGIN CERTIFICATE-----",
      });
    });
    return known;
  };
}
