import { hostname, userInfo } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { actorSource } from "../../src/io/actor.ts";
import { systemClock } from "../../src/io/clock.ts";
import { openHttp } from "../../src/io/http.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { actorSchema, type Actor } from "../../src/model/entry.ts";
import { faults } from "../support/faultyServer.ts";
import { DISCOVERY, REQUEST_TOKEN, startIssuer, type Issuer, type TokenChanges } from "../support/issuer.ts";
import { freePort } from "../support/ports.ts";
import { atOnce } from "../support/tools.ts";

let issuer: Issuer;
beforeAll(async () => (issuer = await startIssuer()));
beforeEach(() => {
  issuer.handOut = issuer.token();
  issuer.requests.length = 0;
  for (const path of [DISCOVERY, "/keys", "/request"]) issuer.answer(path, undefined);
});
afterAll(() => issuer.close());

const claimedByGithub = { who: "mallory", where: "GitHub Actions" };

interface Found {
  actor: Actor;
  warnings: string[];
  redact(text: string): string;
}

/** Who a process with this environment says that it is. */
async function actorIn(env: Record<string, string>, patience?: number): Promise<Found> {
  const redactor = createRedactor();
  const warnings: string[] = [];
  const http = openHttp({ redact: redactor.redact, env: {}, signal: new AbortController().signal, sleep: atOnce });
  const warn = (sentence: string) => void warnings.push(sentence);
  const actor = actorSource({ env, http, clock: systemClock, redactor, warn, ...(patience !== undefined && { patience }) });
  const found = await actor();
  expect(await actor()).toBe(found);
  expect(actorSchema.safeParse(found).error).toBeUndefined();
  return { actor: found, warnings, redact: redactor.redact };
}

/** That it is a claim, with one warning, which shows nothing of what was sent. */
async function expectClaim(
  env: Record<string, string>,
  why: RegExp,
  { actor = claimedByGithub, patience }: { actor?: Actor; patience?: number } = {},
): Promise<void> {
  const found = await actorIn(env, patience);
  expect(found.actor).toEqual(actor);
  expect(found.warnings).toEqual([expect.stringMatching(why)]);
  expect(found.warnings[0]).toMatch(/^who runs this is recorded as a claim/);
  expectNothingOf(found.warnings.join());
}

/** Neither the token, nor its signature, nor what it is asked for with. */
function expectNothingOf(text: string) {
  for (const secret of [issuer.handOut, issuer.handOut.split(".")[2] ?? "", REQUEST_TOKEN]) {
    if (secret.length > 8) expect(text).not.toContain(secret);
  }
}

describe("a job whose token holds is proven", () => {
  test("on GitHub: who, where and by whom come from the token, whatever the environment says", async () => {
    const { actor, warnings, redact } = await actorIn(issuer.githubJob());
    expect(warnings).toEqual([]);
    expect(actor).toEqual({
      who: "ann",
      where: `${new URL(issuer.url).host}, shop/web, run 4711`,
      proven: {
        issuer: issuer.url,
        subject: "repo:shop/web:ref:refs/heads/main",
        repository: "shop/web",
        workflow: "shop/web/.github/workflows/roll.yml@refs/heads/main",
        run: "4711",
        actor: "ann",
      },
    });
    expect(issuer.requests.map(({ path }) => path)).toEqual(["/request?api-version=2.0&audience=rollout", DISCOVERY, "/keys"]);
    expect(redact(`${issuer.handOut} ${issuer.handOut.split(".")[2]} ${REQUEST_TOKEN}`)).not.toMatch(/[A-Za-z0-9]{20}|9d2f7c/);
  });

  test("on GitLab: the token is a variable", async () => {
    const claims = {
      sub: "project_path:shop/web:ref_type:branch:ref:main",
      project_path: "shop/web",
      ci_config_ref_uri: "gitlab.example.com/shop/web//.gitlab-ci.yml@refs/heads/main",
      pipeline_id: 574,
      user_login: "ben",
      user_email: "ben@example.com",
      repository: undefined,
      workflow_ref: undefined,
      run_id: undefined,
      actor: undefined,
    };
    const token = issuer.token({ claims, by: "ec" });
    const { actor, warnings } = await actorIn({ GITLAB_CI: "true", ROLLOUT_ID_TOKEN: `${token}\n`, ROLLOUT_OIDC_ISSUER: issuer.url });
    expect(warnings).toEqual([]);
    expect(actor).toMatchObject({ who: "ben", where: `${new URL(issuer.url).host}, shop/web, run 574` });
    expect(actor.proven).toMatchObject({ run: "574", actor: "ben", workflow: claims.ci_config_ref_uri });
    // What nobody needs to know stays out of a record that is for good.
    expect(JSON.stringify(actor)).not.toContain("@example.com");
  });

  test("elsewhere: the subject is who", async () => {
    const none = { repository: undefined, workflow_ref: undefined, run_id: undefined, actor: "" };
    const token = issuer.token({ claims: { ...none, sub: "pipeline:7" } });
    const { actor } = await actorIn({ BUILDKITE: "true", ROLLOUT_ID_TOKEN: token, ROLLOUT_OIDC_ISSUER: issuer.url });
    expect(actor).toMatchObject({ who: "pipeline:7", where: new URL(issuer.url).host, proven: { subject: "pipeline:7" } });
  });

  test.each<[string, () => TokenChanges]>([
    ["RS256", () => ({ by: "rsa" })],
    ["ES256", () => ({ by: "ec" })],
    ["EdDSA", () => ({ by: "ed" })],
    ["an audience among others", () => ({ claims: { aud: ["others", "rollout"] } })],
    ["no `nbf`", () => ({ claims: { nbf: undefined } })],
    ["a clock that is a little ahead", () => ({ claims: { iat: seconds(20), nbf: seconds(20) } })],
    ["a clock that is a little behind", () => ({ claims: { exp: seconds(-5) } })],
  ])("with %s", async (_, changes) => {
    issuer.handOut = issuer.token(changes());
    const { actor, warnings } = await actorIn(issuer.githubJob());
    expect(warnings).toEqual([]);
    expect(actor.proven?.issuer).toBe(issuer.url);
  });
});

describe("a token that does not hold leaves a claim, and says why:", () => {
  test.each<[string, () => TokenChanges, RegExp]>([
    ["expired", () => ({ claims: { exp: seconds(-60) } }), /has expired/],
    ["not valid yet", () => ({ claims: { nbf: seconds(600) } }), /not valid yet/],
    ["issued in the future", () => ({ claims: { iat: seconds(600) } }), /issued in the future/],
    ["for another audience", () => ({ claims: { aud: "sts.amazonaws.com" } }), /for somebody else.*audience `rollout`/],
    ["for nobody", () => ({ claims: { aud: undefined } }), /for somebody else/],
    ["of another issuer", () => ({ claims: { iss: "https://evil.example" } }), /of another issuer.*ROLLOUT_OIDC_ISSUER/],
    ["of no issuer", () => ({ claims: { iss: undefined } }), /of another issuer/],
    ["of an issuer with one more slash", () => ({ claims: { iss: `${issuer.url}/` } }), /of another issuer/],
    ["of nobody", () => ({ claims: { sub: undefined } }), /lacks what every token/],
    ["of no age", () => ({ claims: { iat: undefined } }), /lacks what every token/],
    ["for ever", () => ({ claims: { exp: undefined } }), /lacks what every token/],
    ["for ever, in words", () => ({ claims: { exp: "never" } }), /lacks what every token/],
    ["signed by somebody else under the issuer's key's name", () => ({ by: "stranger" }), /signature is wrong/],
    [
      "signed by a key that the issuer does not have",
      () => ({ by: "stranger", header: { kid: "other" } }),
      /a key that its issuer does not have/,
    ],
    ["signed by another of its keys than it says", () => ({ by: "rsa", header: { kid: "ec" } }), /a key that its issuer does not have/],
    ["signed by a key without a name", () => ({ header: { kid: undefined } }), /does not say by which key/],
    ["signed by a key whose name is a number", () => ({ header: { kid: 7 } }), /does not say by which key/],
    ["not signed: `alg: none`", () => ({ by: "nobody" }), /no algorithm that can be trusted/],
    ["signed with the public key as a secret: HS256", () => ({ by: "public key as secret" }), /no algorithm that can be trusted/],
    ["signed with RS256, which it calls RS512", () => ({ header: { alg: "RS512" } }), /no algorithm that can be trusted/],
    ["with a demand that nobody knows", () => ({ header: { crit: ["b64"], b64: false } }), /cannot be checked/],
    ["with a name that is too long to keep", () => ({ claims: { repository: "r".repeat(600) } }), /cannot be recorded/],
    ["with a name that is none", () => ({ claims: { repository: { full: "shop/web" } } }), /cannot be recorded/],
    ["longer than any token", () => ({ claims: { more: "x".repeat(20_000) } }), /the token has \d+ characters/],
  ])("%s", async (_, changes, why) => {
    issuer.handOut = issuer.token(changes());
    await expectClaim(issuer.githubJob(), why);
  });

  test.each(["", "x", "a.b.c", "....", `${"e30".repeat(3)}`, "\u0000.\u0000.\u0000"])("what is none at all: %j", async (token) => {
    issuer.handOut = token;
    await expectClaim(issuer.githubJob(), /given as a token is none|gave no token/);
  });

  test("the same in a variable", async () => {
    const env = { GITLAB_CI: "true", GITLAB_USER_LOGIN: "ben", ROLLOUT_OIDC_ISSUER: issuer.url };
    const claim = { who: "ben", where: "GitLab CI" };
    issuer.handOut = issuer.token({ claims: { exp: seconds(-60) } });
    await expectClaim({ ...env, ROLLOUT_ID_TOKEN: issuer.handOut }, /has expired/, { actor: claim });
    // A token for an instance of one's own, on which nobody said whom to trust.
    const { ROLLOUT_OIDC_ISSUER: _, ...unset } = env;
    await expectClaim({ ...unset, ROLLOUT_ID_TOKEN: issuer.token() }, /of another issuer than https:\/\/gitlab\.com/, { actor: claim });
    expect(issuer.requests.filter(({ path }) => path.includes("gitlab"))).toEqual([]);
  });

  test("a variable of a system whose issuer nobody named", async () => {
    const claim = { who: userInfo().username, where: "CI" };
    await expectClaim({ CI: "true", ROLLOUT_ID_TOKEN: issuer.token() }, /not who issues such tokens.*ROLLOUT_OIDC_ISSUER/, {
      actor: claim,
    });
  });

  test("on GitHub itself when another issuer signed it", async () => {
    const { ROLLOUT_OIDC_ISSUER: _, ...env } = issuer.githubJob();
    await expectClaim(env, /of another issuer than https:\/\/token\.actions\.githubusercontent\.com/);
    // It was found out before its issuer was asked for anything.
    expect(issuer.requests.map(({ path }) => path)).toEqual(["/request?api-version=2.0&audience=rollout"]);
  });
});

describe("an issuer that does not answer as one leaves a claim:", () => {
  const json = (value: unknown) => (_: unknown, response: Parameters<(typeof faults)["reset"]>[1]) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  const rows: [string, string, () => (typeof faults)["reset"], RegExp][] = [DISCOVERY, "/keys", "/request"].flatMap((path) =>
    ["reset", "a status of 500 with HTML", "an HTML page", "a huge answer", "a gzip bomb", "a redirect to another host", "garbage"].map(
      (fault): [string, string, () => (typeof faults)["reset"], RegExp] => [fault, path, () => faults[fault]!, /recorded as a claim/],
    ),
  );
  test.each([
    ...rows,
    [
      "another's description",
      DISCOVERY,
      () => json({ issuer: "https://evil.example", jwks_uri: `${issuer.url}/keys` }),
      /does not describe itself/,
    ],
    [
      "keys on another host",
      DISCOVERY,
      () => json({ issuer: issuer.url, jwks_uri: "https://evil.example/keys" }),
      /keys are on another host/,
    ],
    [
      "keys on another port",
      DISCOVERY,
      () => json({ issuer: issuer.url, jwks_uri: "http://127.0.0.1:1/keys" }),
      /keys are on another host/,
    ],
    [
      "keys where clouds keep credentials",
      DISCOVERY,
      () => json({ issuer: issuer.url, jwks_uri: "http://169.254.169.254/" }),
      /on another host/,
    ],
    ["no keys", "/keys", () => json({ keys: [] }), /has no keys/],
    ["keys that are none", "/keys", () => json({ keys: [{ kty: "RSA", kid: "rsa", n: "AQAB", e: "AQAB" }] }), /cannot be checked/],
    ["a secret as a key", "/keys", () => json({ keys: [{ kty: "oct", kid: "rsa", k: "c2VjcmV0" }] }), /does not have/],
    ["no token", "/request", () => json({ count: 0 }), /gave no token/],
  ] as [string, string, () => (typeof faults)["reset"], RegExp][])("%s, from %s", async (_, path, listener, why) => {
    issuer.answer(path, listener());
    await expectClaim(issuer.githubJob(), why);
  });

  test("none that listens", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await expectClaim({ ...issuer.githubJob(), ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/request` }, /nothing listens there/);
    const token = issuer.token({ claims: { iss: url } });
    await expectClaim({ CI: "true", ROLLOUT_ID_TOKEN: token, ROLLOUT_OIDC_ISSUER: url }, /nothing listens there/, {
      actor: { who: userInfo().username, where: "CI" },
    });
  });

  test("one that hangs is not waited for long", async () => {
    issuer.answer("/keys", faults["hang"]);
    await expectClaim(issuer.githubJob(), /did not answer within/, { patience: 1_000 });
  });

  test.each(["http://ci.example", "ftp://ci.example", "ci.example", "https://ann:pass@ci.example", ""])(
    "one whose address anybody on the way could speak for: %j",
    async (address) => {
      const env = { CI: "true", ROLLOUT_ID_TOKEN: issuer.token({ claims: { iss: address } }), ROLLOUT_OIDC_ISSUER: address };
      const { actor, warnings } = await actorIn(env);
      expect(actor.proven).toBeUndefined();
      expect(warnings.join()).toMatch(/does not begin with https:\/\/|not who issues/);
      expect(warnings.join()).not.toContain("pass");
    },
  );
});

describe("nobody is asked", () => {
  test.each<[string, Record<string, string>, Actor]>([
    ["outside of CI", {}, { who: userInfo().username, where: hostname() }],
    ["in a job that may ask for no token", { GITHUB_ACTIONS: "true", GITHUB_ACTOR: "ann" }, { who: "ann", where: "GitHub Actions" }],
    ["in a job of GitLab's without a token", { GITLAB_CI: "true", GITLAB_USER_LOGIN: "ann" }, { who: "ann", where: "GitLab CI" }],
  ])("%s", async (_, env, actor) => {
    expect(await actorIn(env)).toMatchObject({ actor, warnings: [] });
    expect(issuer.requests).toEqual([]);
  });
});

function seconds(from: number): number {
  return Math.floor(Date.now() / 1_000) + from;
}
