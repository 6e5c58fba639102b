import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { RequestListener } from "node:http";
import { startServer, type TestServer } from "./faultyServer.ts";

/** A CI system that vouches for its jobs: an issuer of tokens as GitHub's and GitLab's are, with keys of its own. */
export interface Issuer extends TestServer {
  /** What it says of a job, unless a test says otherwise. */
  claims(changes?: Record<string, unknown>): Record<string, unknown>;
  /** A token that is right in everything but what is changed. */
  token(changes?: TokenChanges): string;
  /** Answers otherwise from now on at a path; nothing: as an issuer does again. */
  answer(path: string, listener: RequestListener | undefined): void;
  /** The environment of a job of GitHub's, whose token is asked for at this server. */
  githubJob(): Record<string, string>;
  /** The token that it hands out when a job of GitHub's asks for one. */
  handOut: string;
}

export interface TokenChanges {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Whose key signs: by default the issuer's RSA key. */
  by?: "rsa" | "ec" | "ed" | "stranger" | "nobody" | "public key as secret";
}

/** What a job of GitHub's shows to ask for a token. */
export const REQUEST_TOKEN = "request-token-9d2f7c";

export const DISCOVERY = "/.well-known/openid-configuration";

// Making RSA keys is slow, and one pair is as good as another.
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const published: Record<string, KeyObject> = { rsa: rsa.publicKey, ec: ec.publicKey, ed: ed.publicKey };
const algorithms = { rsa: "RS256", ec: "ES256", ed: "EdDSA", stranger: "RS256", nobody: "none", "public key as secret": "HS256" };

export async function startIssuer(): Promise<Issuer> {
  const answers = new Map<string, RequestListener>();
  let issuer: Issuer;
  const server = await startServer((request, response) => {
    const url = new URL(request.url ?? "", "http://issuer");
    const other = answers.get(url.pathname);
    if (other) return void other(request, response);
    const json = (value: unknown) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname === DISCOVERY) return void json({ issuer: server.url, jwks_uri: `${server.url}/keys`, more: ["ignored"] });
    if (url.pathname === "/keys") return void json({ keys: Object.entries(published).map(([kid, key]) => publicJwk(kid, key)) });
    if (url.pathname === "/request") {
      const asked = request.headers.authorization === `Bearer ${REQUEST_TOKEN}` && url.searchParams.get("audience") === "rollout";
      return void (asked ? json({ count: 1, value: issuer.handOut }) : response.writeHead(401).end("Unauthorized"));
    }
    response.writeHead(404).end();
  });
  const claims = (changes: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1_000);
    const said = { sub: "repo:shop/web:ref:refs/heads/main", aud: "rollout", iss: server.url, iat: now, nbf: now - 5, exp: now + 300 };
    const job = {
      repository: "shop/web",
      workflow_ref: "shop/web/.github/workflows/roll.yml@refs/heads/main",
      run_id: "4711",
      actor: "ann",
    };
    return { ...said, ...job, ...changes };
  };
  issuer = {
    ...server,
    claims,
    token: ({ claims: changes = {}, header = {}, by = "rsa" } = {}) => {
      const kid = by in published ? by : "rsa";
      return jwt({ alg: algorithms[by], kid, typ: "JWT", ...header }, claims(changes), by);
    },
    answer: (path, listener) => void (listener ? answers.set(path, listener) : answers.delete(path)),
    githubJob: () => ({
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_ACTOR: "mallory",
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/request?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
      ROLLOUT_OIDC_ISSUER: server.url,
    }),
    handOut: "",
  };
  issuer.handOut = issuer.token();
  return issuer;
}

function publicJwk(kid: string, key: KeyObject): Record<string, unknown> {
  return { ...key.export({ format: "jwk" }), kid, use: "sig" };
}

function jwt(header: Record<string, unknown>, payload: Record<string, unknown>, by: NonNullable<TokenChanges["by"]>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const said = `${part(header)}.${part(payload)}`;
  return `${said}.${signatureOf(Buffer.from(said), by).toString("base64url")}`;
}

function signatureOf(said: Buffer, by: NonNullable<TokenChanges["by"]>): Buffer {
  switch (by) {
    case "rsa":
      return sign("sha256", said, rsa.privateKey);
    case "stranger":
      return sign("sha256", said, stranger.privateKey);
    case "ec":
      return sign("sha256", said, { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
    case "ed":
      return sign(null, said, ed.privateKey);
    case "nobody":
      return Buffer.alloc(0);
    case "public key as secret":
      return createHmac("sha256", rsa.publicKey.export({ type: "spki", format: "pem" }))
        .update(said)
        .digest();
    default:
      return by satisfies never;
  }
}
