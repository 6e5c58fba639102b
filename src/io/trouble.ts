import type { ErrorCode } from "../errors.ts";

/**
 * How far a request with trouble got.
 * - `nowhere`: it certainly was not sent, and soon it may be possible
 * - `unknown`: it may have arrived and been done; sent again it may well be answered
 * - `refused`: sent again it would come to the same
 */
export type Reach = "nowhere" | "unknown" | "refused";

/** What happened to a request, in words that follow it. It holds nothing of the answer and no header. */
export class Trouble extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly reach: Reach;
  constructor(message: string, { code = "unreachable", hint, reach = "refused" }: { code?: ErrorCode; hint?: string; reach?: Reach } = {}) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.reach = reach;
  }
}

const certificate = "was not sent: the server's certificate is not trusted";

const reasons: Record<string, [text: string, reach: Reach]> = {
  ECONNREFUSED: ["was not accepted: nothing listens there", "nowhere"],
  ECONNRESET: ["was cut off by the other side", "unknown"],
  EPIPE: ["was cut off by the other side", "unknown"],
  UND_ERR_SOCKET: ["was cut off by the other side", "unknown"],
  // Most often misspelt, and then it is not known in a second either.
  ENOTFOUND: ["failed: the name of the host is not known", "refused"],
  EAI_AGAIN: ["failed: the name of the host could not be resolved", "nowhere"],
  EHOSTUNREACH: ["failed: there is no way to the host", "nowhere"],
  ENETUNREACH: ["failed: there is no way to the host", "nowhere"],
  ETIMEDOUT: ["failed: the host did not answer", "unknown"],
  UND_ERR_CONNECT_TIMEOUT: ["failed: the host did not accept the connection", "nowhere"],
  UND_ERR_INVALID_ARG: ["could not be sent: a header or the address has characters that are not allowed", "refused"],
  Z_DATA_ERROR: ["answered with compressed data that cannot be read", "refused"],
  Z_BUF_ERROR: ["answered with compressed data that ends too early", "unknown"],
  CERT_HAS_EXPIRED: ["was not sent: the server's certificate has expired", "refused"],
  ERR_TLS_CERT_ALTNAME_INVALID: ["was not sent: the server's certificate is that of another host", "refused"],
  DEPTH_ZERO_SELF_SIGNED_CERT: [certificate, "refused"],
  SELF_SIGNED_CERT_IN_CHAIN: [certificate, "refused"],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [certificate, "refused"],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [certificate, "refused"],
};

/** Anything that was thrown on the way, as trouble. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof Trouble) return error;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (cause instanceof Trouble) return cause;
  const [text, reach] = (typeof code === "string" ? reasons[code] : undefined) ?? [
    `failed (${typeof code === "string" ? code : error instanceof Error ? error.message : "for an unknown reason"})`,
    "refused",
  ];
  if (text === certificate) {
    return new Trouble(text, { hint: "name the certificate of its authority with the option `ca`, or in NODE_EXTRA_CA_CERTS", reach });
  }
  return new Trouble(text, { hint: "is the address right, and does it answer from here?", reach });
}
