import { z } from "zod";
import { messageOf, RolloutError } from "../errors.ts";
import type { Clock, Http } from "./port.ts";

/** Tokens by which a CI system vouches for a job (OpenID Connect). They come from the environment: nothing of them is believed unchecked. */

/** Public keys alone: a token that is signed with a shared secret, or not at all, would be anybody's. */
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];
/** How far clocks may disagree, in seconds. */
const LEEWAY = 30;
const MAX_TOKEN_LENGTH = 16 * 1024;
const MAX_ANSWER_BYTES = 256 * 1024;

/** What a token has to be. */
export interface Expected {
  /** The address of whoever must have issued it: https, or http on loopback. */
  issuer: string;
  audience: string;
}

export interface Checking {
  http: Http;
  clock: Clock;
  /** When to give up, by the clock's `monotonic`. */
  until: number;
}

/**
 * The claims of a token that its issuer has signed for this audience and that holds now. The issuer's keys are read from
 * its own address. Throws `RolloutError` with words for people, none of which are the token's.
 */
export async function checkIdToken(token: string, expected: Expected, { http, clock, until }: Checking): Promise<Record<string, unknown>> {
  const { issuer, audience } = expected;
  refuseOpenAddress(issuer, "the issuer's address");
  if (token.length > MAX_TOKEN_LENGTH) throw distrust(`the token has ${token.length} characters`);
  // Loaded when there is a token: most commands have none.
  const jose = await import("jose");
  const claimed = readable(() => ({ header: jose.decodeProtectedHeader(token), issuer: jose.decodeJwt(token).iss }));
  // Before anything is asked: a wrong setting is the likeliest mistake.
  if (claimed.issuer !== issuer) {
    throw distrust(`the token is of another issuer than ${issuer}`, "Name the issuer of a CI system of your own with ROLLOUT_OIDC_ISSUER.");
  }
  if (!ALGORITHMS.includes(claimed.header.alg ?? "")) throw distrust("the token is signed with no algorithm that can be trusted");
  if (typeof claimed.header.kid !== "string") throw distrust("the token does not say by which key it is signed");

  const keys = await keysOf(issuer, (url) => askJson(http, { url, deadline: left(clock, until) }));
  try {
    const { payload } = await jose.jwtVerify(token, jose.createLocalJWKSet(keys as Parameters<typeof jose.createLocalJWKSet>[0]), {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: LEEWAY,
      currentDate: new Date(clock.now()),
      requiredClaims: ["iss", "aud", "sub", "exp", "iat"],
    });
    if (payload.iat! > clock.now() / 1_000 + LEEWAY) throw distrust("the token was issued in the future");
    return payload;
  } catch (error) {
    throw error instanceof RolloutError ? error : distrust(reasonOf(error));
  }
}

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.string() });
const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** The keys that an issuer signs with. They must lie where the issuer is: what it says of other places is not followed. */
async function keysOf(issuer: string, ask: (url: string) => Promise<unknown>): Promise<z.infer<typeof keysSchema>> {
  const discovery = discoverySchema.safeParse(await ask(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`));
  if (!discovery.success || discovery.data.issuer !== issuer) throw distrust(`${issuer} does not describe itself as an issuer of tokens`);
  const place = discovery.data.jwks_uri;
  if (!URL.canParse(place) || new URL(place).origin !== new URL(issuer).origin) {
    throw distrust(`${issuer} says that its keys are on another host`);
  }
  const keys = keysSchema.safeParse(await ask(place));
  if (!keys.success) throw distrust(`${issuer} has no keys where it says they are`);
  return keys.data;
}

export interface JsonQuestion {
  url: string;
  headers?: Record<string, string>;
  /** Milliseconds. */
  deadline: number;
}

/** What an address answers, as JSON. */
export async function askJson(http: Http, { url, headers = {}, deadline }: JsonQuestion): Promise<unknown> {
  refuseOpenAddress(url, "the address of a token or of keys");
  const { host } = new URL(url);
  const answer = await http.send({
    method: "GET",
    url,
    headers: { accept: "application/json", ...headers },
    deadline,
    maxBytes: MAX_ANSWER_BYTES,
  });
  if (answer.status !== 200) throw distrust(`${host} answered with the status ${answer.status}`);
  try {
    return JSON.parse(answer.body) as unknown;
  } catch {
    throw distrust(`${host} answered with something that is not JSON`);
  }
}

/** What is left of the time, in milliseconds. */
export function left(clock: Clock, until: number): number {
  return Math.max(1, Math.round(until - clock.monotonic()));
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** Without TLS anybody on the way could vouch. */
function refuseOpenAddress(address: string, what: string): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isSafe = url && (url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.test(url.hostname)));
  if (!isSafe || url.username || url.password) throw distrust(`${what} does not begin with https://`);
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw distrust("what was given as a token is none");
  }
}

/** By the library's codes, since its messages may one day quote the token. */
const reasons: Record<string, string> = {
  ERR_JWT_EXPIRED: "the token has expired",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "the token's signature is wrong",
  ERR_JWKS_NO_MATCHING_KEY: "the token is signed with a key that its issuer does not have",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "the issuer has several keys of the same name",
  ERR_JOSE_ALG_NOT_ALLOWED: "the token is signed with no algorithm that can be trusted",
};

const claims: Record<string, string> = {
  aud: "the token is for somebody else: it has to be asked for with the audience `rollout`",
  iss: "the token is of another issuer",
  nbf: "the token is not valid yet",
};

function reasonOf(error: unknown): string {
  const { code, claim } = error as { code?: unknown; claim?: unknown };
  if (code === "ERR_JWT_CLAIM_VALIDATION_FAILED") return claims[String(claim)] ?? "the token lacks what every token has to say";
  return reasons[String(code)] ?? "the token cannot be checked with its issuer's keys";
}

function distrust(message: string, hint?: string): RolloutError {
  return new RolloutError("unreachable", message, hint === undefined ? {} : { hint });
}

/** Why a check failed, as one sentence. */
export function whyNot(error: unknown): string {
  const hint = error instanceof RolloutError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)} (${hint})`;
}
